package river

import (
	"context"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// CancelProcess stops a running instance: a cancel process sends cancel to what
// runs. It returns the instance, which has ended when nothing had to be waited
// for. Conflict for one that has ended, is being undone, or was called by another.
func (r *Runtime) CancelProcess(ctx context.Context, instanceID string) (store.Instance, error) {
	return r.onInstance(ctx, instanceID, func(s *step, in *instance) error {
		if err := outermost(in); err != nil {
			return err
		}
		if in.Ended() || undoing(in) != "" {
			return fault.New(fault.Conflict, "process %s does not run any more: there is nothing to cancel", in.ID)
		}
		return s.abandon(in, store.Canceling, "cancelled")
	})
}

// DeleteProcess cleans up after an instance that has ended: a delete process
// sends delete to its tasks, in reverse order of completion.
func (r *Runtime) DeleteProcess(ctx context.Context, instanceID string) (store.Instance, error) {
	return r.onInstance(ctx, instanceID, func(s *step, in *instance) error {
		if err := outermost(in); err != nil {
			return err
		}
		switch {
		case in.Status == store.Deleted || in.Status == store.DeletingNow:
			return fault.New(fault.Conflict, "process %s is deleted already", in.ID)
		case in.Status == store.DeleteFailed:
			return fault.New(fault.Conflict, "process %s stopped at a delete that failed: resume it", in.ID)
		case !in.Ended():
			return fault.New(fault.Conflict, "process %s still runs: cancel it or wait for its end", in.ID)
		}
		tree, err := s.tree(in)
		if err != nil {
			return err
		}
		u := undo{Method: task.Delete}
		if in.Mock { // nothing was made
			return s.startUndo(in, store.Deleting, u)
		}
		if u.Tasks, err = s.done(tree); err != nil {
			return err
		}
		if u.Waiting, err = s.unfinished(u.Tasks); err != nil {
			return err
		}
		return s.startUndo(in, store.Deleting, u)
	})
}

// ResumeProcess goes on with a rollback, cancel or delete process that stopped
// at a failed undo: that undo is sent again. The id is that of the undoing
// process or of the one that is undone.
func (r *Runtime) ResumeProcess(ctx context.Context, instanceID string) (store.Instance, error) {
	return r.onInstance(ctx, instanceID, func(s *step, in *instance) error {
		id := in.ID
		if in.Kind == store.Forward {
			id = undoing(in)
		}
		if id == "" {
			return fault.New(fault.Conflict, "process %s is not being undone: there is nothing to resume", in.ID)
		}
		p, u, err := s.undoOf(id)
		if err != nil {
			return err
		}
		if p.Status != store.RollbackFailed && p.Status != store.DeleteFailed {
			return fault.New(fault.Conflict, "process %s did not stop at a failed undo: there is nothing to resume", id)
		}
		top, err := s.load(p.Of)
		if err != nil {
			return err
		}
		unhalt(top, p)
		u.Sent = false
		return s.advance(top, p, u)
	})
}

func outermost(in *instance) error {
	switch {
	case in.Kind != store.Forward:
		return fault.New(fault.Conflict, "process %s undoes process %s: act on that one", in.ID, in.Of)
	case in.Root != in.ID:
		return fault.New(fault.Conflict, "process %s was called by process %s: act on that one", in.ID, in.Root)
	default:
		return nil
	}
}
