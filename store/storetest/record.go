package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

var recordTests = map[string]func(*testing.T, store.Store){
	"Record/position":          testPosition,
	"Record/stale":             testStale,
	"Record/two recorders":     testTwoRecorders,
	"Record/one stream each":   testOneStreamEach,
	"Record/with grants":       testRecordAndGrant,
	"Record/with refusals":     testRecordAndRefuse,
	"Record/cancelled context": testCancelled,
}

func testPosition(t *testing.T, s store.Store) {
	var at store.Position
	for _, to := range []store.Position{{}, {Tasks: 5}, {Tasks: 5, Events: 1 << 40}, {Tasks: 1 << 50, Events: 1<<40 + 1}} {
		require.NoError(t, s.Record(t.Context(), store.Batch{From: at, To: to,
			Fold: func(map[string]store.State) store.Changes { return store.Changes{} }}))
		at = to
		got, err := s.Position(t.Context())
		require.NoError(t, err)
		require.Equal(t, to, got)
	}
}

func testStale(t *testing.T, s store.Store) {
	at := store.Position{Tasks: 10, Events: 20}
	move := func(from, to store.Position, c store.Changes) error {
		return s.Record(t.Context(), store.Batch{From: from, To: to, Fold: func(map[string]store.State) store.Changes { return c }})
	}
	require.NoError(t, move(store.Position{}, at, store.Changes{}))
	n := names("t1")
	for _, test := range []struct{ from, to store.Position }{
		{store.Position{}, at},
		{store.Position{Tasks: 9, Events: 20}, store.Position{Tasks: 11, Events: 20}},
		{store.Position{Tasks: 10, Events: 19}, store.Position{Tasks: 11, Events: 20}},
		{store.Position{Tasks: 10, Events: 21}, store.Position{Tasks: 11, Events: 21}}, // a stream that is not moved
		{store.Position{Tasks: 11, Events: 20}, store.Position{Tasks: 11, Events: 21}},
	} {
		require.ErrorIs(t, move(test.from, test.to, store.Changes{New: []store.State{state(n)}}), store.ErrStale, "%+v", test)
	}
	got, err := s.Position(t.Context())
	require.NoError(t, err)
	require.Equal(t, at, got)
	_, err = s.Task(t.Context(), "t1")
	require.ErrorIs(t, err, store.ErrNotFound, "nothing was written")
}

// Of recorders that start at one position exactly one gets on.
func testTwoRecorders(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	const rounds, recorders = 20, 3
	for range rounds {
		from, err := s.Position(t.Context())
		require.NoError(t, err)
		var won, stale atomic.Int32
		var wg sync.WaitGroup
		for range recorders {
			wg.Go(func() {
				switch err := s.Record(t.Context(), count(from, n)); {
				case err == nil:
					won.Add(1)
				case errors.Is(err, store.ErrStale):
					stale.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, won.Load())
		require.EqualValues(t, recorders-1, stale.Load())
	}
	require.Equal(t, rounds, read(t, s, n.ID)[n.ID].LogLines)
}

// count is a batch that counts itself in the task's LogLines.
func count(from store.Position, n task.Names) store.Batch {
	return store.Batch{From: from, To: store.Position{Tasks: from.Tasks + 1, Events: from.Events}, IDs: []string{n.ID}, TaskIDs: []string{n.TaskID},
		Fold: func(states map[string]store.State) store.Changes {
			st := states[n.ID]
			st.LogLines++
			return store.Changes{Changed: []store.State{st}}
		}}
}

// Two recorders that move different streams must not overwrite each other: one
// of them finds that the stream it does not move has been moved.
func testOneStreamEach(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	var recorded atomic.Int32
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			for range 20 {
				from, err := s.Position(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				b := count(from, n)
				if i == 1 {
					b.To = store.Position{Tasks: from.Tasks, Events: from.Events + 1}
				}
				switch err := s.Record(t.Context(), b); {
				case err == nil:
					recorded.Add(1)
				case !errors.Is(err, store.ErrStale):
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, recorded.Load(), read(t, s, n.ID)[n.ID].LogLines)
}

// Neither the recorder nor those who grant lose a write to the other.
func testRecordAndGrant(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	const each = 50
	var wg sync.WaitGroup
	wg.Go(func() {
		for range each {
			from, err := s.Position(t.Context())
			if err == nil {
				err = s.Record(t.Context(), count(from, n))
			}
			if err != nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for range each {
			if err := s.Grant(t.Context(), n.ID, task.Start, next); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	st := read(t, s, n.ID)[n.ID]
	require.Equal(t, each, st.LogLines)
	require.Equal(t, each, st.Rev)
	require.Equal(t, map[task.Method]int{task.Start: each}, st.Grants)
}

// The same new tasks come from the recorder and from a gateway at once.
func testRecordAndRefuse(t *testing.T, s store.Store) {
	const each = 30
	var all []task.Names
	for range each {
		all = append(all, names("t"+newID()))
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, n := range all {
			if err := s.Refuse(t.Context(), refusals(n), "out", noon); err != nil {
				t.Error(err)
			}
		}
	})
	for _, n := range all {
		b := batch(t, s, store.Changes{New: []store.State{state(n)}})
		b.Fold = func(states map[string]store.State) store.Changes {
			st, known := states[n.ID]
			c := store.Changes{Transitions: []store.Transition{transition(n.ID, task.ProduceSuccess)}}
			if !known {
				c.New = []store.State{state(n)}
				return c
			}
			st.Status, st.EndTime, st.Reason = task.ProduceSuccess, time.Time{}, ""
			c.Changed = []store.State{st}
			return c
		}
		require.NoError(t, s.Record(t.Context(), b))
	}
	wg.Wait()
	for _, n := range all {
		got, err := s.Task(t.Context(), n.ID)
		require.NoError(t, err)
		require.Equal(t, task.ProduceSuccess, got.Status)
	}
}

func testCancelled(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	n := names("t1")
	b := batch(t, s, store.Changes{New: []store.State{state(n)}})
	fold := b.Fold
	b.Fold = func(states map[string]store.State) store.Changes {
		cancel()
		return fold(states)
	}
	require.ErrorIs(t, s.Record(ctx, b), context.Canceled)
	at, err := s.Position(t.Context())
	require.NoError(t, err)
	require.Equal(t, b.From, at)
	create(t, s, n) // nothing is left locked
}

// RunRestart checks that everything is there after a restart. reopen opens the
// same database each time.
func RunRestart(t *testing.T, reopen func(t *testing.T) store.Store) {
	t.Helper()
	s := reopen(t)
	n := names("t1")
	st := state(n)
	st.Outputs, st.LogLines = json.RawMessage(`{"o":1}`), 1
	record(t, s, store.Changes{New: []store.State{st}, Attempts: []store.Attempt{attempt(n, `{"p":1}`)},
		Transitions: []store.Transition{transition(n.ID, task.ProduceSuccess)}, Log: lines(n.ID, 1, 1),
		Notes: []store.Note{{Transition: transition(n.ID, task.StartBegin), Why: store.NoteRetry}}})
	require.NoError(t, s.Refuse(t.Context(), refusals(names("refused")), "out", noon))
	command(t, s, n.ID, func(was store.Standing) *store.Step {
		step := again(&was, task.Start)
		step.State.NotBefore, step.Debug = later, new(true)
		return step
	})
	require.NoError(t, s.Grant(t.Context(), n.ID, task.Start, next))
	_, err := s.Delay(t.Context(), []store.Delayed{delayed(names("held"), later)})
	require.NoError(t, err)
	require.NoError(t, s.PutStone(t.Context(), "A", json.RawMessage(`{}`), noon))
	record(t, s, store.Changes{Quarantine: Quarantined[:1]})
	held, err := s.Lease(t.Context(), "trim", "a", time.Hour)
	require.NoError(t, err)
	require.True(t, held)
	type all struct {
		at         store.Position
		task       task.Task
		history    []store.Note
		log        []store.LogLine
		known      []store.Known
		list       store.Page
		standing   store.Standing
		attempts   []store.Attempt
		outbox     []store.Outgoing
		stones     []store.KnownStone
		used       []string
		quarantine []store.Quarantined
	}
	look := func(s store.Store) (a all) {
		var errs [11]error
		a.at, errs[0] = s.Position(t.Context())
		a.task, errs[1] = s.Task(t.Context(), "t1")
		a.history, errs[2] = s.History(t.Context(), n.ID, true)
		a.log, errs[3] = s.Log(t.Context(), n.ID, 0, 0)
		a.known, errs[4] = s.Lookup(t.Context(), []string{"t1"}, nil)
		a.list, errs[5] = s.List(t.Context(), store.Filter{})
		a.standing = look(t, s, "t1")
		a.attempts, errs[6] = s.Attempts(t.Context(), n.ID)
		a.outbox, _, errs[7] = s.Outgoing(t.Context(), never, 10)
		a.stones, errs[8] = s.Stones(t.Context())
		a.used, errs[9] = s.UsedStones(t.Context())
		a.quarantine, errs[10] = s.Quarantine(t.Context(), "", 0, 0)
		require.NoError(t, errors.Join(errs[:]...))
		return a
	}
	before := look(s)
	require.Len(t, before.history, 3)
	require.Equal(t, map[task.Method]int{task.Start: 1}, before.standing.Grants)
	require.Len(t, before.list.Tasks, 3)
	require.True(t, before.task.Debug)
	require.Equal(t, []any{2, 3, 1, 1, 1}, []any{len(before.attempts), len(before.outbox), len(before.stones), len(before.used), len(before.quarantine)})
	require.NoError(t, s.Close())

	s = reopen(t)
	require.Equal(t, before, look(s))
	held, err = s.Lease(t.Context(), "trim", "b", time.Hour)
	require.NoError(t, err)
	require.False(t, held, "the lease is still a's")
	require.NoError(t, s.Close())
}
