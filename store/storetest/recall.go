package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// canceled is the step to the end of a task that nobody began: the message of
// its last command, if it is known, is withdrawn.
func canceled(was *store.Standing) *store.Step {
	step := again(was, task.Cancel)
	step.State.Status, step.State.EndTime, step.State.Seen = task.Canceled, later, 1<<task.Canceled
	step.Transitions[0].Status = task.Canceled
	step.Outbox = []store.Outgoing{{Kind: store.Withdraw, Sequence: was.Current.Sequence,
		Command: queue.Command{Names: was.Names, Epoch: was.Epoch + 1}}}
	return step
}

// A command that waits to be sent is not sent when a later one takes over,
// and holds nothing up, however long it was to wait.
func testTakenBack(t *testing.T, s store.Store) {
	n, other := names("t1"), names("t2")
	_, err := s.Delay(t.Context(), []store.Delayed{delayed(n, never), delayed(other, later)})
	require.NoError(t, err)
	requireTold(t, s)
	command(t, s, "t1", func(was store.Standing) *store.Step { return canceled(&was) })
	bare := queue.Command{Names: n, Epoch: 2}
	for range 2 { // the one that became it, and the step's own
		rows, next, err := s.Outgoing(t.Context(), noon, 10)
		require.NoError(t, err)
		require.Len(t, rows, 1)
		since(t, rows)
		require.Equal(t, store.Outgoing{Number: rows[0].Number, Kind: store.Withdraw, Command: bare}, rows[0])
		require.Equal(t, later, next, "of the other task, which is not touched")
		sent(t, s, store.Sent{Number: rows[0].Number})
	}
	rows := requireOutbox(t, s, 1)
	require.Equal(t, store.Send, rows[0].Kind)
	require.Equal(t, other, rows[0].Command.Names)
	require.Zero(t, read(t, s, n.ID)[n.ID].NotBefore.Sub(never), "it was held back until then")
	attempts, err := s.Attempts(t.Context(), n.ID)
	require.NoError(t, err)
	require.Zero(t, attempts[0].Sequence)
}

// A command that was taken back while the relay sent it is withdrawn by the
// sequence that the relay learns.
func testTakenBackLate(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	command2(t, s, n)
	row := requireOutbox(t, s, 1)[0]
	command(t, s, "t1", func(was store.Standing) *store.Step {
		require.Zero(t, was.Current.Sequence)
		return canceled(&was)
	})
	sent(t, s, store.Sent{Number: row.Number, Sequence: 77, Deadline: later})
	attempts, err := s.Attempts(t.Context(), n.ID)
	require.NoError(t, err)
	require.Equal(t, []any{uint64(77), later, uint64(0)}, []any{attempts[1].Sequence, attempts[1].Deadline, attempts[2].Sequence})

	want := store.Outgoing{Number: row.Number, Kind: store.Withdraw, Sequence: 77, Command: queue.Command{Names: n, Epoch: 3}}
	require.Equal(t, []store.Outgoing{want}, requireOutbox(t, s, 1))
	sent(t, s, store.Sent{Number: row.Number, Again: later, Problem: "not read yet"})
	want.Due, want.Tries = later, 1
	require.Equal(t, []store.Outgoing{want}, requireOutbox(t, s, 1))
	sent(t, s, store.Sent{Number: row.Number})
	last := requireOutbox(t, s, 1)[0]
	require.Equal(t, []any{store.Withdraw, uint64(0), 3}, []any{last.Kind, last.Sequence, last.Command.Epoch})
	sent(t, s, store.Sent{Number: last.Number})
	requireOutbox(t, s, 0)
}

// The relay notes what it sent while a cancel decides that nothing was sent.
func testTakenBackBetween(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	command2(t, s, n)
	row := requireOutbox(t, s, 1)[0]
	noted := make(chan error, 1)
	command(t, s, "t1", func(was store.Standing) *store.Step {
		require.Zero(t, was.Current.Sequence)
		go func() { noted <- s.Sent(t.Context(), []store.Sent{{Number: row.Number, Sequence: 77}}) }()
		select {
		case err := <-noted: // it should wait until the cancel is written
			t.Error("noted in between", err)
			noted <- err
		case <-time.After(shortly):
		}
		return canceled(&was)
	})
	require.NoError(t, <-noted)
	rows := requireOutbox(t, s, 1)
	require.Equal(t, []any{store.Withdraw, uint64(77)}, []any{rows[0].Kind, rows[0].Sequence})
}

// However a cancel and the relay meet: what was published is withdrawn.
func testTakenBackRace(t *testing.T, s store.Store) {
	const rounds = 30
	for i := range rounds {
		n := names("t" + newID())
		create(t, s, n)
		command2(t, s, n)
		row := requireOutbox(t, s, 1)[0]
		sequence := uint64(1000 + i)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.Sent(t.Context(), []store.Sent{{Number: row.Number, Sequence: sequence}}); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			_, err := s.Command(t.Context(), n.ID, func(was store.Standing) (*store.Step, error) { return canceled(&was), nil })
			if err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		withdrawn := 0
		for {
			rows, _, err := s.Outgoing(t.Context(), never, 10)
			require.NoError(t, err)
			if len(rows) == 0 {
				break
			}
			require.Equal(t, store.Withdraw, rows[0].Kind)
			if rows[0].Sequence == sequence {
				withdrawn++
			}
			sent(t, s, store.Sent{Number: rows[0].Number})
		}
		require.Equal(t, 1, withdrawn)
	}
}

// Waiting counts from when a row was due first, also while it is tried again.
func testWaiting(t *testing.T, s store.Store) {
	from := time.Now().Add(-time.Second).UTC() // a database's clock may be another
	ahead := from.Add(time.Hour).Truncate(time.Microsecond)
	requireWaiting := func(now time.Time, rows int, low, high time.Time) {
		t.Helper()
		got, oldest, err := s.Waiting(t.Context(), now)
		require.NoError(t, err)
		require.Equal(t, rows, got)
		if low.IsZero() {
			require.Zero(t, oldest)
			return
		}
		require.WithinRange(t, oldest, low, high)
	}
	requireWaiting(never, 0, time.Time{}, time.Time{})
	a, b := names("a"), names("b")
	_, err := s.Delay(t.Context(), []store.Delayed{delayed(a, ahead)})
	require.NoError(t, err)
	requireTold(t, s)
	requireWaiting(ahead.Add(-time.Second), 1, time.Time{}, time.Time{})
	requireWaiting(ahead, 1, ahead, ahead)

	create(t, s, b)
	command2(t, s, b)
	to := time.Now().Add(time.Second)
	requireWaiting(ahead, 2, from, to)
	rows, _, err := s.Outgoing(t.Context(), time.Now(), 10)
	require.NoError(t, err)
	require.Equal(t, []string{"b"}, taskIDsOf(rows))
	sent(t, s, store.Sent{Number: rows[0].Number, Again: ahead.Add(time.Hour), Problem: "out"})
	requireWaiting(to, 2, from, to)
	sent(t, s, store.Sent{Number: rows[0].Number})
	requireWaiting(to, 1, time.Time{}, time.Time{})

	command(t, s, a.ID, func(was store.Standing) *store.Step {
		step := again(&was, task.Cancel)
		step.Outbox = nil
		return step
	})
	requireWaiting(time.Now().Add(time.Second), 1, from, ahead.Add(-time.Minute)) // taken back, it is due by now
}
