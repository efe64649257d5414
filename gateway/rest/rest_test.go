package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
)

// thing is a request of the test's routes.
type thing struct {
	name, path string
	raw        json.RawMessage
	flag       bool
	n          int
	since      time.Time
	order      string
	tags       []string
}

func (th *thing) Bind(in *rest.Input) error {
	var err error
	if th.path, err = in.Path("name"); err != nil {
		return err
	}
	q := in.Query()
	th.n, th.since, th.order, th.tags = q.Int("n", 0, 9, 5), q.Time("since"), q.OneOf("order", "asc", "desc"), q.Texts("tag")
	th.name, th.flag = q.Text("name"), q.Bool("flag")
	return q.Err()
}

// posted is a thing with a body.
type posted struct{ thing }

func (p *posted) Bind(in *rest.Input) error {
	return in.JSON(func(j *rest.JSON) error {
		if j.Kind() != '{' {
			return j.Array(func(int) error { return j.Skip() })
		}
		return j.Object(func(name []byte) error {
			switch string(name) {
			case "name":
				return j.String("name", &p.name)
			case "raw":
				return j.Raw(&p.raw)
			case "flag":
				return j.Bool("flag", &p.flag)
			case "n":
				return j.Int("n", 1, 10, &p.n)
			default:
				return j.Unknown(name)
			}
		})
	})
}

type answer string

func (a answer) Status() int                  { return http.StatusAccepted }
func (a answer) AppendJSON(dst []byte) []byte { return rest.AppendString(dst, string(a)) }

type server struct {
	*httptest.Server
	logs *observer.ObservedLogs
	get  func(ctx context.Context, th thing) (answer, error)
	post func(ctx context.Context, p posted) (answer, error)
}

func setup(t *testing.T) *server {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	log := zap.New(core)
	s := &server{logs: logs}
	s.get = func(_ context.Context, th thing) (answer, error) { return answer(th.path), nil }
	s.post = func(_ context.Context, p posted) (answer, error) { return answer(p.raw), nil }
	e := echo.New()
	e.HTTPErrorHandler = rest.ErrorHandler(log)
	e.Use(rest.Around(rest.Guard{Log: log, Concurrent: 1, Quiet: []string{"/probe/:name"}}))
	r := rest.NewRouter(e, 1000)
	rest.Handle(r, http.MethodGet, "/thing/:name", func(ctx context.Context, th thing) (answer, error) { return s.get(ctx, th) })
	rest.Handle(r, http.MethodGet, "/probe/:name", func(ctx context.Context, th thing) (answer, error) { return s.get(ctx, th) })
	rest.Handle(r, http.MethodPost, "/thing", func(ctx context.Context, p posted) (answer, error) { return s.post(ctx, p) })
	s.Server = httptest.NewServer(e)
	t.Cleanup(s.Close)
	return s
}

type response struct {
	status             int
	header             http.Header
	body               string
	Message, Exception string
}

func (s *server) do(t *testing.T, method, path string, body io.Reader, header ...string) response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, body)
	require.NoError(t, err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.Client().Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	out := response{status: resp.StatusCode, header: resp.Header, body: strings.TrimSpace(string(b))}
	if resp.StatusCode >= 400 && method != http.MethodHead {
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		require.NoError(t, d.Decode(&out), "%s", b)
		require.NotEmpty(t, out.Message)
		require.NotEmpty(t, out.Exception)
		require.Equal(t, "application/json", resp.Header.Get("Content-Type"))
	}
	require.NotEmpty(t, resp.Header.Get("X-Request-Id"))
	return out
}

func TestBodies(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for name, c := range map[string]struct {
		body   string
		status int
		says   string
	}{
		"raw":              {`{"name":"a","raw":{"n":12345678901234567890, "f":1.50e+07},"n":3,"flag":true}`, 202, `"{\"n\":12345678901234567890, \"f\":1.50e+07}"`},
		"escaped name":     {`{"r\u0061w":[1]}`, 202, `"[1]"`},
		"nulls":            {`{"name":null,"raw":null,"n":null,"flag":null}`, 202, `""`},
		"white space":      {" \n{\"raw\" : 1}\t ", 202, `"1"`},
		"empty":            {``, 400, "the body is empty"},
		"only space":       {`  `, 400, "ends too early"},
		"cut off":          {`{"raw":[1,2`, 400, "ends too early"},
		"no JSON":          {`{raw:1}`, 400, "invalid character"},
		"two values":       {`{"raw":1} {"raw":2}`, 400, "more than one JSON value"},
		"garbage behind":   {`{"raw":1} x`, 400, "not valid JSON"},
		"twice":            {`{"raw":1,"raw":2}`, 400, "duplicate"},
		"twice, escaped":   {`{"raw":1,"r\u0061w":2}`, 400, "duplicate"},
		"twice, inside":    {`{"raw":{"a":1,"a":2}}`, 400, "duplicate"},
		"no UTF-8":         {"{\"raw\":\"\xff\"}", 400, "UTF-8"},
		"lone surrogate":   {`{"raw":"\ud800"}`, 400, "not valid JSON"},
		"NaN":              {`{"raw":NaN}`, 400, "not valid JSON"},
		"unknown":          {`{"raw":1,"Raw":2,"status":"x"}`, 400, `unknown field "Raw"; unknown field "status"`},
		"types":            {`{"name":5,"flag":"true","n":"3"}`, 400, "name must be a string; flag must be true or false; n must be a whole number"},
		"numbers":          {`{"n":1.0}`, 400, "between 1 and 10"},
		"range":            {`{"n":11}`, 400, "between 1 and 10"},
		"empty string":     {`{"name":""}`, 400, "name must not be empty"},
		"many problems":    {`{` + strings.TrimSuffix(strings.Repeat(`"x":1,`, 1), ",") + `,"n":0,"flag":1,"name":[]}`, 400, `unknown field "x"`},
		"deeper than good": {strings.Repeat("[", 600), 400, "ends too early"},
		"large":            {`{"raw":"` + strings.Repeat("x", 1000) + `"}`, 413, "more than 1000 bytes"},
	} {
		t.Log(name)
		for _, body := range []io.Reader{strings.NewReader(c.body), io.MultiReader(strings.NewReader(c.body))} { // the latter is chunked
			got := s.do(t, http.MethodPost, "/thing", body)
			require.Equal(t, c.status, got.status, got.body)
			if c.status < 300 {
				require.Equal(t, c.says, got.body)
			} else {
				require.Contains(t, got.Exception, c.says)
			}
		}
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for given, status := range map[string]int{
		"application/json": 202, "application/json; charset=utf-8": 202, "Application/JSON;charset=\"UTF-8\"": 202,
		"": 415, "text/plain": 415, "application/json; charset=latin1": 415, "application/x-www-form-urlencoded": 415,
		"application/json; v=1": 415, "application/jsonp": 415, ";": 415,
	} {
		got := s.do(t, http.MethodPost, "/thing", strings.NewReader(`{}`), "Content-Type", given)
		require.Equal(t, status, got.status, "%q", given)
	}
	require.Equal(t, 415, s.do(t, http.MethodPost, "/thing", strings.NewReader(`{}`), "Content-Encoding", "gzip").status)
}

func TestPathsAndMethods(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for path, want := range map[string]string{
		"/thing/a": `"a"`, "/thing/a%2Fb": `"a/b"`, "/thing/a%2541": `"a%41"`, "/thing/%2541%2F": `"%41/"`, "/thing/%E4%BB%BB%20": `"任 "`,
	} {
		got := s.do(t, http.MethodGet, path, nil)
		require.Equal(t, 202, got.status, path)
		require.Equal(t, want, got.body, path)
	}
	for path, status := range map[string]int{
		"/": 404, "/thing/": 404, "/thing/a/b": 404, "/Thing/a": 404, "/thing/a%00": 400, "/x%0a": 400, "/thing/%ff": 400, "/thing/%C2%85": 400,
	} {
		require.Equal(t, status, s.do(t, http.MethodGet, path, nil).status, path)
	}
	got := s.do(t, http.MethodDelete, "/thing/a", nil)
	require.Equal(t, 405, got.status)
	require.Equal(t, "Method not allowed", got.Message)
	require.Contains(t, got.header.Get("Allow"), "GET")
	got = s.do(t, http.MethodPost, "/thing/a", strings.NewReader("{}"), "X-HTTP-Method-Override", "GET")
	require.Equal(t, 405, got.status)
	got = s.do(t, http.MethodHead, "/thing/abc", nil)
	require.Equal(t, 202, got.status)
	require.Equal(t, "6", got.header.Get("Content-Length"))
	got = s.do(t, http.MethodOptions, "/thing/abc", nil)
	require.Equal(t, 204, got.status)
	require.Contains(t, got.header.Get("Allow"), "GET")
}

func TestQuery(t *testing.T) {
	t.Parallel()
	s := setup(t)
	var last thing
	s.get = func(_ context.Context, th thing) (answer, error) { last = th; return "", nil }
	got := s.do(t, http.MethodGet, "/thing/a?n=7&since=2026-11-21T09:00:00%2B01:00&order=desc&tag=x&tag=y&name=%E4%BB%BB&flag=true&other=%00", nil)
	require.Equal(t, 202, got.status)
	require.Equal(t, thing{name: "任", path: "a", flag: true, n: 7, since: last.since, order: "desc", tags: []string{"x", "y"}}, last)
	require.Equal(t, time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC), last.since.UTC())
	for query, says := range map[string]string{
		"n=x": "n must be", "n=10": "n must be", "n=": "n must be", "n=1&n=1": "n must be given once", "since=now": "since must be a time",
		"order=up": "order must be one of asc, desc", "name=": "name must be", "name=a%0ab": "name must be", "name=%ff": "name must be",
		"name=" + strings.Repeat("x", 256): "name must be", "n=%zz": "query is not well encoded", "a=1;b=2": "query is not well encoded",
		"n=x&order=up": "n must be a whole number between 0 and 9; order must be",
	} {
		got := s.do(t, http.MethodGet, "/thing/a?"+query, nil)
		require.Equal(t, 400, got.status, query)
		require.Contains(t, got.Exception, says)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	s := setup(t)
	cause := errors.New("pq: relation tasks does not exist")
	for kind, status := range map[fault.Kind]int{
		fault.Invalid: 400, fault.NotFound: 404, fault.Method: 405, fault.Conflict: 409, fault.TooLarge: 413, fault.MediaType: 415,
		fault.TooMany: 429, fault.Unavailable: 503,
	} {
		s.get = func(context.Context, thing) (answer, error) {
			return "", fault.New(kind, "say %d", status).Because(cause).After(1500 * time.Millisecond)
		}
		got := s.do(t, http.MethodGet, "/thing/a", nil)
		require.Equal(t, status, got.status)
		require.Equal(t, kind.String(), got.Message)
		require.Contains(t, got.Exception, "say")
		require.Equal(t, "2", got.header.Get("Retry-After"))
		require.NotContains(t, got.body, "relation")
	}
	for name, f := range map[string]func(context.Context, thing) (answer, error){
		"error": func(context.Context, thing) (answer, error) { return "", cause },
		"panic": func(context.Context, thing) (answer, error) { panic(cause) },
	} {
		s.get = f
		s.logs.TakeAll()
		got := s.do(t, http.MethodGet, "/thing/a", nil, "X-Request-Id", "my-id.1:2_3")
		require.Equal(t, 500, got.status, name)
		require.Equal(t, "my-id.1:2_3", got.header.Get("X-Request-Id"))
		require.Contains(t, got.Exception, "my-id.1:2_3")
		require.NotContains(t, got.body, "relation")
		logged := s.logs.FilterMessage("request failed").All()
		require.Len(t, logged, 1, name)
		require.Contains(t, logged[0].ContextMap()["error"], "relation")
		require.Equal(t, "my-id.1:2_3", logged[0].ContextMap()["request_id"])
	}
}

func TestRequestIDsAreSane(t *testing.T) {
	t.Parallel()
	s := setup(t)
	seen := map[string]bool{}
	for _, bad := range []string{"", "a b", "a<b", strings.Repeat("x", 65), "ä"} {
		got := s.do(t, http.MethodGet, "/thing/a", nil, "X-Request-Id", bad).header.Get("X-Request-Id")
		require.Regexp(t, "^[0-9a-f]{32}$", got)
		require.False(t, seen[got])
		seen[got] = true
	}
}

func TestAccessLogHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.do(t, http.MethodGet, "/thing/a%0db?name=hunter2", nil, "Authorization", "hunter2", "X-Forwarded-For", "8.8.8.8")
	s.do(t, http.MethodPost, "/thing", strings.NewReader(`{"raw":"hunter2","hunter2":1}`))
	s.do(t, http.MethodGet, "/probe/a", nil)
	entries := s.logs.FilterMessage("request").All()
	require.Len(t, entries, 3)
	for _, e := range entries {
		for name, value := range e.ContextMap() {
			require.NotContains(t, fmt.Sprint(value), "hunter2", name)
		}
	}
	require.EqualValues(t, 400, entries[0].ContextMap()["status"])
	require.Equal(t, zapcore.DebugLevel, entries[2].Level)
}

func TestConcurrencyLimit(t *testing.T) {
	t.Parallel()
	s := setup(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	s.post = func(context.Context, posted) (answer, error) {
		close(entered)
		<-leave
		return "", nil
	}
	done := make(chan int)
	go func() { done <- s.do(t, http.MethodPost, "/thing", strings.NewReader("{}")).status }()
	<-entered
	got := s.do(t, http.MethodGet, "/thing/a", nil)
	require.Equal(t, 429, got.status)
	require.Equal(t, "1", got.header.Get("Retry-After"))
	require.Equal(t, 202, s.do(t, http.MethodGet, "/probe/a", nil).status, "probes are always answered")
	close(leave)
	require.Equal(t, 202, <-done)
	require.Equal(t, 202, s.do(t, http.MethodGet, "/thing/a", nil).status)
}

func TestChunkedRequestsCloseTheirConnection(t *testing.T) {
	t.Parallel()
	s := setup(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/thing", io.MultiReader(strings.NewReader("{}")))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.Client().Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(t, 202, resp.StatusCode)
	require.True(t, resp.Close)
}

// A request that nobody waits for any more is no failure of ours.
func TestClientGone(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ctx, leave := context.WithCancel(t.Context())
	s.get = func(ctx context.Context, _ thing) (answer, error) {
		leave()
		<-ctx.Done()
		return "", fault.New(fault.Unavailable, "ask again").Because(fmt.Errorf("list: %w", ctx.Err()))
	}
	w := httptest.NewRecorder()
	s.Config.Handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/thing/a", http.NoBody))
	require.Equal(t, 499, w.Code)
	require.Zero(t, s.logs.FilterLevelExact(zapcore.WarnLevel).Len())
}

// FuzzStrictJSON compares with the standard library: what is accepted must be
// one JSON value there too, with the same raw bytes.
func FuzzStrictJSON(f *testing.F) {
	for _, s := range []string{`{"name":"a","raw":{"n":1e400},"n":3,"flag":true}`, `[1,{}]`, `{"raw":"\ud83d\ude00"}`, `{"n":1}x`, ``} {
		f.Add([]byte(s))
	}
	var last posted
	e := echo.New()
	e.HTTPErrorHandler = rest.ErrorHandler(zap.NewNop())
	rest.Handle(rest.NewRouter(e, 1<<16), http.MethodPost, "/thing", func(_ context.Context, p posted) (answer, error) {
		last = p
		last.raw = bytes.Clone(p.raw)
		return "", nil
	})
	f.Fuzz(func(t *testing.T, body []byte) {
		last = posted{}
		req := httptest.NewRequest(http.MethodPost, "/thing", bytes.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, req)
		require.Contains(t, []int{202, 400, 413}, w.Code, w.Body.String())
		require.True(t, json.Valid(w.Body.Bytes()))
		if w.Code != 202 {
			return
		}
		require.True(t, json.Valid(body))
		var want map[string]json.RawMessage
		if json.Unmarshal(body, &want) == nil && last.raw != nil {
			require.Equal(t, string(want["raw"]), string(last.raw))
		}
	})
}
