package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/client"
)

// A stream that breaks off is gone on with behind the last whole event.
func TestEventsGoOn(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	from := make(chan string, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from <- r.Header.Get("Last-Event-ID")
		switch calls.Add(1) {
		case 1:
			_, _ = fmt.Fprint(w, "retry: 1\nid: 1-0\n\n: heartbeat\nid: 1-1\n\nid: 1-2\nevent: log\ndata: {\"line\":\"one\",\"time\":\"2026-11-21T09:00:00Z\"}\n\nid: 1-3\nevent: log\ndata: {\"li")
		case 2:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			_, _ = fmt.Fprint(w, "id: 1-3\nevent: log\ndata: {\"line\":\"two\",\"time\":\"2026-11-21T09:00:00Z\"}\n\n")
		}
	}))
	t.Cleanup(srv.Close)
	c, err := client.New(srv.URL, client.Config{Backoff: time.Millisecond})
	require.NoError(t, err)
	enough := errors.New("enough")
	var got []string
	lost := 0
	err = c.Events(t.Context(), client.EventFilter{TaskID: "t"}, "0-0", func(e client.Event) error {
		got = append(got, e.Kind+" "+e.Cursor+" "+*e.Line)
		if len(got) == 2 {
			return enough
		}
		return nil
	}, func(error) { lost++ })
	require.Equal(t, enough, err)
	require.Equal(t, []string{"log 1-2 one", "log 1-3 two"}, got)
	require.Equal(t, 2, lost)
	require.Equal(t, []string{"0-0", "1-2", "1-2"}, []string{<-from, <-from, <-from})
}

func TestEventsRefused(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `{"message":"Bad request","exception":"a filter is missing"}`)
	}))
	t.Cleanup(srv.Close)
	c, err := client.New(srv.URL, client.Config{})
	require.NoError(t, err)
	err = c.Events(t.Context(), client.EventFilter{}, "", func(client.Event) error { return nil }, nil)
	require.ErrorIs(t, err, client.ErrBadRequest)
	require.ErrorContains(t, err, "a filter is missing")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, c.Events(ctx, client.EventFilter{TaskID: "t"}, "", nil, nil), context.Canceled)
}
