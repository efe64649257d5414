package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

// whyDesk is a system whose stones get into all situations a task may wait in.
type whyDesk struct {
	*desk
	nc *nats.Conn
	js jetstream.JetStream
}

func newWhyDesk(t *testing.T) *whyDesk {
	t.Helper()
	cfg := settings(t)
	cfg.NATSListen, cfg.StopTimeout = "127.0.0.1:0", time.Second
	d := &whyDesk{desk: &desk{t: t}}
	hang := stone.Func(func(ctx context.Context, tk *stone.Task) error {
		tk.Progress(40)
		<-ctx.Done()
		return ctx.Err()
	})
	boom := stone.Func(func(context.Context, *stone.Task) error { return errors.New("boom") })
	d.a = start(t, cfg, app.Hooks{Stones: func(w *stone.Worker) error {
		return errors.Join(
			w.Add(stone.Spec{Code: "Hang", Concurrency: 1}, hang),
			w.Add(stone.Spec{Code: "Busy", Concurrency: 1}, hang),
			w.Add(stone.Spec{Code: "Paused"}, quick{}),
			w.Add(stone.Spec{Code: "Quick"}, quick{}),
			w.Add(stone.Spec{Code: "Broken", MaxAttempts: 5, Backoff: time.Hour}, boom),
			w.Add(stone.Spec{Code: "Wrong", MaxAttempts: 1}, boom),
			w.Add(stone.Spec{Code: "Followed"}, followed{}),
			w.Add(stone.Spec{Code: "Keyed", BusinessKey: "us"}, quick{}))
	}})
	d.c = newClient(t, d.a.URL())
	var err error
	d.nc, err = nats.Connect(d.a.NATSURL())
	require.NoError(t, err)
	t.Cleanup(d.nc.Close)
	d.js, err = jetstream.New(d.nc)
	require.NoError(t, err)
	require.Eventually(t, func() bool { // the worker is known
		s, err := d.c.Stone(within(t), "Keyed")
		return err == nil && len(s.Workers) == 1
	}, patience, 5*time.Millisecond)
	return d
}

// followed is a stone whose work is never done.
type followed struct{}

func (followed) Start(context.Context, *stone.Task) error { return nil }

func (followed) Monitor(context.Context, *stone.Task) error { return stone.Again(time.Hour) }

// says waits until why says all of it, and returns the fix.
func (d *whyDesk) says(t *testing.T, id string, parts ...string) string {
	t.Helper()
	var last client.Why
	require.Eventually(t, func() bool {
		w, err := d.c.Why(within(t), id)
		last = w
		if err != nil {
			return false
		}
		for _, part := range parts {
			if !strings.Contains(w.Why, part) {
				return false
			}
		}
		return true
	}, patience, 20*time.Millisecond, "task %s waits for something else: %v", id, &last)
	if last.Fix == nil {
		return ""
	}
	return *last.Fix
}

// Each situation, made by real parts.
func TestWhyIsItWaiting(t *testing.T) {
	t.Parallel()
	d := newWhyDesk(t)
	keyed := func(key string) func(*client.NewTask) { return func(n *client.NewTask) { n.BusinessKey = key } }
	for name, situation := range map[string]func(t *testing.T){
		"never served": func(t *testing.T) {
			require.Equal(t, "start a worker of Nobody", d.says(t, d.publish("Nobody", `{}`), "no worker has ever served stone Nobody"))
		},
		"nobody for its key": func(t *testing.T) {
			id := d.publish("Keyed", `{}`, keyed("eu"))
			require.Equal(t, "start a worker of Keyed", d.says(t, id, "no live worker serves stone Keyed for business key eu"))
		},
		"paused": func(t *testing.T) {
			_, err := d.c.PauseStone(within(t), "Paused")
			require.NoError(t, err)
			id := d.publish("Paused", `{}`)
			require.Equal(t, "riverstones stone resume Paused", d.says(t, id, "stone Paused is paused"))
			_, err = d.c.ResumeStone(within(t), "Paused")
			require.NoError(t, err)
			d.says(t, id, "it does not wait: it ended with monitor.success")
		},
		"held back": func(t *testing.T) {
			id := d.publish("Quick", `{}`, func(n *client.NewTask) { n.Delay = "1h" })
			require.Equal(t, "riverstones task cancel "+id, d.says(t, id, "it is held back until ", "that is for "))
		},
		"debug": func(t *testing.T) {
			id := d.publish("Wrong", `{}`, inDebug)
			require.Equal(t, "riverstones task rerun "+id, d.says(t, id, "failed with start.failed", "debug mode", "it waits for you"))
		},
		"failed": func(t *testing.T) {
			id := d.publish("Wrong", `{}`)
			require.Equal(t, "riverstones process debug p-"+id+" on", d.says(t, id, "it ended with start.failed"))
		},
		"backlog": func(t *testing.T) {
			d.until(d.publish("Busy", `{}`), "start.begin")
			var id string
			for range 5 { // a worker holds some ahead
				id = d.publish("Busy", `{}`)
			}
			require.Equal(t, "start more workers, or raise their concurrency", d.says(t, id, "it waits since ", "in a backlog of ", " commands, for 1 live worker of stone Busy"))
		},
		"running": func(t *testing.T) {
			id := d.publish("Hang", `{}`)
			require.Empty(t, d.says(t, id, "worker ", " has it: start.begin since ", ", 40 % done"))
		},
		"next poll": func(t *testing.T) {
			id := d.publish("Followed", `{}`)
			require.Equal(t, "riverstones task cancel "+id, d.says(t, id, "not done yet: next poll at ", "in 59m"))
		},
		"retry": func(t *testing.T) {
			id := d.publish("Broken", `{}`)
			require.Equal(t, "riverstones task cancel "+id, d.says(t, id, "try 1 of 5 failed (boom): retry 2 of 5 at "))
		},
		"lease lost":        d.leaseLost,
		"dead letter":       d.deadLetter,
		"quarantined":       d.quarantined,
		"finished, no task": d.finished,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			situation(t)
		})
	}
}

// leaseLost plays a worker that was heard of last two minutes ago, beside none
// and beside one that lives.
func (d *whyDesk) leaseLost(t *testing.T) {
	for _, other := range []bool{false, true} {
		code := fmt.Sprintf("Lost%t", other)
		id := d.publish(code, `{}`)
		got := d.until(id, "produce.success")
		stones, err := d.js.KeyValue(within(t), queue.BucketStones)
		require.NoError(t, err)
		announce := func(worker string, last time.Time) {
			t.Helper()
			doc, err := (&queue.Announcement{Code: code, Worker: worker, Methods: []task.Method{task.Start}, LastFetch: last}).Encode()
			require.NoError(t, err)
			_, err = stones.Put(within(t), queue.StoneKey(code, worker), doc)
			require.NoError(t, err)
		}
		announce("gone", time.Now().Add(-2*time.Minute))
		if other {
			announce("here", time.Now())
		}
		e := queue.Event{Names: namesOf(&got), Method: task.Start, Epoch: 1, Delivery: 1, Worker: "gone",
			Transitions: []queue.Transition{{Status: task.StartBegin, Time: time.Now()}}}
		_, err = d.js.Publish(within(t), queue.EventSubject(code, task.Start), e.Append(nil))
		require.NoError(t, err)
		if other {
			require.Empty(t, d.says(t, id, "worker gone had it", "its lease is lost since ", "another one takes over"))
		} else {
			require.Equal(t, "start a worker of "+code, d.says(t, id, "worker gone had it", "its lease is lost since ", "no live worker serves stone "+code))
		}
	}
}

func namesOf(t *client.Task) task.Names {
	return task.Names{ID: t.ID, TaskID: t.TaskID, ProcessInstanceID: t.ProcessInstanceID, Name: t.Name, Namespace: t.Namespace, Stone: t.Stone}
}

// deadLetter sends a command that no worker can read.
func (d *whyDesk) deadLetter(t *testing.T) {
	id := d.publish("Broken", `{}`)
	d.says(t, id, "try 1 of 5")
	got, err := d.c.Get(within(t), id)
	require.NoError(t, err)
	c := queue.Command{Names: namesOf(&got), Method: task.Start, Epoch: 1, CreateTime: time.Now()}
	var doc map[string]any
	require.NoError(t, json.Unmarshal(c.Append(nil), &doc))
	doc["params"] = []int{1}
	body, err := json.Marshal(doc)
	require.NoError(t, err)
	_, err = d.js.Publish(within(t), c.Subject(), body)
	require.NoError(t, err)
	require.Equal(t, "riverstones deadletter redrive "+id, d.says(t, id, "it failed with start.failed, and its command is a dead letter: ", "params"))
}

// quarantined reports an attempt that nobody has commanded.
func (d *whyDesk) quarantined(t *testing.T) {
	id := d.publish("Nobody", `{}`)
	got := d.until(id, "produce.success")
	e := queue.Event{Names: namesOf(&got), Method: task.Start, Epoch: 9, Delivery: 1, Worker: "w", Transitions: []queue.Transition{{Status: task.StartBegin, Time: time.Now()}}}
	_, err := d.js.Publish(within(t), queue.EventSubject("Nobody", task.Start), e.Append(nil))
	require.NoError(t, err)
	require.Contains(t, d.says(t, id, "an event of it could not be recorded at ", " and is in quarantine: "), "/quarantine?taskId="+id)
}

func (d *whyDesk) finished(t *testing.T) {
	require.Empty(t, d.says(t, d.publish("Quick", `{}`), "it does not wait: it ended with monitor.success"))
	_, err := d.c.Why(within(t), "nobody")
	require.ErrorIs(t, err, client.ErrNotFound)
}

// While the queue is out the store alone tells what is wrong.
func TestWhyWhileTheQueueIsOut(t *testing.T) {
	t.Parallel()
	server := queuetest.Start(t)
	cfg := settings(t)
	cfg.Roles = []config.Role{config.Recorder, config.Gateway}
	cfg.NATS = server.URL()
	d := &whyDesk{desk: &desk{t: t}}
	d.a = start(t, cfg, app.Hooks{})
	d.c = newClient(t, d.a.URL())
	var err error
	d.once, err = client.New(d.a.URL(), client.Config{})
	require.NoError(t, err)
	failed := d.publish("S", `{}`, inDebug)
	got := d.until(failed, "produce.success")
	e := queue.Event{Names: namesOf(&got), Method: task.Start, Epoch: 1, Delivery: 1, Worker: "w", Transitions: []queue.Transition{{Status: task.StartBegin, Time: time.Now()}, {Status: task.StartFailed, Time: time.Now()}}}
	_, err = server.JetStream(t).Publish(within(t), queue.EventSubject("S", task.Start), e.Append(nil))
	require.NoError(t, err)
	d.until(failed, "start.failed")

	server.Stop(t)
	_, err = d.once.ReRun(within(t), failed, client.ReRun{QueueType: "start"})
	require.NoError(t, err)
	require.Equal(t, "curl /readyz of the gateway", d.says(t, failed, "its command waits in the outbox since ", "the queue is out of reach"))
	_, _, err = d.once.PublishOne(within(t), client.NewTask{ProcessInstanceID: "p", TaskID: "refused", Stone: "S"})
	var answer *client.Error
	require.ErrorAs(t, err, &answer)
	require.Equal(t, http.StatusServiceUnavailable, answer.Status)
	require.Equal(t, "send the same POST /task again", d.says(t, "refused", "the queue did not take it: "))
	server.Restart(t)
	d.says(t, failed, "no worker has ever served stone S")
}
