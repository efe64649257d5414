package callback_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/callback"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest"
)

// A webhook is what the standard says, by its own library, with each secret;
// its body is the task as GET shows it, masked.
func TestWebhook(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st store.Store) {
		r := newReceiver(t, always(http.StatusNoContent))
		cfg := config(t)
		cfg.Secrets = secrets(t, secret+"\n"+another+"\n")
		start(t, cfg, st)
		n := names("t1", "p1")
		ends(t, st, n, store.Webhook, r.URL+"/hook?key=1", task.StartFailed)
		d := told(t, st, n.ID, store.DeliveryDone)
		require.Equal(t, 1, d[0].Tries)
		require.Empty(t, d[0].Problem)

		calls := r.got()
		require.Len(t, calls, 1)
		c := calls[0]
		require.Equal(t, "POST /hook", c.method+" "+c.path)
		require.Equal(t, "application/json", c.header.Get("Content-Type"))
		for _, s := range []string{secret, another} {
			wh, err := webhooks.NewWebhook(s)
			require.NoError(t, err)
			require.NoError(t, wh.Verify(c.body, c.header))
			require.Error(t, wh.Verify(append([]byte(" "), c.body...), c.header))
		}
		var body struct {
			Type      string
			Timestamp time.Time
			Data      map[string]any
		}
		require.NoError(t, json.Unmarshal(c.body, &body))
		require.Equal(t, "task.ended", body.Type)
		require.True(t, body.Timestamp.Equal(d[0].Time))
		require.Equal(t, "t1", body.Data["taskId"])
		require.Equal(t, "start.failed", body.Data["status"])
		require.Equal(t, "no room", body.Data["reason"])
		require.Equal(t, `{"apiKey":"******","n":1}`, body.Data["params"])
		require.Contains(t, body.Data["outputs"], `"big":12345678901234567890`)
		require.NotContains(t, string(c.body), "hunter2")
	})
}

// The same message is tried again after an error, under the same id, later and later.
func TestRetry(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st store.Store) {
		r := newReceiver(t, func(n int, _ call) int {
			return []int{http.StatusInternalServerError, http.StatusTooManyRequests, http.StatusFound, http.StatusOK}[n]
		})
		start(t, config(t), st)
		n := names("t1", "p1")
		ends(t, st, n, store.Webhook, r.URL, task.MonitorSuccess)
		require.Equal(t, 4, told(t, st, n.ID, store.DeliveryDone)[0].Tries)
		calls := r.got()
		require.Len(t, calls, 4, "a redirect is not followed")
		for i := range calls[1:] {
			require.Equal(t, calls[0].header.Get(callback.HeaderID), calls[i+1].header.Get(callback.HeaderID))
			require.Greater(t, calls[i+1].at.Sub(calls[i].at), 15*time.Millisecond)
		}
	})
}

// One process hears one end at a time, in their order; a slow one holds no other up.
func TestOneAtATimePerProcess(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st store.Store) {
		var mu sync.Mutex
		within, most := map[string]int{}, 0
		var order []string
		slow := make(chan struct{})
		r := newReceiver(t, func(_ int, c call) int {
			process, _, _ := strings.Cut(strings.TrimPrefix(c.path, "/"), "/")
			mu.Lock()
			within[process]++
			most = max(most, within[process])
			order = append(order, c.path)
			mu.Unlock()
			if process == "slow" {
				<-slow
			}
			mu.Lock()
			within[process]--
			mu.Unlock()
			return http.StatusOK
		})
		release := sync.OnceFunc(func() { close(slow) })
		t.Cleanup(release)
		var all []task.Names
		for i := range 30 {
			process := []string{"a", "b", "slow"}[i%3]
			n := names(fmt.Sprintf("t%02d", i), process)
			ends(t, st, n, store.Webhook, fmt.Sprintf("%s/%s/%02d", r.URL, process, i), task.StartFailed)
			all = append(all, n)
		}
		start(t, config(t), st)
		for i, n := range all {
			if i%3 != 2 {
				told(t, st, n.ID, store.DeliveryDone)
			}
		}
		release()
		for _, n := range all {
			told(t, st, n.ID, store.DeliveryDone)
		}
		mu.Lock()
		defer mu.Unlock()
		require.Equal(t, 1, most)
		for _, process := range []string{"/a/", "/b/", "/slow/"} {
			var mine []string
			for _, path := range order {
				if strings.HasPrefix(path, process) {
					mine = append(mine, path)
				}
			}
			require.Len(t, mine, 10)
			require.True(t, slices.IsSorted(mine), "%v", mine)
		}
	})
}

// A later attempt has begun before the first end could be told: it is told as
// it was, and then the second end, in their order.
func TestEndsOfAttempts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st store.Store) {
		r := newReceiver(t, always(http.StatusOK))
		n := names("t1", "p1")
		ends(t, st, n, store.Webhook, r.URL, task.StartFailed)
		next(t, st, n.ID, task.Rollback, task.RollbackSuccess)
		start(t, config(t), st)
		told(t, st, n.ID, store.DeliveryDone, store.DeliveryDone)
		for i, want := range []string{`"status":"start.failed","reason":"no room"`, `"status":"rollback.success","reason":null`} {
			require.Contains(t, string(r.got()[i].body), want)
			require.Contains(t, string(r.got()[i].body), fmt.Sprintf(`"queueType":%q,"attempt":%d`, []string{"start", "rollback"}[i], i+1))
		}
	})
}

func TestFlowable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ path, want string }{
		"the API":      {"/flowable-rest/service", "PUT /flowable-rest/service/runtime/executions/t%2F1"},
		"an execution": {"/service/runtime/executions/5", "PUT /service/runtime/executions/5"},
		"a user task":  {"/service/runtime/tasks/8", "POST /service/runtime/tasks/8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := storetest.SQLite(t)
			r := newReceiver(t, func(n int, _ call) int {
				return []int{http.StatusNotFound, http.StatusConflict, http.StatusOK}[n]
			})
			start(t, config(t), st)
			n := names("t/1", "p1")
			ends(t, st, n, store.Flowable, r.URL+c.path, task.MonitorSuccess)
			told(t, st, n.ID, store.DeliveryDone)
			calls := r.got()
			require.Len(t, calls, 3)
			require.Equal(t, c.want, calls[2].method+" "+calls[2].path)
			action := "trigger"
			if calls[2].method == http.MethodPost {
				action = "complete"
			}
			require.Equal(t, `{"action":"`+action+`","variables":[{"name":"riverstonesStatus","value":"monitor.success"},`+
				`{"name":"big","value":12345678901234567890},{"name":"dbPassword","value":"******"},{"name":"disk","type":"json","value":{"size":1.0}},`+
				`{"name":"id","value":"i-1"},{"name":"ok","value":true}]}`, string(calls[2].body))
		})
	}
}

// While the engine does not wait for the end, the delivery is parked, and says so.
func TestParked(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st store.Store) {
		waits := make(chan struct{})
		r := newReceiver(t, func(int, call) int {
			select {
			case <-waits:
				return http.StatusNoContent
			default:
				return http.StatusNotFound
			}
		})
		start(t, config(t), st)
		n := names("t1", "p1")
		ends(t, st, n, store.Flowable, r.URL, task.StartFailed)
		d := told(t, st, n.ID, store.DeliveryParked)
		require.Contains(t, d[0].Problem, "does not wait there yet")
		close(waits)
		told(t, st, n.ID, store.DeliveryDone)
	})
}

// An engine goes on once: not with a failure that an operator works at, and not
// with that of an attempt that another one has replaced.
func TestFlowableWaitsForTheOperator(t *testing.T) {
	t.Parallel()
	st := storetest.SQLite(t)
	r := newReceiver(t, always(http.StatusOK))
	start(t, config(t), st)
	rerun, resumed := names("rerun", "p1"), names("resumed", "p1")
	require.NoError(t, st.SetDebug(t.Context(), "p1", true))
	for _, n := range []task.Names{rerun, resumed} {
		ends(t, st, n, store.Flowable, r.URL+"/"+n.TaskID, task.StartFailed)
		require.Contains(t, told(t, st, n.ID, store.DeliveryParked)[0].Problem, "debug mode")
	}
	require.Empty(t, r.got())
	next(t, st, rerun.ID, task.Start, task.MonitorSuccess)
	require.Contains(t, told(t, st, rerun.ID, store.DeliveryDone, store.DeliveryDone)[0].Problem, "later attempt")
	off := false
	_, err := st.Command(t.Context(), resumed.ID, func(was store.Standing) (*store.Step, error) { return &store.Step{State: was.State, Debug: &off}, nil })
	require.NoError(t, err)
	told(t, st, resumed.ID, store.DeliveryDone, store.DeliveryDone)
	calls := r.got()
	require.Len(t, calls, 2)
	require.Contains(t, string(calls[0].body), "monitor.success")
	require.Contains(t, string(calls[1].body), `{"name":"riverstonesStatus","value":"start.failed"},{"name":"riverstonesReason","value":"no room"}`)
}

// What can not be told for a day is given up, and can be replayed.
func TestGivenUpAndReplayed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st store.Store) {
		works := make(chan struct{})
		r := newReceiver(t, func(int, call) int {
			select {
			case <-works:
				return http.StatusOK
			default:
				return http.StatusBadGateway
			}
		})
		cfg := config(t)
		cfg.Patience = 300 * time.Millisecond
		start(t, cfg, st)
		n := names("t1", "p1")
		ends(t, st, n, store.Webhook, r.URL, task.Canceled)
		d := told(t, st, n.ID, store.DeliveryGivenUp)
		require.Contains(t, d[0].Problem, "502 Bad Gateway")
		require.Greater(t, d[0].Tries, 2)
		close(works)
		_, err := st.Replay(t.Context(), n.ID, time.Now())
		require.NoError(t, err)
		told(t, st, n.ID, store.DeliveryDone)
	})
}

func TestGoneIsGivenUpAtOnce(t *testing.T) {
	t.Parallel()
	st := storetest.SQLite(t)
	r := newReceiver(t, always(http.StatusGone))
	start(t, config(t), st)
	n := names("t1", "p1")
	ends(t, st, n, store.Webhook, r.URL, task.StartFailed)
	told(t, st, n.ID, store.DeliveryGivenUp)
	require.Len(t, r.got(), 1)
}

// A service that stops while it tells leaves the delivery to another one; of
// two that run, one tells.
func TestRestart(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st store.Store) {
		asked, stop := make(chan struct{}), make(chan struct{})
		r := newReceiver(t, func(n int, _ call) int {
			if n == 0 {
				close(asked)
				<-stop
			}
			return http.StatusOK
		})
		n := names("t1", "p1")
		ends(t, st, n, store.Webhook, r.URL, task.StartFailed)
		first := start(t, config(t), st)
		<-asked
		go func() { close(stop) }() // the answer and the stop race
		first.Stop()
		start(t, config(t), st)
		start(t, config(t), st)
		told(t, st, n.ID, store.DeliveryDone)
		require.LessOrEqual(t, len(r.got()), 2)
		other := names("t2", "p1")
		before := len(r.got())
		ends(t, st, other, store.Webhook, r.URL, task.StartFailed)
		told(t, st, other.ID, store.DeliveryDone)
		require.Len(t, r.got(), before+1)
	})
}
