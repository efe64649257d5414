package callback_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/callback"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, goleak.IgnoreCurrent()) }

const (
	waitFor = 20 * time.Second
	tick    = 5 * time.Millisecond

	secret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	another = "whsec_bXkgc2Vjb25kIHNlY3JldCBvZiAyNCBieXRlcyE="
)

// call is a request that a receiver got.
type call struct {
	at           time.Time
	method, path string
	header       http.Header
	body         []byte
}

// receiver is an HTTP server that answers what the test says.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	calls  []call
	answer func(n int, c call) int // of the n-th call, from 0
}

func newReceiver(t *testing.T, answer func(n int, c call) int) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		c := call{time.Now(), req.Method, req.URL.EscapedPath(), req.Header, body}
		r.mu.Lock()
		n := len(r.calls)
		r.calls = append(r.calls, c)
		r.mu.Unlock()
		status := r.answer(n, c)
		if status >= 300 && status < 400 {
			w.Header().Set("Location", r.URL+"/elsewhere")
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]call(nil), r.calls...)
}

func always(status int) func(int, call) int { return func(int, call) int { return status } }

func secrets(t *testing.T, text string) callback.Secrets {
	t.Helper()
	s, err := callback.ParseSecrets(text)
	require.NoError(t, err)
	return s
}

// config is quick, and may call this machine.
func config(t *testing.T) callback.Config {
	t.Helper()
	return callback.Config{Allow: []string{"127.0.0.0/8"}, Secrets: secrets(t, secret), Timeout: 5 * time.Second,
		Backoff: 20 * time.Millisecond, MaxBackoff: 50 * time.Millisecond, MaxParked: 50 * time.Millisecond, Look: 10 * time.Millisecond, Lease: time.Second}
}

// start starts a service that the test's end stops, if the test does not.
func start(t *testing.T, cfg callback.Config, st callback.Store) *callback.Service {
	t.Helper()
	s, err := callback.New(cfg, st, zap.NewNop())
	require.NoError(t, err)
	s.Start(t.Context())
	t.Cleanup(s.Stop)
	return s
}

func names(taskID, process string) task.Names {
	return task.Names{ID: uuid.Must(uuid.NewV7()).String(), TaskID: taskID, ProcessInstanceID: process, Name: "machine", Namespace: "ns", Stone: "MachineStone"}
}

// ends records a task that wants to be told and has ended.
func ends(t *testing.T, st store.Store, n task.Names, kind store.CallbackKind, url string, status task.Status) {
	t.Helper()
	require.NoError(t, st.Want(t.Context(), []store.Callback{{ID: n.ID, ProcessInstanceID: n.ProcessInstanceID, Kind: kind, URL: url}}))
	now := time.Now().UTC().Truncate(time.Microsecond)
	s := store.State{Names: n, Method: task.Start, Epoch: 1, Status: status, CreateTime: now, UpdateTime: now, EndTime: now,
		Outputs: json.RawMessage(`{"id":"i-1","big":12345678901234567890,"ok":true,"disk":{"size":1.0},"dbPassword":"hunter2"}`)}
	if status.Failed() {
		s.Reason = "no room"
	}
	apply(t, st, store.Changes{New: []store.State{s},
		Attempts:    []store.Attempt{{ID: n.ID, Epoch: 1, Method: task.Start, Params: json.RawMessage(`{"apiKey":"hunter2","n":1}`), Outputs: json.RawMessage(`{}`), CreateTime: now, Sequence: 1}},
		Transitions: []store.Transition{{ID: n.ID, Epoch: 1, Status: status, Time: now, Reason: s.Reason, Delivery: 1, Worker: "w"}}})
}

func apply(t *testing.T, st store.Store, c store.Changes) {
	t.Helper()
	from, err := st.Position(t.Context())
	require.NoError(t, err)
	to := from
	to.Tasks++
	b := store.Batch{From: from, To: to, Fold: func(map[string]store.State) store.Changes { return c }}
	for i := range c.New {
		b.IDs, b.TaskIDs = append(b.IDs, c.New[i].ID), append(b.TaskIDs, c.New[i].TaskID)
	}
	require.NoError(t, st.Record(t.Context(), b))
}

// next gives the task a new attempt, which ends with status if it is an end.
func next(t *testing.T, st store.Store, id string, m task.Method, status task.Status) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	_, err := st.Command(t.Context(), id, func(was store.Standing) (*store.Step, error) {
		s := was.State
		s.Epoch, s.Method, s.Status, s.Reason, s.EndTime = s.Epoch+1, m, status, "", time.Time{}
		if status.End(false) {
			s.EndTime = now
		}
		return &store.Step{State: s, Attempt: &store.Attempt{ID: id, Epoch: s.Epoch, Method: m, Params: was.Current.Params, Outputs: was.Outputs, CreateTime: now},
			Transitions: []store.Transition{{ID: id, Epoch: s.Epoch, Status: status, Time: now}}}, nil
	})
	require.NoError(t, err)
}

// told waits until the deliveries of a task stand so.
func told(t *testing.T, st store.Store, id string, want ...store.DeliveryState) (all []store.Delivery) {
	t.Helper()
	require.Eventually(t, func() bool {
		var err error
		all, err = st.Deliveries(context.WithoutCancel(t.Context()), id)
		if err != nil || len(all) != len(want) {
			return false
		}
		for i := range all {
			if all[i].State != want[i] {
				return false
			}
		}
		return true
	}, waitFor, tick, "deliveries of %s", id)
	return all
}
