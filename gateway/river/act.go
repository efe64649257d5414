package river

import (
	"context"
	"errors"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/store"
)

// Act moves one execution, and returns it as it stands after that, nil if it is
// gone. It returns NotFound, Invalid for a bad action or variable, and State if
// the action is not possible where the execution stands (5.1 of the executions
// contract).
func (r *Runtime) Act(ctx context.Context, executionID string, a Action) (*store.ExecutionView, error) {
	var out *store.ExecutionView
	err := r.step(ctx, func(s *step) error {
		e, err := s.execution(executionID)
		if err != nil {
			return err
		}
		if err := s.act(e, &a); err != nil {
			return err
		}
		if err := s.run(); err != nil {
			return err
		}
		out = nil
		if !e.dead {
			out = &store.ExecutionView{Execution: e.Execution, SuperExecution: superOf(e), Tenant: e.in.Tenant, Suspended: e.in.Suspended}
		}
		return nil
	})
	return out, err
}

func superOf(e *execution) string {
	if e.parent != nil {
		return ""
	}
	return e.in.SuperExecution
}

func (s *step) act(e *execution, a *Action) error {
	if err := errors.Join(checkVars(a.Variables), checkVars(a.Transient)); err != nil {
		return err
	}
	if err := writable(e.in); err != nil {
		return err
	}
	kind := store.Signal
	switch a.Kind {
	case Trigger:
		if err := s.setAll(e, a.Variables); err != nil {
			return err
		}
		if err := s.pass(e.in, a.Transient); err != nil {
			return err
		}
		return s.trigger(e)
	case SignalReceived, MessageReceived:
	default:
		return fault.New(fault.Invalid, "action is missing or unknown")
	}
	word := "signal"
	if a.Kind == MessageReceived {
		kind, word = store.Message, "message"
	}
	if a.Name == "" {
		return fault.New(fault.Invalid, "%sName is missing", word)
	}
	sub := e.subscription(kind, a.Name)
	if sub == nil {
		return stuck("execution %s does not wait for %s %.200q", e.ID, word, a.Name)
	}
	if err := s.setAll(e, a.Variables); err != nil {
		return err
	}
	if sub.Inner { // only its own instance delivers it
		return nil
	}
	return s.fire(e)
}

// trigger lets an execution leave the activity where it waits.
func (s *step) trigger(e *execution) error {
	n := e.node()
	if n == nil || !e.Active || e.Kind == store.ScopeExecution {
		return stuck("execution %s waits at nothing that can be triggered", e.ID)
	}
	if s.asyncJob(e) != nil {
		return stuck("execution %s goes on in the background: it waits at nothing that can be triggered", e.ID)
	}
	switch n.Detail.(type) {
	case *bpmn.CatchEvent, *bpmn.BoundaryEvent:
		return s.fire(e)
	case *bpmn.ReceiveTask, *bpmn.ServiceTask:
		for _, j := range e.jobs.rows {
			if err := s.cancelTask(&j.v, j.fresh); err != nil {
				return err
			}
		}
		return s.leave(e, n)
	case *bpmn.UserTask:
		return stuck("execution %s waits at user task %s: complete the task", e.ID, n.ID)
	default:
		return stuck("execution %s stands at %s %s, which can not be triggered", e.ID, n.Kind(), n.ID)
	}
}

func (s *step) asyncJob(e *execution) *store.Job {
	for _, j := range e.jobs.rows {
		if j.v.Kind == store.AsyncJob {
			return &j.v
		}
	}
	return nil
}

// fire lets an event happen that an execution waits for.
func (s *step) fire(e *execution) error {
	n, err := nodeOf(e)
	if err != nil {
		return err
	}
	if n.Kind() == bpmn.KindBoundaryEvent {
		return s.boundary(e, n)
	}
	return s.caught(e, n)
}

// Broadcast delivers a signal to everybody in the tenant who waits for it, and
// starts an instance of each latest definition that it starts. That nobody
// waits is no error.
func (r *Runtime) Broadcast(ctx context.Context, b Broadcast) error {
	if b.Signal == "" {
		return fault.New(fault.Invalid, "signalName is missing")
	}
	if err := checkVars(b.Variables); err != nil {
		return err
	}
	return r.step(ctx, func(s *step) error { return s.deliver(b.Signal, b.Tenant, b.Variables) })
}

// Terminate ends an instance at once, with what it called; tasks of stones that
// run are cancelled. It is Flowable's DELETE. A rollback or cancel process of
// the instance stops where it is.
func (r *Runtime) Terminate(ctx context.Context, instanceID, reason string) error {
	_, err := r.onInstance(ctx, instanceID, func(s *step, in *instance) error {
		if in.Ended() || in.Kind != store.Forward {
			return unknown("process instance", instanceID)
		}
		if reason == "" {
			reason = "deleted by a client"
		}
		if id := undoing(in); id != "" { // nobody hears its ends any more
			p, err := s.load(id)
			if err != nil {
				return err
			}
			p.State = nil
			if err := s.close(p, store.Canceled, reason); err != nil {
				return err
			}
		}
		return s.close(in, store.Canceled, reason)
	})
	return err
}

// onInstance runs f on an instance, ended ones too, and returns how it stands then.
func (r *Runtime) onInstance(ctx context.Context, id string, f func(*step, *instance) error) (store.Instance, error) {
	var in *instance
	err := r.step(ctx, func(s *step) (err error) {
		if in, err = s.open(store.OfInstance, id); errors.Is(err, store.ErrNotFound) {
			return unknown("process instance", id)
		}
		if err != nil {
			return err
		}
		if err := f(s, in); err != nil {
			return err
		}
		return s.run()
	})
	if err != nil {
		return store.Instance{}, err
	}
	return in.Instance, nil
}
