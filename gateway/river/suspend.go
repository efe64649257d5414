package river

import (
	"context"
	"errors"
	"slices"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/store"
)

// Suspend suspends an instance or, with false, activates it; Conflict if it is
// so already. What it calls is not suspended, and can not come back to it.
func (r *Runtime) Suspend(ctx context.Context, instanceID string, suspended bool) (store.Instance, error) {
	late := false
	out, err := r.onInstance(ctx, instanceID, func(s *step, in *instance) error {
		late = false
		if err := s.suspend(in, suspended); err != nil || suspended {
			return err
		}
		late = true
		return s.settleLate(in)
	})
	if f := fault.Of(err); err == nil || !late || f.Kind == fault.Unavailable || f.Kind == fault.Internal {
		return out, err
	}
	// It can not go on behind what ended meanwhile, and nobody waits for that.
	why := fault.Of(err).Detail
	return r.onInstance(ctx, instanceID, func(s *step, in *instance) error {
		if err := s.suspend(in, suspended); err != nil {
			return err
		}
		return s.fail(in, why)
	})
}

func (s *step) suspend(in *instance, suspended bool) error {
	switch {
	case in.Ended() || in.Kind != store.Forward:
		return unknown("process instance", in.ID)
	case in.Suspended == suspended:
		word := map[bool]string{true: "suspended", false: "active"}[suspended]
		return fault.New(fault.Conflict, "process instance %s is already %s", in.ID, word)
	}
	in.Suspended, in.dirty = suspended, true
	s.due = s.due || !suspended
	return nil
}

// keepLate notes that a task ended while its instance, or a caller of it, was
// suspended.
func (s *step) keepLate(j *row[store.Job], resumed bool) error {
	w, err := workOf(&j.v)
	if err != nil {
		return err
	}
	w.Late, w.Resumed, j.dirty = true, resumed, true
	return w.into(&j.v)
}

// settleLate goes on with what ended while an instance was suspended, also in
// those that it calls.
func (s *step) settleLate(in *instance) error {
	all := []*instance{in}
	for i := 0; i < len(all); i++ {
		for _, e := range all[i].inOrder() {
			called, err := s.calledBy(e)
			if err != nil {
				return err
			}
			if called != nil && !called.Suspended && !called.Ended() {
				all = append(all, called)
			}
		}
	}
	for _, one := range all {
		for _, e := range one.inOrder() {
			for _, j := range slices.Clone(e.jobs.rows) {
				if err := s.settleJob(e, j); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// calledBy returns the instance that an execution waits for, nil for none.
func (s *step) calledBy(e *execution) (*instance, error) {
	if e.state.Called == "" {
		return nil, nil //nolint:nilnil // none is an answer
	}
	in, err := s.load(e.state.Called)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // the same
	}
	return in, err
}

// settleJob goes on with a task that ended late.
func (s *step) settleJob(e *execution, j *row[store.Job]) error {
	w, err := workOf(&j.v)
	if err != nil || !w.Late || e.dead {
		return err
	}
	st, err := s.command(j.id, func(store.Standing) (*store.Step, error) { return nil, nil }) //nolint:nilnil // only look
	if err != nil {
		return err
	}
	resumed := w.Resumed
	w.Late, w.Resumed, j.dirty = false, false, true
	if err := w.into(&j.v); err != nil || !st.Status.End(st.Final) {
		return err
	}
	return s.settle(e, j, &st, resumed)
}

// callerSuspended reports whether an instance that waits for this one, however
// far out, is suspended.
func (s *step) callerSuspended(in *instance) (bool, error) {
	for in.SuperExecution != "" {
		e, err := s.caller(in)
		if err != nil {
			return false, gone(err)
		}
		if in = e.in; in.Suspended {
			return true, nil
		}
	}
	return false, nil
}

// awake refuses to move a caller that is suspended.
func awake(caller *instance) error {
	if caller.Suspended {
		return stuck("process instance %s, which called this one, is suspended: activate it first", caller.ID)
	}
	return nil
}
