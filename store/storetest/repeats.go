package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// What comes twice, in one batch, in two of them or from two writers. Sizes
// are below and above those from which a database may write in other ways.
var repeatTests = map[string]func(*testing.T, store.Store){
	"Repeat/transitions in a batch": testRepeatedTransitions,
	"Repeat/notes":                  testRepeatedNotes,
	"Repeat/clash in a batch":       testClashInBatches,
	"Repeat/clash with a refused":   testClashRefused,
	"Repeat/refusals":               testRepeatedRefusals,
}

var sizes = []int{1, 3, 250}

// A status of an older attempt may be told twice in one batch.
func testRepeatedTransitions(t *testing.T, s store.Store) {
	for _, size := range sizes {
		var all []task.Names
		var c store.Changes
		for i := range size {
			n := names(fmt.Sprintf("%d of %d", i, size))
			all = append(all, n)
			one := transition(n.ID, task.StartBegin)
			c.Transitions = append(c.Transitions, one, one)
		}
		create(t, s, all...)
		record(t, s, c)
		for _, n := range all {
			history, err := s.History(t.Context(), n.ID, true)
			require.NoError(t, err)
			require.Equal(t, []store.Note{{Transition: transition(n.ID, task.StartBegin)}}, history)
		}
	}
}

// Notes are not compared: each one is kept.
func testRepeatedNotes(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	note := store.Note{Transition: transition(n.ID, task.StartBegin), Why: store.NoteRetry}
	record(t, s, store.Changes{Notes: []store.Note{note, note}})
	record(t, s, store.Changes{Notes: []store.Note{note}})
	history, err := s.History(t.Context(), n.ID, true)
	require.NoError(t, err)
	require.Equal(t, []store.Note{note, note, note}, history)
	history, err = s.History(t.Context(), n.ID, false)
	require.NoError(t, err)
	require.Empty(t, history)
}

// One new task whose taskId is taken does not harm those of its batch.
func testClashInBatches(t *testing.T, s store.Store) {
	owner := names("taken")
	create(t, s, owner)
	for _, size := range sizes {
		c := store.Changes{}
		for i := range size {
			n := names(fmt.Sprintf("%d of %d", i, size))
			c.New, c.Attempts = append(c.New, state(n)), append(c.Attempts, attempt(n, `{}`))
		}
		thief := names("taken")
		c.New = append(c.New, state(thief))
		b := batch(t, s, c)
		b.Fold = func(states map[string]store.State) store.Changes {
			if st, ok := states[thief.ID]; ok {
				require.Equal(t, map[string]store.State{thief.ID: {Names: owner, Clash: true}}, states)
				require.True(t, st.Clash)
				return store.Changes{New: c.New[:size], Attempts: c.Attempts}
			}
			return c
		}
		require.NoError(t, s.Record(t.Context(), b))
		known, err := s.Lookup(t.Context(), nil, b.IDs)
		require.NoError(t, err)
		require.Len(t, known, size)
	}
	got, err := s.Task(t.Context(), "taken")
	require.NoError(t, err)
	require.Equal(t, owner.ID, got.ID)
}

// Also a task that was refused owns its taskId.
func testClashRefused(t *testing.T, s store.Store) {
	owner, thief := names("t1"), names("t1")
	require.NoError(t, s.Refuse(t.Context(), refusals(owner), "out", noon))
	var seen store.State
	b := batch(t, s, store.Changes{New: []store.State{state(thief)}})
	fold := b.Fold
	b.Fold = func(states map[string]store.State) store.Changes {
		if st, ok := states[thief.ID]; ok {
			seen = st
			return store.Changes{}
		}
		return fold(states)
	}
	require.NoError(t, s.Record(t.Context(), b))
	require.Equal(t, store.State{Names: owner, Clash: true}, seen)
}

// Gateways that could not publish the same task leave one behind, refused once.
func testRepeatedRefusals(t *testing.T, s store.Store) {
	const gateways, tasks = 4, 20
	var wg sync.WaitGroup
	for g := range gateways {
		wg.Go(func() {
			for i := range tasks {
				at := noon.Add(time.Duration(g) * time.Second)
				if err := s.Refuse(t.Context(), []*queue.Command{refused(names(fmt.Sprint(i)))}, fmt.Sprint("out ", g), at); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	page, err := s.List(t.Context(), store.Filter{})
	require.NoError(t, err)
	require.Len(t, page.Tasks, tasks)
	for _, got := range page.Tasks {
		history, err := s.History(t.Context(), got.ID, true)
		require.NoError(t, err)
		require.Len(t, history, 1)
		require.Equal(t, got.Reason, history[0].Reason)
		require.Equal(t, got.EndTime, history[0].Time)
	}
}
