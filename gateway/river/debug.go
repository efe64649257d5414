package river

import (
	"context"
	"errors"
	"slices"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/store"
)

// DebugProcess switches the debug mode of an instance and of those that it
// calls. Out of it, a process that is held by a failed task fails.
func (r *Runtime) DebugProcess(ctx context.Context, instanceID string, on bool) (store.Instance, error) {
	return r.onInstance(ctx, instanceID, func(s *step, in *instance) error {
		if in.Ended() {
			return fault.New(fault.Conflict, "process %s has ended: it can not be debugged", in.ID)
		}
		tree, err := s.tree(in)
		if err != nil {
			return err
		}
		for _, one := range tree {
			if one.Ended() {
				continue
			}
			if err := s.setDebug(one, on); err != nil {
				return err
			}
		}
		if on || in.Status != store.Debugging {
			return nil
		}
		return s.giveUp(tree)
	})
}

// setDebug switches the debug mode of one instance: its tasks go by it.
func (s *step) setDebug(in *instance, on bool) error {
	in.Debug, in.dirty = on, true
	return s.tx.SetDebug(s.ctx, in.ID, on)
}

// giveUp ends debugging: what failed, fails.
func (s *step) giveUp(tree []*instance) error {
	for _, in := range tree {
		for _, e := range in.inOrder() {
			for _, j := range slices.Clone(e.jobs.rows) {
				if err := s.giveUpJob(e, j); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// giveUpJob fails an execution whose task has failed and is held. One that runs
// again may still succeed.
func (s *step) giveUpJob(e *execution, j *row[store.Job]) error {
	w, err := workOf(&j.v)
	if err != nil || !w.Held || e.dead {
		return err
	}
	st, err := s.command(j.id, func(store.Standing) (*store.Step, error) { return nil, nil }) //nolint:nilnil // only look
	if err != nil || !st.Status.Failed() {
		return err
	}
	return s.settle(e, j, &st, true)
}

// hold shows that a task of an instance failed in debug mode, and that it and
// its callers wait for an operator.
func (s *step) hold(in *instance, reason string) error {
	for {
		in.Status, in.Reason, in.dirty = store.Debugging, reason, true
		if in.SuperExecution == "" {
			return nil
		}
		caller, err := s.caller(in)
		if err != nil {
			return gone(err)
		}
		in = caller.in
	}
}

// release lets those go on that nothing holds any more, with their callers.
func (s *step) release() error {
	for i := 0; i < len(s.order); i++ { //nolint:intrange // callers are loaded on the way
		in := s.order[i]
		if in.Status != store.Debugging {
			continue
		}
		held, err := s.held(in)
		if err != nil {
			return err
		}
		if held {
			continue
		}
		in.Status, in.Reason, in.dirty = store.Running, "", true
		if err := s.releaseCaller(in); err != nil {
			return err
		}
	}
	return nil
}

// releaseCaller looks at the caller of an instance that is not held any more.
func (s *step) releaseCaller(in *instance) error {
	for in.SuperExecution != "" {
		caller, err := s.caller(in)
		if err != nil {
			return gone(err)
		}
		if in = caller.in; in.Status != store.Debugging {
			return nil
		}
		if held, err := s.held(in); err != nil || held {
			return err
		}
		in.Status, in.Reason, in.dirty = store.Running, "", true
	}
	return nil
}

// held reports whether a task of an instance, or of one that it calls, waits for
// an operator.
func (s *step) held(in *instance) (bool, error) {
	for _, e := range in.all {
		for _, j := range e.jobs.rows {
			if w, err := workOf(&j.v); err != nil || w.Held {
				return w.Held, err
			}
		}
		if e.state.Called == "" {
			continue
		}
		called, err := s.load(e.state.Called)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil || called.Status == store.Debugging && !called.Ended() {
			return err == nil, err
		}
	}
	return false, nil
}
