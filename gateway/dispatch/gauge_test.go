package dispatch_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
)

func TestGauge(t *testing.T) {
	t.Parallel()
	js := queuetest.Start(t).JetStream(t)
	g := dispatch.NewGauge(js)
	put := func(stone, key string, m task.Method, n int) {
		t.Helper()
		for range n {
			_, err := js.Publish(t.Context(), queue.TaskSubject(stone, key, m), []byte("{}"))
			require.NoError(t, err)
		}
	}
	durable := func(stone, key string, acks int) {
		t.Helper()
		c, err := js.CreateConsumer(t.Context(), queue.StreamTasks, jetstream.ConsumerConfig{
			Durable: queue.Work.Durable(stone, key), FilterSubjects: queue.Work.Subjects(stone, key), AckPolicy: jetstream.AckExplicitPolicy,
		})
		require.NoError(t, err)
		for range acks {
			m, err := c.Next()
			require.NoError(t, err)
			require.NoError(t, m.DoubleAck(t.Context()))
		}
	}
	requireBacklog := func(want int, stone string, lane queue.Lane) {
		t.Helper()
		n, err := g.Backlog(t.Context(), stone, lane)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	put("A::B", "", task.Start, 3)
	put("A::B", "k", task.Mock, 2)
	put("A::B", "l", task.Start, 4)
	put("A::B", "", task.Cancel, 1)
	put("A", "", task.Start, 7)
	last, err := g.Last(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 17, last)
	requireBacklog(9, "A::B", queue.Work)
	requireBacklog(1, "A::B", queue.Control)
	requireBacklog(0, "A::B", queue.Follow)
	durable("A::B", "l", 3)
	requireBacklog(6, "A::B", queue.Work)
	durable("A", "", 2)
	requireBacklog(5, "A", queue.Work)
}
