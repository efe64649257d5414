package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// health is the answer to a probe.
type health struct {
	code   int
	Status string
	Checks map[string]string
}

// probe asks; code is 0 as long as nobody listens.
func probe(t *testing.T, addr, path string) health {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t), http.MethodGet, "http://"+addr+path, http.NoBody)
	require.NoError(t, err)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return health{}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NotContains(t, string(b), "hunter2")
	h := health{code: resp.StatusCode}
	require.NoError(t, json.Unmarshal(b, &h), string(b))
	return h
}

// becomes waits until /readyz says this of a part, and requires the status
// that goes with it.
func becomes(t *testing.T, addr, part, says string) {
	t.Helper()
	var last health
	require.Eventually(t, func() bool {
		last = probe(t, addr, "/readyz")
		return last.Checks[part] == says && (says != "ok" || last.code == http.StatusOK)
	}, patience, 10*time.Millisecond, "%s: %s", part, says)
	if says != "ok" {
		require.Equal(t, http.StatusServiceUnavailable, last.code)
		require.Equal(t, "unavailable", last.Status)
	}
}

// alone is one role with a health listener, and its server, which has a
// password in its URL.
func alone(t *testing.T, r config.Role) (config.Config, *queuetest.Server) {
	t.Helper()
	server, cfg := queuetest.Start(t), settings(t)
	cfg.Roles, cfg.HealthListen = []config.Role{r}, "127.0.0.1:0"
	cfg.NATS = "nats://rs:hunter2@" + server.URL()[len("nats://"):]
	return cfg, server
}

func TestHealthOfEachRoleAlone(t *testing.T) {
	t.Parallel()
	for _, role := range []config.Role{config.Recorder, config.Worker} {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			cfg, server := alone(t, role)
			a := start(t, cfg, with("Quick", quick{}))
			becomes(t, a.HealthAddr(), string(role), "ok")
			require.Equal(t, health{code: http.StatusOK, Status: "ok"}, probe(t, a.HealthAddr(), "/healthz"))
			require.Empty(t, a.Addr(), "nothing but the probes is served")
			require.Equal(t, http.StatusNotFound, probe(t, a.HealthAddr(), "/task").code)
			server.Stop(t)
			becomes(t, a.HealthAddr(), string(role), "not connected to NATS")
			require.Equal(t, http.StatusOK, probe(t, a.HealthAddr(), "/healthz").code, "a restart would not help")
			server.Restart(t)
			becomes(t, a.HealthAddr(), string(role), "ok")
			stop(t, a)
			require.Zero(t, probe(t, a.HealthAddr(), "/healthz").code, "it stops with the process")
		})
	}
}

func TestHealthWhileItStarts(t *testing.T) {
	t.Parallel()
	cfg, server := alone(t, config.Worker)
	cfg.HealthListen = free(t)
	server.Stop(t)
	a, started := app.New(cfg, logger(t), with("Quick", quick{})), make(chan error, 1)
	go func() { started <- a.Start(within(t)) }()
	becomes(t, cfg.HealthListen, "worker", "it is starting")
	require.Equal(t, http.StatusOK, probe(t, cfg.HealthListen, "/healthz").code)
	server.Restart(t)
	require.NoError(t, <-started)
	t.Cleanup(func() { stop(t, a) })
	becomes(t, cfg.HealthListen, "worker", "ok")
}

// free is an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// broken is a store that cannot be written to while off is set.
type broken struct {
	store.Store
	off *atomic.Bool
}

func (b broken) Record(ctx context.Context, batch store.Batch) error {
	if b.off.Load() {
		return errors.New("connect to postgres://rs:hunter2@db/rs: refused")
	}
	return b.Store.Record(ctx, batch)
}

func TestGatewaysReadyzShowsTheWholeProcess(t *testing.T) {
	t.Parallel()
	var off atomic.Bool
	hooks := with("Quick", quick{})
	hooks.Store = func(st store.Store) store.Store { return broken{st, &off} }
	cfg := settings(t)
	cfg.HealthListen = "127.0.0.1:0"
	a := start(t, cfg, hooks)
	becomes(t, a.Addr(), "worker", "ok")
	becomes(t, a.Addr(), "recorder", "ok")
	off.Store(true)
	c := newClient(t, a.URL())
	_, how, err := c.PublishOne(within(t), client.NewTask{ProcessInstanceID: "p", TaskID: "1", Stone: "Quick"})
	require.NoError(t, err)
	require.Equal(t, client.Queued, how)
	for _, addr := range []string{a.Addr(), a.HealthAddr()} {
		becomes(t, addr, "recorder", "messages are not being recorded; the log says why")
		require.Equal(t, "ok", probe(t, addr, "/readyz").Checks["worker"])
	}
	require.Equal(t, "ok", probe(t, a.HealthAddr(), "/readyz").Checks["gateway"])
	off.Store(false)
	becomes(t, a.Addr(), "recorder", "ok")
	becomes(t, a.HealthAddr(), "gateway", "ok")
	requireWay(t, c, []string{"1"})
}

func TestReadyzNamesTheGap(t *testing.T) {
	t.Parallel()
	server := queuetest.Start(t)
	js := server.JetStream(t)
	for range 3 {
		_, err := js.Publish(t.Context(), queue.TaskSubject("Quick", "", task.Start), []byte("{}"))
		require.NoError(t, err)
	}
	s, err := js.Stream(t.Context(), queue.StreamTasks)
	require.NoError(t, err)
	require.NoError(t, s.Purge(t.Context(), jetstream.WithPurgeSequence(3)))
	cfg := settings(t)
	cfg.Roles, cfg.NATS = []config.Role{config.Recorder, config.Gateway}, server.URL()
	a := start(t, cfg, app.Hooks{})
	becomes(t, a.Addr(), "recorder", "messages are missing behind the checkpoint")
}

func TestReadyzWhenAConsumerIsGone(t *testing.T) {
	t.Parallel()
	cfg, server := alone(t, config.Worker)
	a := start(t, cfg, with("Quick", quick{}))
	becomes(t, a.HealthAddr(), "worker", "ok")
	require.NoError(t, server.JetStream(t).DeleteConsumer(t.Context(), queue.StreamTasks, queue.Control.Durable("Quick", "")))
	becomes(t, a.HealthAddr(), "worker", "a consumer of its stones is missing")
}
