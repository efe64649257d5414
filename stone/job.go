package stone

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

// Why a running method is ended from outside.
var (
	errStopping   = errors.New("the worker stops")
	errLeaseLost  = errors.New("the lease on the command may have run out")
	errSuperseded = errors.New("a later command has taken over")
)

// job is one delivered command, from its arrival until it is answered.
type job struct {
	lane     *lane
	command  *queue.Command
	delivery queue.Delivery
	ctx      context.Context //nolint:containedctx // a job is the scope of its context
	cancel   context.CancelCauseFunc
	number   int // the grant's, for events
	try      int
	task     *Task // of the run, nil before it

	mu      sync.Mutex
	renewed time.Time // when the lease was last known to be whole
	begun   bool      // the begin has been handed to the reporter
	over    bool      // the method has returned
	began   time.Time
	percent *int
	lines   []queue.LogLine
}

func newJob(l *lane, c *queue.Command, d queue.Delivery) *job {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &job{lane: l, command: c, delivery: d, ctx: ctx, cancel: cancel, number: 1, try: 1, renewed: d.Received}
}

// run asks if it must, runs the method and hands over its outcome.
func (j *job) run() {
	if j.late() { // this process may have stood still
		j.cancel(errLeaseLost)
	}
	if cause := context.Cause(j.ctx); cause != nil {
		j.abandon(cause)
		return
	}
	if j.lane.asksFirst(j) && !j.granted() {
		return
	}
	if j.lane.name == queue.Follow && j.early() {
		return
	}
	if j.try > j.maxAttempts() && j.command.Method != task.Monitor {
		j.finish(end(j.command.Method.Failed(), "given up: the worker died or lost the task on every try"))
		return
	}
	h, ok := j.lane.r.handlers[j.command.Method]
	if !ok {
		j.finish(missing(j.command.Method))
		return
	}
	if j.command.Blob != "" && !j.fetched() {
		return
	}
	c, err := j.opened()
	t := j.newTask(c)
	j.begin()
	if err == nil {
		err = j.call(h, t)
	}
	j.settle(t, err)
}

// granted asks the recorder, obeys, and reports whether to run.
func (j *job) granted() bool {
	a, err := j.ask(false)
	if err != nil {
		j.giveBack(retryAsk)
		return false
	}
	switch a.Answer {
	case queue.Run:
		j.number, j.try = max(a.Delivery, 1), max(a.Try, 1)
		j.lane.r.looks.granted(j)
		return true
	case queue.ToMonitor:
		if j.command.Blob != "" && !j.fetched() {
			return false
		}
		j.follow(j.command.Outputs, 0)
	case queue.Leave:
		j.lane.r.let(j)
	case queue.Later:
		after, err := time.ParseDuration(a.After)
		if err != nil || after <= 0 {
			after = retryAsk
		}
		j.giveBack(after)
	default: // done, superseded
		j.ack()
	}
	return false
}

// retryAsk is the wait after a question without an answer; askPatience is how
// long one may take.
const (
	retryAsk    = 2 * time.Second
	askPatience = 2 * time.Second
)

// call runs a method under the command's and the stone's time limits, and
// turns a panic into an error.
func (j *job) call(h Handler, t *Task) (err error) {
	ctx := j.ctx
	if j.command.Trace != "" {
		ctx = ContextWithTrace(ctx, j.command.Trace)
	}
	if !t.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, t.Deadline, errDeadline)
		defer cancel()
	}
	if d := j.lane.r.spec.timeout(t.Method); d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, errTimeout)
		defer cancel()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err = Recovery(j.lane.r.log)(h)(ctx, t)
	if cause := context.Cause(ctx); err != nil && cause != nil && !AsReject(err) {
		return cause
	}
	return err
}

// begin notes when the method began; if it runs for a while the reporter tells.
func (j *job) begin() {
	j.mu.Lock()
	j.began = time.Now()
	// Each look is a delivery; the monitoring begins once.
	j.begun = j.command.Method == task.Monitor && j.lane.r.looks.begin(j)
	j.mu.Unlock()
	j.lane.r.report.young(j)
}

// takeBegin returns the begin if it was not reported yet.
func (j *job) takeBegin() (t queue.Transition, ok bool) {
	if j.begun || j.began.IsZero() {
		return t, false
	}
	j.begun = true
	return queue.Transition{Status: j.command.Method.Begin(), Time: j.began}, true
}

// event returns an event of the job without content.
func (j *job) event() queue.Event {
	return queue.Event{Names: j.command.Names, Method: j.command.Method, Epoch: j.command.Epoch, Delivery: j.number,
		Worker: j.lane.r.w.cfg.Name, Trace: j.command.Trace}
}

// Progress implements [Reporter].
func (j *job) Progress(percent int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.over {
		j.percent = &percent
		j.lane.r.report.dirty(j)
	}
}

// maxLine bounds a log line, in bytes; maxLines how many wait in a job.
const (
	maxLine  = 4 << 10
	maxLines = 500
)

// Log implements [Reporter].
func (j *job) Log(l queue.LogLine) {
	if len(l.Line) > maxLine {
		l.Line = l.Line[:maxLine] + "…"
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.over {
		return
	}
	if j.lines = append(j.lines, l); len(j.lines) > maxLines {
		j.lines = j.lines[1:]
	}
	j.lane.r.report.dirty(j)
}

// tell reports what happened since the last report, while the method runs.
func (j *job) tell() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.over || j.lost() {
		return
	}
	if e, ok := j.collect(); ok {
		j.lane.r.report.add(report{job: j, event: e})
	}
}

// collect moves what is to be told into an event.
func (j *job) collect() (queue.Event, bool) {
	e := j.event()
	if t, ok := j.takeBegin(); ok {
		e.Transitions = []queue.Transition{t}
	}
	e.Progress, e.Log = j.percent, j.lines
	j.percent, j.lines = nil, nil
	return e, len(e.Transitions) > 0 || e.Progress != nil || len(e.Log) > 0
}

// lost reports whether the job must not report any more: somebody else may hold it.
func (j *job) lost() bool { return errors.Is(context.Cause(j.ctx), errLeaseLost) }

// abandon answers a job that was ended from outside.
func (j *job) abandon(cause error) {
	switch {
	case errors.Is(cause, errSuperseded):
		j.ack()
	case errors.Is(cause, errStopping):
		j.release()
		j.giveBack(0)
	default: // the lease: whoever holds it now answers
		j.lane.r.let(j)
	}
}

func (j *job) ack() {
	if err := j.delivery.Ack(); err != nil {
		j.lane.warn("command not acknowledged, it will come again", j, err)
	}
	j.lane.r.let(j)
}

func (j *job) giveBack(after time.Duration) {
	if err := j.delivery.Nak(after); err != nil {
		j.lane.warn("command not given back, it will come again", j, err)
	}
	j.lane.r.let(j)
}

// bury gives a command up that can not be read, and keeps it in RS_DLQ.
func (j *job) bury(cause error) {
	m := nats.NewMsg(queue.DLQSubject(j.lane.r.spec.Code))
	m.Data = j.delivery.Msg.Data
	maps.Copy(m.Header, j.delivery.Msg.Header)
	m.Header.Del(nats.MsgIdHdr)
	m.Header.Del(jetstream.ExpectedStreamHeader)
	m.Header.Set(queue.HeaderReason, cause.Error())
	j.lane.warn("command can not be read", j, cause)
	ctx, cancel := context.WithTimeout(context.Background(), askPatience)
	defer cancel()
	if _, err := j.lane.r.w.js.PublishMsg(ctx, m); err != nil {
		j.giveBack(retryAsk)
		return
	}
	if j.known() {
		j.finish(end(j.command.Method.Failed(), "the command can not be read: "+cause.Error()))
		return
	}
	if err := j.delivery.Term(cause.Error()); err != nil {
		j.lane.warn("command not terminated, it will come again", j, err)
	}
	j.lane.r.let(j)
}

// known reports whether enough of a broken command could be read to report it
// under its task.
func (j *job) known() bool {
	return j.command.Check() == nil
}
