package recorder_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/recorder"
)

// stuck is a store that grants nothing before it is opened.
type stuck struct {
	store.Store

	open  chan struct{}
	asked atomic.Int32
}

func (s *stuck) Grant(ctx context.Context, id string, m task.Method, decide store.Decide) error {
	s.asked.Add(1)
	<-s.open
	return s.Store.Grant(ctx, id, m, decide)
}

// A question that nobody waits for any more is left, so that those behind it
// are answered in time.
func TestLateQuestionsAreLeft(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		s := &stuck{Store: b.store, open: make(chan struct{})}
		b.store = s
		b.record(recorder.Config{})
		c := command(1)
		b.publish(c)
		b.until(c.ID, task.ProduceSuccess)
		const atOnce, waiting = 4, 20
		data, err := json.Marshal(queue.Question{ID: c.ID, Epoch: 1, Method: task.Start, Delivery: 1, Worker: "w"})
		require.NoError(t, err)
		ask := func(wait time.Duration) error {
			_, err := b.nc.Request(queue.AskSubject(c.Stone), data, wait)
			return err
		}
		late := make(chan error, atOnce+waiting)
		for range atOnce + waiting {
			go func() { late <- ask(2 * time.Second) }()
		}
		for range atOnce + waiting {
			require.ErrorIs(t, <-late, nats.ErrTimeout)
		}
		require.EqualValues(t, atOnce, s.asked.Load())
		close(s.open)
		queuetest.WaitFor(t, func() bool { return ask(2*time.Second) == nil })
		require.LessOrEqual(t, s.asked.Load(), int32(atOnce+2), "those that waited are not asked about")
		requireSharedLooks(t, b, c.Stone, data)
	})
}

// requireSharedLooks asks many questions at once, and requires that the recorder
// does not look up the streams for each of them.
func requireSharedLooks(t *testing.T, b *bed, stone string, question []byte) {
	t.Helper()
	const questions = 50
	looks, err := b.nc.SubscribeSync("$JS.API.STREAM.INFO." + queue.StreamTasks)
	require.NoError(t, err)
	answers, err := b.nc.SubscribeSync(b.nc.NewInbox())
	require.NoError(t, err)
	for range questions {
		require.NoError(t, b.nc.PublishRequest(queue.AskSubject(stone), answers.Subject, question))
	}
	for range questions {
		_, err := answers.NextMsg(20 * time.Second)
		require.NoError(t, err)
	}
	n, _, err := looks.Pending()
	require.NoError(t, err)
	require.Positive(t, n)
	require.Less(t, n, questions/2)
}
