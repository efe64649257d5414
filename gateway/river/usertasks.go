package river

import (
	"context"
	"errors"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/store"
)

// CompleteTask ends a user task: its variables are set from its execution on,
// local ones are the task's own and go with it. The process has gone on to its
// next wait states when the call returns.
func (r *Runtime) CompleteTask(ctx context.Context, taskID string, c Completion) error {
	if err := errors.Join(checkVars(c.Variables), checkVars(c.Transient)); err != nil {
		return err
	}
	return r.onTask(ctx, taskID, func(s *step, e *execution, t *row[store.UserTask]) error {
		if t.v.Delegation == pending {
			return stuck("task %s is delegated: resolve it first", taskID)
		}
		if t.v.Assignee == "" && c.User != "" {
			t.v.Assignee = c.User
		}
		if err := s.setAll(e, shared(c.Variables)); err != nil {
			return err
		}
		if err := s.pass(e.in, c.Transient); err != nil {
			return err
		}
		n, err := nodeOf(e)
		if err != nil {
			return err
		}
		return s.leave(e, n)
	})
}

// shared returns the variables that are not local to the task.
func shared(all []Var) []Var {
	var out []Var
	for i := range all {
		if !all[i].Local {
			out = append(out, all[i])
		}
	}
	return out
}

// The states of a delegated task.
const (
	pending  = "pending"
	resolved = "resolved"
)

// ClaimTask makes a user the assignee, or nobody for "". Conflict if somebody
// else is.
func (r *Runtime) ClaimTask(ctx context.Context, taskID, user string) error {
	return r.onTask(ctx, taskID, func(_ *step, _ *execution, t *row[store.UserTask]) error {
		if user != "" && t.v.Assignee != "" && t.v.Assignee != user {
			return fault.New(fault.Conflict, "task %s is claimed by another user", taskID)
		}
		t.v.Assignee, t.dirty = user, true
		return nil
	})
}

// DelegateTask hands a task to another user, who resolves it and so gives it back.
func (r *Runtime) DelegateTask(ctx context.Context, taskID, user string) error {
	return r.onTask(ctx, taskID, func(_ *step, _ *execution, t *row[store.UserTask]) error {
		if t.v.Owner == "" {
			t.v.Owner = t.v.Assignee
		}
		t.v.Assignee, t.v.Delegation, t.dirty = user, pending, true
		return nil
	})
}

// ResolveTask gives a delegated task back to its owner, with variables.
func (r *Runtime) ResolveTask(ctx context.Context, taskID string, vars []Var) error {
	if err := checkVars(vars); err != nil {
		return err
	}
	return r.onTask(ctx, taskID, func(s *step, e *execution, t *row[store.UserTask]) error {
		t.v.Assignee, t.v.Delegation, t.dirty = t.v.Owner, resolved, true
		return s.setAll(e, shared(vars))
	})
}

// onTask runs f on a user task of an instance that may act.
func (r *Runtime) onTask(ctx context.Context, id string, f func(*step, *execution, *row[store.UserTask]) error) error {
	return r.step(ctx, func(s *step) error {
		in, err := s.open(store.OfUserTask, id)
		if errors.Is(err, store.ErrNotFound) {
			return unknown("task", id)
		}
		if err != nil {
			return err
		}
		if err := writable(in); err != nil {
			return err
		}
		for _, e := range in.all {
			if t := e.tasks.find(id); t != nil {
				return f(s, e, t)
			}
		}
		return unknown("task", id)
	})
}
