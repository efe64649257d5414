package client_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/client"
)

func TestWaitEnd(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := setup(t, client.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		switch calls.Add(1) {
		case 1:
			reply(w, 404, `{"message":"Not found","exception":"not yet recorded"}`)
		case 2:
			reply(w, 200, `{"status":"start.begin","endTime":null}`)
		default:
			reply(w, 200, `{"status":"start.failed","endTime":"2026-01-01 00:00:00"}`)
		}
	})
	got, err := c.WaitEnd(t.Context(), "1", time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, "start.failed", got.Status)
	require.EqualValues(t, 3, calls.Load())
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := setup(t, client.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, `{"status":"start.begin","endTime":null}`)
		cancel()
	})
	_, err := c.WaitEnd(ctx, "1", time.Hour)
	require.ErrorIs(t, err, context.Canceled)
}

func TestWaitEndStopsAtAnError(t *testing.T) {
	t.Parallel()
	c := setup(t, client.Config{}, func(w http.ResponseWriter, _ *http.Request) { reply(w, 500, `{"message":"Internal"}`) })
	_, err := c.WaitEnd(t.Context(), "1", time.Millisecond)
	require.ErrorContains(t, err, "Internal")
}

func TestFollowTellsEachTransitionOnce(t *testing.T) {
	t.Parallel()
	// The second look finds start.begin late, in the middle of what is known.
	histories := []string{"produce.success start.success", "produce.success start.begin start.success monitor.success"}
	var looks atomic.Int32
	c := setup(t, client.Config{}, func(w http.ResponseWriter, r *http.Request) {
		n := min(int(looks.Load()), 1)
		if !strings.HasSuffix(r.URL.Path, "/history") {
			reply(w, 200, []string{`{"status":"start.success","endTime":null}`,
				`{"status":"monitor.success","endTime":"2026-01-01 00:00:00"}`}[n])
			return
		}
		var rows []string
		for s := range strings.FieldsSeq(histories[n]) {
			rows = append(rows, `{"status":"`+s+`","attempt":1,"worker":"w"}`)
		}
		reply(w, 200, "["+strings.Join(rows, ",")+"]")
		looks.Add(1)
	})
	var told []string
	got, err := c.Follow(t.Context(), "1", time.Millisecond, func(_ client.Task, news []client.Transition) {
		for _, tr := range news {
			told = append(told, tr.Status)
		}
	})
	require.NoError(t, err)
	require.Equal(t, "monitor.success", got.Status)
	require.Equal(t, []string{"produce.success", "start.success", "start.begin", "monitor.success"}, told)
}
