package app_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

// With fsync for each message or without it: a killed process loses nothing
// that it has handed to the system.
func TestNATSKilledUnderLoad(t *testing.T) {
	t.Parallel()
	for name, url := range stores {
		for _, sync := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, sync %t", name, sync), func(t *testing.T) {
				t.Parallel()
				server := queuetest.StartWith(t, queuetest.Config{Process: true, SyncAlways: sync})
				requireSurvival(t, url(t), server.URL(), func() {
					server.Kill(t)
					server.Restart(t)
				})
			})
		}
	}
}

func TestPostgresCrashesUnderLoad(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t)
	requireSurvival(t, server.URL(), queuetest.Start(t).URL(), func() {
		server.Crash(t)
		server.Restart(t)
	})
}

// requireSurvival lets a server crash, and come back, while tasks are published
// and worked on. Each task that was accepted, and no other, goes its way to the
// end, step by step, each step once.
func requireSurvival(t *testing.T, store, nats string, crash func()) {
	t.Helper()
	const between, crashes = 100, 3 // tasks from one crash to the next
	cfg := settings(t)
	cfg.Roles = []config.Role{config.Recorder, config.Gateway}
	cfg.Store, cfg.NATS = store, nats
	a := start(t, cfg, app.Hooks{})
	startWorker(t, nats)
	c := newClient(t, a.URL())
	l := publishing(t, c, "Quick")
	for range crashes {
		l.reach(t, between)
		crash()
	}
	l.reach(t, between)
	tasks := l.stop()
	requireSteps(t, requireWay(t, c, tasks))
	for _, f := range []client.Filter{{ProcessInstanceID: "p", Size: 1}, {Statuses: []string{"monitor.success"}, Size: 1}} {
		_, total, err := c.List(within(t), f)
		require.NoError(t, err)
		require.Equal(t, len(tasks), total)
	}
	requireClean(t, a.Store(), nats)
	requireNoFailure(t, a)
}

// requireSteps requires that no step was made before the one it follows.
func requireSteps(t *testing.T, histories [][]client.Transition) {
	t.Helper()
	for n, steps := range histories {
		for i := range steps[1:] {
			require.LessOrEqual(t, steps[i].Time, steps[i+1].Time, "task %d: %s, %s", n, steps[i].Status, steps[i+1].Status)
		}
	}
}

// startWorker runs a worker of the stone Quick whose lost work comes again soon.
func startWorker(t *testing.T, nats string) {
	t.Helper()
	nc, err := queue.Connect(nats, queue.ConnectConfig{})
	require.NoError(t, err)
	w, err := stone.NewWorker(nc, stone.Config{AckWait: lease, Logger: logger(t)})
	require.NoError(t, err)
	require.NoError(t, w.Add(stone.Spec{Code: "Quick", Concurrency: 20}, quick{}))
	require.NoError(t, w.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, w.Stop(ctx))
		nc.Close()
	})
}
