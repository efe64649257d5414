package registry_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/registry"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

func TestBacklogOfAStoneNobodyServes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.use(code)
	before := time.Now().Add(-time.Second)
	b.send(task.Start, "", 3)
	b.send(task.Start, "eu:1", 2)
	b.send(task.Cancel, "", 1)
	s, err := b.reg.Stone(t.Context(), code)
	require.NoError(t, err)
	require.False(t, s.Declared)
	require.Equal(t, map[string]int{"start": 5, "cancel": 1}, counts(s))
	require.Len(t, s.Backlog, len(task.Methods()))
	require.WithinRange(t, s.OldestWaiting, before, time.Now().Add(time.Second))
	_, err = b.reg.Pause(t.Context(), code)
	require.Equal(t, fault.Conflict, fault.Of(err).Kind, "nothing delivers anything that could be paused")
	s, err = b.reg.Resume(t.Context(), code)
	require.NoError(t, err)
	require.False(t, s.Paused)
	for _, turn := range []func(context.Context, string) (registry.Stone, error){b.reg.Pause, b.reg.Resume} {
		for _, unknown := range []string{"Unknown", "1 no code"} {
			_, err := turn(t.Context(), unknown)
			require.Equal(t, fault.NotFound, fault.Of(err).Kind)
		}
	}
}

// What workers hold is no backlog as long as one is there; what dead ones held is.
func TestBacklogByMethod(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.use(code)
	lanes, err := queue.EnsureConsumers(t.Context(), b.js, code, "")
	require.NoError(t, err)
	b.send(task.Start, "", 2)
	b.send(task.Mock, "", 2)
	b.send(task.Start, "", 3)
	b.send(task.Rollback, "", 1)
	b.send(task.Delete, "k", 4)
	s, err := b.reg.Stone(t.Context(), code)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"start": 5, "mock": 2, "rollback": 1, "delete": 4}, counts(s))
	first := s.OldestWaiting
	require.NotZero(t, first)

	var held []jetstream.Msg
	for range 5 { // two starts, two mocks, one start
		m, err := lanes[queue.Work].Next()
		require.NoError(t, err)
		held = append(held, m)
	}
	require.NoError(t, held[1].DoubleAck(t.Context())) // out of order
	b.announce("w")
	s = b.shown(b.reg, func(s registry.Stone) bool { return len(s.Workers) == 1 })
	require.Equal(t, map[string]int{"start": 2, "rollback": 1, "delete": 4}, counts(s))
	require.True(t, s.OldestWaiting.After(first))

	b.clock.forward(queue.StoneTTL)
	s, err = b.reg.Stone(t.Context(), code)
	require.NoError(t, err)
	require.Equal(t, 6, s.Backlog[task.Start]+s.Backlog[task.Mock], "two that nobody took, and four that were held")
	require.Equal(t, first, s.OldestWaiting)
	for _, m := range append(held[:1], held[2:]...) {
		require.NoError(t, m.DoubleAck(t.Context()))
	}
	s, err = b.reg.Stone(t.Context(), code)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"start": 2, "rollback": 1, "delete": 4}, counts(s))
}

func TestBacklogByBusinessKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.use(code)
	_, err := queue.EnsureConsumers(t.Context(), b.js, code, "a")
	require.NoError(t, err)
	b.send(task.Start, "a", 2)
	b.send(task.Start, "b", 3)
	b.send(task.Start, "", 1)
	b.send(task.Monitor, "a", 1)
	s, err := b.reg.Stone(t.Context(), code)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"start": 6, "monitor": 1}, counts(s))
	lanes, err := queue.EnsureConsumers(t.Context(), b.js, code, "a")
	require.NoError(t, err)
	m, err := lanes[queue.Work].Next()
	require.NoError(t, err)
	require.NoError(t, m.DoubleAck(t.Context()))
	s, err = b.reg.Stone(t.Context(), code)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"start": 5, "monitor": 1}, counts(s), "what is worked off is not counted, though it is still stored")
}

func TestPauseStopsDeliveryAndResumeContinues(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var ran atomic.Int32
	started := stone.Func(func(context.Context, *stone.Task) error { ran.Add(1); return nil })
	w := b.work(stone.Spec{}, started)
	b.shown(b.reg, func(s registry.Stone) bool { return len(s.Workers) == 1 })
	b.send(task.Start, "", 1)
	queuetest.WaitFor(t, func() bool { return ran.Load() == 1 })

	for range 2 { // the second time changes nothing
		s, err := b.reg.Pause(t.Context(), code)
		require.NoError(t, err)
		require.True(t, s.Paused)
	}
	b.send(task.Start, "", 5)
	b.send(task.Cancel, "", 1)
	s, err := b.reg.Stone(t.Context(), code)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"start": 5, "cancel": 1}, counts(s))

	// Neither a restart of the server nor another worker makes it go on.
	require.NoError(t, w.Stop(t.Context()))
	b.server.Restart(t)
	queuetest.WaitFor(t, func() bool { return b.nc.IsConnected() })
	var second *stone.Worker
	queuetest.WaitFor(t, func() bool {
		second, err = stone.NewWorker(b.server.Connect(t), stone.Config{})
		require.NoError(t, err)
		require.NoError(t, second.Add(stone.Spec{Code: code}, started))
		return second.Start(t.Context()) == nil
	})
	t.Cleanup(func() { require.NoError(t, second.Stop(context.Background())) })
	s = b.shown(b.reg, func(s registry.Stone) bool {
		return len(s.Workers) == 1 && s.Workers[0].Live && !s.Workers[0].LastFetch.IsZero()
	})
	require.True(t, s.Paused)
	require.Equal(t, map[string]int{"start": 5, "cancel": 1}, counts(s))
	require.EqualValues(t, 1, ran.Load())

	for range 2 {
		s, err = b.reg.Resume(t.Context(), code)
		require.NoError(t, err)
		require.False(t, s.Paused)
	}
	b.shown(b.reg, func(s registry.Stone) bool { return len(counts(s)) == 0 })
	queuetest.WaitFor(t, func() bool { return ran.Load() == 6 })
}

// A stone that nobody serves now is paused and resumed as well.
func TestPauseWithoutWorkers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.use(code)
	_, err := queue.EnsureConsumers(t.Context(), b.js, code, "")
	require.NoError(t, err)
	s, err := b.reg.Pause(t.Context(), code)
	require.NoError(t, err)
	require.True(t, s.Paused)
	other := b.start(registry.Config{})
	s, err = other.Stone(t.Context(), code)
	require.NoError(t, err)
	require.True(t, s.Paused, "other gateways see it")
	s, err = other.Resume(t.Context(), code)
	require.NoError(t, err)
	require.False(t, s.Paused)
}

// A pause holds for the keys there are; one that comes later is shown.
func TestPauseByBusinessKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.use(code)
	ensure := func(key string) map[queue.Lane]jetstream.Consumer {
		lanes, err := queue.EnsureConsumers(t.Context(), b.js, code, key)
		require.NoError(t, err)
		return lanes
	}
	paused := func(lanes map[queue.Lane]jetstream.Consumer) (n int) {
		for _, c := range lanes {
			info, err := c.Info(t.Context())
			require.NoError(t, err)
			if info.Paused {
				n++
			}
		}
		return n
	}
	one, two := ensure("a"), ensure("b:1")
	s, err := b.reg.Pause(t.Context(), code)
	require.NoError(t, err)
	require.True(t, s.Paused)
	require.Equal(t, []int{3, 3}, []int{paused(one), paused(two)})
	three := ensure("c")
	s, err = b.reg.Stone(t.Context(), code)
	require.NoError(t, err)
	require.False(t, s.Paused)
	_, err = b.reg.Pause(t.Context(), code)
	require.NoError(t, err)
	require.Equal(t, 3, paused(three))
	_, err = b.reg.Resume(t.Context(), code)
	require.NoError(t, err)
	require.Zero(t, paused(one)+paused(two)+paused(three))
}

// However many ask, the server is asked once in a while.
func TestFiguresAreShared(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.use(code)
	r, err := registry.New(b.server.Connect(t), b.store, registry.Config{Fresh: time.Hour})
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context()))
	t.Cleanup(r.Stop)
	_, err = r.Stone(t.Context(), code)
	require.NoError(t, err)
	b.send(task.Start, "", 1)
	s, err := r.Stone(t.Context(), code)
	require.NoError(t, err)
	require.Empty(t, counts(s), "as it was counted first")
	s, err = r.Resume(t.Context(), code)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"start": 1}, counts(s), "who changes something sees it")
}
