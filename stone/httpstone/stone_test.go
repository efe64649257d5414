package httpstone_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/stone/httpstone"
	"github.com/riverstones/riverstones/stone/stonetest"
)

// request is what the server was asked.
type request struct {
	method, uri, body string
	header            http.Header
}

// server answers as told, and keeps what it was asked.
type server struct {
	*httptest.Server

	mu   sync.Mutex
	seen []request
}

func (s *server) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]request(nil), s.seen...)
}

func serve(t *testing.T, answer http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.seen = append(s.seen, request{r.Method, r.RequestURI, string(b), r.Header})
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func make1(t *testing.T, cfg httpstone.Config) *httpstone.Stone {
	t.Helper()
	cfg.Code = "Volume"
	if cfg.Allow == nil {
		cfg.Allow = []string{"127.0.0.1"}
	}
	s, err := httpstone.New(cfg)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// A whole life: start, monitor until ready, delete; as an operator writes it.
func TestLife(t *testing.T) {
	t.Parallel()
	var looks int
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodPost:
			says(201, `{"id":"vol/1","size":12345678901234567890}`)(w, r)
		case http.MethodGet:
			looks++
			says(200, []string{`{"state":"NEW","done":0}`, `{"state":"BUSY","done":62.9}`, `{"state":"READY","done":100,"at":["/dev/x"]}`}[looks-1])(w, r)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	cfg, err := httpstone.Parse(fmt.Appendf(nil, `
code: Volume
allow: [127.0.0.1]
params:
  - {name: size, type: integer, required: true}
  - {name: zone, type: string, default: "a&b"}
headers:
  Authorization: Bearer {{.params.token}}
start:
  url: %[1]s/zones/{{.params.zone}}/volumes?name={{.task.name}}
  body: '{"size": {{.params.size}}, "name": "disk \"{{.params.label}}\""}'
  outputs: {volumeId: id, bytes: size}
monitor:
  url: %[1]s/volumes/{{.outputs.volumeId}}
  done: {path: state, values: [READY]}
  failed: {path: state, values: [BROKEN]}
  interval: 3s
  progress: done
  outputs: {device: at.0}
delete:
  method: delete
  url: %[1]s/volumes/{{.outputs.volumeId}}
`, srv.URL))
	require.NoError(t, err)
	s, err := httpstone.New(cfg)
	require.NoError(t, err)
	t.Cleanup(s.Close)

	in := stonetest.Task{ID: "t-1", Name: "my disk", Params: `{"size":12345678901234567890,"token":"abc","label":"a\"b"}`}
	ctx := stone.ContextWithTrace(t.Context(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	r, err := stonetest.DoToEnd(ctx, s, in)
	require.NoError(t, err)
	r.RequireSuccess(t)
	r.RequireOutputs(t, `{"volumeId":"vol/1","bytes":12345678901234567890,"device":"/dev/x"}`)
	require.Equal(t, []int{0, 62, 100}, r.Progress)
	require.Equal(t, []time.Duration{3 * time.Second, 3 * time.Second}, r.Delays)

	in.Method, in.Outputs = task.Delete, r.Outputs
	stonetest.Run(t, s, in).RequireSuccess(t) // 404: gone already

	seen := srv.requests()
	require.Len(t, seen, 5)
	require.Equal(t, "/zones/a%26b/volumes?name=my%20disk", seen[0].uri)
	require.Equal(t, `{"size": 12345678901234567890, "name": "disk \"a\"b\""}`, seen[0].body)
	require.Equal(t, "t-1/1/start", seen[0].header.Get("Idempotency-Key"))
	require.Equal(t, "Bearer abc", seen[0].header.Get("Authorization"))
	require.Equal(t, "application/json", seen[0].header.Get("Content-Type"))
	require.Equal(t, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", seen[0].header.Get("Traceparent"))
	require.Equal(t, "/volumes/vol%2F1", seen[1].uri)
	require.Equal(t, "DELETE", seen[4].method)

	spec := s.Spec()
	require.Equal(t, []stone.Output{{Name: "bytes"}, {Name: "device"}, {Name: "volumeId"}}, spec.Outputs)
	require.Len(t, spec.Params, 2)
}

func TestCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code        int
		start, undo stonetest.Outcome
	}{
		{200, stonetest.Success, stonetest.Success}, {204, stonetest.Success, stonetest.Success},
		{301, stonetest.Reject, stonetest.Reject}, {304, stonetest.Reject, stonetest.Reject}, {308, stonetest.Reject, stonetest.Reject},
		{400, stonetest.Reject, stonetest.Reject}, {401, stonetest.Reject, stonetest.Reject}, {403, stonetest.Reject, stonetest.Reject},
		{404, stonetest.Reject, stonetest.Success}, {409, stonetest.Reject, stonetest.Reject}, {410, stonetest.Reject, stonetest.Success},
		{408, stonetest.Retry, stonetest.Retry}, {425, stonetest.Retry, stonetest.Retry}, {429, stonetest.Retry, stonetest.Retry},
		{500, stonetest.Retry, stonetest.Retry}, {502, stonetest.Retry, stonetest.Retry}, {503, stonetest.Retry, stonetest.Retry},
		{504, stonetest.Retry, stonetest.Retry},
	} {
		t.Run(fmt.Sprint(c.code), func(t *testing.T) {
			t.Parallel()
			srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.code)
			})
			call := &httpstone.Call{URL: srv.URL + "/x"}
			s := make1(t, httpstone.Config{Start: call, Rollback: call, Delete: call, Cancel: call, Mock: call})
			for m, want := range map[task.Method]stonetest.Outcome{task.Start: c.start, task.Mock: c.start,
				task.Rollback: c.undo, task.Delete: c.undo, task.Cancel: c.undo} {
				r := stonetest.Run(t, s, stonetest.Task{Method: m})
				require.Equal(t, want, r.Outcome, m)
				if want == stonetest.Retry {
					require.Equal(t, 7*time.Second, r.After)
				}
			}
			require.Len(t, srv.requests(), 5) // no redirect was followed
		})
	}
}

func TestRetryAfterDate(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		time.Now().Add(time.Minute).UTC().Format(http.TimeFormat):    time.Minute,
		time.Now().Add(24 * time.Hour).UTC().Format(http.TimeFormat): time.Hour,
		"999999": time.Hour, "-5": 0, "soon": 0,
	} {
		srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		r := stonetest.Run(t, make1(t, httpstone.Config{Start: &httpstone.Call{URL: srv.URL}}), stonetest.Task{})
		require.InDelta(t, want.Seconds(), r.After.Seconds(), 3, value)
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	srv := serve(t, says(422, `{"error":"bad size","password":"hunter22"}`))
	r := stonetest.Run(t, make1(t, httpstone.Config{Start: &httpstone.Call{URL: srv.URL}}), stonetest.Task{})
	r.RequireReject(t, "answer 422 Unprocessable Entity")
	require.Contains(t, r.Reason, "bad size")
	require.NotContains(t, r.Reason, "hunter22")
}

func TestMonitor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status  int
		body    string
		poll    httpstone.Poll
		age     time.Duration
		outcome stonetest.Outcome
		reason  string
	}{
		"done by status":      {204, "", httpstone.Poll{Done: httpstone.Condition{Status: []int{204}}}, 0, stonetest.Success, ""},
		"done by 404":         {404, "", httpstone.Poll{Done: httpstone.Condition{Status: []int{404}}}, 0, stonetest.Success, ""},
		"done by presence":    {200, `{"a":{"b":null}}`, httpstone.Poll{Done: httpstone.Condition{Path: "a.b"}}, 0, stonetest.Success, ""},
		"done by number":      {200, `{"n":1.0}`, httpstone.Poll{Done: httpstone.Condition{Path: "n", Values: []json.RawMessage{[]byte("1")}}}, 0, stonetest.Success, ""},
		"not yet":             {200, `{"n":2}`, httpstone.Poll{Done: httpstone.Condition{Path: "n", Values: []json.RawMessage{[]byte("1")}}}, 0, stonetest.Again, ""},
		"not JSON":            {200, `<html>`, httpstone.Poll{Done: httpstone.Condition{Path: "n"}}, 0, stonetest.Again, ""},
		"error with the path": {500, `{"n":1}`, httpstone.Poll{Done: httpstone.Condition{Path: "n"}}, 0, stonetest.Retry, "answer 500"},
		"failed": {
			200, `{"s":"X","why":"no\nspace"}`,
			httpstone.Poll{Done: httpstone.Condition{Path: "s"}, Failed: httpstone.Condition{Path: "s", Values: []json.RawMessage{[]byte(`"X"`)}}, Reason: "why"},
			0, stonetest.Reject, "no space",
		},
		"failed by status":    {500, "boom", httpstone.Poll{Done: httpstone.Condition{Path: "s"}, Failed: httpstone.Condition{Status: []int{500}}}, 0, stonetest.Reject, "the work failed: answer 500 Internal Server Error: boom"},
		"too late":            {200, `{}`, httpstone.Poll{Done: httpstone.Condition{Path: "s"}, Deadline: time.Minute}, time.Hour, stonetest.Reject, "not done within 1m0s"},
		"late but done":       {200, `{"s":1}`, httpstone.Poll{Done: httpstone.Condition{Path: "s"}, Deadline: time.Minute}, time.Hour, stonetest.Success, ""},
		"not too late":        {200, `{}`, httpstone.Poll{Done: httpstone.Condition{Path: "s"}, Deadline: time.Hour}, time.Minute, stonetest.Again, ""},
		"output is not there": {200, `{"s":1}`, httpstone.Poll{Done: httpstone.Condition{Path: "s"}, Call: httpstone.Call{Outputs: map[string]string{"x": "a.b"}}}, 0, stonetest.Reject, "output x: the answer has no a.b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := serve(t, says(c.status, c.body))
			poll := c.poll
			poll.URL = srv.URL
			s := make1(t, httpstone.Config{Start: &httpstone.Call{URL: srv.URL}, Monitor: &poll})
			r := stonetest.Run(t, s, stonetest.Task{Method: task.Monitor, CreateTime: time.Now().Add(-c.age)})
			require.Equal(t, c.outcome, r.Outcome, r.Reason)
			require.Contains(t, r.Reason, c.reason)
			if c.outcome == stonetest.Again {
				require.Equal(t, 5*time.Second, r.After)
			}
		})
	}
}

// What start did not make need not be undone.
func TestUndoWithoutOutputs(t *testing.T) {
	t.Parallel()
	srv := serve(t, says(200, `{}`))
	undo := &httpstone.Call{Method: "DELETE", URL: srv.URL + "/{{.outputs.id}}"}
	s := make1(t, httpstone.Config{Start: undo, Rollback: undo, Delete: undo, Cancel: undo})
	for _, m := range []task.Method{task.Rollback, task.Delete, task.Cancel} {
		r := stonetest.Run(t, s, stonetest.Task{Method: m})
		r.RequireSuccess(t)
		require.Equal(t, []string{"nothing to undo: output id was never reported"}, r.Lines())
	}
	require.Empty(t, srv.requests())
	stonetest.Run(t, s, stonetest.Task{}).RequireReject(t, `no entry for key "id"`)
	stonetest.Run(t, s, stonetest.Task{Method: task.Delete, Outputs: `{"id":"x"}`}).RequireSuccess(t)
	require.Equal(t, "/x", srv.requests()[0].uri)
}

func TestForm(t *testing.T) {
	t.Parallel()
	srv := serve(t, says(200, ""))
	s := make1(t, httpstone.Config{Start: &httpstone.Call{
		URL: srv.URL, Body: "name={{.params.name}}&x=1", Headers: map[string]string{"content-type": "application/x-www-form-urlencoded"},
	}})
	stonetest.Run(t, s, stonetest.Task{Params: `{"name":"a&x=2"}`}).RequireSuccess(t)
	require.Equal(t, "name=a%26x%3D2&x=1", srv.requests()[0].body)
	require.Equal(t, "application/x-www-form-urlencoded", srv.requests()[0].header.Get("Content-Type"))
}

func TestParamsAreChecked(t *testing.T) {
	t.Parallel()
	srv := serve(t, says(200, ""))
	s := make1(t, httpstone.Config{Start: &httpstone.Call{URL: srv.URL}, Params: []stone.Param{{Name: "size", Type: stone.Integer, Required: true}}})
	stonetest.Run(t, s, stonetest.Task{}).RequireReject(t, "parameter size: is required")
	require.Empty(t, srv.requests())
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	srv := serve(t, says(200, strings.Repeat("x", 100)))
	s := make1(t, httpstone.Config{Start: &httpstone.Call{URL: srv.URL}, MaxAnswer: 99})
	stonetest.Run(t, s, stonetest.Task{}).RequireReject(t, "over 99 bytes")

	s = make1(t, httpstone.Config{Start: &httpstone.Call{URL: srv.URL + "/?key={{.params.key}}"}})
	srv.Close()
	r := stonetest.Run(t, s, stonetest.Task{Params: `{"key":"s3cret"}`})
	r.RequireRetry(t, "no answer")
	require.NotContains(t, r.Reason, "s3cret")

	hang := make(chan struct{})
	slow := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	defer close(hang)
	s = make1(t, httpstone.Config{Start: &httpstone.Call{URL: slow.URL}, Timeout: 50 * time.Millisecond})
	stonetest.Run(t, s, stonetest.Task{}).RequireRetry(t, "no answer")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := stonetest.Do(ctx, make1(t, httpstone.Config{Start: &httpstone.Call{URL: slow.URL}}), stonetest.Task{})
	require.NoError(t, err)
	require.ErrorIs(t, r.Err, context.Canceled)
}

// The guard looks at the address a name was resolved to.
func TestGuard(t *testing.T) {
	t.Parallel()
	srv := serve(t, says(200, ""))
	port := srv.URL[strings.LastIndex(srv.URL, ":"):]
	for _, u := range []string{"https://localhost" + port, "https://localhost.localdomain" + port} {
		s := make1(t, httpstone.Config{Start: &httpstone.Call{URL: u}, Allow: []string{"10.0.0.0/8"}})
		r := stonetest.Run(t, s, stonetest.Task{})
		if u == "https://localhost"+port {
			r.RequireReject(t, "not a public address")
		} else {
			require.NotEqual(t, stonetest.Success, r.Outcome)
		}
	}
	require.Empty(t, srv.requests())
	s := make1(t, httpstone.Config{Start: &httpstone.Call{URL: "http://localhost" + port}, Allow: []string{"localhost"}})
	stonetest.Run(t, s, stonetest.Task{}).RequireSuccess(t)

	s = make1(t, httpstone.Config{Start: &httpstone.Call{URL: "http://{{.params.host}}" + port}, Hosts: []string{"localhost" + port}, Allow: []string{"localhost", "other"}})
	stonetest.Run(t, s, stonetest.Task{Params: `{"host":"localhost"}`}).RequireSuccess(t)
	stonetest.Run(t, s, stonetest.Task{Params: `{"host":"other"}`}).RequireReject(t, "is not in hosts")
	stonetest.Run(t, s, stonetest.Task{Params: `{"host":"evil.com/?x="}`}).RequireReject(t, "no label of a host name")
}

func TestTLS(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(says(200, ""))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	call := &httpstone.Call{URL: srv.URL}
	stonetest.Run(t, make1(t, httpstone.Config{Start: call}), stonetest.Task{}).RequireRetry(t, "certificate")
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	s := make1(t, httpstone.Config{Start: call, TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}})
	stonetest.Run(t, s, stonetest.Task{}).RequireSuccess(t)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	ok := &httpstone.Call{URL: "https://example.com/"}
	call := func(f func(*httpstone.Call)) httpstone.Config {
		c := *ok
		f(&c)
		return httpstone.Config{Code: "V", Start: &c}
	}
	for want, cfg := range map[string]httpstone.Config{
		"code is missing":             {Start: ok},
		"start is missing":            {Code: "V"},
		"must not be negative":        {Code: "V", Start: ok, Timeout: -1},
		"start: method":               call(func(c *httpstone.Call) { c.Method = "BREW" }),
		"must begin with https":       call(func(c *httpstone.Call) { c.URL = "file:///etc/passwd" }),
		"only https":                  call(func(c *httpstone.Call) { c.URL = "http://example.com" }),
		"not a public address":        call(func(c *httpstone.Call) { c.URL = "https://127.0.0.1/{{.params.x}}" }),
		"needs the allow-list":        call(func(c *httpstone.Call) { c.URL = "https://{{.params.h}}/" }),
		"fragment":                    call(func(c *httpstone.Call) { c.URL = "https://example.com/#x" }),
		"url: url path":               call(func(c *httpstone.Call) { c.URL = "https://example.com/{{.params.x" }),
		"no header name":              call(func(c *httpstone.Call) { c.Headers = map[string]string{"a b": ""} }),
		"is set by the stone itself":  call(func(c *httpstone.Call) { c.Headers = map[string]string{"idempotency-key": ""} }),
		"a GET has none":              call(func(c *httpstone.Call) { c.Method, c.Body = "GET", "{}" }),
		"can be escaped":              call(func(c *httpstone.Call) { c.Body, c.Headers = "x", map[string]string{"Content-Type": "text/xml"} }),
		"body: body: a string is not": call(func(c *httpstone.Call) { c.Body = `{"a` }),
		"outputs: x":                  call(func(c *httpstone.Call) { c.Outputs = map[string]string{"x": "a..b"} }),
		"done: no condition":          {Code: "V", Start: ok, Monitor: &httpstone.Poll{Call: *ok}},
		"failed: status":              {Code: "V", Start: ok, Monitor: &httpstone.Poll{Call: *ok, Done: httpstone.Condition{Path: "x"}, Failed: httpstone.Condition{Status: []int{42}}}},
		"done: values":                {Code: "V", Start: ok, Monitor: &httpstone.Poll{Call: *ok, Done: httpstone.Condition{Values: []json.RawMessage{[]byte("READY")}}}},
		"interval and deadline":       {Code: "V", Start: ok, Monitor: &httpstone.Poll{Call: *ok, Interval: -1}},
		"unknown type":                {Code: "V", Start: ok, Params: []stone.Param{{Name: "a", Type: "x"}}},
		"allow:":                      {Code: "V", Start: ok, Allow: []string{"a b"}},
	} {
		_, err := httpstone.New(cfg)
		require.ErrorContains(t, err, want)
	}
	_, err := httpstone.Parse([]byte("code: V\nstrat: {}\n"))
	require.ErrorContains(t, err, "strat")
}
