package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

type jsonNumber = json.Number

// clockwork is two stones that note when they ran and do what the params say:
// Clock, and Once, which only starts.
type clockwork struct {
	mu   sync.Mutex
	runs map[string][]time.Time // by taskId and method
}

func newClockwork() *clockwork { return &clockwork{runs: map[string][]time.Time{}} }

func (c *clockwork) add(w *stone.Worker) error {
	return errors.Join(
		w.Add(stone.Spec{Code: "Clock", Concurrency: 20, MaxAttempts: 3, Backoff: 50 * time.Millisecond,
			Timeouts: map[task.Method]time.Duration{task.Rollback: 50 * time.Millisecond}}, c),
		w.Add(stone.Spec{Code: "Once", Timeout: 50 * time.Millisecond, MaxAttempts: 1}, stone.Func(c.Start)))
}

// ran are the times of a task's runs of a method.
func (c *clockwork) ran(id, method string) []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Time(nil), c.runs[id+" "+method]...)
}

func (c *clockwork) run(t *stone.Task) (n int, do string, err error) {
	k := t.TaskID + " " + string(t.Method)
	c.mu.Lock()
	c.runs[k] = append(c.runs[k], time.Now())
	n = len(c.runs[k])
	c.mu.Unlock()
	var p struct {
		Do string `json:"do"`
	}
	err = t.Bind(&p)
	return n, p.Do, err
}

// Start implements [stone.Stone].
func (c *clockwork) Start(ctx context.Context, t *stone.Task) error {
	n, do, err := c.run(t)
	switch {
	case err != nil:
		return err
	case do == "fail":
		return fmt.Errorf("failed %d", n)
	case do == "reject":
		return stone.Reject("never")
	case do == "later" && n == 1:
		return stone.Retry(300*time.Millisecond, "in a moment")
	case do == "much later":
		return stone.Retry(time.Hour, "tomorrow")
	case do == "hang":
		<-ctx.Done()
		return ctx.Err()
	case do == "tell":
		t.Progress(50)
		for i := range 3 {
			t.Logf("info", "line %d", i+1)
		}
		return errors.Join(t.SetOutput("kept", "start"), t.SetOutput("seen", json.RawMessage("12345678901234567890")))
	}
	return nil
}

// Monitor implements [stone.Monitorer].
func (c *clockwork) Monitor(_ context.Context, t *stone.Task) error {
	n, do, err := c.run(t)
	switch {
	case err != nil:
		return err
	case do == "look" && n < 4:
		return stone.Again(50 * time.Millisecond)
	case do == "look for ever":
		return stone.Again(time.Hour)
	case do == "tell":
		t.Progress(100)
		return t.SetOutput("by", "monitor")
	}
	return nil
}

// Rollback implements [stone.Rollbacker]; it always takes too long.
func (c *clockwork) Rollback(ctx context.Context, t *stone.Task) error {
	if _, _, err := c.run(t); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// apart requires n runs of a method, each at least as long after the one before as it says.
func (s stranger) apart(id, method string, least ...time.Duration) {
	s.Helper()
	all := s.clock.ran(id, method)
	require.Len(s, all, len(least)+1)
	for i, d := range least {
		require.GreaterOrEqual(s, all[i+1].Sub(all[i]), d, "run %d", i+2)
	}
}

// Attempts and backoff, of the stone and of the task, and what a stone says itself.
func contractRetries(s stranger) {
	do := func(what string, more ...any) string {
		return s.published("Clock", append([]any{"params", raw(`{"do":"` + what + `"}`)}, more...)...)
	}
	const ms = time.Millisecond
	own := do("fail")
	fewer := do("fail", "retry", raw(`{"maxAttempts":2,"backoff":"150ms"}`))
	once := do("fail", "retry", raw(`{"maxAttempts":1}`))
	more := do("fail", "retry", raw(`{"maxAttempts":5,"backoff":"1ms"}`))
	rejected, later, look := do("reject"), do("later"), do("look")

	require.Equal(s, "failed 3", s.until(own, "start.failed")["reason"])
	s.apart(own, "start", 50*ms, 100*ms)
	require.Equal(s, "1", fmt.Sprint(s.get("/task/" + own).object()["attempt"]), "a try is no attempt: only a command makes one")
	require.Equal(s, []string{"1 produce.success", "1 start.begin", "1 start.failed"}, s.steps(own, ""), "a try that is repeated is no status")
	s.until(fewer, "start.failed")
	s.apart(fewer, "start", 150*ms)
	s.until(once, "start.failed")
	s.apart(once, "start")
	require.Equal(s, "failed 5", s.until(more, "start.failed")["reason"])
	require.Equal(s, "never", s.until(rejected, "start.failed")["reason"])
	s.apart(rejected, "start")
	s.until(later, "monitor.success")
	s.apart(later, "start", 300*ms)
	s.until(look, "monitor.success")
	s.apart(look, "monitor", 50*ms, 50*ms, 50*ms)
}

// Timeouts of methods, and the deadline of a command while it runs and waits.
func contractTimeouts(s stranger) {
	do := func(code, what string, more ...any) string {
		return s.published(code, append([]any{"params", raw(`{"do":"` + what + `"}`)}, more...)...)
	}
	slow := do("Once", "hang") // the stone's own timeout
	undone := do("Clock", "")
	runs := do("Clock", "hang", "timeout", "300ms")
	waits := do("Clock", "much later", "timeout", "300ms")
	looks := do("Clock", "look for ever", "timeout", "300ms")
	require.Contains(s, s.until(slow, "start.failed")["reason"], "timeout")
	s.until(undone, "monitor.success")
	s.order(undone, "rollback").is(200) // a method's timeout
	require.Contains(s, s.until(undone, "rollback.failed")["reason"], "timeout")
	s.apart(undone, "rollback", 0, 0) // it is tried as often as the stone says
	require.Contains(s, s.until(runs, "start.failed")["reason"], "deadline")
	require.Contains(s, s.until(waits, "start.failed")["reason"], "deadline")
	require.Contains(s, s.until(looks, "monitor.failed")["reason"], "deadline")
	s.apart(runs, "start")
	s.apart(waits, "start")

	s.post(s.task(s.id(), "Clock", "timeout", "0s")).refused(400, "timeout")
	s.post(s.task(s.id(), "Clock", "timeout", "soon")).refused(400, "timeout")
	s.post(s.task(s.id(), "Clock", "retry", raw(`{"backoff":"soon"}`))).refused(400, "retry.backoff")
}

// Tasks that are held back begin in time, not before and not a second after.
func contractDelays(s stranger) {
	const held = 700 * time.Millisecond
	lateness := []time.Duration{}
	all := make([]string, 6)
	for i := range all {
		if i%2 == 0 {
			all[i] = s.published("Clock", "delay", held.String(), "timeout", "1m")
		} else {
			all[i] = s.published("Clock", "notBefore", time.Now().Add(held).Format(time.RFC3339Nano))
		}
	}
	for _, id := range all {
		got := s.get("/task/" + id).is(200).object()
		due, err := time.Parse(time.RFC3339Nano, got["notBefore"].(string)) //nolint:errcheck // it is a string
		require.NoError(s, err)
		after := s.until(id, "monitor.success")
		require.Equal(s, got["notBefore"], after["notBefore"], "it stays after publishing")
		late := s.clock.ran(id, "start")[0].Sub(due)
		require.GreaterOrEqual(s, late, time.Duration(0))
		lateness = append(lateness, late)
	}
	require.Less(s, slices.Min(lateness), time.Second, "%v", lateness)

	past := s.published("Clock", "notBefore", "2020-01-01T00:00:00+08:00")
	require.Equal(s, "2019-12-31T16:00:00.000000Z", s.until(past, "monitor.success")["notBefore"])
	counted := s.published("Clock", "params", raw(`{"do":"hang"}`), "delay", "600ms", "timeout", "200ms")
	s.until(counted, "start.failed")
	require.Len(s, s.clock.ran(counted, "start"), 1, "a timeout counts from the publishing")

	s.post(s.task(s.id(), "Clock", "delay", "1s", "notBefore", "2030-01-01T00:00:00Z")).refused(400, "delay and notBefore exclude each other")
	s.post(s.task(s.id(), "Clock", "delay", "-1s")).refused(400, "delay")
	s.post(s.task(s.id(), "Clock", "notBefore", "tomorrow")).refused(400, "notBefore")
}
