package recorder_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/recorder"
)

// leased is a store that counts the leases it did not give.
type leased struct {
	store.Store

	refused atomic.Int32
}

func (l *leased) Lease(ctx context.Context, duty, holder string, ttl time.Duration) (bool, error) {
	got, err := l.Store.Lease(ctx, duty, holder, ttl)
	if err == nil && !got {
		l.refused.Add(1)
	}
	return got, err
}

// Recorded events are taken out of their stream, commands that nobody has
// worked on are not; and it is done under the lease.
func TestTrim(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		held, err := b.store.Lease(t.Context(), "trim", "another", time.Hour)
		require.NoError(t, err)
		require.True(t, held)
		l := &leased{Store: b.store}
		b.store = l
		r := b.record(recorder.Config{Keep: time.Nanosecond, TrimEvery: 10 * time.Millisecond})
		c := command(1)
		b.publish(c)
		for _, s := range whole {
			b.tell(event(c, 1, s))
		}
		b.until(c.ID, task.MonitorSuccess)
		queuetest.WaitFor(t, func() bool { return r.Position() == store.Position{Tasks: 1, Events: 4} })
		before := l.refused.Load()
		queuetest.WaitFor(t, func() bool { return l.refused.Load() >= before+2 }) // so one trim was left out wholly
		require.EqualValues(t, 4, stored(t, b, queue.StreamEvents), "another has the lease")

		require.NoError(t, b.store.Release(t.Context(), "trim", "another"))
		queuetest.WaitFor(t, func() bool { return stored(t, b, queue.StreamEvents) == 0 })
		require.EqualValues(t, 1, stored(t, b, queue.StreamTasks))
	})
}

// stored is how many messages a stream holds.
func stored(t *testing.T, b *bed, stream string) uint64 {
	t.Helper()
	js, err := jetstream.New(b.nc)
	require.NoError(t, err)
	s, err := js.Stream(t.Context(), stream)
	require.NoError(t, err)
	return s.CachedInfo().State.Msgs
}

// A worker may only ask about tasks of the stone whose subject it asks on, for
// that is what it has the right to.
func TestAQuestionOnAnotherStonesSubject(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		b.record(recorder.Config{})
		c := command(1)
		b.publish(c)
		b.until(c.ID, task.ProduceSuccess)
		q := queue.Question{ID: c.ID, Epoch: 1, Method: task.Start, Delivery: 1, Worker: "thief"}
		data, err := json.Marshal(q)
		require.NoError(t, err)
		var a queue.Answer
		queuetest.WaitFor(t, func() bool {
			m, err := b.nc.Request(queue.AskSubject("Other"), data, 2*time.Second)
			return err == nil && json.Unmarshal(m.Data, &a) == nil
		})
		require.Equal(t, queue.Superseded, a.Answer)
		require.Equal(t, queue.Run, b.ask(q).Answer, "nothing was granted")
	})
}
