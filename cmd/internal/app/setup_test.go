package app_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

// patience bounds every wait of a test.
const patience = 90 * time.Second

// way is what an untroubled task goes through.
var way = []string{"produce.success", "start.begin", "start.success", "monitor.begin", "monitor.success"}

// stores run a test on both kinds.
var stores = map[string]func(t *testing.T) string{
	"sqlite":   func(*testing.T) string { return "" },
	"postgres": func(t *testing.T) string { t.Helper(); return pgtest.Postgres(t) },
}

// settings are those of a whole system on free ports, without stones.
func settings(t *testing.T) config.Config {
	t.Helper()
	c := config.Default()
	c.Roles = config.Roles()
	c.Listen, c.NATSListen = "127.0.0.1:0", ""
	c.Data = t.TempDir()
	c.Stones = config.Stones{}
	return c
}

func logger(t *testing.T) *zap.Logger {
	t.Helper()
	return zaptest.NewLogger(t, zaptest.Level(zapcore.ErrorLevel))
}

// start starts a system that stops with the test.
func start(t *testing.T, cfg config.Config, hooks app.Hooks) *app.App {
	t.Helper()
	a := app.New(cfg, logger(t), hooks)
	require.NoError(t, a.Start(t.Context()))
	t.Cleanup(func() { stop(t, a) })
	return a
}

func stop(t *testing.T, a *app.App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, a.Stop(ctx))
}

// newClient returns a client that does not give up easily.
func newClient(t *testing.T, url string) *client.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 32}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := client.New(url, client.Config{HTTP: &http.Client{Transport: transport, Timeout: patience}, Retries: 200, Backoff: 20 * time.Millisecond})
	require.NoError(t, err)
	return c
}

// within returns a context that ends with the test's patience.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// quick is a stone that is done at once.
type quick struct{}

func (quick) Start(context.Context, *stone.Task) error { return nil }

func (quick) Monitor(context.Context, *stone.Task) error { return nil }

// with adds one stone to the worker.
func with(code string, s stone.Stone) app.Hooks {
	return app.Hooks{Stones: func(w *stone.Worker) error {
		return w.Add(stone.Spec{Code: code, Concurrency: 20}, s)
	}}
}

// load publishes tasks of a stone until stopped, and remembers which were taken.
type load struct {
	c     *client.Client
	stone string
	end   context.CancelFunc
	wg    sync.WaitGroup
	mu    sync.Mutex
	taken []string
}

// publishing publishes from several goroutines at once.
func publishing(t *testing.T, c *client.Client, code string) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{c: c, stone: code, end: cancel}
	for g := range 4 {
		l.wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				l.publish(t, fmt.Sprintf("%s-%d-%d", code, g, i))
			}
		})
	}
	t.Cleanup(func() { cancel(); l.wg.Wait() })
	return l
}

func (l *load) publish(t *testing.T, id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, _, err := l.c.PublishOne(ctx, client.NewTask{ProcessInstanceID: "p", TaskID: id, Stone: l.stone, Params: []byte(`{"n":1}`)})
	if assert.NoError(t, err) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.taken = append(l.taken, id)
	}
}

// reach waits until n more tasks were taken.
func (l *load) reach(t *testing.T, n int) {
	t.Helper()
	count := func() int { l.mu.Lock(); defer l.mu.Unlock(); return len(l.taken) }
	want := count() + n
	require.Eventually(t, func() bool { return count() >= want }, patience, 5*time.Millisecond)
}

// stop ends publishing and returns the tasks that were taken.
func (l *load) stop() []string {
	l.end()
	l.wg.Wait()
	return l.taken
}

// requireWay waits for the end of each task and requires its transitions to be
// the untroubled ones: none twice, none missing, none out of order. It returns
// them.
func requireWay(t *testing.T, c *client.Client, tasks []string) (histories [][]client.Transition) {
	t.Helper()
	ctx := within(t)
	for _, id := range tasks {
		got, err := c.WaitEnd(ctx, id, 10*time.Millisecond)
		require.NoError(t, err)
		require.Equal(t, "monitor.success", got.Status, id)
		history, err := c.History(ctx, id, false)
		require.NoError(t, err)
		var statuses []string
		for _, tr := range history {
			statuses = append(statuses, tr.Status)
		}
		require.Equal(t, way, statuses, id)
		histories = append(histories, history)
	}
	return histories
}
