package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/stone"
)

// The contract of the task API as a stranger sees it: plain requests against a
// running system, and nothing of our own code to make or read them. Each group
// is a part of the contract's page; contract_limits_test.go and
// contract_time_test.go hold what needs systems of their own.
func TestContract(t *testing.T) {
	t.Parallel()
	groups := map[string]func(s stranger){
		"publish":    contractPublish,
		"repeats":    contractRepeats,
		"arrays":     contractArrays,
		"object":     contractObject,
		"lists":      contractLists,
		"paging":     contractPaging,
		"history":    contractHistory,
		"rerun":      contractReRun,
		"conflicts":  contractConflicts,
		"undo":       contractUndo,
		"debug mode": contractDebugMode,
		"secrets":    contractSecrets,
		"declared":   contractDeclared,
		"refusals":   contractRefusals,
		"routes":     contractRoutes,
		"retries":    contractRetries,
		"timeouts":   contractTimeouts,
		"delays":     contractDelays,
	}
	// PostgreSQL has its own SQL behind these.
	second := map[string]bool{"repeats": true, "lists": true, "paging": true, "history": true, "rerun": true, "debug mode": true, "secrets": true}
	for name, url := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := name == "sqlite"
			s := newStranger(t, url(t), first)
			for group, f := range groups {
				if first || second[group] {
					t.Run(group, func(t *testing.T) { t.Parallel(); f(s.in(t)) })
				}
			}
		})
	}
}

// stranger is a client that knows the contract only.
type stranger struct {
	*testing.T
	url   string
	http  *http.Client
	zone  *time.Location
	a     *app.App
	clock *clockwork
	n     *atomic.Int64
}

// shanghai is the zone of the first system's times.
var shanghai = time.FixedZone("CST", 8*60*60)

func newStranger(t *testing.T, store string, zoned bool) stranger {
	t.Helper()
	cfg := settings(t)
	cfg.Store, cfg.NATSListen = store, "127.0.0.1:0"
	if zoned {
		cfg.TimeZone = shanghai
	}
	s := stranger{T: t, zone: cfg.TimeZone, clock: newClockwork(), n: new(atomic.Int64)}
	s.a = start(t, cfg, app.Hooks{Stones: func(w *stone.Worker) error {
		return errors.Join(
			w.Add(stone.Spec{Code: "Script", Concurrency: 20, Backoff: time.Millisecond}, &script{}),
			w.Add(declaredSpec, stone.Func(declaredWork)),
			s.clock.add(w))
	}})
	s.url = s.a.URL()
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	s.http = &http.Client{Transport: transport, Timeout: patience}
	return s
}

// in is the stranger in another test.
func (s stranger) in(t *testing.T) stranger { t.Helper(); s.T = t; return s }

// id returns a new name.
func (s stranger) id() string { return fmt.Sprintf("c-%d", s.n.Add(1)) }

// reply is an answer as it came.
type reply struct {
	stranger
	what   string
	status int
	header http.Header
	body   []byte
}

// call sends a request; kind is the content type, "" for none.
func (s stranger) call(method, path, kind, body string) reply {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(body))
	require.NoError(s, err)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := s.http.Do(req)
	require.NoError(s, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(s, err)
	return reply{s, method + " " + path, resp.StatusCode, resp.Header, b}
}

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded;charset=UTF-8" // as RestTemplate sends it
)

func (s stranger) get(path string) reply { s.Helper(); return s.call(http.MethodGet, path, "", "") }
func (s stranger) post(body string) reply {
	s.Helper()
	return s.call(http.MethodPost, "/task", asJSON, body)
}
func (s stranger) put(path, body string) reply {
	s.Helper()
	return s.call(http.MethodPut, path, asJSON, body)
}
func (s stranger) order(id, what string) reply {
	s.Helper()
	return s.call(http.MethodPut, "/task/"+id+"/"+what, "", "")
}
func (s stranger) form(path string, v url.Values) reply {
	s.Helper()
	return s.call(http.MethodPut, path, asForm, v.Encode())
}

// is requires a status, and that what is not an error is JSON.
func (r reply) is(statuses ...int) reply {
	r.Helper()
	require.Contains(r, statuses, r.status, "%s: %s", r.what, r.body)
	require.Regexp(r, "^application/json", r.header.Get("Content-Type"), r.what)
	return r
}

// refused requires an error in its one shape that says certain things.
func (r reply) refused(status int, says ...string) reply {
	r.Helper()
	r.is(status)
	var shape map[string]string
	require.NoError(r, json.Unmarshal(r.body, &shape), "%s: %s", r.what, r.body)
	require.Len(r, shape, 2, "%s: %s", r.what, r.body)
	require.NotEmpty(r, shape["message"], r.what)
	for _, one := range says {
		require.Contains(r, shape["exception"], one, r.what)
	}
	return r
}

// object reads one object without loss.
func (r reply) object() map[string]any {
	r.Helper()
	var out map[string]any
	r.read(&out)
	return out
}

func (r reply) array() []map[string]any {
	r.Helper()
	var out []map[string]any
	r.read(&out)
	require.NotNil(r, out, "%s: an array, if an empty one", r.what)
	return out
}

func (r reply) read(v any) {
	r.Helper()
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.UseNumber()
	require.NoError(r, d.Decode(v), "%s: %s", r.what, r.body)
}

// task is the JSON of a POST: more are members such as "name", "machine"; a value
// that is no string is written as JSON.
func (s stranger) task(id, code string, more ...any) string {
	s.Helper()
	m := map[string]any{"processInstanceId": "p-" + id, "taskId": id, "stone": code}
	for i := 0; i < len(more); i += 2 {
		m[more[i].(string)] = more[i+1] //nolint:errcheck,forcetypeassert // names are strings
	}
	b, err := json.Marshal(m)
	require.NoError(s, err)
	return string(b)
}

// published publishes a task under a name of its own and returns it.
func (s stranger) published(code string, more ...any) (id string) {
	s.Helper()
	id = s.id()
	s.post(s.task(id, code, more...)).is(201, 202)
	return id
}

// until waits for a status and returns the task.
func (s stranger) until(id, status string) (got map[string]any) {
	s.Helper()
	s.soon(func() bool {
		r := s.get("/task/" + url.PathEscape(id))
		if r.status != http.StatusOK {
			return false
		}
		got = r.object()
		return got["status"] == status
	}, func() string { return fmt.Sprintf("task %s never was %s: %v", id, status, got) })
	return got
}

// soon waits for a condition, which is asked in the test's own goroutine, as it
// may require things itself.
func (s stranger) soon(holds func() bool, otherwise func() string) {
	s.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(end) {
			require.FailNow(s, otherwise())
		}
	}
}

func never(what string) func() string { return func() string { return what } }

// failed publishes a task of Script whose start fails.
func (s stranger) failed(more ...any) (id string) {
	s.Helper()
	id = s.published("Script", append([]any{"params", raw(`{"start":"fail"}`)}, more...)...)
	s.until(id, "start.failed")
	return id
}

func raw(doc string) json.RawMessage { return json.RawMessage(doc) }
