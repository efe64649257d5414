package dispatch

import (
	"encoding/json"
	"time"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// The rules of commands on recorded tasks (contracts of the task API). Each is
// a pure function of what stands: it answers the step to write, nil for
// nothing, or the Conflict that says what does not hold.

// Rerun is how a failed task is to be run again.
type Rerun struct {
	Method task.Method
	// Params and Outputs replace those of the task unless they are {}.
	Params, Outputs json.RawMessage
}

func reRun(s *store.Standing, r Rerun, now time.Time) (*store.Step, error) {
	if err := debugged(s, "run again"); err != nil {
		return nil, err
	}
	params, outputs := s.Current.Params, s.Outputs
	if len(r.Params) > len("{}") {
		params = r.Params
	}
	if len(r.Outputs) > len("{}") {
		outputs = r.Outputs
	}
	step := next(s, r.Method, params, outputs, now)
	if s.Status == task.ProduceFailed {
		// Its message may yet turn out to be stored.
		withdraw(s, step)
	}
	return step, nil
}

func resume(s *store.Standing) (*store.Step, error) {
	if err := debugged(s, "resumed"); err != nil {
		return nil, err
	}
	off := false
	told := store.Outgoing{Kind: store.TellResumed, Command: queue.Command{Names: s.Names, Epoch: s.Epoch}}
	return &store.Step{State: s.State, Debug: &off, Outbox: []store.Outgoing{told}}, nil
}

// debugged says which of the two does not hold: failed, and in debug mode.
func debugged(s *store.Standing, what string) error {
	switch {
	case !s.Status.Failed():
		return fault.New(fault.Conflict, "task %s is %s: only a failed task can be %s", s.TaskID, s.Status, what)
	case !s.Debug:
		return fault.New(fault.Conflict, "process %s is not in debug mode: switch it on before task %s can be %s", s.ProcessInstanceID, s.TaskID, what)
	default:
		return nil
	}
}

func cancel(s *store.Standing, now time.Time) (*store.Step, error) {
	switch {
	case s.Status.End(s.Final):
		return nil, fault.New(fault.Conflict, "task %s has ended with %s: there is nothing to cancel", s.TaskID, s.Status)
	case s.Method == task.Cancel:
		return nil, nil // it is under way
	case s.Status == task.ProduceSuccess:
		return canceled(s, now), nil
	}
	step := next(s, task.Cancel, s.Current.Params, s.Outputs, now)
	halt := store.Outgoing{Kind: store.Halt, Command: step.Outbox[0].Command}
	step.Outbox = append([]store.Outgoing{halt}, step.Outbox...)
	return step, nil
}

// canceled ends a task that nobody has begun, without a command.
func canceled(s *store.Standing, now time.Time) *store.Step {
	step := advance(s, task.Cancel, now)
	step.State.Status, step.State.EndTime = task.Canceled, now
	step.State.Seen = 1 << task.Canceled
	step.Attempt.Params, step.Attempt.Outputs = s.Current.Params, s.Outputs
	step.Transitions = []store.Transition{{ID: s.ID, Epoch: step.State.Epoch, Status: task.Canceled, Time: now}}
	withdraw(s, step)
	step.Outbox = append(step.Outbox, store.Outgoing{Kind: store.Tell, Command: queue.Command{Names: s.Names, Epoch: step.State.Epoch}})
	return step
}

// pursue commands the cancel of a task that was found begun after [canceled].
func pursue(s *store.Standing, epoch int, now time.Time) *store.Step {
	if s.Epoch != epoch || s.Method != task.Cancel || s.Status != task.Canceled {
		return nil // somebody has commanded something else since
	}
	return next(s, task.Cancel, s.Current.Params, s.Outputs, now)
}

// undo commands rollback or delete.
func undo(s *store.Standing, m task.Method, now time.Time) (*store.Step, error) {
	switch {
	case !s.Status.End(s.Final) && s.Method == task.Cancel:
		return nil, fault.New(fault.Conflict, "task %s is being cancelled: wait for the end, then send %s again", s.TaskID, m)
	case !s.Begun:
		return nil, fault.New(fault.Conflict, "task %s has not begun: there is nothing to %s", s.TaskID, m)
	case !s.Status.End(s.Final):
		return nil, fault.New(fault.Conflict, "task %s is running (%s): cancel it or wait for its end, then send %s again", s.TaskID, s.Status, m)
	default:
		return next(s, m, s.Current.Params, s.Outputs, now), nil
	}
}

// next is the step to a new attempt whose command is to be sent.
func next(s *store.Standing, m task.Method, params, outputs json.RawMessage, now time.Time) *store.Step {
	step := advance(s, m, now)
	st := &step.State
	st.Status, st.Seen, st.Outputs = task.ProduceSuccess, 1<<task.ProduceSuccess, outputs
	step.Attempt.Params, step.Attempt.Outputs, step.Attempt.Retry = params, outputs, s.Current.Retry
	step.Transitions = []store.Transition{{ID: s.ID, Epoch: st.Epoch, Status: task.ProduceSuccess, Time: now}}
	send := store.Outgoing{Kind: store.Send, Command: queue.Command{Names: s.Names, Method: m, Epoch: st.Epoch,
		Params: params, Outputs: outputs, CreateTime: now, Retry: s.Current.Retry}}
	if d := s.Current.Deadline; !d.IsZero() && (m == task.Start || m == task.Monitor) {
		send.Timeout = max(d.Sub(s.Current.CreateTime), minDuration)
	}
	step.Outbox = []store.Outgoing{send}
	return step
}

// advance raises the epoch: what was said of the attempt before is forgotten,
// outputs stay.
func advance(s *store.Standing, m task.Method, now time.Time) *store.Step {
	st := s.State
	st.Epoch++
	st.Method, st.UpdateTime = m, now
	st.Final, st.EndTime, st.Reason, st.Progress, st.Worker, st.Following = false, time.Time{}, "", nil, "", false
	return &store.Step{State: st, Attempt: &store.Attempt{ID: s.ID, Epoch: st.Epoch, Method: m, CreateTime: now}}
}

// withdraw takes what waits of the current attempt out of the queue first.
func withdraw(s *store.Standing, step *store.Step) {
	out := store.Outgoing{Kind: store.Withdraw, Sequence: s.Current.Sequence,
		Command: queue.Command{Names: s.Names, Method: step.State.Method, Epoch: step.State.Epoch}}
	step.Outbox = append([]store.Outgoing{out}, step.Outbox...)
}
