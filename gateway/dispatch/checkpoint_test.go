package dispatch_test

import (
	"context"
	"math"
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
	"github.com/riverstones/riverstones/queue/task"
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
	c.Stored(n)
	at.tasks.Store(n / 2) // what is announced is recorded
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
	at.tasks.Store(n)
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

// Messages that are not the recorder's can come on its subject: no publisher
// may be told that its task is recorded because of one.
func TestCheckpointIgnoresWhatIsForeign(t *testing.T) {
	t.Parallel()
	at := &position{}
	c, nc := follow(t, queuetest.Start(t), at, 300*time.Millisecond)
	subject := queue.CheckpointSubject(queue.StreamTasks)
	for _, data := range []string{"", "x", "-1", "1.5", "1 ", "0x7", `{"answer":"run"}`, "99999999999999999999", "000000000000000000000000001"} {
		require.NoError(t, nc.Publish(subject, []byte(data)))
	}
	for range 2000 { // more than it logs
		require.NoError(t, nc.Publish(subject, []byte("noise")))
	}
	require.NoError(t, nc.PublishMsg(&nats.Msg{Subject: subject, Data: []byte("5"), Reply: "$JS.ACK.x"}))
	require.NoError(t, nc.PublishMsg(&nats.Msg{Subject: subject, Data: []byte("5"), Header: nats.Header{"Nats-Stream": {"RS_TASKS"}}}))
	for _, absurd := range []uint64{6, 1 << 40, math.MaxUint64} {
		announce(t, nc, absurd)
	}
	require.NoError(t, nc.Flush())
	require.False(t, c.Wait(t.Context(), 5), "the store says 0, and 5 is the last in the stream")
	require.Zero(t, c.Passed())
	announce(t, nc, 5)
	require.Eventually(t, func() bool { return c.Passed() == 5 }, 10*time.Second, time.Millisecond, "true ones are still heard")
}

// A command in one's own queue can be had delivered to any subject. The client
// sees the subject it was stored under.
func TestCheckpointIgnoresDeliveries(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	c, nc := follow(t, s, &position{}, 200*time.Millisecond)
	js := s.JetStream(t)
	c.Stored(1000)
	_, err := queue.EnsureConsumers(t.Context(), js, "Evil", "")
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), queue.TaskSubject("Evil", "", task.Start), []byte("900"))
	require.NoError(t, err)
	sub, err := nc.SubscribeSync(queue.CheckpointSubject(queue.StreamTasks))
	require.NoError(t, err)
	next := "$JS.API.CONSUMER.MSG.NEXT." + queue.StreamTasks + "." + queue.Work.Durable("Evil", "")
	require.NoError(t, nc.PublishRequest(next, queue.CheckpointSubject(queue.StreamTasks), []byte("1")))
	m, err := sub.NextMsg(10 * time.Second)
	require.NoError(t, err)
	require.Equal(t, "900", string(m.Data), "it came")
	require.False(t, c.Wait(t.Context(), 900))
}

func TestCheckpointBeyondTheKnownAsksTheStore(t *testing.T) {
	t.Parallel()
	at := &position{}
	c, nc := follow(t, queuetest.Start(t), at, time.Minute)
	require.Eventually(t, c.Known, 10*time.Second, time.Millisecond)
	at.tasks.Store(70) // other gateways and workers publish too
	announce(t, nc, 70)
	require.Eventually(t, func() bool { return c.Passed() == 70 }, 10*time.Second, time.Millisecond)
	at.tasks.Store(40) // a backup was restored
	announce(t, nc, 71)
	require.Eventually(t, func() bool { return c.Passed() == 40 }, 10*time.Second, time.Millisecond)
}
