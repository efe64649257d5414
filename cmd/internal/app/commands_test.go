package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

// script is a stone whose methods do what the params say: each member names a
// method and says "ok", "fail", how long it takes, or "hang", which waits until it
// is stopped.
type script struct {
	ended atomic.Int32 // hanging methods whose context ended
}

func (s *script) do(ctx context.Context, t *stone.Task, method string) error {
	var p map[string]string
	if err := t.Bind(&p); err != nil {
		return err
	}
	if err := t.SetOutput(method, p["mark"]); err != nil {
		return err
	}
	switch p[method] {
	case "fail":
		return stone.Reject("told to fail")
	case "hang":
		<-ctx.Done()
		s.ended.Add(1)
		return ctx.Err()
	}
	if d, err := time.ParseDuration(p[method]); err == nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
		}
	}
	return nil
}

func (s *script) Start(ctx context.Context, t *stone.Task) error    { return s.do(ctx, t, "start") }
func (s *script) Monitor(ctx context.Context, t *stone.Task) error  { return s.do(ctx, t, "monitor") }
func (s *script) Rollback(ctx context.Context, t *stone.Task) error { return s.do(ctx, t, "rollback") }
func (s *script) Delete(ctx context.Context, t *stone.Task) error   { return s.do(ctx, t, "delete") }
func (s *script) Cancel(ctx context.Context, t *stone.Task) error   { return s.do(ctx, t, "cancel") }
func (s *script) Mock(ctx context.Context, t *stone.Task) error     { return s.do(ctx, t, "mock") }

// desk is a whole system with two stones: Script, and Bare, which only starts.
type desk struct {
	t      *testing.T
	a      *app.App
	c      *client.Client
	once   *client.Client // does not try again
	script *script
	n      atomic.Int32
}

// desks runs a test on both stores.
func desks(t *testing.T, f func(t *testing.T, d *desk)) {
	t.Helper()
	for name, store := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := settings(t)
			cfg.Store, cfg.NATSListen = store(t), "127.0.0.1:0"
			d := &desk{t: t, script: &script{}}
			d.a = start(t, cfg, app.Hooks{Stones: func(w *stone.Worker) error {
				bare := stone.Func(func(context.Context, *stone.Task) error { return nil })
				return errors.Join(w.Add(stone.Spec{Code: "Script", Concurrency: 20, Backoff: time.Millisecond}, d.script), w.Add(stone.Spec{Code: "Bare"}, bare))
			}})
			d.c = newClient(t, d.a.URL())
			var err error
			d.once, err = client.New(d.a.URL(), client.Config{})
			require.NoError(t, err)
			f(t, d)
			requireClean(t, d.a.Store(), d.a.NATSURL())
		})
	}
}

// publish publishes a task of a process of its own and returns its taskId.
func (d *desk) publish(stoneCode string, params string, change ...func(*client.NewTask)) string {
	d.t.Helper()
	id := fmt.Sprintf("t-%d", d.n.Add(1))
	n := client.NewTask{ProcessInstanceID: "p-" + id, TaskID: id, Stone: stoneCode, Params: []byte(params)}
	for _, f := range change {
		f(&n)
	}
	_, _, err := d.c.PublishOne(within(d.t), n)
	require.NoError(d.t, err)
	return id
}

// until waits for a status of a task.
func (d *desk) until(id, status string) (got client.Task) {
	d.t.Helper()
	require.Eventually(d.t, func() bool {
		var err error
		got, err = d.c.Get(within(d.t), id)
		return err == nil && got.Status == status
	}, patience, 5*time.Millisecond, "task %s never was %s", id, status)
	return got
}

// history returns attempt and status of all transitions.
func (d *desk) history(id string) (all []string) {
	d.t.Helper()
	h, err := d.c.History(within(d.t), id, false)
	require.NoError(d.t, err)
	for _, tr := range h {
		all = append(all, fmt.Sprintf("%d %s", tr.Attempt, tr.Status))
	}
	return all
}

// put sends a PUT and returns status and body.
func (d *desk) put(path, contentType, body string) (int, string) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(within(d.t), http.MethodPut, d.a.URL()+path, strings.NewReader(body))
	require.NoError(d.t, err)
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(d.t, err)
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	require.NoError(d.t, err)
	return resp.StatusCode, string(out)
}

func inDebug(n *client.NewTask) {
	yes := true
	n.Debug = &yes
}

// The seed's reRun: a form, edited parameters, the next attempt.
func TestReRunOfAFailedTask(t *testing.T) {
	t.Parallel()
	desks(t, func(t *testing.T, d *desk) {
		id := d.publish("Script", `{"start":"fail","password":"geheim"}`, inDebug)
		failed := d.until(id, "start.failed")
		require.True(t, failed.Debug)
		require.Equal(t, "told to fail", *failed.Reason)

		form := url.Values{"queueType": {"start"}, "parameters": {`{"start":"ok","mark":"2","password":"******"}`}, "outputs": {`{}`}}
		status, body := d.put("/task/"+id+"/reRun", "application/x-www-form-urlencoded;charset=UTF-8", form.Encode())
		require.Equal(t, http.StatusOK, status, body)
		var now client.Task
		require.NoError(t, json.Unmarshal([]byte(body), &now))
		require.Equal(t, "produce.success", now.Status)
		require.Equal(t, 2, now.Attempt)
		require.Nil(t, now.EndTime)
		require.Nil(t, now.Reason)
		require.JSONEq(t, `{"start":"ok","mark":"2","password":"******"}`, *now.Params)

		ended := d.until(id, "monitor.success")
		require.JSONEq(t, `{"start":"2","monitor":"2"}`, *ended.Outputs)
		require.Equal(t, []string{"1 produce.success", "1 start.begin", "1 start.failed",
			"2 produce.success", "2 start.begin", "2 start.success", "2 monitor.begin", "2 monitor.success"}, d.history(id))

		_, err := d.once.ReRun(within(t), id, client.ReRun{QueueType: "start"})
		require.ErrorIs(t, err, client.ErrConflict)
		require.ErrorContains(t, err, "only a failed task")
	})
}

func TestBadCommands(t *testing.T) {
	t.Parallel()
	desks(t, func(t *testing.T, d *desk) {
		id := d.publish("Script", `{"start":"fail"}`)
		d.until(id, "start.failed")
		const form, js = "application/x-www-form-urlencoded", "application/json"
		for name, c := range map[string]struct {
			path, kind, body string
			status           int
			says             string
		}{
			"queueType missing":   {"/task/" + id + "/reRun", form, "parameters={}&outputs={}", 400, "queueType must be one of"},
			"queueType unknown":   {"/task/" + id + "/reRun", js, `{"queueType":"mock","parameters":{},"outputs":{}}`, 400, "queueType must be one of"},
			"parameters missing":  {"/task/" + id + "/reRun", form, "queueType=start&outputs={}", 400, "parameters is missing"},
			"parameters null":     {"/task/" + id + "/reRun", js, `{"queueType":"start","parameters":null,"outputs":{}}`, 400, "parameters is missing"},
			"outputs no object":   {"/task/" + id + "/reRun", form, "queueType=start&parameters={}&outputs=[1]", 400, "outputs must be a JSON object"},
			"twice in a form":     {"/task/" + id + "/reRun", form, "queueType=start&queueType=start&parameters={}&outputs={}", 400, "more than once"},
			"unknown member":      {"/task/" + id + "/reRun", js, `{"queueType":"start","parameters":{},"outputs":{},"x":1}`, 400, "unknown field"},
			"other content type":  {"/task/" + id + "/reRun", "text/plain", `{}`, 415, "application/json"},
			"unknown task":        {"/task/nope/reRun", form, "queueType=start&parameters={}&outputs={}", 404, "nope does not exist"},
			"not in debug mode":   {"/task/" + id + "/reRun", form, "queueType=start&parameters={}&outputs={}", 409, "is not in debug mode"},
			"resume, no debug":    {"/task/" + id + "/resume", "text/plain", "whatever", 409, "is not in debug mode"},
			"cancel of the ended": {"/task/" + id + "/cancel", "", "", 409, "has ended with start.failed"},
			"rollback of unknown": {"/task/nope/rollback", "", "", 404, "does not exist"},
			"debug without value": {"/process/p/debug", js, `{}`, 400, "debug is missing"},
			"debug of what":       {"/process/p/debug", js, `{"debug":"yes"}`, 400, "debug must be true or false"},
		} {
			status, body := d.put(c.path, c.kind, c.body)
			require.Equal(t, c.status, status, "%s: %s", name, body)
			require.Contains(t, body, c.says, name)
		}
		require.Equal(t, []string{"1 produce.success", "1 start.begin", "1 start.failed"}, d.history(id), "nothing was left behind")
	})
}

// Of many reRuns at once one wins, and the stone runs once more.
func TestOneOfManyReRunsWins(t *testing.T) {
	t.Parallel()
	desks(t, func(t *testing.T, d *desk) {
		id := d.publish("Script", `{"start":"fail"}`, inDebug)
		d.until(id, "start.failed")
		var wg sync.WaitGroup
		var won, lost atomic.Int32
		for range 20 {
			wg.Go(func() {
				_, err := d.once.ReRun(within(t), id, client.ReRun{QueueType: "start", Parameters: []byte(`{"start":"hang"}`)})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, client.ErrConflict):
					lost.Add(1)
				}
			})
		}
		wg.Wait()
		require.Equal(t, []int32{1, 19}, []int32{won.Load(), lost.Load()})
		d.until(id, "start.begin")
		_, err := d.c.Cancel(within(t), id)
		require.NoError(t, err)
		d.until(id, "cancel.success")
	})
}

func TestResume(t *testing.T) {
	t.Parallel()
	desks(t, func(t *testing.T, d *desk) {
		id := d.publish("Script", `{"start":"fail"}`)
		require.NoError(t, d.c.SetDebug(within(t), "p-"+id, true))
		require.True(t, d.until(id, "start.failed").Debug)
		got, err := d.once.Resume(within(t), id)
		require.NoError(t, err)
		require.False(t, got.Debug)
		require.Equal(t, "start.failed", got.Status)
		require.Equal(t, "told to fail", *got.Reason)
		require.NotNil(t, got.EndTime)
		_, err = d.once.Resume(within(t), id)
		require.ErrorIs(t, err, client.ErrConflict)
	})
}

func TestCancelOfWaitingAndRunningTasks(t *testing.T) {
	t.Parallel()
	desks(t, func(t *testing.T, d *desk) {
		waiting := d.publish("Nobody", `{}`)
		d.until(waiting, "produce.success")
		why, err := d.c.Why(within(t), waiting)
		require.NoError(t, err)
		require.Equal(t, "no worker has ever served stone Nobody", why.Why)
		got, err := d.c.Cancel(within(t), waiting)
		require.NoError(t, err)
		require.Equal(t, "canceled", got.Status)
		require.NotNil(t, got.EndTime)
		require.Equal(t, "cancel", got.QueueType)
		require.Equal(t, []string{"1 produce.success", "2 canceled"}, d.history(waiting))

		running := d.publish("Script", `{"start":"hang","mark":"m"}`)
		d.until(running, "start.begin")
		_, err = d.c.Cancel(within(t), running)
		require.NoError(t, err)
		_, err = d.c.Cancel(within(t), running)
		if err != nil { // it has ended meanwhile
			require.ErrorIs(t, err, client.ErrConflict)
		}
		d.until(running, "cancel.success")
		require.Equal(t, int32(1), d.script.ended.Load(), "the stone's context ended")
		require.Equal(t, []string{"1 produce.success", "1 start.begin", "2 produce.success", "2 cancel.begin", "2 cancel.success"}, d.history(running))

		followed := d.publish("Script", `{"monitor":"hang"}`)
		require.Eventually(t, func() bool { h := d.history(followed); return h[len(h)-1] != "1 produce.success" }, patience, 5*time.Millisecond)
		_, err = d.c.Cancel(within(t), followed)
		require.NoError(t, err)
		d.until(followed, "cancel.success")
	})
}

// Every status is reached through REST, by real stones.
func TestAllStatuses(t *testing.T) {
	t.Parallel()
	desks(t, func(t *testing.T, d *desk) {
		seen := map[string]bool{}
		end := func(id string) {
			t.Helper()
			_, err := d.c.WaitEnd(within(t), id, 5*time.Millisecond)
			require.NoError(t, err)
			h, err := d.c.History(within(t), id, false)
			require.NoError(t, err)
			for _, tr := range h {
				seen[tr.Status] = true
			}
		}
		as := func(m string) func(*client.NewTask) { return func(n *client.NewTask) { n.QueueType = m } }
		for _, m := range []string{"start", "monitor", "rollback", "delete", "cancel", "mock"} {
			end(d.publish("Script", `{}`, as(m)))
			end(d.publish("Script", `{"`+m+`":"fail"}`, as(m)))
			end(d.publish("Bare", `{}`, as(m)))
		}
		undone := d.publish("Script", `{}`)
		end(undone)
		for _, undo := range []func(context.Context, string) (client.Task, error){d.c.Rollback, d.c.Delete} {
			_, err := undo(within(t), undone)
			require.NoError(t, err)
			end(undone)
		}
		for _, s := range task.Statuses() {
			if s != task.ProduceFailed { // the queue must be out for it: gateway's own tests
				require.True(t, seen[s.String()], s.String())
			}
		}
	})
}

// A task that is held back is shown at once and published in time.
func TestDelayedTasks(t *testing.T) {
	t.Parallel()
	desks(t, func(t *testing.T, d *desk) {
		delayed := func(n *client.NewTask) { n.Delay = "700ms" }
		id := d.publish("Script", `{}`, delayed)
		got := d.until(id, "produce.success")
		require.NotNil(t, got.NotBefore)
		d.until(id, "monitor.success")
		h, err := d.c.History(within(t), id, false)
		require.NoError(t, err)
		require.False(t, h[1].Time.Before(*got.NotBefore), "%s is before %s", h[1].Time, *got.NotBefore)
		after := d.until(id, "monitor.success")
		require.Equal(t, got.NotBefore, after.NotBefore, "it stays")

		_, how, err := d.c.PublishOne(within(t), client.NewTask{ProcessInstanceID: "p-" + id, TaskID: id, Stone: "Script", Delay: "700ms"})
		require.NoError(t, err)
		require.Equal(t, client.Known, how)
		_, _, err = d.once.PublishOne(within(t), client.NewTask{ProcessInstanceID: "p-" + id, TaskID: id, Stone: "Script"})
		require.ErrorIs(t, err, client.ErrConflict)

		long := d.publish("Script", `{}`, func(n *client.NewTask) {
			later := time.Now().Add(time.Hour).UTC()
			n.NotBefore = &later
		})
		canceled, err := d.c.Cancel(within(t), long)
		require.NoError(t, err)
		require.Equal(t, "canceled", canceled.Status)
		require.Equal(t, []string{"1 produce.success", "2 canceled"}, d.history(long))
	})
}

// settled reports whether nothing more can happen to an ended task: when one
// is canceled, the attempt before was never begun.
func (d *desk) settled(id string, t *client.Task) bool {
	before := fmt.Sprintf("%d ", t.Attempt-1)
	return t.Status != "canceled" || !slices.ContainsFunc(d.history(id), func(one string) bool {
		return strings.HasPrefix(one, before) && strings.HasSuffix(one, ".begin")
	})
}
