package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/postgres"
	"github.com/riverstones/riverstones/store/storetest"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store { return storetest.Postgres(t) })
}

func TestRestart(t *testing.T) {
	t.Parallel()
	url := pgtest.Postgres(t)
	storetest.RunRestart(t, func(t *testing.T) store.Store { return open(t, url, postgres.Config{}) })
}

func open(t *testing.T, url string, cfg postgres.Config) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, cfg)
	require.NoError(t, err)
	return s
}

// raw connects to the database below the store.
func raw(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	return conn
}

func TestOpenRefusesOtherSchema(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	_, err := postgres.Open(t.Context(), url, postgres.Config{})
	require.ErrorContains(t, err, "riverstones migrate")
	var tables int
	db := raw(t, url)
	require.NoError(t, db.QueryRow(t.Context(), `select count(*) from pg_tables where schemaname = 'public'`).Scan(&tables))
	require.Zero(t, tables, "a refused open changes nothing")

	s := open(t, url, postgres.Config{Migrate: true})
	have, want, err := s.Version(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, have)
	require.NoError(t, s.Migrate(t.Context()), "once more")
	require.NoError(t, s.Close())
	require.NoError(t, open(t, url, postgres.Config{}).Close())

	_, err = db.Exec(t.Context(), `insert into goose_db_version (version_id, is_applied) values (9999, true)`)
	require.NoError(t, err)
	_, err = postgres.Open(t.Context(), url, postgres.Config{Migrate: true})
	require.ErrorContains(t, err, "newer riverstones")
}

// Many processes may start at once with an empty database.
func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := postgres.Open(t.Context(), url, postgres.Config{Migrate: true})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestNoPasswordInErrors(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://u:sesame@127.0.0.1:1/db", "postgres://u:sesame@host:port/db", "postgres://u:sesame@[::1/db",
		"postgres://u:ses%zzame@h/db?x=sesame", "password=sesame host=127.0.0.1 port=1", "password='sesame", "sesame", "postgres://u:sesame",
	} {
		core, logs := observer.New(zap.DebugLevel)
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := postgres.Open(ctx, url, postgres.Config{Logger: zap.New(core)})
		stop()
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "sesame")
		for _, l := range logs.All() {
			require.NotContains(t, l.Message, "sesame")
		}
	}
}

// All limits of a session reach the server.
func TestSessionSettings(t *testing.T) {
	t.Parallel()
	url := pgtest.Postgres(t)
	s := open(t, url, postgres.Config{LockTimeout: 300 * time.Millisecond})
	defer func() { require.NoError(t, s.Close()) }()
	require.NoError(t, s.Record(t.Context(), store.Batch{Fold: func(map[string]store.State) store.Changes { return store.Changes{} }}))
	lock := raw(t, url)
	tx, err := lock.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `lock table checkpoint in access exclusive mode`)
	require.NoError(t, err)
	_, err = s.Position(t.Context())
	require.ErrorContains(t, err, "55P03", "the lock timeout")
	require.NoError(t, tx.Rollback(t.Context()))
	_, err = s.Position(t.Context())
	require.NoError(t, err)
}

// A grant between reading and writing makes the recorder fold again, with the
// new state.
func TestGrantBetween(t *testing.T) {
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

	var seen []store.State
	b.From, b.To = b.To, store.Position{Tasks: 2}
	b.Fold = func(states map[string]store.State) store.Changes {
		st := states[n.ID]
		seen = append(seen, st)
		if len(seen) == 1 {
			require.NoError(t, s.Grant(t.Context(), n.ID, task.Start, func(store.State, *store.Grant, time.Time) *store.Grant {
				return &store.Grant{Number: 5, Worker: "w", Time: at}
			}))
		}
		st.Worker = "w"
		return store.Changes{Changed: []store.State{st}, Transitions: []store.Transition{{ID: n.ID, Epoch: 1, Status: task.StartBegin, Time: at}}}
	}
	require.NoError(t, s.Record(t.Context(), b))
	require.Len(t, seen, 2)
	require.Nil(t, seen[0].Grants)
	require.Equal(t, 1, seen[1].Rev)
	require.Equal(t, map[task.Method]int{task.Start: 5}, seen[1].Grants)
	history, err := s.History(t.Context(), n.ID, true)
	require.NoError(t, err)
	require.Len(t, history, 1)
	require.Equal(t, 1, logs.FilterMessage("transaction is tried again").Len())
}

// Updates of the recorder stay in their page and touch no index, also when a
// batch changes all rows of a page. One round only: whether a second one finds
// the first one's space free again depends on who else uses the server.
func TestUpdatesAreHeapOnly(t *testing.T) {
	t.Parallel()
	url := pgtest.Postgres(t)
	s := open(t, url, postgres.Config{})
	const tasks = 500
	var b store.Batch
	for i := range tasks {
		b.IDs = append(b.IDs, fmt.Sprintf("0190aaaa-0000-7000-8000-%012d", i))
		b.TaskIDs = append(b.TaskIDs, fmt.Sprintf("t%d", i))
	}
	b.Fold = func(states map[string]store.State) (c store.Changes) {
		at := time.Now()
		for i, id := range b.IDs {
			st, known := states[id]
			if !known {
				n := task.Names{ID: id, TaskID: b.TaskIDs[i], ProcessInstanceID: "p", Name: "n", Namespace: "n", Stone: "S"}
				c.New = append(c.New, store.State{Names: n, Method: task.Start, Epoch: 1, Status: 1, CreateTime: at, UpdateTime: at, Worker: "worker-0"})
				continue
			}
			st.UpdateTime, st.Worker = at, "worker-1"
			c.Changed = append(c.Changed, st)
		}
		return c
	}
	for range 2 {
		b.From, b.To.Tasks = b.To, b.To.Tasks+1
		require.NoError(t, s.Record(t.Context(), b))
	}
	require.NoError(t, s.Close()) // its connections leave their statistics behind
	db := raw(t, url)
	var all, hot int
	queuetest.WaitFor(t, func() bool {
		require.NoError(t, db.QueryRow(t.Context(),
			`select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = 'task'`).Scan(&all, &hot))
		return all == tasks
	})
	require.Equal(t, all, hot)
}

// Nothing is counted beyond the limit.
func TestCountLimit(t *testing.T) {
	t.Parallel()
	url := pgtest.Postgres(t)
	s := open(t, url, postgres.Config{})
	defer func() { require.NoError(t, s.Close()) }()
	_, err := raw(t, url).Exec(t.Context(), `
insert into task (id, task_id, process_id, name, namespace, stone, create_time, update_time, epoch, seen, log_lines, method, status, final, following)
select gen_random_uuid(), 't' || i, 'p', 'n', 'n', 'S', now(), now(), 1, 0, 0, 1, 1, false, false from generate_series(1, $1) i`,
		store.CountLimit+1)
	require.NoError(t, err)
	page, err := s.List(t.Context(), store.Filter{Size: 1})
	require.NoError(t, err)
	require.Equal(t, store.CountLimit, page.Total)
	require.False(t, page.Exact)
	page, err = s.List(t.Context(), store.Filter{Size: 1, TaskID: "t7"})
	require.NoError(t, err)
	require.Equal(t, 1, page.Total)
	require.True(t, page.Exact)
}

func TestStatusTable(t *testing.T) {
	t.Parallel()
	rows, err := raw(t, pgtest.Postgres(t)).Query(t.Context(), `select name from status order by code`)
	require.NoError(t, err)
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	var want []string
	for i, st := range task.Statuses() {
		require.EqualValues(t, i+1, st)
		want = append(want, st.String())
	}
	require.Equal(t, want, got)
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	url := pgtest.Postgres(t)
	s := open(t, url, postgres.Config{})
	defer func() { require.NoError(t, s.Close()) }()
	storetest.RecordQuarantined(t, s)
	rows, err := raw(t, url).Query(t.Context(), `
select stream, sequence, idx, subject, time, reason, coalesce(task_id, '') as task_id, bytes from quarantine order by idx`)
	require.NoError(t, err)
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[store.Quarantined])
	require.NoError(t, err)
	require.Len(t, got, len(storetest.Quarantined))
	for i, want := range storetest.Quarantined {
		want.Reason = strings.ReplaceAll(want.Reason, "\x00", "\uFFFD")
		require.True(t, want.Time.Equal(got[i].Time))
		got[i].Time = want.Time
		want.Bytes = append([]byte{}, want.Bytes...)
		require.Equal(t, want, got[i])
	}
}

// A connection that dies in the middle of a batch is an error, and the next
// batch takes another one.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	url := pgtest.Postgres(t)
	s := open(t, url, postgres.Config{Writers: 1})
	defer func() { require.NoError(t, s.Close()) }()
	db := raw(t, url)
	b := store.Batch{To: store.Position{Events: 1}, Fold: func(map[string]store.State) store.Changes {
		_, err := db.Exec(t.Context(), `select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and state = 'idle in transaction'`)
		require.NoError(t, err)
		return store.Changes{}
	}}
	require.Error(t, s.Record(t.Context(), b))
	at, err := s.Position(t.Context())
	require.NoError(t, err)
	require.Zero(t, at)
	b.Fold = func(map[string]store.State) store.Changes { return store.Changes{} }
	require.NoError(t, s.Record(t.Context(), b))
}
