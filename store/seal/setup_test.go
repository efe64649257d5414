package seal_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 123456000, time.UTC)

// newState returns the row of a new task at produce.success.
func newState(taskID string) store.State {
	n := task.Names{ID: uuid.Must(uuid.NewV7()).String(), TaskID: taskID, ProcessInstanceID: "p", Name: "n", Namespace: "ns", Stone: "S"}
	return store.State{Names: n, Method: task.Start, Epoch: 1, Status: task.ProduceSuccess, CreateTime: noon, UpdateTime: noon, Seen: 1 << task.ProduceSuccess}
}

// fold commits what f answers, which gets the states of the tasks with these ids.
func fold(t *testing.T, s store.Store, speak map[string]int, f func(map[string]store.State) store.Changes, ids ...string) {
	t.Helper()
	from, err := s.Position(t.Context())
	require.NoError(t, err)
	to := from
	to.Tasks++
	require.NoError(t, s.Record(t.Context(), store.Batch{From: from, To: to, IDs: ids, TaskIDs: make([]string, len(ids)), Texts: speak, Fold: f}))
}

// record commits c.
func record(t *testing.T, s store.Store, c store.Changes, speak map[string]int) {
	t.Helper()
	var ids []string
	for _, rows := range [][]store.State{c.New, c.Changed} {
		for i := range rows {
			ids = append(ids, rows[i].ID)
		}
	}
	fold(t, s, speak, func(map[string]store.State) store.Changes { return c }, ids...)
}

// states returns what Fold sees of a task.
func states(t *testing.T, s store.Store, id string) (got map[string]store.State) {
	t.Helper()
	fold(t, s, nil, func(all map[string]store.State) store.Changes { got = all; return store.Changes{} }, id)
	return got
}

// discard is a store that folds and forgets.
type discard struct{ store.Store }

func (*discard) Record(_ context.Context, b store.Batch) error {
	b.Fold(nil)
	return nil
}
