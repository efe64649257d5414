package audit_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/audit"
	"github.com/riverstones/riverstones/store/postgres"
	"github.com/riverstones/riverstones/store/recorder"
	"github.com/riverstones/riverstones/store/sqlite"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, goleak.IgnoreCurrent()) }

// bed is a queue, a database with its store, and a recorder between them.
type bed struct {
	store  store.Store
	exec   func(t *testing.T, sql string) // raw, behind the store's back
	server *queuetest.Server
	nc     *nats.Conn
	pub    *queue.Publisher
}

// each runs f on both kinds of database.
func each(t *testing.T, f func(t *testing.T, b *bed)) {
	t.Helper()
	for name, open := range map[string]func(*testing.T, *bed){"sqlite": onSQLite, "postgres": onPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &bed{server: queuetest.Start(t)}
			open(t, b)
			t.Cleanup(func() { require.NoError(t, b.store.Close()) })
			b.nc = b.server.Connect(t)
			var err error
			b.pub, err = queue.NewPublisher(b.nc, queue.PublisherConfig{Deadline: 20 * time.Second})
			require.NoError(t, err)
			f(t, b)
		})
	}
}

func onSQLite(t *testing.T, b *bed) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "riverstones.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Config{Migrate: true})
	require.NoError(t, err)
	b.store = s
	b.exec = func(t *testing.T, query string) {
		t.Helper()
		db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
		require.NoError(t, err)
		defer db.Close() //nolint:errcheck // a test's
		_, err = db.ExecContext(t.Context(), query)
		require.NoError(t, err)
	}
}

func onPostgres(t *testing.T, b *bed) {
	t.Helper()
	url := pgtest.Postgres(t)
	s, err := postgres.Open(t.Context(), url, postgres.Config{})
	require.NoError(t, err)
	b.store = s
	b.exec = func(t *testing.T, query string) {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), url)
		require.NoError(t, err)
		defer conn.Close(t.Context()) //nolint:errcheck // a test's
		_, err = conn.Exec(t.Context(), query)
		require.NoError(t, err)
	}
}

// record starts a recorder and returns how to stop it.
func (b *bed) record(t *testing.T) (stop func()) {
	t.Helper()
	r := recorder.New(b.store, b.server.Connect(t), recorder.Config{})
	require.NoError(t, r.Start(t.Context()))
	stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		require.NoError(t, r.Stop(ctx))
	}
	t.Cleanup(stop)
	return stop
}

// recorded records all that is in the streams.
func (b *bed) recorded(t *testing.T) {
	t.Helper()
	js := b.server.JetStream(t)
	var want store.Position
	for name, at := range map[string]*uint64{queue.StreamTasks: &want.Tasks, queue.StreamEvents: &want.Events} {
		s, err := js.Stream(t.Context(), name)
		require.NoError(t, err)
		*at = s.CachedInfo().State.LastSeq
	}
	stop := b.record(t)
	queuetest.WaitFor(t, func() bool {
		pos, err := b.store.Position(t.Context())
		return err == nil && pos == want
	})
	stop()
}

// skip moves the checkpoint over the messages that wait.
func (b *bed) skip(t *testing.T, stream string, n int) {
	t.Helper()
	b.exec(t, fmt.Sprintf("update checkpoint set sequence = sequence + %d where stream = '%s'", n, stream))
}

func command(n int) *queue.Command {
	return &queue.Command{Names: task.Names{ID: uuid.Must(uuid.NewV7()).String(), TaskID: fmt.Sprintf("t%d", n), ProcessInstanceID: "p", Name: "n", Namespace: "ns", Stone: "S::1"},
		Method: task.Start, Epoch: 1, Params: []byte(`{}`), Outputs: []byte(`{}`), CreateTime: time.Now().UTC().Truncate(time.Microsecond)}
}

func (b *bed) publish(t *testing.T, cs ...*queue.Command) {
	t.Helper()
	for _, a := range b.pub.Publish(t.Context(), cs) {
		require.NoError(t, a.Err)
	}
}

func event(c *queue.Command, delivery int, ss ...task.Status) queue.Event {
	e := queue.Event{Names: c.Names, Method: c.Method, Epoch: c.Epoch, Delivery: delivery, Worker: "w"}
	for _, s := range ss {
		e.Transitions = append(e.Transitions, queue.Transition{Status: s, Time: time.Now()})
	}
	return e
}

var (
	whole = []task.Status{task.StartBegin, task.StartSuccess, task.MonitorBegin, task.MonitorSuccess}
	begun = []task.Status{task.StartBegin}
)

func (b *bed) tell(t *testing.T, es ...queue.Event) {
	t.Helper()
	require.NoError(t, b.pub.PublishEvents(t.Context(), "S::1", es))
}

// audit audits in small pages, and returns what was found but ids.
func (b *bed) audit(t *testing.T, s audit.Store) *audit.Report {
	t.Helper()
	r, err := audit.Run(t.Context(), s, b.nc, audit.Config{Page: 3, Patience: 500 * time.Millisecond})
	require.NoError(t, err)
	for i := range r.Findings {
		r.Findings[i].ID = ""
	}
	return &r
}

func lost(taskID, detail string) audit.Finding {
	return audit.Finding{Kind: audit.Lost, TaskID: taskID, Detail: detail}
}
