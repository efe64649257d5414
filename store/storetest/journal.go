package storetest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// noon is a time with microseconds.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 123456000, time.UTC)

// newID returns a task's id; later ones are greater.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// names returns the names of a new task.
func names(taskID string) task.Names {
	return task.Names{ID: newID(), TaskID: taskID, ProcessInstanceID: "process", Name: "machine", Namespace: "ns", Stone: "MachineStone"}
}

// state returns the row of a new task at produce.success.
func state(n task.Names) store.State {
	return store.State{Names: n, Method: task.Start, Epoch: 1, Status: task.ProduceSuccess, CreateTime: noon, UpdateTime: noon,
		Seen: 1 << task.ProduceSuccess}
}

// attempt returns the command of a new task.
func attempt(n task.Names, params string) store.Attempt {
	return store.Attempt{ID: n.ID, Epoch: 1, Method: task.Start, Params: json.RawMessage(params), Outputs: json.RawMessage(`{}`),
		CreateTime: noon, Sequence: 7}
}

// transition returns a status of epoch 1, reported at noon.
func transition(id string, s task.Status) store.Transition {
	return store.Transition{ID: id, Epoch: 1, Status: s, Time: noon, Delivery: 1, Worker: "w1"}
}

// batch returns a batch that moves the tasks stream by one and writes c,
// whatever the states are.
func batch(t testing.TB, s store.Store, c store.Changes) store.Batch {
	t.Helper()
	from, err := s.Position(t.Context())
	require.NoError(t, err)
	to := from
	to.Tasks++
	b := store.Batch{From: from, To: to, Fold: func(map[string]store.State) store.Changes { return c }}
	for _, rows := range [][]store.State{c.New, c.Changed} {
		for _, st := range rows {
			b.IDs, b.TaskIDs = append(b.IDs, st.ID), append(b.TaskIDs, st.TaskID)
		}
	}
	return b
}

// record commits c.
func record(t testing.TB, s store.Store, c store.Changes) {
	t.Helper()
	require.NoError(t, s.Record(t.Context(), batch(t, s, c)))
}

// create records new tasks with params {}.
func create(t testing.TB, s store.Store, all ...task.Names) {
	t.Helper()
	var c store.Changes
	for _, n := range all {
		c.New = append(c.New, state(n))
		c.Attempts = append(c.Attempts, attempt(n, `{}`))
	}
	record(t, s, c)
}

// read returns the states of tasks as the recorder sees them.
func read(t testing.TB, s store.Store, ids ...string) map[string]store.State {
	t.Helper()
	var got map[string]store.State
	b := batch(t, s, store.Changes{})
	b.IDs, b.TaskIDs = ids, make([]string, len(ids))
	b.Fold = func(states map[string]store.State) store.Changes { got = states; return store.Changes{} }
	require.NoError(t, s.Record(t.Context(), b))
	return got
}

func ids[T any](rows []T, id func(T) string) []string {
	out := []string{}
	for _, r := range rows {
		out = append(out, id(r))
	}
	return out
}

func taskIDs(tasks []task.Task) []string {
	return ids(tasks, func(t task.Task) string { return t.TaskID })
}
