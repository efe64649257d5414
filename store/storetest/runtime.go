package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store"
)

var runtimeTests = map[string]func(*testing.T, store.Store){
	"Runtime/round trip":     testRuntimeRoundTrip,
	"Runtime/replaced":       testRuntimeReplaced,
	"Runtime/own writes":     testRuntimeOwnWrites,
	"Runtime/error":          testStepError,
	"Runtime/panic":          testStepPanic,
	"Runtime/canceled":       testStepCanceled,
	"Runtime/isolated":       testStepsIsolated,
	"Runtime/refused":        testStepRefusedRows,
	"Runtime/serial":         testStepsSerial,
	"Runtime/large variable": testLargeVariable,
}

// runtimeStep is a step that must succeed.
func runtimeStep(t *testing.T, s store.Runtime, f func(ctx context.Context, tx store.RuntimeTx) error) {
	t.Helper()
	require.NoError(t, s.Step(t.Context(), f))
}

func write(t *testing.T, s store.Runtime, c *store.RuntimeChanges) {
	t.Helper()
	runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) error { return tx.Write(ctx, c) })
}

func load(t *testing.T, s store.Runtime, id string) (p *store.Process) {
	t.Helper()
	runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) (err error) {
		p, err = tx.Load(ctx, id)
		return err
	})
	return p
}

// instance is one that runs.
func instance(id string) store.Instance {
	return store.Instance{ID: id, Root: id, Definition: "order:1:d1", Key: "order", Kind: store.Forward, Status: store.Running, StartTime: noon}
}

// root is an instance's first execution.
func root(id string) store.Execution {
	return store.Execution{ID: id, Instance: id, Root: id, Kind: store.RootExecution, Active: true, Scope: true, Seq: 1}
}

// token is an execution that walks.
func token(id, instance, activity string, seq int) store.Execution {
	return store.Execution{ID: id, Instance: instance, Root: instance, Parent: instance, Activity: activity, Kind: store.Token, Active: true,
		Seq: seq, Entered: noon}
}

func text(owner, instance, name, value string) store.Variable {
	return store.Variable{VariableKey: store.VariableKey{Owner: owner, Name: name}, Instance: instance, Type: "string", Kind: "text",
		Key: value, Fold: strings.ToLower(value), Size: len(value), Data: []byte(value), Created: noon, Update: noon}
}

// odd is text that must come back as it is.
const oddText = "ünï %_' \"\\ 🌊"

// whole is a process in which every column has a value.
func whole() *store.Process {
	at := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Microsecond) }
	return &store.Process{
		Instance: store.Instance{ID: "i1", Root: "r1", SuperExecution: "e0", SuperInstance: "i0", Definition: "order:1:d1", Key: "order",
			Kind: store.Rollback, Status: store.RollbackFailed, BusinessKey: oddText, Name: "n", Tenant: "t", Suspended: true, Debug: true, Mock: true,
			StartUser: "su", StartActivity: "sa", StartTime: at(1), EndTime: at(2), EndActivity: "ea", DeleteReason: "dr", Reason: oddText,
			Of: "i2", Rollback: "i3", Cancel: "i4", Delete: "i5", Content: []byte(`{"a":1}`), Outputs: []byte(`[]`), State: []byte(`{}`), Seq: 7},
		Executions: []store.Execution{
			{ID: "i1", Instance: "i1", Root: "r1", Kind: store.RootExecution, Scope: true, Seq: 1},
			{ID: "e1", Instance: "i1", Root: "r1", Parent: "i1", Activity: oddText, Kind: store.MultiRoot, Active: true, Scope: true, Seq: 2,
				Entered: at(3), State: []byte(`{"s":"🌊"}`)},
		},
		Variables: []store.Variable{
			{VariableKey: store.VariableKey{Owner: "e1", Name: oddText}, Instance: "i1", Type: "string", Kind: "text", Key: "K", Fold: "k",
				Size: 3, Data: []byte{0, 1, 255}, Created: at(4), Update: at(5)},
			{VariableKey: store.VariableKey{Owner: "i1", Name: "null"}, Instance: "i1", Created: at(4), Update: at(5)},
		},
		Subscriptions: []store.Subscription{{ID: "s1", Execution: "e1", Instance: "i1", Root: "r1", Kind: store.Message, Name: oddText, Activity: "a",
			Tenant: "t", Inner: true, Created: at(6)}},
		Jobs: []store.Job{
			{ID: "j1", Execution: "e1", Instance: "i1", Root: "r1", Kind: store.ExternalJob, Definition: "d", Activity: "a", Name: oddText, Tenant: "t",
				Topic: "tp", Correlation: "c", Exclusive: true, Due: at(7), Repeat: "R3/PT1H", Retries: -1, LockOwner: "w", LockUntil: at(8),
				Problem: "p", Details: "d", Created: at(9), State: []byte(`{}`)},
			{ID: "j2", Execution: "e1", Instance: "i1", Root: "r1", Kind: store.StoneJob, Created: at(9)},
		},
		UserTasks: []store.UserTask{
			{ID: "u1", Execution: "e1", Instance: "i1", Root: "r1", Definition: "d", Key: "k", Name: oddText, Description: "d", Assignee: "a",
				Owner: "o", Delegation: "pending", Priority: 50, Category: "c", FormKey: "f", Tenant: "t", Due: at(10), Created: at(11),
				Users: []string{oddText, "b"}, Groups: []string{"g"}},
			{ID: "u2", Execution: "e1", Instance: "i1", Root: "r1", Created: at(11)},
		},
	}
}

func rowsOf(p *store.Process) *store.RuntimeChanges {
	return &store.RuntimeChanges{Instances: []store.Instance{p.Instance}, Executions: p.Executions, Variables: p.Variables,
		Subscriptions: p.Subscriptions, Jobs: p.Jobs, UserTasks: p.UserTasks}
}

// Every column comes back as it was written, empty ones too.
func testRuntimeRoundTrip(t *testing.T, s store.Store) {
	p := whole()
	write(t, s, rowsOf(p))
	require.Equal(t, p, load(t, s, "i1"))
	bare := &store.Process{Instance: store.Instance{ID: "i9", StartTime: noon}}
	write(t, s, rowsOf(bare))
	require.Equal(t, bare, load(t, s, "i9"))
	runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) error {
		_, err := tx.Load(ctx, "none")
		require.ErrorIs(t, err, store.ErrNotFound)
		return nil
	})
}

// A row takes the place of one with its key; of two in one write the last counts.
func testRuntimeReplaced(t *testing.T, s store.Store) {
	p := whole()
	write(t, s, rowsOf(p))
	p.Instance.Status, p.Instance.State, p.Instance.EndTime, p.Instance.Suspended = store.Running, nil, time.Time{}, false
	p.Executions[1].Activity, p.Executions[1].Parent, p.Executions[1].Active, p.Executions[1].State = "b", "e7", false, nil
	p.Variables[1].Type, p.Variables[1].Data, p.Variables[1].Size = "json", []byte("{}"), 2
	p.Jobs[0].LockOwner, p.Jobs[0].LockUntil, p.Jobs[0].Retries = "", time.Time{}, 2
	p.UserTasks[0].Assignee, p.UserTasks[0].Users, p.UserTasks[0].Groups = "", nil, []string{"h", "g"}
	c := rowsOf(p)
	older := c.Executions[1]
	older.Activity = "older"
	c.Executions = append([]store.Execution{older}, c.Executions...)
	write(t, s, c)
	require.Equal(t, p, load(t, s, "i1"))
}

// A step sees what it wrote, and others do when it is done.
func testRuntimeOwnWrites(t *testing.T, s store.Store) {
	p := whole()
	runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) error {
		require.NoError(t, tx.Lock(ctx, "r1"))
		require.NoError(t, tx.Write(ctx, rowsOf(p)))
		got, err := tx.Load(ctx, "i1")
		require.NoError(t, err)
		require.Equal(t, p, got)
		other := instance("i2")
		require.NoError(t, tx.Write(ctx, &store.RuntimeChanges{Instances: []store.Instance{other}, Executions: []store.Execution{root("i2")}}))
		all, err := tx.Open(ctx, "i2", "none", "i1", "i3")
		require.NoError(t, err)
		require.ElementsMatch(t, []*store.Process{p, {Instance: other, Executions: []store.Execution{root("i2")}}}, all)
		for of, id := range map[store.Entity]string{store.OfExecution: "e1", store.OfInstance: "i1", store.OfUserTask: "u1", store.OfJob: "j1"} {
			owner, err := tx.Owner(ctx, of, id)
			require.NoError(t, err)
			require.Equal(t, "i1", owner)
			_, err = tx.Owner(ctx, of, "none")
			require.ErrorIs(t, err, store.ErrNotFound)
		}
		require.NoError(t, tx.Write(ctx, &store.RuntimeChanges{
			DropExecutions: []string{"e1", "none"}, DropSubscriptions: []string{"s1"}, DropJobs: []string{"j2"}, DropUserTasks: []string{"u1"},
			DropVariables: []store.VariableKey{p.Variables[0].VariableKey}}))
		return nil
	})
	p.Executions, p.Variables, p.Subscriptions, p.Jobs, p.UserTasks = p.Executions[:1], p.Variables[1:], nil, p.Jobs[:1], p.UserTasks[1:]
	require.Equal(t, p, load(t, s, "i1"))
}

// An error of the caller is returned as it is, and nothing is written.
func testStepError(t *testing.T, s store.Store) {
	errOwn := errors.New("own")
	err := s.Step(t.Context(), func(ctx context.Context, tx store.RuntimeTx) error {
		require.NoError(t, tx.Write(ctx, rowsOf(whole())))
		return errOwn
	})
	require.Equal(t, errOwn, err)
	requireNone(t, s, "i1")
}

func requireNone(t *testing.T, s store.Runtime, ids ...string) {
	t.Helper()
	runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) error {
		for _, id := range ids {
			_, err := tx.Load(ctx, id)
			require.ErrorIs(t, err, store.ErrNotFound)
		}
		return nil
	})
}

// A step that panics does so in its caller, and leaves nothing behind.
func testStepPanic(t *testing.T, s store.Store) {
	errPanic := errors.New("panic")
	for range 10 { // more often than there are connections
		require.PanicsWithValue(t, errPanic, func() {
			_ = s.Step(t.Context(), func(ctx context.Context, tx store.RuntimeTx) error {
				_ = tx.Write(ctx, rowsOf(whole()))
				panic(errPanic)
			})
		})
	}
	requireNone(t, s, "i1")
}

// A step whose caller gave up is not committed.
func testStepCanceled(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Step(ctx, func(ctx context.Context, tx store.RuntimeTx) error {
		require.NoError(t, tx.Write(ctx, rowsOf(whole())))
		cancel()
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, s.Step(ctx, nil), context.Canceled)
	requireNone(t, s, "i1")
}

// Of many steps at once some fail, each in its own way; the others are there.
func testStepsIsolated(t *testing.T, s store.Store) {
	const all, kinds = 48, 4
	errOwn := errors.New("own")
	errs := make([]error, all)
	var wg sync.WaitGroup
	for n := range all {
		wg.Go(func() {
			defer func() { _ = recover() }() // of the last kind
			errs[n] = errOwn
			errs[n] = s.Step(t.Context(), func(ctx context.Context, tx store.RuntimeTx) error {
				i := instance(fmt.Sprint("i", n))
				if err := tx.Write(ctx, &store.RuntimeChanges{Instances: []store.Instance{i}, Executions: []store.Execution{root(i.ID)}}); err != nil {
					return err
				}
				switch n % kinds {
				case 1:
					return errOwn
				case 2:
					return tx.Write(ctx, &store.RuntimeChanges{Executions: []store.Execution{{ID: "x", Instance: "no instance"}}})
				case 3:
					panic("at the disco")
				}
				return nil
			})
		})
	}
	wg.Wait()
	for n, err := range errs {
		id := fmt.Sprint("i", n)
		switch n % kinds {
		case 0:
			require.NoError(t, err)
			require.Len(t, load(t, s, id).Executions, 1)
			continue
		case 2:
			require.ErrorIs(t, err, store.ErrRejected)
		default:
			require.ErrorIs(t, err, errOwn)
		}
		requireNone(t, s, id)
	}
}

// What the database refuses is refused, and so is the step, whatever it answers.
func testStepRefusedRows(t *testing.T, s store.Store) {
	unread := text("i1", "i1", "v", "value")
	unread.Data = nil
	for name, bad := range map[string]*store.RuntimeChanges{
		"no such instance":      {Executions: []store.Execution{token("e", "none", "a", 1)}},
		"wide number":           {Instances: []store.Instance{{ID: "i1", StartTime: noon, Seq: 1 << 40}}},
		"variable without data": {Variables: []store.Variable{unread}},
		"task without id":       {Publish: []store.Delayed{{}}},
	} {
		err := s.Step(t.Context(), func(ctx context.Context, tx store.RuntimeTx) error {
			if err := tx.Write(ctx, rowsOf(whole())); err != nil {
				return err
			}
			_ = tx.Write(ctx, bad)
			return nil
		})
		require.ErrorIs(t, err, store.ErrRejected, name)
		requireNone(t, s, "i1")
	}
}

// Steps that lock one name run one after the other.
func testStepsSerial(t *testing.T, s store.Store) {
	i := instance("i1")
	write(t, s, &store.RuntimeChanges{Instances: []store.Instance{i}})
	const workers, rounds = 6, 5
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range rounds {
				err := s.Step(t.Context(), func(ctx context.Context, tx store.RuntimeTx) error {
					if err := tx.Lock(ctx, "i1"); err != nil {
						return err
					}
					p, err := tx.Load(ctx, "i1")
					if err != nil {
						return err
					}
					p.Instance.Seq++
					return tx.Write(ctx, &store.RuntimeChanges{Instances: []store.Instance{p.Instance}})
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, workers*rounds, load(t, s, "i1").Instance.Seq)
}

// Large data is not loaded with the instance, but kept.
func testLargeVariable(t *testing.T, s store.Store) {
	write(t, s, &store.RuntimeChanges{Instances: []store.Instance{instance("i1")}})
	limit, large := text("i1", "i1", "a", strings.Repeat("x", store.VariableInline)), text("i1", "i1", "b", strings.Repeat("🌊", 1<<18))
	limit.Key, large.Key, limit.Fold, large.Fold = "k", "k", "", ""
	write(t, s, &store.RuntimeChanges{Variables: []store.Variable{limit, large}})
	without := large
	without.Data = nil
	require.Equal(t, []store.Variable{limit, without}, load(t, s, "i1").Variables)
	runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) error {
		data, err := tx.Data(ctx, "i1", "b")
		require.NoError(t, err)
		require.Equal(t, large.Data, data)
		_, err = tx.Data(ctx, "i1", "c")
		require.ErrorIs(t, err, store.ErrNotFound)
		return nil
	})
	all, err := s.Variables(t.Context(), "none", "i1")
	require.NoError(t, err)
	require.Equal(t, []store.Variable{limit, large}, all)
	none, err := s.Variables(t.Context())
	require.NoError(t, err)
	require.Empty(t, none)
}
