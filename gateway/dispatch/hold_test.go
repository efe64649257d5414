package dispatch_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// A held-back task that is sent again is compared whole, while it waits and
// after it was published.
func TestHeldBackSentAgain(t *testing.T) {
	t.Parallel()
	for name, delay := range map[string]string{"waits": "1h", "published": "1ms"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, options{})
			s.relay(t)
			r := request("t")
			r.Delay, r.Timeout = delay, "90s"
			first, err := s.Publish(t.Context(), r)
			require.NoError(t, err)
			if delay == "1ms" {
				s.until(t, first.Task.ID, task.ProduceSuccess)
				require.Eventually(t, func() bool {
					all, err := s.store.Attempts(t.Context(), first.Task.ID)
					return err == nil && all[0].Sequence > 0 && !all[0].Deadline.IsZero()
				}, 20*time.Second, 10*time.Millisecond)
			}
			again, err := s.Publish(t.Context(), r)
			require.NoError(t, err)
			require.True(t, again.Known)
			for differs, change := range map[string]func(*dispatch.Request){
				"timeout":            func(r *dispatch.Request) { r.Timeout = "91s" },
				"timeout ":           func(r *dispatch.Request) { r.Timeout = "" },
				"delay or notBefore": func(r *dispatch.Request) { r.Delay = "2h" },
			} {
				other := r
				change(&other)
				_, err = s.Publish(t.Context(), other)
				require.Equal(t, fault.Conflict, fault.Of(err).Kind, differs)
				require.ErrorContains(t, err, differs[:len("delay")])
			}
		})
	}
}

// aged is a store whose outbox has waited for long.
type aged struct{ dispatch.RelayStore }

func (a aged) Outgoing(ctx context.Context, now time.Time, limit int) ([]store.Outgoing, time.Time, error) {
	rows, next, err := a.RelayStore.Outgoing(ctx, now, limit)
	for i := range rows {
		rows[i].Since = now.Add(-queue.DuplicateWindow)
	}
	return rows, next, err
}

// What may have been published so long ago that the queue has forgotten it goes
// out as a copy: workers ask before they run it.
func TestALateCommandIsACopy(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	pub, err := queue.NewPublisher(s.nc, queue.PublisherConfig{})
	require.NoError(t, err)
	r, err := dispatch.NewRelay(aged{s.store}, pub, s.nc, nil, zap.NewNop())
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context()))
	t.Cleanup(r.Stop)
	late := request("late")
	late.Delay = "1ms"
	out, err := s.Publish(t.Context(), late)
	require.NoError(t, err)
	m := s.server.Messages(t, queue.StreamTasks, 1)
	require.Equal(t, out.Task.ID+".1.start.late", m[0].Header.Get(nats.MsgIdHdr))
}
