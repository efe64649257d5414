package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway"
	"github.com/riverstones/riverstones/gateway/callback"
	"github.com/riverstones/riverstones/queue/queuetest"
)

const hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// orchestrator is who is told.
type orchestrator struct {
	*httptest.Server
	status atomic.Int64 // that it answers
	mu     sync.Mutex
	bodies []string
}

func orchestrate(t *testing.T) *orchestrator {
	t.Helper()
	o := &orchestrator{}
	o.status.Store(http.StatusInternalServerError)
	wh, err := webhooks.NewWebhook(hookSecret)
	require.NoError(t, err)
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if wh.Verify(body, r.Header) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		o.mu.Lock()
		o.bodies = append(o.bodies, string(body))
		o.mu.Unlock()
		w.WriteHeader(int(o.status.Load()))
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *orchestrator) heard() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.bodies)
}

func (o *orchestrator) last() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.bodies) == 0 {
		return ""
	}
	return o.bodies[len(o.bodies)-1]
}

// delivery is one as a client reads it.
type delivery struct {
	Event, Status, Kind, URL, State string
	Attempt, Tries                  int
	Time                            time.Time
	NextTry                         *time.Time
	Problem                         *string
}

// ofTask is one in the list of all tasks.
type ofTask struct {
	ID, TaskID, ProcessInstanceID, Name, Stone string

	delivery
}

func withCallback(taskID, url string) string {
	return strings.Replace(body(taskID), `"params":{`, fmt.Sprintf(`"callback":{"url":%q,"kind":"webhook"},"params":{"dbPassword":"hunter2",`, url), 1)
}

// A task that is cancelled before it began ends by a command: its orchestrator
// is told, again after an error, and once more when an operator says so.
func TestCallback(t *testing.T) {
	t.Parallel()
	secrets, err := callback.ParseSecrets(hookSecret)
	require.NoError(t, err)
	o := options{gateway: gateway.Config{Callbacks: callback.Config{Allow: []string{"127.0.0.1"}, Secrets: secrets,
		Backoff: 50 * time.Millisecond, MaxBackoff: 100 * time.Millisecond, Look: 20 * time.Millisecond}}}
	each(t, o, func(t *testing.T, s *system) {
		t.Helper()
		told := orchestrate(t)
		require.Equal(t, http.StatusCreated, s.post(t, withCallback("t1", told.URL+"/hook?token=hunter2")).status)
		require.JSONEq(t, `[]`, string(s.get(t, "/task/t1/callbacks").body))
		require.Equal(t, http.StatusConflict, s.do(t, http.MethodPut, "/task/t1/callbacks/replay", "").status)
		require.Equal(t, http.StatusOK, s.do(t, http.MethodPut, "/task/t1/cancel", "").status)

		var all []delivery
		state := func(state string, tries int) func() bool {
			return func() bool {
				all = decode[[]delivery](t, s.get(t, "/task/t1/callbacks"))
				return len(all) == 1 && all[0].State == state && all[0].Tries >= tries
			}
		}
		queuetest.WaitFor(t, state("due", 2))
		require.Equal(t, "the receiver answered 500 Internal Server Error", *all[0].Problem)
		require.NotNil(t, all[0].NextTry)
		require.Contains(t, string(s.get(t, "/task/t1/why").body), "riverstones task callbacks t1 --replay")
		told.status.Store(http.StatusOK)
		queuetest.WaitFor(t, state("done", 3))
		require.Equal(t, delivery{Event: "ended", Status: "canceled", Kind: "webhook", URL: told.URL + "/hook?******", State: "done",
			Attempt: 2, Tries: all[0].Tries, Time: all[0].Time}, all[0])

		shown := strings.TrimSpace(string(s.get(t, "/task/t1").body))
		require.Contains(t, told.last(), `{"type":"task.ended","timestamp":"`)
		require.Contains(t, told.last(), `,"data":`+shown+`}`)
		require.NotContains(t, told.last(), "hunter2")

		listed := s.get(t, "/callback?state=done&taskId=t1&processInstanceId=2910431&size=1")
		require.Equal(t, "1", listed.header.Get("X-Total-Count"))
		require.Empty(t, listed.header.Get("X-Total-Exact"))
		shownAll := decode[[]ofTask](t, listed)
		require.Equal(t, []ofTask{{ID: shownAll[0].ID, TaskID: "t1", ProcessInstanceID: "2910431", Name: "machine", Stone: "MachineStone", delivery: all[0]}}, shownAll)
		require.Equal(t, http.StatusOK, s.get(t, "/task/"+shownAll[0].ID).status)
		require.JSONEq(t, "[]", string(s.get(t, "/callback?state=givenUp").body))
		require.Contains(t, s.get(t, "/callback?state=told").Exception, "state must be one of due, parked, done, givenUp")

		before := told.heard()
		again := decode[[]delivery](t, s.do(t, http.MethodPut, "/task/t1/callbacks/replay", ""))
		require.Len(t, again, 1)
		queuetest.WaitFor(t, func() bool { return told.heard() == before+1 })
		queuetest.WaitFor(t, state("done", 1))
		for _, path := range []string{"GET /task/none/callbacks", "PUT /task/none/callbacks/replay"} {
			method, path, _ := strings.Cut(path, " ")
			require.Equal(t, http.StatusNotFound, s.do(t, method, path, "").status)
		}
	})
}

func TestCallbackRefused(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	r := s.post(t, withCallback("t1", "https://example.com"))
	require.Equal(t, http.StatusBadRequest, r.status)
	require.Contains(t, r.Exception, "callback.url is not served here")
	s = setup(t, options{gateway: gateway.Config{Callbacks: callback.Config{Allow: []string{"example.com"}}}})
	r = s.post(t, withCallback("t1", "https://example.com/"))
	require.Equal(t, http.StatusBadRequest, r.status)
	require.Contains(t, r.Exception, "callback.url can not be a webhook")
	r = s.post(t, strings.Replace(withCallback("t1", "https://127.0.0.1/"), `"webhook"`, `"flowable"`, 1))
	require.Equal(t, http.StatusBadRequest, r.status)
	require.Contains(t, r.Exception, "callback.url is not on the allow-list")
	require.Equal(t, left{}, s.left(t))
}
