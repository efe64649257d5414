package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/postgres"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

// A command between reading and writing makes the recorder fold again, with
// the new state.
func TestCommandBetween(t *testing.T) {
	t.Parallel()
	url := pgtest.Postgres(t)
	core, logs := observer.New(zap.DebugLevel)
	s := open(t, url, postgres.Config{Logger: zap.New(core)})
	defer func() { require.NoError(t, s.Close()) }()
	n := task.Names{ID: "0190aaaa-0000-7000-8000-000000000001", TaskID: "t1", ProcessInstanceID: "p", Name: "n", Namespace: "n", Stone: "S"}
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	first := store.State{Names: n, Method: task.Start, Epoch: 1, Status: task.ProduceSuccess, CreateTime: at, UpdateTime: at}
	b := store.Batch{To: store.Position{Tasks: 1}, IDs: []string{n.ID}, TaskIDs: []string{n.TaskID},
		Fold: func(map[string]store.State) store.Changes { return store.Changes{New: []store.State{first}} }}
	require.NoError(t, s.Record(t.Context(), b))

	var epochs []int
	b.From, b.To = b.To, store.Position{Tasks: 2}
	b.Fold = func(states map[string]store.State) store.Changes {
		st := states[n.ID]
		epochs = append(epochs, st.Epoch)
		if len(epochs) == 1 {
			_, err := s.Command(t.Context(), n.ID, func(was store.Standing) (*store.Step, error) {
				was.Epoch, was.Method = 2, task.Cancel
				return &store.Step{State: was.State}, nil
			})
			require.NoError(t, err)
		}
		st.Worker = "w"
		return store.Changes{Changed: []store.State{st}, Transitions: []store.Transition{{ID: n.ID, Epoch: st.Epoch, Status: task.StartBegin, Time: at}}}
	}
	require.NoError(t, s.Record(t.Context(), b))
	require.Equal(t, []int{1, 2}, epochs)
	got, err := s.Task(t.Context(), "t1")
	require.NoError(t, err)
	require.Equal(t, []any{2, task.Cancel}, []any{got.Epoch, got.Method})
	history, err := s.History(t.Context(), n.ID, true)
	require.NoError(t, err)
	require.Len(t, history, 1)
	require.Equal(t, 2, history[0].Epoch)
	require.Equal(t, 1, logs.FilterMessage("transaction is tried again").Len())
}

// The relay finds what is due by index, however large the outbox has become
// since its statistics were taken.
func TestOutboxPlan(t *testing.T) {
	t.Parallel()
	url := pgtest.Postgres(t)
	s := open(t, url, postgres.Config{})
	defer func() { require.NoError(t, s.Close()) }()
	db := raw(t, url)
	const rows = 100_000
	_, err := db.Exec(t.Context(), `alter table outbox set (autovacuum_enabled = false)`)
	require.NoError(t, err)
	_, err = db.Exec(t.Context(), `
with new as (
  insert into task (id, task_id, process_id, name, namespace, stone, create_time, update_time, epoch, seen, log_lines, method, status, final, following)
  select gen_random_uuid(), 't' || i, 'p', 'n', 'n', 'S', now(), now(), 1, 0, 0, 1, 1, false, false from generate_series(1, $1::int) i returning id)
insert into outbox (id, epoch, kind, due, since, sequence, timeout) select id, 2, 3, now(), now(), 0, 0 from new`, rows)
	require.NoError(t, err)
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	for now, want := range map[time.Time]int{time.Now().Add(time.Hour): 500, time.Now().Add(-time.Hour): 0} {
		got, next, err := s.Outgoing(ctx, now, 500)
		require.NoError(t, err)
		require.Len(t, got, want)
		require.Equal(t, want == 0, !next.IsZero())
	}
}
