package dispatch_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue/task"
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
