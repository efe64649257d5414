package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

var batchTests = map[string]func(*testing.T, store.Store){
	"Batch/states":         testStates,
	"Batch/all or nothing": testAllOrNothing,
	"Batch/repeats":        testRepeats,
	"Batch/large":          testLargeBatch,
	"Batch/large repeats":  testLargeRepeats,
	"Batch/outputs":        testOutputs,
	"Batch/clash":          testClash,
	"Batch/clash inside":   testClashInside,
	"Batch/stubborn fold":  testStubborn,
	"Batch/ends":           testEnds,
	"Batch/malformed":      testMalformed,
	"Batch/quarantine":     testQuarantine,
}

func refusals(n ...task.Names) (out []*queue.Command) {
	for _, n := range n {
		out = append(out, refused(n))
	}
	return out
}

// Fold sees each field as it was written, and only the tasks that are known.
func testStates(t *testing.T, s store.Store) {
	plain, full := state(names("plain")), state(names("full"))
	full.BusinessKey, full.Method, full.Epoch = "k", task.Rollback, 4
	full.Status, full.Final, full.EndTime = task.StartSuccess, true, noon.Add(time.Hour)
	full.UpdateTime, full.Reason, full.Outputs = noon.Add(time.Minute), "why", json.RawMessage(`{"o": 1.0}`)
	full.Progress, full.Worker, full.Seen, full.Following, full.LogLines = new(100), "w", 1<<22|1, true, 12
	record(t, s, store.Changes{New: []store.State{plain, full}})
	unknown := newID()
	require.Equal(t, map[string]store.State{plain.ID: plain, full.ID: full}, read(t, s, plain.ID, full.ID, unknown))

	// All that may change is changed, and back again.
	swapped := plain
	names := swapped.Names
	swapped = full
	swapped.Names, swapped.CreateTime = names, plain.CreateTime
	record(t, s, store.Changes{Changed: []store.State{swapped}})
	require.Equal(t, swapped, read(t, s, plain.ID)[plain.ID])
	record(t, s, store.Changes{Changed: []store.State{plain}})
	require.Equal(t, plain, read(t, s, plain.ID)[plain.ID])
}

func testAllOrNothing(t *testing.T, s store.Store) {
	a, b := names("a"), names("b")
	bad := state(b)
	bad.EndTime = noon // produce.success is no end
	batch := batch(t, s, store.Changes{New: []store.State{state(a), bad}, Attempts: []store.Attempt{attempt(a, `{}`)},
		Transitions: []store.Transition{transition(a.ID, task.ProduceSuccess)}})
	require.ErrorIs(t, s.Record(t.Context(), batch), store.ErrRejected)
	_, err := s.Task(t.Context(), "a")
	require.ErrorIs(t, err, store.ErrNotFound)
	history, err := s.History(t.Context(), a.ID, true)
	require.NoError(t, err)
	require.Empty(t, history)
	at, err := s.Position(t.Context())
	require.NoError(t, err)
	require.Equal(t, batch.From, at)
}

// What is recorded already stays as it is.
func testRepeats(t *testing.T, s store.Store) {
	n := names("t1")
	first := transition(n.ID, task.StartBegin)
	record(t, s, store.Changes{New: []store.State{state(n)}, Attempts: []store.Attempt{attempt(n, `{"first":1}`)},
		Transitions: []store.Transition{first}})
	again := first
	again.Delivery, again.Worker, again.Time = 9, "w9", noon.Add(time.Hour)
	record(t, s, store.Changes{Attempts: []store.Attempt{attempt(n, `{"again":1}`)},
		Transitions: []store.Transition{again, transition(n.ID, task.StartSuccess)}})
	got, err := s.History(t.Context(), n.ID, true)
	require.NoError(t, err)
	require.Equal(t, []store.Note{{Transition: first}, {Transition: transition(n.ID, task.StartSuccess)}}, got)
	one, err := s.Task(t.Context(), "t1")
	require.NoError(t, err)
	require.JSONEq(t, `{"first":1}`, string(one.Params))
}

// many returns new tasks t0, t1, … with their attempts and first transitions.
func many(n int) (c store.Changes) {
	for i := range n {
		n := names(fmt.Sprintf("t%d", i))
		c.New = append(c.New, state(n))
		c.Attempts = append(c.Attempts, attempt(n, fmt.Sprintf(`{"i":%d}`, i)))
		c.Transitions = append(c.Transitions, transition(n.ID, task.ProduceSuccess))
	}
	return c
}

func testLargeBatch(t *testing.T, s store.Store) {
	const size = 2113 // no multiple of anything
	c := many(size)
	keys := ids(c.New, func(st store.State) string { return st.ID })
	record(t, s, c)
	states := read(t, s, keys...)
	require.Len(t, states, size)
	changed := store.Changes{}
	for i, id := range keys {
		st := states[id]
		st.LogLines = i
		changed.Changed = append(changed.Changed, st)
	}
	record(t, s, changed)
	for i, id := range keys {
		require.Equal(t, i, changed.Changed[i].LogLines)
		states[id] = changed.Changed[i]
	}
	require.Equal(t, states, read(t, s, keys...))
	got, err := s.Task(t.Context(), "t2112")
	require.NoError(t, err)
	require.JSONEq(t, `{"i":2112}`, string(got.Params))
}

// Also in a large batch what is recorded already stays, and the rest is written.
func testLargeRepeats(t *testing.T, s store.Store) {
	const size = 300
	c := many(size)
	half := store.Changes{New: c.New[:size/2], Attempts: c.Attempts[:size/2], Transitions: c.Transitions[:size/2]}
	record(t, s, half)
	calls := 0
	b := batch(t, s, c)
	b.Fold = func(states map[string]store.State) store.Changes {
		calls++
		require.Len(t, states, size/2)
		again := store.Changes{New: c.New[size/2:], Attempts: slices.Clone(c.Attempts), Transitions: slices.Clone(c.Transitions)}
		for i := range again.Attempts {
			again.Attempts[i].Params, again.Transitions[i].Worker = json.RawMessage(`{"again":true}`), "again"
		}
		return again
	}
	require.NoError(t, s.Record(t.Context(), b))
	require.LessOrEqual(t, calls, 2)
	for i, worker := range map[int]string{0: "w1", size - 1: "again"} {
		history, err := s.History(t.Context(), c.New[i].ID, true)
		require.NoError(t, err)
		require.Len(t, history, 1)
		require.Equal(t, worker, history[0].Worker)
		got, err := s.Task(t.Context(), c.New[i].TaskID)
		require.NoError(t, err)
		require.Equal(t, i == size-1, string(got.Params) == `{"again":true}`)
	}
}

// Outputs change, stay, are emptied and removed as Fold says.
func testOutputs(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	for _, want := range []json.RawMessage{json.RawMessage(`{"a":1}`), json.RawMessage(`{"a":1}`), json.RawMessage(`{}`), nil, nil,
		json.RawMessage(`{"b":"` + string(make([]byte, 9000)) + `"}`)} {
		b := batch(t, s, store.Changes{Changed: []store.State{state(n)}})
		b.Fold = func(states map[string]store.State) store.Changes {
			st := states[n.ID]
			st.Outputs = want
			return store.Changes{Changed: []store.State{st}}
		}
		require.NoError(t, s.Record(t.Context(), b))
		require.Equal(t, want, read(t, s, n.ID)[n.ID].Outputs)
	}
}

func testClash(t *testing.T, s store.Store) {
	owner, thief, fresh := names("t1"), names("t1"), names("t2")
	owner.BusinessKey = "k"
	create(t, s, owner)
	calls := 0
	b := batch(t, s, store.Changes{New: []store.State{state(thief), state(fresh)}})
	b.Fold = func(states map[string]store.State) (c store.Changes) {
		calls++
		c.New = append(c.New, state(fresh))
		if st, ok := states[thief.ID]; ok {
			require.Equal(t, store.State{Names: owner, Clash: true}, st)
			c.Quarantine = append(c.Quarantine, store.Quarantined{Stream: "S", Sequence: 1, Subject: "s", Time: noon, Reason: "clash"})
		} else {
			c.New = append(c.New, state(thief))
		}
		require.NotContains(t, states, fresh.ID)
		return c
	}
	require.NoError(t, s.Record(t.Context(), b))
	require.Equal(t, 2, calls)
	got, err := s.Task(t.Context(), "t1")
	require.NoError(t, err)
	require.Equal(t, owner, got.Names)
	_, err = s.Task(t.Context(), thief.ID)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.Task(t.Context(), "t2")
	require.NoError(t, err)
}

// Of two new tasks of one batch with the same taskId the first one has it.
func testClashInside(t *testing.T, s store.Store) {
	first, second := names("t1"), names("t1")
	second.ID, first.ID = first.ID, second.ID // the order of ids says nothing
	b := batch(t, s, store.Changes{New: []store.State{state(first), state(second)}})
	b.Fold = func(states map[string]store.State) (c store.Changes) {
		for _, n := range []task.Names{first, second} {
			if st, ok := states[n.ID]; ok {
				require.Equal(t, store.State{Names: first, Clash: true}, st)
				require.Equal(t, second, n)
				continue
			}
			c.New = append(c.New, state(n))
		}
		return c
	}
	require.NoError(t, s.Record(t.Context(), b))
	got, err := s.Task(t.Context(), "t1")
	require.NoError(t, err)
	require.Equal(t, first, got.Names)
}

// A Fold that writes a task it was told not to gets an error, in the end.
func testStubborn(t *testing.T, s store.Store) {
	owner, thief := names("t1"), names("t1")
	create(t, s, owner)
	b := batch(t, s, store.Changes{New: []store.State{state(thief)}})
	require.ErrorIs(t, s.Record(t.Context(), b), store.ErrRejected)
	stranger := state(names("t9")) // changed, but never recorded
	require.ErrorIs(t, s.Record(t.Context(), batch(t, s, store.Changes{Changed: []store.State{stranger}})), store.ErrRejected)
	at, err := s.Position(t.Context())
	require.NoError(t, err)
	require.Equal(t, b.From, at)
}

// The schema knows which statuses are ends.
func testEnds(t *testing.T, s store.Store) {
	for _, st := range append([]task.Status{0}, task.Statuses()...) {
		for _, final := range []bool{false, true} {
			for _, ended := range []bool{false, true} {
				row := state(names(fmt.Sprintf("%d %t %t", st, final, ended)))
				row.Status, row.Final = st, final
				if ended {
					row.EndTime = noon
				}
				err := s.Record(t.Context(), batch(t, s, store.Changes{New: []store.State{row}}))
				if ended == st.End(final) && (!final || st == task.StartSuccess) {
					require.NoError(t, err, row.TaskID)
				} else {
					require.ErrorIs(t, err, store.ErrRejected, row.TaskID)
				}
			}
		}
	}
}

func testMalformed(t *testing.T, s store.Store) {
	for name, spoil := range map[string]func(*store.Batch){
		"id":      func(b *store.Batch) { b.IDs[0] = "1" },
		"upper":   func(b *store.Batch) { b.IDs[0] = "0190AAAA-0000-7000-8000-000000000000" },
		"taskIds": func(b *store.Batch) { b.TaskIDs = nil },
		"no fold": func(b *store.Batch) { b.Fold = nil },
		"row id": func(b *store.Batch) {
			b.Fold = func(map[string]store.State) store.Changes {
				return store.Changes{Transitions: []store.Transition{transition("no uuid", task.StartBegin)}}
			}
		},
		"number": func(b *store.Batch) {
			b.Fold = func(map[string]store.State) store.Changes {
				far := transition(newID(), task.StartBegin)
				far.Epoch = 1<<32 + 1
				return store.Changes{Transitions: []store.Transition{far}}
			}
		},
		"progress": func(b *store.Batch) {
			fold := b.Fold
			b.Fold = func(states map[string]store.State) store.Changes {
				c := fold(states)
				c.New[0].Progress = new(1<<16 + 50)
				return c
			}
		},
		"status": func(b *store.Batch) {
			b.Fold = func(map[string]store.State) store.Changes {
				return store.Changes{Transitions: []store.Transition{transition(newID(), 23)}}
			}
		},
	} {
		b := batch(t, s, store.Changes{New: []store.State{state(names("t1"))}})
		spoil(&b)
		require.ErrorIs(t, s.Record(t.Context(), b), store.ErrRejected, name)
		at, err := s.Position(t.Context())
		require.NoError(t, err)
		require.Equal(t, b.From, at, name)
	}
}

// Quarantined are rows of quarantine, with which the tests of a dialect look
// at what is written: subject, reason and bytes.
var Quarantined = []store.Quarantined{
	{Stream: "RS_EVENTS", Sequence: 1 << 40, Index: 0, Subject: "rs.evt.A.batch", Time: noon, Reason: "not JSON: \x00", Bytes: []byte("\x00\xff{")},
	{Stream: "RS_EVENTS", Sequence: 1 << 40, Index: 1, Subject: "rs.evt.A.batch", Time: noon, Reason: "other names", TaskID: "t1", Bytes: nil},
}

// RecordQuarantined records [Quarantined], and repeats of it that change nothing.
func RecordQuarantined(t *testing.T, s store.Store) {
	t.Helper()
	record(t, s, store.Changes{Quarantine: Quarantined})
	again := Quarantined[0]
	again.Reason, again.Bytes = "repeat", []byte("repeat")
	record(t, s, store.Changes{Quarantine: []store.Quarantined{again}})
}

func testQuarantine(t *testing.T, s store.Store) { RecordQuarantined(t, s) }
