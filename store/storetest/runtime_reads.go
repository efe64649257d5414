package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store"
)

// What the runtime asks for other than by an instance.
var runtimeReadTests = map[string]func(*testing.T, store.Store){
	"Runtime/due jobs":         testDueJobs,
	"Runtime/subscribed":       testSubscribed,
	"Runtime/starts":           testStarts,
	"Runtime/versions":         testVersions,
	"Runtime/retire":           testRetire,
	"Runtime/versions at once": testVersionsAtOnce,
	"Runtime/activities":       testActivities,
	"Runtime/tree":             testTree,
	"Runtime/resource":         testResource,
	"Runtime/drop instance":    testDropInstance,
	"Runtime/drop deployment":  testDropDeployment,
}

// jobIDs returns the ids of jobs that are due at noon plus so many seconds, and
// when the next one is, in seconds.
func dueAt(t *testing.T, s store.Store, seconds, limit int) (found []string, next time.Duration) {
	t.Helper()
	rows, at, err := s.DueJobs(t.Context(), noon.Add(time.Duration(seconds)*time.Second), limit)
	require.NoError(t, err)
	if !at.IsZero() {
		next = at.Sub(noon)
	}
	return ids(rows, func(j store.Job) string { return j.ID }), next
}

func testDueJobs(t *testing.T, s store.Store) {
	none, next := dueAt(t, s, 0, 10)
	require.Empty(t, none)
	require.Zero(t, next)
	at := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }
	job := func(id, of string, kind store.JobKind, due time.Time) store.Job {
		return store.Job{ID: id, Execution: of, Instance: of, Root: of, Kind: kind, Due: due, Retries: 1, Created: noon}
	}
	locked, dead := job("locked", "i1", store.TimerJob, at(1)), job("dead", "i1", store.TimerJob, at(1))
	locked.LockOwner, locked.LockUntil, dead.Retries = "w", at(6), 0
	suspended := instance("i2")
	suspended.Suspended = true
	write(t, s, &store.RuntimeChanges{Instances: []store.Instance{instance("i1"), suspended}, Jobs: []store.Job{
		job("late", "i1", store.TimerJob, at(9)), job("b", "i1", store.TimerJob, at(2)), job("a", "i1", store.TimerJob, at(2)),
		job("async", "i1", store.AsyncJob, time.Time{}), job("stone", "i1", store.StoneJob, at(0)), job("external", "i1", store.ExternalJob, at(0)),
		job("suspended", "i2", store.TimerJob, at(1)), locked, dead}})
	for _, c := range []struct {
		at, limit int
		want      []string
		next      int
	}{
		{0, 10, []string{"async"}, 1}, // locked is due then, though nobody gets it
		{1, 10, []string{"async"}, 2},
		{3, 10, []string{"async", "a", "b"}, 6},
		{3, 2, []string{"async", "a"}, 6},
		{6, 10, []string{"async", "locked", "a", "b"}, 9},
		{9, 10, []string{"async", "locked", "a", "b", "late"}, 0},
	} {
		got, next := dueAt(t, s, c.at, c.limit)
		require.Equal(t, c.want, got, "%+v", c)
		require.Equal(t, time.Duration(c.next)*time.Second, next, "%+v", c)
	}
	suspended.Suspended = false
	write(t, s, &store.RuntimeChanges{Instances: []store.Instance{suspended}})
	got, _ := dueAt(t, s, 1, 10)
	require.Equal(t, []string{"async", "suspended"}, got)
}

func testSubscribed(t *testing.T, s store.Store) {
	suspended := instance("i3")
	suspended.Suspended = true
	sub := func(id, of, execution, name, tenant string, kind store.SubscriptionKind) store.Subscription {
		return store.Subscription{ID: id, Execution: execution, Instance: of, Root: of, Kind: kind, Name: name, Tenant: tenant, Created: noon}
	}
	write(t, s, &store.RuntimeChanges{Instances: []store.Instance{instance("i1"), instance("i2"), suspended}, Subscriptions: []store.Subscription{
		sub("1", "i2", "e3", "go", "", store.Signal), sub("2", "i1", "e2", "go", "t", store.Signal), sub("3", "i1", "e1", "go", "", store.Signal),
		sub("4", "i1", "e1", "go", "", store.Message), sub("5", "i1", "e1", "Go", "", store.Signal), sub("6", "i3", "e9", "go", "", store.Signal)}})
	tenant, none := "t", ""
	for _, c := range []struct {
		kind   store.SubscriptionKind
		tenant *string
		want   []string
	}{
		{store.Signal, nil, []string{"e1", "e2", "e3"}}, {store.Signal, &tenant, []string{"e2"}}, {store.Signal, &none, []string{"e1", "e3"}},
		{store.Message, nil, []string{"e1"}},
	} {
		runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) error {
			got, err := tx.Subscribed(ctx, c.kind, "go", c.tenant)
			require.Equal(t, c.want, ids(got, func(s store.Subscription) string { return s.Execution }), "%+v", c)
			return err
		})
	}
}

// definition is a version of a key.
func definition(key string, version int, tenant string) store.Definition {
	return store.Definition{ID: fmt.Sprintf("%s:%d:%s", key, version, tenant), Key: key, Version: version, Tenant: tenant,
		Deployment: fmt.Sprintf("d%d", version), Resource: key + ".bpmn"}
}

func definitionID(d store.Definition) string { return d.ID }

// Only the latest version of a key is started, by what that version names.
func testStarts(t *testing.T, s store.Store) {
	first, second, other, changed := definition("a", 1, ""), definition("a", 2, ""), definition("a", 1, "t"), definition("b", 1, "")
	first.Signals, second.Signals, other.Signals, changed.Signals = []string{"go", "old"}, []string{"go", "stop"}, []string{"go"}, []string{"go"}
	first.Messages = []string{"m"}
	write(t, s, &store.RuntimeChanges{Definitions: []store.Definition{first, second, other, changed}})
	changed.Signals, changed.Messages = nil, []string{"go", oddText}
	write(t, s, &store.RuntimeChanges{Definitions: []store.Definition{changed}})
	tenant := "t"
	for _, c := range []struct {
		kind   store.SubscriptionKind
		name   string
		tenant *string
		want   []store.Definition
	}{
		{store.Signal, "go", nil, []store.Definition{other, second}}, {store.Signal, "go", &tenant, []store.Definition{other}},
		{store.Signal, "old", nil, nil}, {store.Message, "m", nil, nil}, {store.Message, oddText, nil, []store.Definition{changed}},
		{store.Signal, "stop", nil, []store.Definition{second}},
	} {
		runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) error {
			got, err := tx.Starts(ctx, c.kind, c.name, c.tenant)
			require.Equal(t, c.want, got, "%s", c.name)
			return err
		})
	}
}

func testVersions(t *testing.T, s store.Store) {
	full := store.Definition{ID: "a:10:x", Key: "a", Version: 10, Name: oddText, Description: "d", Category: "c", Deployment: "dep", Resource: "r",
		Graphical: true, StartForm: true, Suspended: true, Signals: []string{"s"}, Messages: []string{"m", oddText}}
	write(t, s, &store.RuntimeChanges{Definitions: []store.Definition{full, definition("a", 9, ""), definition("a", 11, "t")}})
	runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) error {
		got, err := tx.Definition(ctx, full.ID)
		require.NoError(t, err)
		require.Equal(t, full, got)
		got, err = tx.Latest(ctx, "a", "")
		require.NoError(t, err)
		require.Equal(t, full, got)
		_, err = tx.Latest(ctx, "a", "x")
		require.ErrorIs(t, err, store.ErrNotFound)
		_, err = tx.Definition(ctx, "none")
		require.ErrorIs(t, err, store.ErrNotFound)
		return nil
	})
}

func testRetire(t *testing.T, s store.Store) {
	one, two, other := definition("a", 1, ""), definition("b", 1, ""), definition("c", 2, "")
	called, last, ended, foreign := instance("1"), instance("2"), instance("3"), instance("4")
	called.Definition, called.Root = one.ID, "9"
	last.Definition, ended.Definition, foreign.Definition = one.ID, two.ID, other.ID
	ended.EndTime = noon
	write(t, s, &store.RuntimeChanges{Definitions: []store.Definition{one, two, other}, Instances: []store.Instance{called, last, ended, foreign}})
	for _, c := range []struct {
		running bool
		limit   int
		want    []string
	}{{false, 9, []string{"2", "3", "1"}}, {true, 9, []string{"2", "1"}}, {false, 2, []string{"2", "3"}}} {
		runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) error {
			got, err := tx.Retire(ctx, one.Deployment, c.running, c.limit)
			require.Equal(t, c.want, got, "%+v", c)
			return err
		})
	}
	runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) error {
		got, err := tx.Retire(ctx, "none", false, 9)
		require.Empty(t, got)
		return err
	})
}

// Whoever deploys at once makes versions of their own.
func testVersionsAtOnce(t *testing.T, s store.Store) {
	const deployers = 6
	var wg sync.WaitGroup
	for n := range deployers {
		wg.Go(func() {
			err := s.Step(t.Context(), func(ctx context.Context, tx store.RuntimeTx) error {
				if err := tx.Lock(ctx, "definition a"); err != nil {
					return err
				}
				last, err := tx.Latest(ctx, "a", "")
				if err != nil && last.Version != 0 {
					return err
				}
				d := definition("a", last.Version+1, "")
				d.ID = fmt.Sprint(d.ID, n)
				return tx.Write(ctx, &store.RuntimeChanges{Definitions: []store.Definition{d}})
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	all, total, err := s.Definitions(t.Context(), store.DefinitionFilter{Paging: store.Paging{Size: 10, Sort: "version"}})
	require.NoError(t, err)
	require.Equal(t, deployers, total)
	for i := range all {
		require.Equal(t, i+1, all[i].Version)
	}
}

func testActivities(t *testing.T, s store.Store) {
	a := store.Activity{Instance: "i1", Execution: "e", Activity: oddText, Type: "serviceTask", Name: "n", Task: "t", Called: "c", Assignee: "s",
		Start: noon, End: later, Reason: "r"}
	b := store.Activity{Instance: "i1", Activity: "b", Start: later, End: later}
	write(t, s, &store.RuntimeChanges{Activities: []store.Activity{a, {Instance: "i2", Start: noon, End: noon}}})
	var own []store.Activity
	runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) (err error) {
		if err = tx.Write(ctx, &store.RuntimeChanges{Activities: []store.Activity{b}}); err != nil {
			return err
		}
		own, err = tx.Activities(ctx, "i1")
		return err
	})
	all, err := s.Activities(t.Context(), "i1")
	require.NoError(t, err)
	require.Equal(t, own, all)
	require.Len(t, all, 2)
	require.Less(t, all[0].Number, all[1].Number)
	a.Number, b.Number = all[0].Number, all[1].Number
	require.Equal(t, []store.Activity{a, b}, all)
}

func testTree(t *testing.T, s store.Store) {
	first := root("i1")
	first.Seq = 5 // whatever it is, the root comes first
	write(t, s, &store.RuntimeChanges{Instances: []store.Instance{instance("i1")},
		Executions: []store.Execution{token("z", "i1", "a", 1), first, token("a", "i1", "a", 2)}})
	tree, err := s.Tree(t.Context(), "i1")
	require.NoError(t, err)
	require.Equal(t, []store.Execution{first, token("z", "i1", "a", 1), token("a", "i1", "a", 2)}, tree)
	none, err := s.Tree(t.Context(), "none")
	require.NoError(t, err)
	require.Empty(t, none)
}

func testResource(t *testing.T, s store.Store) {
	write(t, s, &store.RuntimeChanges{Resources: []store.Resource{{Deployment: "d1", Name: oddText, Bytes: []byte{0, 255}}}})
	b, err := s.Resource(t.Context(), "d1", oddText)
	require.NoError(t, err)
	require.Equal(t, []byte{0, 255}, b)
	_, err = s.Resource(t.Context(), "d1", "none")
	require.ErrorIs(t, err, store.ErrNotFound)
}

// Everything of an instance goes, and nothing of another.
func testDropInstance(t *testing.T, s store.Store) {
	p := whole()
	c := rowsOf(p)
	c.Activities = []store.Activity{{Instance: "i1", Start: noon, End: noon}, {Instance: "i2", Start: noon, End: noon}}
	c.Instances = append(c.Instances, instance("i2"))
	c.Executions = append(c.Executions, root("i2"))
	c.Variables = append(c.Variables, text("i2", "i2", "v", "x"))
	write(t, s, c)
	kept := load(t, s, "i2")
	write(t, s, &store.RuntimeChanges{DropInstances: []string{"i1", "none"}})
	requireNone(t, s, "i1")
	require.Equal(t, kept, load(t, s, "i2"))
	for id, want := range map[string]int{"i1": 0, "i2": 1} {
		history, err := s.Activities(t.Context(), id)
		require.NoError(t, err)
		require.Len(t, history, want)
	}
	left, err := s.Variables(t.Context(), "i1", "e1", "u1")
	require.NoError(t, err)
	require.Empty(t, left)
	write(t, s, rowsOf(p)) // nothing stands in the way
	require.Equal(t, p, load(t, s, "i1"))
}

func testDropDeployment(t *testing.T, s store.Store) {
	one, two := definition("a", 1, ""), definition("a", 2, "")
	one.Signals, two.Signals = []string{"go"}, []string{"go"}
	write(t, s, &store.RuntimeChanges{
		Deployments: []store.Deployment{{ID: "d1", Time: noon}, {ID: "d2", Time: noon}},
		Resources:   []store.Resource{{Deployment: "d1", Name: "r"}, {Deployment: "d2", Name: "r"}},
		Definitions: []store.Definition{one, two}})
	write(t, s, &store.RuntimeChanges{DropDeployments: []string{"d2"}})
	all, _, err := s.Deployments(t.Context(), store.DeploymentFilter{Paging: store.Paging{Size: 5}})
	require.NoError(t, err)
	require.Equal(t, []string{"d1"}, ids(all, func(d store.Deployment) string { return d.ID }))
	_, err = s.Resource(t.Context(), "d2", "r")
	require.ErrorIs(t, err, store.ErrNotFound)
	runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) error {
		got, err := tx.Starts(ctx, store.Signal, "go", nil)
		require.Equal(t, []string{one.ID}, ids(got, definitionID), "the one before is the latest again")
		return err
	})
}
