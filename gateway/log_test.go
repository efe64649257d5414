package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// All that is logged while a request is served has its id, which the answer has
// too; so have the requests that a page of the console makes for it.
func TestLinesHaveTheRequestID(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.DebugLevel)
	s := setup(t, options{log: zap.New(core)})
	require.Equal(t, 201, s.post(t, body("t")).status)
	for _, c := range []struct {
		name, method, path, body string
		broken                   bool
		status                   int
		lines                    []string
	}{
		{"internal", http.MethodGet, "/task/t", "", true, 500, []string{"request failed", "request"}},
		{"store", http.MethodPost, "/task", strings.Replace(body("u"), "{", `{"debug":true,`, 1), false, 503,
			[]string{"debug mode can not be switched on", "request refused", "request"}},
		{"probe", http.MethodGet, "/readyz", "", false, 503, []string{"not ready", "request"}},
		{"page", http.MethodGet, "/console/tasks/t/params", "", false, 503, []string{"request refused", "request", "request"}},
	} {
		s.store.broken.Store(c.broken)
		s.store.off.Store(!c.broken)
		logs.TakeAll()
		req, err := http.NewRequestWithContext(t.Context(), c.method, s.url+c.path, strings.NewReader(c.body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		resp, err := s.client.Do(req)
		require.NoError(t, err)
		id := resp.Header.Get("X-Request-Id")
		require.NoError(t, resp.Body.Close())
		require.Equal(t, c.status, resp.StatusCode, c.name)
		require.Eventually(t, func() bool { return logs.FilterMessage("request").FilterField(zap.String("path", c.path)).Len() == 1 }, 10*time.Second, 5*time.Millisecond, c.name)
		var said []string
		for _, line := range logs.All() {
			said = append(said, line.Message)
			require.Equal(t, id, line.ContextMap()["request_id"], "%s: %s", c.name, line.Message)
		}
		require.Equal(t, c.lines, said, c.name)
	}
	s.store.broken.Store(true)
	got := s.do(t, http.MethodGet, "/task/t", "", "X-Request-Id", "mine")
	require.Equal(t, "mine", got.header.Get("X-Request-Id"))
	require.True(t, strings.HasSuffix(got.Exception, " mine"), got.Exception)
}
