package client_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/client"
)

// A list says whether all that match were counted.
func TestCounts(t *testing.T) {
	t.Parallel()
	exact := true
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI())
		w.Header().Set("X-Total-Count", "100000")
		if !exact {
			w.Header().Set("X-Total-Exact", "false")
		}
		_, _ = w.Write([]byte("[{}]"))
	}))
	defer server.Close()
	c, err := client.New(server.URL, client.Config{})
	require.NoError(t, err)
	for _, exact = range []bool{true, false} {
		want := client.Count{Total: 100000, Exact: exact}
		tasks, n, err := c.ListCount(t.Context(), client.Filter{Stone: "S", Size: 1})
		require.NoError(t, err)
		require.Len(t, tasks, 1)
		require.Equal(t, want, n)
		_, n, err = c.ProcessesCount(t.Context(), client.ProcessFilter{})
		require.NoError(t, err)
		require.Equal(t, want, n)
		_, n, err = c.DeadLettersCount(t.Context(), client.LetterFilter{Stone: "S", Start: 2})
		require.NoError(t, err)
		require.Equal(t, want, n)
		_, n, err = c.QuarantineCount(t.Context(), client.LetterFilter{TaskID: "t/1"})
		require.NoError(t, err)
		require.Equal(t, want, n)
		told, n, err := c.AllCallbacks(t.Context(), client.CallbackFilter{ProcessInstanceID: "p", State: "givenUp", Size: 3})
		require.NoError(t, err)
		require.Len(t, told, 1)
		require.Equal(t, want, n)
	}
	require.Equal(t, []string{"/task?size=1&stone=S", "/process?", "/deadletter?start=2&stone=S", "/quarantine?taskId=t%2F1",
		"/callback?processInstanceId=p&size=3&state=givenUp"}, asked[:5])
}

// Steps tell what an attempt changed, byte for byte.
func TestSteps(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RequestURI() != "/task/t%2F1/history?notes=true" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(`[{"status":"produce.success","time":"2026-11-21T09:00:00.000000Z","attempt":2,"delivery":null,"worker":null,"reason":null,
			"changes":[{"path":"params.a","from":1.50,"to":12345678901234567890},{"path":"params.b","from":"x"}]},
			{"status":"start.failed","time":"2026-11-21T09:00:00.000000Z","attempt":1,"delivery":1,"worker":"w","reason":"r","note":"late result"}]`))
	}))
	defer server.Close()
	c, err := client.New(server.URL, client.Config{})
	require.NoError(t, err)
	steps, err := c.Steps(t.Context(), "t/1")
	require.NoError(t, err)
	require.Len(t, steps, 2)
	require.Equal(t, "1.50", string(steps[0].Changes[0].From))
	require.Equal(t, "12345678901234567890", string(steps[0].Changes[0].To))
	require.Nil(t, steps[0].Changes[1].To)
	require.Equal(t, "late result", steps[1].Note)
	require.Empty(t, steps[1].Changes)
}
