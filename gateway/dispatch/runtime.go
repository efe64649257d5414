package dispatch

import (
	"errors"
	"time"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// What the process runtime needs of the rules, to keep them inside its own
// transactions: its tasks are checked and commanded as those of any client.

// Prepare checks a task as [Dispatcher.Publish] does, and returns it as it is
// recorded and put into the outbox. The error is [fault.Invalid] or TooLarge.
func Prepare(r Request, check Check, now time.Time) (store.Delayed, error) {
	c := checker{declared: check}
	d := c.check(&r)
	if err := c.err(); err != nil {
		return store.Delayed{}, err
	}
	d.cmd.CreateTime = now
	return store.Delayed{Command: *d.cmd, Timeout: d.timeout}, nil
}

// CancelStep answers what cancels a task, nil if it has ended or is being
// cancelled already.
func CancelStep(s store.Standing, now time.Time) *store.Step {
	step, err := cancel(&s, now)
	if err != nil { // it has ended
		return nil
	}
	return step
}

// AgainStep answers what commands anew a task whose command at that sequence was
// lost, nil if a worker has begun it all the same, or if something else was
// commanded since. Who should have the lost command still is told to stop.
func AgainStep(s store.Standing, sequence uint64, now time.Time) *store.Step {
	if s.Status != task.ProduceSuccess || s.Begun || s.Current.Sequence != sequence {
		return nil
	}
	step := next(&s, s.Method, s.Current.Params, s.Outputs, now)
	withdraw(&s, step)
	return step
}

// UndoStep answers what rolls back or deletes what a task has done, nil if it
// has not begun. A task that still runs is a Conflict: wait for its end.
func UndoStep(s store.Standing, m task.Method, now time.Time) (*store.Step, error) {
	if !s.Begun && s.Status.End(s.Final) {
		return nil, nil //nolint:nilnil // no step is the answer
	}
	step, err := undo(&s, m, now)
	if f, ok := errors.AsType[*fault.Error](err); ok && !s.Begun {
		return nil, f
	}
	return step, err
}
