package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// What an error says: whether to give the rows up, or to try again later.
var errorTests = map[string]func(*testing.T, store.Store){
	"Errors/closed":           testClosed,
	"Errors/context":          testEndedContext,
	"Errors/close waits":      testCloseWaits,
	"Errors/after a refusal":  testAfterRefusal,
	"Errors/panicking caller": testPanic,
}

// calls are all methods that take a context.
func calls(ctx context.Context, s store.Store, n task.Names, b store.Batch) map[string]error {
	out := map[string]error{"Ping": s.Ping(ctx), "Record": s.Record(ctx, b), "Refuse": s.Refuse(ctx, refusals(names("new")), "out", noon),
		"Release": s.Release(ctx, "trim", "a"), "Grant": s.Grant(ctx, n.ID, task.Start, next)}
	_, out["Task"] = s.Task(ctx, n.TaskID)
	_, out["Lookup"] = s.Lookup(ctx, []string{n.TaskID}, nil)
	_, out["List"] = s.List(ctx, store.Filter{})
	_, out["History"] = s.History(ctx, n.ID, true)
	_, out["Log"] = s.Log(ctx, n.ID, 0, 0)
	_, out["Position"] = s.Position(ctx)
	_, out["Command"] = s.Command(ctx, n.TaskID, func(was store.Standing) (*store.Step, error) { return again(&was, task.Cancel), nil })
	_, out["Delay"] = s.Delay(ctx, []store.Delayed{delayed(names("held"), noon)})
	_, _, out["Outgoing"] = s.Outgoing(ctx, noon, 1)
	out["Sent"] = s.Sent(ctx, []store.Sent{{Number: 1}})
	_, _, out["Waiting"] = s.Waiting(ctx, noon)
	out["SetDebug"] = s.SetDebug(ctx, "process", true)
	_, out["Debug"] = s.Debug(ctx, "process")
	_, out["Debugged"] = s.Debugged(ctx, 1)
	_, out["Attempts"] = s.Attempts(ctx, n.ID)
	out["PutStone"] = s.PutStone(ctx, "A", json.RawMessage(`{}`), noon)
	_, out["Stones"] = s.Stones(ctx)
	_, out["UsedStones"] = s.UsedStones(ctx)
	_, out["Quarantine"] = s.Quarantine(ctx, "", 0, 1)
	out["Step"] = s.Step(ctx, func(ctx context.Context, tx store.RuntimeTx) error {
		return tx.Write(ctx, &store.RuntimeChanges{Instances: []store.Instance{instance("i1")}})
	})
	_, out["Ends"] = s.Ends(ctx, 1)
	_, _, out["DueJobs"] = s.DueJobs(ctx, noon, 1)
	_, out["Tree"] = s.Tree(ctx, "i1")
	_, out["Variables"] = s.Variables(ctx, "i1")
	_, out["Activities"] = s.Activities(ctx, "i1")
	_, _, out["Executions"] = s.Executions(ctx, store.ExecutionFilter{Paging: everyone})
	_, _, out["Instances"] = s.Instances(ctx, store.InstanceFilter{})
	_, out["Heaps"] = s.Heaps(ctx, noon, 1)
	_, out["Lease"] = s.Lease(ctx, "trim", "a", time.Hour)
	return out
}

// requireTransient requires errors that say nothing about rows or checkpoint.
func requireTransient(t *testing.T, errs map[string]error) {
	t.Helper()
	for name, err := range errs {
		require.Error(t, err, name)
		for _, verdict := range []error{store.ErrNotFound, store.ErrStale, store.ErrRejected} {
			require.NotErrorIs(t, err, verdict, name)
		}
	}
}

func testClosed(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	b := batch(t, s, store.Changes{New: []store.State{state(names("t2"))}})
	require.NoError(t, s.Close())
	requireTransient(t, calls(t.Context(), s, n, b))
}

// A context that has ended ends each call, and nothing is written.
func testEndedContext(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	b := batch(t, s, store.Changes{New: []store.State{state(names("t2"))}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	errs := calls(ctx, s, n, b)
	requireTransient(t, errs)
	for name, err := range errs {
		require.ErrorIs(t, err, context.Canceled, name)
	}
	page, err := s.List(t.Context(), store.Filter{})
	require.NoError(t, err)
	require.Equal(t, []string{"t1"}, taskIDs(page.Tasks))
	require.Nil(t, read(t, s, n.ID)[n.ID].Grants)
	got, err := s.Lease(t.Context(), "trim", "b", time.Hour)
	require.NoError(t, err)
	require.True(t, got)
}

// A call that runs when the store is closed ends as it would have.
func testCloseWaits(t *testing.T, s store.Store) {
	running, closed := make(chan struct{}), make(chan struct{})
	b := batch(t, s, store.Changes{New: []store.State{state(names("t1"))}})
	fold := b.Fold
	b.Fold = func(states map[string]store.State) store.Changes {
		close(running)
		select {
		case <-closed:
			t.Error("it closed in the middle of a call")
		case <-time.After(shortly): // it waits, as it should
		}
		return fold(states)
	}
	go func() {
		defer close(closed)
		<-running
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	require.NoError(t, s.Record(t.Context(), b))
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		require.Fail(t, "it never closed")
	}
}

// Rows that are refused leave the store as good as before.
func testAfterRefusal(t *testing.T, s store.Store) {
	for range 10 { // more often than there are connections
		bad := state(names("t1"))
		bad.EndTime = noon
		err := s.Record(t.Context(), batch(t, s, store.Changes{New: []store.State{bad}}))
		require.ErrorIs(t, err, store.ErrRejected)
		require.NotErrorIs(t, err, store.ErrStale)
	}
	create(t, s, names("t1"))
}

// A function of the caller that panics leaves nothing locked.
func testPanic(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	errPanic := errors.New("panic")
	b := batch(t, s, store.Changes{})
	b.Fold = func(map[string]store.State) store.Changes { panic(errPanic) }
	for range 10 { // more often than there are connections
		require.PanicsWithValue(t, errPanic, func() { _ = s.Record(t.Context(), b) })
		require.PanicsWithValue(t, errPanic, func() {
			_ = s.Grant(t.Context(), n.ID, task.Start, func(store.State, *store.Grant, time.Time) *store.Grant { panic(errPanic) })
		})
		require.PanicsWithValue(t, errPanic, func() {
			_, _ = s.Command(t.Context(), n.ID, func(store.Standing) (*store.Step, error) { panic(errPanic) })
		})
	}
	require.NoError(t, s.Grant(t.Context(), n.ID, task.Start, next))
	create(t, s, names("t2"))
}
