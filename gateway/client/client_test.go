package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/riverstones/riverstones/gateway/client"
)

func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// setup serves h and returns a client of it.
func setup(t *testing.T, cfg client.Config, h http.HandlerFunc) *client.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	cfg.HTTP = srv.Client()
	c, err := client.New(srv.URL+"/", cfg)
	require.NoError(t, err)
	return c
}

func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func TestNewRefusesWhatIsNoServer(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"", "127.0.0.1:8306", "ftp://host", "http://", "http://a b"} {
		_, err := client.New(u, client.Config{})
		require.Error(t, err, u)
	}
	_, err := client.New("ftp://user:hunter2@host", client.Config{})
	require.NotContains(t, err.Error(), "hunter2")
}

func TestPublish(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]client.Acceptance{"known": client.Known, "recorded": client.Recorded, "queued": client.Queued} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := setup(t, client.Config{}, func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, "POST /task", r.Method+" "+r.URL.Path)
				assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
				body, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				assert.Equal(t, `[{"processInstanceId":"p","taskId":"1","stone":"S","params":{"b":12345678901234567890,"a":"<&>"}},`+
					`{"processInstanceId":"p","taskId":"2","stone":"S"}]`, string(bytes.TrimSpace(body)))
				reply(w, int(want), `[{"taskId":"1","status":"produce.success"},{"taskId":"2","status":"produce.success"}]`)
			})
			got, how, err := c.Publish(t.Context(), []client.NewTask{
				{ProcessInstanceID: "p", TaskID: "1", Stone: "S", Params: json.RawMessage(`{"b":12345678901234567890,"a":"<&>"}`)},
				{ProcessInstanceID: "p", TaskID: "2", Stone: "S"},
			})
			require.NoError(t, err)
			require.Equal(t, want, how)
			require.Equal(t, "2", got[1].TaskID)
		})
	}
}

func TestPublishRefusesAShortAnswer(t *testing.T) {
	t.Parallel()
	c := setup(t, client.Config{}, func(w http.ResponseWriter, _ *http.Request) { reply(w, 201, `[]`) })
	_, _, err := c.Publish(t.Context(), make([]client.NewTask, 1))
	require.ErrorContains(t, err, "1 tasks were sent, 0 answered")
}

func TestGetReadsTheSeedsShape(t *testing.T) {
	t.Parallel()
	c := setup(t, client.Config{}, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/task/a%2Fb%20c", r.URL.EscapedPath())
		reply(w, 200, `{"id":"c91b3868-801e-43a3-b77a-9bddff26f671","taskId":"a/b c","createTime":"2018-08-06 14:27:48",
			"endTime":"2018-08-06 14:28:31","status":"monitor.success","reason":null,"params":"{\"n\":12345678901234567890}",
			"outputs":"{}","progress":100,"attempt":1,"updateTime":"2018-08-06T14:28:31.000001Z"}`)
	})
	got, err := c.Get(t.Context(), "a/b c")
	require.NoError(t, err)
	require.True(t, got.Ended())
	require.Equal(t, `{"n":12345678901234567890}`, *got.Params)
	require.Nil(t, got.Reason)
	require.Equal(t, 100, *got.Progress)
	require.Equal(t, 1000, got.UpdateTime.Nanosecond())
}

func TestListSendsTheFilter(t *testing.T) {
	t.Parallel()
	c := setup(t, client.Config{}, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "createdAfter=2026-01-02T03%3A04%3A05Z&order=desc&processInstanceId=p+1&size=2&start=4&status=failed&status=canceled",
			r.URL.RawQuery)
		w.Header().Set("X-Total-Count", "77")
		reply(w, 200, `[{"taskId":"1"},{"taskId":"2"}]`)
	})
	got, total, err := c.List(t.Context(), client.Filter{ProcessInstanceID: "p 1", Statuses: []string{"failed", "canceled"},
		CreatedAfter: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Start: 4, Size: 2, Descending: true})
	require.NoError(t, err)
	require.Equal(t, 77, total)
	require.Len(t, got, 2)
}

func TestHistoryAndLog(t *testing.T) {
	t.Parallel()
	c := setup(t, client.Config{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.String() {
		case "/task/1/history?notes=true":
			reply(w, 200, `[{"status":"produce.success","attempt":1,"delivery":0,"worker":null},{"status":"start.begin","note":"retry"}]`)
		case "/task/1/log?size=10&start=5":
			reply(w, 200, `[{"level":"info","line":"hello","worker":"w"}]`)
		default:
			reply(w, 404, `{"message":"Not found","exception":"`+r.URL.String()+`"}`)
		}
	})
	h, err := c.History(t.Context(), "1", true)
	require.NoError(t, err)
	require.Equal(t, "retry", h[1].Note)
	l, err := c.Log(t.Context(), "1", 5, 10)
	require.NoError(t, err)
	require.Equal(t, "hello", l[0].Line)
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		body   string
		is     error
		text   string
	}{
		"not found":     {404, `{"message":"Not found","exception":"task 1 does not exist"}`, client.ErrNotFound, "Not found: task 1 does not exist (HTTP 404)"},
		"bad request":   {400, `{"message":"Bad request","exception":"size: too large"}`, client.ErrBadRequest, "Bad request: size: too large (HTTP 400)"},
		"conflict":      {409, `{"message":"Conflict","exception":"other content"}`, client.ErrConflict, "other content"},
		"busy":          {429, `{"message":"Too many requests","exception":"backlog"}`, client.ErrBusy, "backlog"},
		"unavailable":   {503, `{"message":"Service unavailable","exception":"queue"}`, client.ErrUnavailable, "queue"},
		"another speak": {502, `<html>bad gateway</html>`, nil, "Bad Gateway: <html>bad gateway</html> (HTTP 502)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := setup(t, client.Config{}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Request-Id", "r1")
				w.Header().Set("Retry-After", "7")
				reply(w, tc.status, tc.body)
			})
			_, err := c.Get(t.Context(), "1")
			require.ErrorContains(t, err, tc.text)
			e, ok := errors.AsType[*client.Error](err)
			require.True(t, ok)
			require.Equal(t, client.Error{Status: tc.status, Message: e.Message, Exception: e.Exception,
				RequestID: "r1", RetryAfter: 7 * time.Second}, *e)
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
			require.NotErrorIs(t, err, client.ErrTooLarge)
		})
	}
}

func TestAnswerHasALimit(t *testing.T) {
	t.Parallel()
	c := setup(t, client.Config{MaxAnswer: 10}, func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, `{"taskId":"1"}`) })
	_, err := c.Get(t.Context(), "1")
	require.ErrorIs(t, err, client.ErrTooLarge)
}

func TestAnswerThatIsNotTheAPI(t *testing.T) {
	t.Parallel()
	c := setup(t, client.Config{}, func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, `hello`) })
	_, err := c.Get(t.Context(), "1")
	require.ErrorContains(t, err, "not what the API promises")
}

func TestRetries(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		retries int
		status  int
		fails   int32 // answers before the good one
		calls   int32
		ok      bool
	}{
		"none unless asked":      {0, 503, 1, 1, false},
		"unavailable":            {3, 503, 2, 3, true},
		"busy":                   {3, 429, 2, 3, true},
		"until they are used up": {2, 503, 9, 3, false},
		"not for a conflict":     {3, 409, 1, 1, false},
		"not for a server error": {3, 500, 1, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			c := setup(t, client.Config{Retries: tc.retries, Backoff: time.Millisecond}, func(w http.ResponseWriter, _ *http.Request) {
				if calls.Add(1) <= tc.fails {
					reply(w, tc.status, `{"message":"no","exception":"not now"}`)
					return
				}
				reply(w, 201, `{"taskId":"1"}`)
			})
			_, _, err := c.PublishOne(t.Context(), client.NewTask{TaskID: "1"})
			require.Equal(t, tc.ok, err == nil, "%v", err)
			require.Equal(t, tc.calls, calls.Load())
		})
	}
}

func TestRetryAfterABrokenConnection(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := setup(t, client.Config{Retries: 2, Backoff: time.Millisecond}, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.Close()
			}
			return
		}
		reply(w, 201, `{"taskId":"1"}`)
	})
	got, _, err := c.PublishOne(t.Context(), client.NewTask{TaskID: "1"})
	require.NoError(t, err)
	require.Equal(t, "1", got.TaskID)
}

func TestRetryWaitsAsLongAsTheServerSays(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := setup(t, client.Config{Retries: 1, Backoff: time.Millisecond}, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			reply(w, 429, `{"message":"no"}`)
			return
		}
		reply(w, 201, `{}`)
	})
	start := time.Now()
	_, _, err := c.PublishOne(t.Context(), client.NewTask{})
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(start), time.Second)
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	c, err := client.New("http://"+l.Addr().String(), client.Config{})
	require.NoError(t, err)
	_, err = c.Get(t.Context(), "1")
	require.ErrorContains(t, err, "connection refused")
}
