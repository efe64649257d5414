package stone_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

func TestQuickWorkIsOneEvent(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.work(stone.Spec{}, full{
		start:   func(_ context.Context, t *stone.Task) error { return t.SetOutput("x", 1) },
		monitor: func(_ context.Context, t *stone.Task) error { return t.SetOutput("seen", string(t.Before())) },
	}, stone.Config{Name: "me"})
	c := b.send(task.Start)
	all := b.until(c.ID, "start.begin", "start.success", "monitor.begin", "monitor.success")
	require.Len(t, all, 1)
	require.JSONEq(t, `{"x":1,"seen":"{\"before\":true,\"x\":1}"}`, string(all[0].Outputs))
	require.Equal(t, 1, all[0].Delivery)
	require.Equal(t, "me", all[0].Worker)
	b.idle()
	require.Empty(t, b.questions(), "a first delivery asks nobody")
}

func TestMethodsAStoneHas(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.work(stone.Spec{}, full{}, stone.Config{})
	for m, want := range map[task.Method][]string{
		task.Mock:     {"mock.begin", "mock.success"},
		task.Rollback: {"rollback.begin", "rollback.success"},
		task.Delete:   {"delete.begin", "delete.success"},
		task.Cancel:   {"cancel.begin", "cancel.success"},
	} {
		b.until(b.send(m).ID, want...)
	}
	b.idle()
}

func TestMethodsAStoneLacks(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.work(stone.Spec{}, stone.Func(func(context.Context, *stone.Task) error { return nil }), stone.Config{})
	for m, want := range map[task.Method][]string{
		task.Mock:     {"mock.passed"},
		task.Cancel:   {"canceled"},
		task.Rollback: {"rollback.begin", "rollback.success"},
		task.Delete:   {"delete.begin", "delete.success"},
		task.Monitor:  {"monitor.failed"},
	} {
		b.until(b.send(m).ID, want...)
	}
	all := b.until(b.send(task.Start).ID, "start.begin", "start.success")
	require.True(t, all[0].Transitions[1].Final)
	b.idle()
}

func TestLongWorkShowsItsBeginAtOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	goOn := make(chan struct{})
	b.work(stone.Spec{}, stone.Func(func(ctx context.Context, t *stone.Task) error {
		t.Progress(30)
		t.Logf("info", "half way with %s", t.IdempotencyKey())
		select {
		case <-goOn:
		case <-ctx.Done():
		}
		return nil
	}), stone.Config{})
	c := b.send(task.Start)
	b.until(c.ID, "start.begin")
	close(goOn)
	all := b.until(c.ID, "start.begin", "start.success")
	var progress *int
	var lines []string
	for _, e := range all {
		if e.Progress != nil {
			progress = e.Progress
		}
		for _, l := range e.Log {
			lines = append(lines, l.Line)
		}
	}
	require.Equal(t, 30, *progress)
	require.Equal(t, []string{"half way with " + c.ID + "/1/start"}, lines)
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	fails := errors.New("disk full")
	for _, c := range []struct {
		name   string
		start  stone.Func
		want   []string
		reason string
	}{
		{"an error is tried again until the attempts are used up", func(context.Context, *stone.Task) error { return fails },
			[]string{"start.begin", "start.begin", "start.begin", "start.failed"}, "disk full"},
		{"retry, then success", func(_ context.Context, t *stone.Task) error {
			if t.Try < 2 {
				return stone.Retry(time.Millisecond, "not yet")
			}
			return nil
		}, []string{"start.begin", "start.begin", "start.success"}, ""},
		{"reject", func(context.Context, *stone.Task) error { return stone.Reject("no such region") },
			[]string{"start.begin", "start.failed"}, "no such region"},
		{"panic", func(_ context.Context, t *stone.Task) error {
			if t.Try == 3 {
				return stone.Reject("enough")
			}
			panic("boom")
		}, []string{"start.begin", "start.begin", "start.begin", "start.failed"}, "enough"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.work(stone.Spec{}, c.start, stone.Config{})
			cmd := b.send(task.Start)
			all := b.until(cmd.ID, c.want...)
			last := all[len(all)-1].Transitions
			require.Equal(t, c.reason, last[len(last)-1].Reason)
			b.idle()
		})
	}
}

func TestACommandsOwnRetryAndDeadline(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.work(stone.Spec{}, stone.Func(func(ctx context.Context, t *stone.Task) error {
		if t.Deadline.IsZero() {
			return errors.New("once only")
		}
		<-ctx.Done()
		return ctx.Err()
	}), stone.Config{})
	c := b.send(task.Start, func(c *queue.Command) { c.Retry = &queue.Retry{MaxAttempts: 1} })
	b.until(c.ID, "start.begin", "start.failed")
	c = b.send(task.Start, func(c *queue.Command) { c.Deadline = time.Now().Add(50 * time.Millisecond) })
	all := b.until(c.ID, "start.begin", "start.failed")
	last := all[len(all)-1].Transitions
	require.Contains(t, last[len(last)-1].Reason, "deadline")
	b.idle()
}

// A deadline ends the waits for another try and for the next look, and a method
// may have a timeout of its own.
func TestDeadlinesAndTimeouts(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	hang := func(ctx context.Context, _ *stone.Task) error { <-ctx.Done(); return ctx.Err() }
	b.work(stone.Spec{Timeout: time.Hour, Timeouts: map[task.Method]time.Duration{task.Rollback: time.Millisecond}, MaxAttempts: 1}, full{
		start: func(_ context.Context, t *stone.Task) error {
			if t.Deadline.IsZero() {
				return nil
			}
			return stone.Retry(time.Hour, "later")
		},
		monitor:  func(context.Context, *stone.Task) error { return stone.Again(time.Hour) },
		rollback: hang,
	}, stone.Config{})
	soon := func(c *queue.Command) {
		c.Deadline, c.Retry = time.Now().Add(50*time.Millisecond), &queue.Retry{MaxAttempts: 5}
	}
	for method, want := range map[task.Method][]string{
		task.Start:    {"start.begin", "start.begin", "start.failed"}, // the second try comes too late
		task.Monitor:  {"monitor.begin", "monitor.failed"},
		task.Rollback: {"rollback.begin", "rollback.failed"},
	} {
		c := b.send(method, func(c *queue.Command) {
			if method != task.Rollback {
				soon(c)
			}
		})
		all := b.until(c.ID, want...)
		last := all[len(all)-1].Transitions
		require.Regexp(t, "deadline|timeout", last[len(last)-1].Reason)
	}
	b.idle()
}

func TestMonitorLooksAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	var mu sync.Mutex
	looks := 0
	b.work(stone.Spec{}, full{
		start: func(_ context.Context, t *stone.Task) error { return t.SetOutput("a", 1) },
		monitor: func(_ context.Context, t *stone.Task) error {
			mu.Lock()
			defer mu.Unlock()
			looks++
			if err := t.SetOutput(fmt.Sprintf("look%d", looks), true); err != nil {
				return err
			}
			if looks < 5 {
				return stone.Again(10 * time.Millisecond)
			}
			return nil
		}}, stone.Config{})
	c := b.send(task.Start)
	all := b.until(c.ID, "start.begin", "start.success", "monitor.begin", "monitor.success")
	require.Equal(t, task.Monitor, all[len(all)-1].Method)
	b.idle()
	require.Len(t, b.questions(), 1, "a worker asks once about the looks it has in a row")
	require.Equal(t, task.Monitor, b.questions()[0].Method)
}

func TestMonitorFails(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.work(stone.Spec{}, full{monitor: func(context.Context, *stone.Task) error { return errors.New("unreachable") }}, stone.Config{})
	all := b.until(b.send(task.Start).ID, "start.begin", "start.success", "monitor.begin", "monitor.failed")
	require.Equal(t, "unreachable", all[len(all)-1].Transitions[0].Reason)
	b.idle()
}

// A redelivered command asks, and every verdict is obeyed.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer queue.Answer
		want   []string
	}{
		{"run", queue.Answer{Answer: queue.Run, Delivery: 7, Try: 2}, []string{"start.begin", "start.success"}},
		{"given up", queue.Answer{Answer: queue.Run, Delivery: 7, Try: 4}, []string{"start.failed"}},
		{"done", queue.Answer{Answer: queue.Done}, nil},
		{"superseded", queue.Answer{Answer: queue.Superseded}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.script(func(queue.Question) *queue.Answer { return &c.answer })
			cmd := b.redelivered()
			b.work(stone.Spec{}, stone.Func(func(context.Context, *stone.Task) error { return nil }), stone.Config{})
			all := b.until(cmd.ID, c.want...)
			b.idle()
			if c.answer.Answer == queue.Run {
				require.Equal(t, 7, all[0].Delivery)
			}
			require.Equal(t, 2, b.questions()[0].Delivery)
			require.Len(t, b.events(cmd.ID), min(len(c.want), 1))
		})
	}
}

// redelivered sends a command that was delivered to somebody once.
func (b *bed) redelivered() *queue.Command {
	b.t.Helper()
	cmd := b.send(task.Start)
	cons, err := queue.EnsureConsumers(b.t.Context(), b.server.JetStream(b.t), code, "")
	require.NoError(b.t, err)
	batch, err := cons[queue.Work].Fetch(1)
	require.NoError(b.t, err)
	for m := range batch.Messages() {
		require.NoError(b.t, m.Nak())
	}
	return cmd
}

func TestLaterAndMonitorVerdicts(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	times := 0
	b.script(func(q queue.Question) *queue.Answer {
		if times++; times < 3 {
			return &queue.Answer{Answer: queue.Later, After: "10ms"}
		}
		if q.Method == task.Start {
			return &queue.Answer{Answer: queue.ToMonitor}
		}
		return &queue.Answer{Answer: queue.Run, Delivery: 1, Try: 1}
	})
	cmd := b.redelivered()
	b.work(stone.Spec{}, full{start: func(context.Context, *stone.Task) error { return stone.Reject("start was done already") }}, stone.Config{})
	b.until(cmd.ID, "monitor.begin", "monitor.success")
	b.idle()
}

// What rs.ctl says ends a running method at once, and nothing of it is reported but
// that it had begun.
func TestHalt(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	began, ended := make(chan struct{}), make(chan struct{})
	b.work(stone.Spec{}, stone.Func(func(ctx context.Context, _ *stone.Task) error {
		close(began)
		<-ctx.Done()
		close(ended)
		return nil
	}), stone.Config{})
	c := b.send(task.Start)
	<-began
	halt, err := json.Marshal(queue.Halt{ID: c.ID, Epoch: 2})
	require.NoError(t, err)
	require.NoError(t, b.nc.Publish(queue.CtlSubject(code), halt))
	<-ended
	b.until(c.ID, "start.begin")
	b.idle()
	b.until(c.ID, "start.begin")
	again := b.send(task.Start, func(x *queue.Command) { x.ID = c.ID; x.Epoch = 1; x.Method = task.Mock })
	b.idle()
	require.LessOrEqual(t, len(b.events(again.ID)), 1, "what was halted is not begun later")
}

// What is no broadcast of the gateway stops nothing.
func TestForeignControlMessages(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	began, ended := make(chan struct{}), make(chan error, 1)
	b.work(stone.Spec{}, stone.Func(func(ctx context.Context, _ *stone.Task) error {
		close(began)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return nil
	}), stone.Config{})
	c := b.send(task.Start)
	<-began
	halt, err := json.Marshal(queue.Halt{ID: c.ID, Epoch: 2})
	require.NoError(t, err)
	subject := queue.CtlSubject(code)
	for range 1500 { // more than are held, and than are logged
		require.NoError(t, b.nc.Publish(subject, []byte(`{"answer":"run"}`)))
	}
	for _, junk := range []string{"", "{", "null", "[1]", `{"id":"x","epoch":9}`, `{"id":"` + c.ID + `","epoch":0}`} {
		require.NoError(t, b.nc.Publish(subject, []byte(junk)))
	}
	require.NoError(t, b.nc.PublishMsg(&nats.Msg{Subject: subject, Reply: "$JS.ACK.x", Data: halt}))
	require.NoError(t, b.nc.PublishMsg(&nats.Msg{Subject: subject, Header: nats.Header{"Nats-Stream": {"RS_TASKS"}}, Data: halt}))
	require.NoError(t, b.nc.Flush())
	require.Never(t, func() bool { return len(ended) > 0 }, 300*time.Millisecond, 10*time.Millisecond)
	require.Eventually(t, func() bool { // until the flood is over
		return b.nc.Publish(subject, halt) == nil && len(ended) > 0
	}, 20*time.Second, 10*time.Millisecond, "a true one still stops it")
	b.idle()
}

// A worker that stops lets what runs finish; what does not is given back
// without costing an attempt, and another worker gets it at once.
func TestStopGivesWorkBack(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	began := make(chan struct{})
	w, err := stone.NewWorker(b.server.Connect(t), stone.Config{Grace: 10 * time.Millisecond})
	require.NoError(t, err)
	require.NoError(t, w.Add(stone.Spec{Code: code, Concurrency: 1}, stone.Func(func(ctx context.Context, _ *stone.Task) error {
		close(began)
		<-ctx.Done()
		return ctx.Err()
	})))
	require.NoError(t, w.Start(t.Context()))
	running := b.send(task.Start)
	<-began
	waiting := b.send(task.Start)
	require.NoError(t, w.Stop(t.Context()))
	require.NoError(t, w.Stop(t.Context()))
	released := slices.ContainsFunc(b.questions(), func(q queue.Question) bool { return q.ID == running.ID && q.Release })
	require.True(t, released)

	b.work(stone.Spec{}, stone.Func(func(context.Context, *stone.Task) error { return nil }), stone.Config{})
	b.until(waiting.ID, "start.begin", "start.success")
	queuetest.WaitFor(t, func() bool {
		all := b.events(running.ID)
		return len(all) > 0 && len(all[len(all)-1].Transitions) > 0 &&
			all[len(all)-1].Transitions[len(all[len(all)-1].Transitions)-1].Status == task.StartSuccess
	})
	b.idle()
}

// A worker that can not renew its lease ends the method before anybody else
// may have the command, and reports nothing.
func TestLostLease(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	began, cause := make(chan struct{}, 8), make(chan error, 8)
	b.work(stone.Spec{}, stone.Func(func(ctx context.Context, t *stone.Task) error {
		if t.Try > 1 {
			return nil
		}
		began <- struct{}{}
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return nil
	}), stone.Config{AckWait: 3 * time.Second})
	c := b.send(task.Start)
	<-began
	b.server.Stop(t)
	require.ErrorContains(t, <-cause, "lease")
	b.server.Restart(t)
	queuetest.WaitFor(t, func() bool {
		all := b.events(c.ID)
		return len(all) > 0 && all[len(all)-1].Delivery > 1
	})
	b.idle()
	for _, e := range b.events(c.ID) {
		if e.Delivery == 1 {
			require.Equal(t, task.StartBegin, e.Transitions[0].Status)
			require.Len(t, e.Transitions, 1)
		}
	}
}

// Long work keeps its lease: it is delivered once.
func TestLeaseIsRenewed(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	runs := make(chan int, 8)
	b.work(stone.Spec{}, stone.Func(func(ctx context.Context, t *stone.Task) error {
		runs <- t.FencingToken()
		select {
		case <-time.After(3 * time.Second): // three leases long
		case <-ctx.Done():
		}
		return ctx.Err()
	}), stone.Config{AckWait: time.Second})
	b.until(b.send(task.Start).ID, "start.begin", "start.success")
	require.Len(t, runs, 1)
}

// A command that can not be read is kept in RS_DLQ, and its task fails if it
// can be found.
func TestUnreadableCommand(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.work(stone.Spec{}, full{}, stone.Config{})
	_, err := b.nc.Request(queue.TaskSubject(code, "", task.Start), []byte(`{"id":`), time.Second)
	require.NoError(t, err)
	found := b.send(task.Start, func(c *queue.Command) { c.Params = []byte(`[]`) })
	good := b.send(task.Start)
	b.until(good.ID, "start.begin", "start.success", "monitor.begin", "monitor.success")
	all := b.until(found.ID, "start.failed")
	require.Contains(t, all[0].Transitions[0].Reason, "params")
	b.idle()
	dead := b.server.Messages(t, queue.StreamDLQ, 2)
	require.Equal(t, queue.DLQSubject(code), dead[0].Subject)
	require.NotEmpty(t, dead[0].Header.Get(queue.HeaderReason))
}

func TestManyTasksShareMessages(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	const n = 2000
	var ids []string
	var all []*queue.Command
	for range n {
		c := &queue.Command{Names: task.Names{ID: uuid.NewString(), TaskID: "t", ProcessInstanceID: "p", Name: "n", Namespace: "ns", Stone: code},
			Method: task.Start, Epoch: 1, CreateTime: time.Now()}
		ids, all = append(ids, c.ID), append(all, c)
	}
	for _, a := range b.pub.Publish(t.Context(), all) {
		require.NoError(t, a.Err)
	}
	b.work(stone.Spec{Concurrency: 50}, full{}, stone.Config{})
	b.idle()
	seen := map[string]int{}
	msgs := b.server.Messages(t, queue.StreamEvents, 1)
	for _, m := range msgs {
		ps, err := queue.ParseEvents(m.Data)
		require.NoError(t, err)
		for _, p := range ps {
			seen[p.Event.ID] += len(p.Event.Transitions)
		}
	}
	for _, id := range ids {
		require.Equal(t, 4, seen[id])
	}
	require.Less(t, len(msgs), n/4)
}

func TestAddRefusesMalformedSpecs(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	w, err := stone.NewWorker(b.nc, stone.Config{})
	require.NoError(t, err)
	require.ErrorIs(t, w.Add(stone.Spec{Code: "1x"}, full{}), queue.ErrStone)
	require.ErrorIs(t, w.Add(stone.Spec{Code: "X", BusinessKey: "_"}, full{}), queue.ErrBusinessKey)
	require.ErrorIs(t, w.Start(t.Context()), stone.ErrNoStone)
	require.NoError(t, w.Stop(t.Context()))
}
