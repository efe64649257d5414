package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// What a step does with tasks.
var runtimeTaskTests = map[string]func(*testing.T, store.Store){
	"Runtime/publish":         testRuntimePublish,
	"Runtime/publish known":   testRuntimePublishKnown,
	"Runtime/ends":            testRuntimeEnds,
	"Runtime/ends of command": testRuntimeEndsOfCommand,
	"Runtime/command":         testRuntimeCommand,
	"Runtime/command error":   testRuntimeCommandError,
	"Runtime/command unknown": testRuntimeCommandUnknown,
	"Runtime/debug":           testRuntimeDebug,
	"Runtime/tasks":           testRuntimeTasks,
}

// publish publishes tasks of the runtime at once.
func publish(t *testing.T, s store.Store, all ...task.Names) {
	t.Helper()
	c := &store.RuntimeChanges{}
	for _, n := range all {
		c.Publish = append(c.Publish, delayed(n, time.Time{}))
	}
	write(t, s, c)
}

func ends(t *testing.T, s store.Store) []store.TaskEnd {
	t.Helper()
	all, err := s.Ends(t.Context(), 100)
	require.NoError(t, err)
	return all
}

// published tasks are as Delay leaves them.
func testRuntimePublish(t *testing.T, s store.Store) {
	a, b, c := names("a"), names("b"), names("c")
	later := delayed(b, later)
	later.Timeout = time.Hour
	write(t, s, &store.RuntimeChanges{Publish: []store.Delayed{delayed(a, time.Time{}), later}})
	_, err := s.Delay(t.Context(), []store.Delayed{{Command: *refused(c), NotBefore: later.NotBefore, Timeout: time.Hour}})
	require.NoError(t, err)
	states := read(t, s, a.ID, b.ID, c.ID)
	require.Len(t, states, 3)
	require.Zero(t, states[a.ID].NotBefore)
	require.Equal(t, later.NotBefore, states[b.ID].NotBefore)
	for _, n := range []task.Names{a, b} {
		want := states[c.ID]
		want.Names, want.NotBefore = n, states[n.ID].NotBefore
		require.Equal(t, want, states[n.ID])
		attempts, err := s.Attempts(t.Context(), n.ID)
		require.NoError(t, err)
		require.Len(t, attempts, 1)
		history, err := s.History(t.Context(), n.ID, true)
		require.NoError(t, err)
		require.Len(t, history, 1)
	}
	used, err := s.UsedStones(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{a.Stone}, used)
	rows, next, err := s.Outgoing(t.Context(), time.Now(), 100)
	require.NoError(t, err)
	require.Contains(t, taskIDsOf(rows), "a")
	require.False(t, next.IsZero() && len(rows) == 0)
}

// A step that publishes what is known already writes nothing.
func testRuntimePublishKnown(t *testing.T, s store.Store) {
	known := names("known")
	create(t, s, known)
	for _, n := range []task.Names{known, names("known")} {
		err := s.Step(t.Context(), func(ctx context.Context, tx store.RuntimeTx) error {
			return tx.Write(ctx, &store.RuntimeChanges{Instances: []store.Instance{instance("i1")}, Publish: []store.Delayed{delayed(n, time.Time{})}})
		})
		require.ErrorIs(t, err, store.ErrRejected)
		requireNone(t, s, "i1")
	}
}

// Ends of the runtime's tasks are told once, in their order, until they are
// heard; they are no deliveries, and those of others are.
func testRuntimeEnds(t *testing.T, s store.Store) {
	require.Empty(t, ends(t, s))
	mine, other, plain := names("mine"), names("other"), names("plain")
	finish(t, s, plain)
	require.Empty(t, ends(t, s))
	want(t, s, other)
	publish(t, s, mine)
	st := read(t, s, mine.ID)[mine.ID]
	st.Status, st.EndTime = task.StartFailed, noon.Add(time.Second)
	end := transition(mine.ID, task.StartFailed)
	end.Time = st.EndTime
	c := ended(other)
	c.Changed, c.Transitions = []store.State{st}, append(c.Transitions, transition(mine.ID, task.StartBegin), end)
	record(t, s, c)

	got := ends(t, s)
	require.Len(t, got, 1)
	require.NotZero(t, got[0].Number)
	require.Equal(t, store.TaskEnd{Number: got[0].Number, Task: mine.ID, Instance: mine.ProcessInstanceID, Epoch: 1, Status: task.StartFailed,
		Occasion: store.Ended, Time: st.EndTime}, got[0])
	require.Empty(t, deliveries(t, s, mine.ID))
	require.Equal(t, []string{"other"}, urls(due(t, s)))

	record(t, s, store.Changes{Transitions: []store.Transition{end}})
	require.Equal(t, got, ends(t, s), "once")
	errOwn := errors.New("own")
	require.ErrorIs(t, s.Step(t.Context(), func(ctx context.Context, tx store.RuntimeTx) error {
		return errors.Join(tx.Write(ctx, &store.RuntimeChanges{Heard: []int64{got[0].Number}}), errOwn)
	}), errOwn)
	require.Equal(t, got, ends(t, s))
	write(t, s, &store.RuntimeChanges{Heard: []int64{got[0].Number, 99}})
	require.Empty(t, ends(t, s))
}

// The limit takes the oldest; a resumption is an end of its own.
func testRuntimeEndsOfCommand(t *testing.T, s store.Store) {
	a, b := names("a"), names("b")
	publish(t, s, a, b)
	for _, n := range []task.Names{b, a} {
		command(t, s, n.ID, func(was store.Standing) *store.Step { return canceled(&was) })
	}
	all := ends(t, s)
	require.Equal(t, []string{b.ID, a.ID}, ids(all, func(e store.TaskEnd) string { return e.Task }))
	require.Equal(t, 2, all[0].Epoch)
	one, err := s.Ends(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, all[:1], one)

	c := names("c")
	publish(t, s, c)
	st := read(t, s, c.ID)[c.ID]
	st.Status, st.EndTime = task.StartFailed, noon
	record(t, s, store.Changes{Changed: []store.State{st}, Transitions: []store.Transition{transition(c.ID, task.StartFailed)}})
	off := false
	command(t, s, c.ID, func(was store.Standing) *store.Step { return &store.Step{State: was.State, Debug: &off} })
	all = ends(t, s)
	require.Len(t, all, 4)
	require.Equal(t, store.Resumed, all[3].Occasion)
}

// A step commands a task in its transaction, what it published itself too.
func testRuntimeCommand(t *testing.T, s store.Store) {
	n := names("t1")
	var got task.Task
	runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) (err error) {
		if err = tx.Write(ctx, &store.RuntimeChanges{Publish: []store.Delayed{delayed(n, time.Time{})}}); err != nil {
			return err
		}
		got, err = tx.Command(ctx, "t1", func(was store.Standing) (*store.Step, error) { return again(&was, task.Cancel), nil })
		return err
	})
	shown, err := s.Task(t.Context(), n.ID)
	require.NoError(t, err)
	require.Equal(t, shown, got)
	require.Equal(t, 2, shown.Epoch)
	attempts, err := s.Attempts(t.Context(), n.ID)
	require.NoError(t, err)
	require.Len(t, attempts, 2)
}

// What decide refuses is refused; the step may go on without.
func testRuntimeCommandError(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	errOwn := errors.New("own")
	runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) error {
		_, err := tx.Command(ctx, n.ID, func(was store.Standing) (*store.Step, error) { return again(&was, task.Cancel), errOwn })
		require.ErrorIs(t, err, errOwn)
		return tx.Write(ctx, &store.RuntimeChanges{Instances: []store.Instance{instance("i1")}})
	})
	load(t, s, "i1")
	err := s.Step(t.Context(), func(ctx context.Context, tx store.RuntimeTx) error {
		_, err := tx.Command(ctx, n.ID, func(was store.Standing) (*store.Step, error) { return again(&was, task.Cancel), nil })
		require.NoError(t, err)
		return errOwn
	})
	require.ErrorIs(t, err, errOwn)
	require.Equal(t, 1, look(t, s, "t1").Epoch)
}

func testRuntimeCommandUnknown(t *testing.T, s store.Store) {
	runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) error {
		_, err := tx.Command(ctx, "none", nil)
		require.ErrorIs(t, err, store.ErrNotFound)
		return tx.Write(ctx, &store.RuntimeChanges{Instances: []store.Instance{instance("i1")}})
	})
	load(t, s, "i1")
}

func testRuntimeDebug(t *testing.T, s store.Store) {
	for _, on := range []bool{true, false} {
		runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) error { return tx.SetDebug(ctx, "i1", on) })
		got, err := s.Debug(t.Context(), "i1")
		require.NoError(t, err)
		require.Equal(t, on, got)
	}
}

// A step sees how tasks stand, with outputs and the debug mode of their process.
func testRuntimeTasks(t *testing.T, s store.Store) {
	all := make([]task.Names, 11)
	ids := []string{"none", "01890000-0000-7000-8000-00000000ffff"}
	for i := range all {
		all[i] = names(fmt.Sprint("t", i))
		ids = append(ids, all[i].ID)
	}
	publish(t, s, all...)
	require.NoError(t, s.SetDebug(t.Context(), all[0].ProcessInstanceID, true))
	runtimeStep(t, s, func(ctx context.Context, tx store.RuntimeTx) error {
		got, err := tx.Tasks(ctx, ids...)
		require.NoError(t, err)
		require.Len(t, got, len(all))
		for _, n := range all {
			var want store.Standing
			_, err := tx.Command(ctx, n.ID, func(was store.Standing) (*store.Step, error) { want = was; return nil, nil })
			require.NoError(t, err)
			want.Current, want.Begun = store.Attempt{}, false
			require.Equal(t, want, got[n.ID])
			require.True(t, want.Debug)
		}
		return nil
	})
}
