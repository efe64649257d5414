package stone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

var (
	errDeadline = errors.New("the task's deadline has passed")
	errTimeout  = errors.New("the method took longer than the stone's timeout")
)

// maxBackoff bounds the wait between two tries.
const maxBackoff = 5 * time.Minute

// settle turns the outcome of a method into what is reported and answered.
func (j *job) settle(t *Task, err error) {
	if large := j.tooLarge(t.NewOutputs()); large != nil {
		t.drop()
		err = large
	}
	switch cause := context.Cause(j.ctx); {
	case errors.Is(cause, errSuperseded):
		j.outrun(t.NewOutputs())
	case errors.Is(cause, errLeaseLost):
		j.close()
		j.abandon(cause)
	case errors.Is(cause, errStopping) && err != nil: // what is given back has begun all the same
		j.handOver(report{then: func() { j.abandon(cause) }, apart: true}, nil, nil)
	case j.command.Method == task.Monitor:
		j.settleLook(t, err)
	case err != nil:
		j.settleFailure(t, err)
	case j.command.Method == task.Start && j.lane.r.handlers[task.Monitor] != nil:
		j.firstLook(t)
	default:
		j.success(t)
	}
}

// outrun answers a run that a later command has taken over. It tells that it had
// begun, and what it has put out: the command may have been a cancel that the
// stone was spared, since nobody knew.
func (j *job) outrun(outputs json.RawMessage, ts ...queue.Transition) { j.hand(outputs, ts, j.ack) }

// close ends reporting by the method.
func (j *job) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.over = true
}

func (j *job) success(t *Task) {
	final := j.command.Method == task.Start
	j.finishWith(t.NewOutputs(), []queue.Transition{{Status: j.command.Method.Success(), Time: time.Now(), Final: final}})
}

// settleFailure tries again while attempts remain.
func (j *job) settleFailure(t *Task, err error) {
	after, _ := AsRetry(err)
	if AsReject(err) || errors.Is(err, errDeadline) || j.try >= j.maxAttempts() {
		j.finishWith(t.NewOutputs(), end(j.command.Method.Failed(), j.reason(err)))
		return
	}
	if after <= 0 {
		after = j.backoff()
	}
	after = j.inTime(after)
	j.next("warn", queue.Next{Try: j.try, Of: j.maxAttempts(), Why: j.reason(err), After: after})
	j.hand(nil, nil, func() { j.giveBack(after) })
}

// settleLook handles the outcome of a monitor command.
func (j *job) settleLook(t *Task, err error) {
	after, pending := AsAgain(err)
	switch {
	case err == nil:
		j.lane.r.looks.forget(j)
		j.finishWith(t.NewOutputs(), end(task.MonitorSuccess, ""))
		return
	case !pending:
		if after, pending = j.missed(err); !pending {
			j.lane.r.looks.forget(j)
			j.finishWith(t.NewOutputs(), end(task.MonitorFailed, j.reason(err)))
			return
		}
	default:
		j.lane.r.looks.worked(j)
		after = j.inTime(after)
		j.pending(after)
	}
	j.hand(t.NewOutputs(), nil, func() {
		j.lane.r.looks.given(j)
		j.giveBack(after)
	})
}

// missed counts a look that failed: it is repeated as often in a row as a
// command is tried.
func (j *job) missed(err error) (after time.Duration, again bool) {
	n := j.lane.r.looks.failed(j)
	if AsReject(err) || errors.Is(err, errDeadline) || n >= j.maxAttempts() {
		return 0, false
	}
	if after, _ = AsRetry(err); after <= 0 {
		after = j.backoffAt(n)
	}
	after = j.inTime(after)
	j.next("warn", queue.Next{Why: j.reason(err), After: after})
	return after, true
}

// firstLook calls monitor right after start, so that quick work needs no
// second command.
func (j *job) firstLook(t *Task) {
	started := queue.Transition{Status: task.StartSuccess, Time: time.Now()}
	outputs, err := queue.Merge(t.before, t.NewOutputs())
	if err != nil {
		outputs = t.before
	}
	c := *j.command
	c.Method, c.Params, c.Outputs = task.Monitor, t.params, outputs
	m := j.newTask(&c)
	begin := queue.Transition{Status: task.MonitorBegin, Time: time.Now()}
	err = j.call(j.lane.r.handlers[task.Monitor], m)
	cause := context.Cause(j.ctx)
	if errors.Is(cause, errSuperseded) {
		j.outrun(t.NewOutputs(), started)
		return
	}
	if errors.Is(cause, errLeaseLost) {
		j.close()
		j.abandon(cause)
		return
	}
	fresh := both(t.NewOutputs(), m.NewOutputs())
	if large := j.tooLarge(fresh); large != nil {
		fresh, err = t.NewOutputs(), large
	}
	after, pending := AsAgain(err)
	switch {
	case err == nil:
		j.finishWith(fresh, append([]queue.Transition{started, begin}, end(task.MonitorSuccess, "")...))
		return
	case AsReject(err), errors.Is(err, errDeadline):
		j.finishWith(fresh, append([]queue.Transition{started, begin}, end(task.MonitorFailed, j.reason(err))...))
		return
	case !pending:
		if after, _ = AsRetry(err); after <= 0 {
			after = j.backoff()
		}
		after = j.inTime(after)
		j.next("warn", queue.Next{Why: j.reason(err), After: after})
	default:
		after = j.inTime(after)
		j.pending(after)
	}
	// What came sealed goes on as it is.
	if outputs, err = queue.Merge(j.command.Outputs, fresh); err != nil {
		outputs = j.command.Outputs
	}
	j.lane.r.looks.begin(j)
	j.handOver(report{then: func() { j.follow(outputs, after) }, apart: true}, fresh, []queue.Transition{started, begin})
}

// both joins two sets of outputs; either may be nil.
func both(a, b json.RawMessage) json.RawMessage {
	if out, err := queue.Merge(a, b); err == nil {
		return out
	}
	return a
}

// follow publishes the monitor command and acknowledges the start. The next
// look is due after d.
func (j *job) follow(outputs json.RawMessage, d time.Duration) {
	outputs, err := j.sealed(outputs)
	if err != nil { // the event with these outputs was sealed
		j.lane.warn("monitor command not published, the start will come again", j, err)
		j.giveBack(retryAsk)
		return
	}
	c := *j.command
	c.Method, c.Outputs, c.Copy = task.Monitor, outputs, "" // under the one id of all monitor commands of this epoch
	j.lane.r.looks.due(&c, time.Now().Add(d))
	ctx, cancel := context.WithTimeout(context.Background(), j.lane.r.w.cfg.AckWait/3)
	defer cancel()
	if a := j.lane.r.w.pub.Publish(ctx, []*queue.Command{&c})[0]; a.Err != nil {
		j.lane.warn("monitor command not published, the start will come again", j, a.Err)
		j.giveBack(retryAsk)
		return
	}
	j.ack()
}

// early gives a look back that is not due yet, and reports whether it did.
func (j *job) early() bool {
	wait := j.lane.r.looks.wait(j)
	if wait <= 0 {
		return false
	}
	j.lane.r.looks.given(j)
	j.giveBack(wait)
	return true
}

func (j *job) finish(ts []queue.Transition) { j.finishWith(nil, ts) }

// finishWith reports the end and acknowledges the command.
func (j *job) finishWith(outputs json.RawMessage, ts []queue.Transition) { j.hand(outputs, ts, j.ack) }

// hand gives what is left to tell to the reporter, and answers the command by
// then once it is stored.
func (j *job) hand(outputs json.RawMessage, ts []queue.Transition, then func()) {
	j.handOver(report{then: then}, outputs, ts)
}

func (j *job) handOver(x report, outputs json.RawMessage, ts []queue.Transition) {
	outputs, err := j.sealed(outputs)
	blob := ""
	if err == nil {
		outputs, blob, err = j.stow(outputs)
	}
	if err != nil {
		j.unstored(err)
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	x.job = j
	x.event, _ = j.collect()
	j.over = true
	x.event.Transitions = append(x.event.Transitions, ts...)
	x.event.Outputs, x.event.Blob = outputs, blob
	j.lane.r.report.add(x)
}

func (j *job) note(level, line string) {
	j.Log(queue.LogLine{Time: time.Now(), Level: level, Line: line})
}

// next tells when the command is due again.
func (j *job) next(level string, n queue.Next) { j.note(level, n.String()) }

// longWait is from when on a wait for the next look is worth a log line.
const longWait = time.Minute

// pending tells when the next look is due, if that is long: somebody may ask
// what the task waits for.
func (j *job) pending(after time.Duration) {
	if after >= longWait {
		j.next("debug", queue.Next{After: after})
	}
}

func (j *job) maxAttempts() int {
	if r := j.command.Retry; r != nil && r.MaxAttempts > 0 {
		return r.MaxAttempts
	}
	return j.lane.r.spec.MaxAttempts
}

// inTime shortens a wait that would go beyond the command's deadline: the task
// fails when it passes, not when somebody looks next.
func (j *job) inTime(after time.Duration) time.Duration {
	if j.command.Deadline.IsZero() {
		return after
	}
	return min(after, max(time.Until(j.command.Deadline), 0)+time.Millisecond)
}

func (j *job) backoff() time.Duration { return j.backoffAt(j.try) }

// backoffAt doubles with each try, up to a bound, with a little chance so that
// what failed together does not come back together.
func (j *job) backoffAt(try int) time.Duration {
	d := j.lane.r.spec.Backoff
	if r := j.command.Retry; r != nil && r.Backoff > 0 {
		d = r.Backoff
	}
	for i := 1; i < try && d < maxBackoff; i++ {
		d *= 2
	}
	d = min(d, maxBackoff)
	return d + time.Duration(rand.Int64N(int64(d)/10+1))
}

// end is the last transition of an epoch.
func end(s task.Status, why string) []queue.Transition {
	return []queue.Transition{{Status: s, Time: time.Now(), Reason: why}}
}

// missing is what a stone without the method reports (queue-protocol).
func missing(m task.Method) []queue.Transition {
	switch m {
	case task.Mock:
		return end(task.MockPassed, "")
	case task.Cancel:
		return end(task.Canceled, "")
	case task.Rollback, task.Delete:
		const nothing = "nothing to do"
		now := time.Now()
		return []queue.Transition{{Status: m.Begin(), Time: now}, {Status: m.Success(), Time: now, Reason: nothing}}
	default:
		return end(m.Failed(), "the stone has no method "+string(m))
	}
}

// maxReason bounds the reason of a failure, in bytes.
const maxReason = 4 << 10

// reason is what is told of a failure, without the secrets it repeats.
func (j *job) reason(err error) string {
	s := err.Error()
	if s == "" {
		s = "the stone gave no reason"
	}
	if j.task != nil {
		s = j.task.mask(s)
	}
	if len(s) > maxReason {
		s = s[:maxReason] + "…"
	}
	return s
}

// ask asks the recorder about the job's command; release gives it back.
func (j *job) ask(release bool) (a queue.Answer, err error) {
	q, _ := json.Marshal(queue.Question{ID: j.command.ID, Epoch: j.command.Epoch, Method: j.command.Method,
		Delivery: j.delivery.Count, Worker: j.lane.r.w.cfg.Name, Time: time.Now().UTC(), Release: release})
	ctx, cancel := context.WithTimeout(context.Background(), askPatience)
	defer cancel()
	m, err := j.lane.r.w.nc.RequestWithContext(ctx, queue.AskSubject(j.command.Stone), q)
	if err != nil {
		return a, fmt.Errorf("ask: %w", err)
	}
	if err = json.Unmarshal(m.Data, &a); err != nil {
		return a, fmt.Errorf("read answer: %w", err)
	}
	return a, nil
}

// release tells that the run is given back unfinished and is no try.
func (j *job) release() {
	if j.began.IsZero() {
		return
	}
	if _, err := j.ask(true); err != nil {
		j.lane.r.log.Warn("run not released, it counts as a try", zap.String("task", j.command.ID), zap.Error(err))
	}
}
