package dispatch_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/store"
)

// position is what the store would say.
type position struct{ tasks atomic.Uint64 }

func (p *position) Position(context.Context) (store.Position, error) {
	return store.Position{Tasks: p.tasks.Load()}, nil
}

func follow(t *testing.T, s *queuetest.Server, at dispatch.Positions, patience time.Duration) (*dispatch.Checkpoint, *nats.Conn) {
	t.Helper()
	nc := s.Connect(t)
	c := dispatch.NewCheckpoint(nc, at, patience, zap.NewNop())
	require.NoError(t, c.Start(t.Context()))
	t.Cleanup(c.Stop)
	require.NoError(t, nc.Flush())
	return c, nc
}

func announce(t *testing.T, nc *nats.Conn, seq uint64) {
	t.Helper()
	require.NoError(t, nc.Publish(queue.CheckpointSubject(queue.StreamTasks), strconv.AppendUint(nil, seq, 10)))
}

func TestCheckpointStartsFromTheStore(t *testing.T) {
	t.Parallel()
	at := &position{}
	at.tasks.Store(7)
	c, _ := follow(t, queuetest.Start(t), at, time.Minute)
	require.True(t, c.Wait(t.Context(), 7))
	require.True(t, c.Known())
	require.EqualValues(t, 7, c.Passed())
}

func TestCheckpointWakesThoseItPasses(t *testing.T) {
	t.Parallel()
	at := &position{}
	c, nc := follow(t, queuetest.Start(t), at, time.Minute)
	var wg sync.WaitGroup
	var woken atomic.Int64
	const n = 5000
	for seq := n; seq > 0; seq-- {
		wg.Go(func() {
			if c.Wait(t.Context(), uint64(seq)) {
				woken.Add(1)
			}
		})
	}
	announce(t, nc, n/2)
	require.Eventually(t, func() bool { return woken.Load() == n/2 }, 10*time.Second, time.Millisecond)
	announce(t, nc, 3) // an old one changes nothing
	announce(t, nc, n)
	wg.Wait()
	require.EqualValues(t, n, woken.Load())
	require.EqualValues(t, n, c.Passed())
}

func TestCheckpointWaitEnds(t *testing.T) {
	t.Parallel()
	c, nc := follow(t, queuetest.Start(t), &position{}, 50*time.Millisecond)
	began := time.Now()
	require.False(t, c.Wait(t.Context(), 1), "patience")
	require.GreaterOrEqual(t, time.Since(began), 50*time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.False(t, c.Wait(ctx, 1), "the caller")
	announce(t, nc, 1)
	require.Eventually(t, func() bool { return c.Passed() == 1 }, 10*time.Second, time.Millisecond)
	require.True(t, c.Wait(t.Context(), 1))
	require.False(t, c.Wait(t.Context(), 2), "after the ticker stood still")
}

func TestCheckpointAsksWhenAnnouncementsAreLost(t *testing.T) {
	t.Parallel()
	at := &position{}
	c, _ := follow(t, queuetest.Start(t), at, time.Minute)
	require.Eventually(t, c.Known, 10*time.Second, time.Millisecond)
	at.tasks.Store(9)
	require.True(t, c.Wait(t.Context(), 9))
}

func TestCheckpointAsksAfterAReconnect(t *testing.T) {
	t.Parallel()
	at := &position{}
	s := queuetest.Start(t)
	c, _ := follow(t, s, at, time.Minute)
	require.Eventually(t, c.Known, 10*time.Second, time.Millisecond)
	s.Stop(t)
	at.tasks.Store(4)
	s.Restart(t)
	require.Eventually(t, func() bool { return c.Passed() == 4 }, 20*time.Second, time.Millisecond)
}

func TestCheckpointStopEndsWaits(t *testing.T) {
	t.Parallel()
	nc := queuetest.Start(t).Connect(t)
	c := dispatch.NewCheckpoint(nc, &position{}, time.Minute, zap.NewNop())
	require.NoError(t, c.Start(t.Context()))
	done := make(chan bool, 2)
	go func() { done <- c.Wait(context.Background(), 1) }()
	c.Stop()
	c.Stop()
	require.False(t, <-done)
	require.False(t, c.Wait(context.Background(), 1))
}
