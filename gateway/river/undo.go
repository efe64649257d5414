package river

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// undo is what a rollback, cancel or delete process has to do. It is kept in
// the State of that process, which has no executions.
type undo struct {
	// Method is rollback or delete, "" where nothing is undone after the cancels.
	Method task.Method `json:"method,omitzero"`
	// Waiting are cancelled tasks whose end is awaited first.
	Waiting []string `json:"waiting,omitzero"`
	// Tasks are undone one after the other, the next one first.
	Tasks []string `json:"tasks,omitzero"`
	// Sent says that the command of the first of Tasks is under way.
	Sent bool `json:"sent,omitzero"`
}

// undoing returns the process that undoes an instance's work now, "" for none.
func undoing(in *instance) string {
	switch in.Status {
	case store.Undoing, store.RollbackFailed:
		return in.Rollback
	case store.CancelingNow:
		return in.Cancel
	case store.DeletingNow, store.DeleteFailed:
		return in.Delete
	default:
		return ""
	}
}

// fail ends the outermost instance of a tree as failed. What its tasks have done
// is rolled back by a rollback process.
func (s *step) fail(in *instance, reason string) error {
	top, err := s.load(in.Root)
	if err != nil || top.Ended() {
		return err
	}
	top.Reason, top.dirty = reason, true
	if err := s.abandon(top, store.Rollback, reason); err != nil {
		return err
	}
	if in != top && in.Ended() { // stopped with its caller, but it is the one that failed
		in.Status, in.Reason, in.dirty = store.Failed, reason, true
	}
	return nil
}

// abandon stops everything that runs in a tree, and starts the process that
// undoes: a rollback or a cancel process.
func (s *step) abandon(top *instance, kind store.InstanceKind, why string) error {
	tree, err := s.tree(top)
	if err != nil {
		return err
	}
	running := openTasks(tree)
	for _, c := range childrenOf(top.root) {
		if err := s.remove(c, why); err != nil {
			return err
		}
	}
	u := undo{}
	if kind == store.Rollback && !top.Mock {
		u.Method = task.Rollback
		if u.Tasks, err = s.done(tree); err != nil {
			return err
		}
	}
	if u.Waiting, err = s.unfinished(append(running, u.Tasks...)); err != nil {
		return err
	}
	return s.startUndo(top, kind, u)
}

// tree returns an instance with all that it has called, itself first.
func (s *step) tree(top *instance) ([]*instance, error) {
	out := []*instance{top}
	for i := 0; i < len(out); i++ {
		calls, err := s.calls(out[i])
		if err != nil {
			return nil, err
		}
		for _, id := range calls {
			in, err := s.load(id)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			out = append(out, in)
		}
	}
	return out, nil
}

// calls returns the instances that one has called, those that ended too.
func (s *step) calls(in *instance) ([]string, error) {
	acts, err := s.activities(in)
	if err != nil {
		return nil, err
	}
	var out []string
	add := func(id string) {
		if id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	for i := range acts {
		add(acts[i].Called)
	}
	for _, e := range in.inOrder() {
		add(e.state.Called)
	}
	return out, nil
}

// activities returns those that are done, with those of this step.
func (s *step) activities(in *instance) ([]store.Activity, error) {
	acts, err := s.tx.Activities(s.ctx, in.ID)
	if err != nil {
		return nil, err
	}
	for i := range s.write.Activities {
		if s.write.Activities[i].Instance == in.ID {
			acts = append(acts, s.write.Activities[i])
		}
	}
	return acts, nil
}

// openTasks returns the tasks of stones that executions wait for.
func openTasks(tree []*instance) []string {
	var out []string
	for _, in := range tree {
		for _, e := range in.inOrder() {
			for _, j := range e.jobs.rows {
				if j.v.Kind == store.StoneJob || j.v.Kind == store.ExternalJob {
					out = append(out, j.id)
				}
			}
		}
	}
	return out
}

// done returns the tasks of a tree that may have done something, in reverse
// order of completion.
func (s *step) done(tree []*instance) ([]string, error) {
	var acts []store.Activity
	for _, in := range tree {
		own, err := s.activities(in)
		if err != nil {
			return nil, err
		}
		acts = append(acts, own...)
	}
	slices.SortStableFunc(acts, func(a, b store.Activity) int {
		switch { // those of this step have no number yet, and come last
		case a.Number == b.Number:
			return a.End.Compare(b.End)
		case a.Number == 0:
			return 1
		case b.Number == 0:
			return -1
		case a.Number < b.Number:
			return -1
		default:
			return 1
		}
	})
	var out []string
	for _, a := range slices.Backward(acts) {
		if a.Task != "" && a.Type != "userTask" && !slices.Contains(out, a.Task) {
			out = append(out, a.Task)
		}
	}
	return out, nil
}

// unfinished returns those of the tasks that have not ended.
func (s *step) unfinished(ids []string) ([]string, error) {
	var out []string
	for _, id := range ids {
		st, err := s.command(id, func(store.Standing) (*store.Step, error) { return nil, nil }) //nolint:nilnil // only look
		if errors.Is(err, store.ErrNotFound) {
			continue // a job that no task stands for
		}
		if err != nil {
			return nil, err
		}
		if !st.Status.End(st.Final) && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out, nil
}

// startUndo makes the process that undoes; where there is nothing to do the
// instance is at its end at once.
func (s *step) startUndo(top *instance, kind store.InstanceKind, u undo) error {
	row := store.Instance{
		ID: newID(), Root: top.Root, Definition: top.Definition, Key: top.Key, Kind: kind, Status: store.Running, Name: top.Name,
		Tenant: top.Tenant, BusinessKey: top.BusinessKey, StartTime: s.now, Of: top.ID,
	}
	switch kind {
	case store.Rollback:
		top.Status, top.Rollback = store.Undoing, row.ID
	case store.Canceling:
		top.Status, top.Cancel = store.CancelingNow, row.ID
	default:
		top.Status, top.Delete = store.DeletingNow, row.ID
	}
	top.dirty = true
	p := &instance{Instance: row, model: top.model, all: map[string]*execution{}, dirty: true}
	s.add(p)
	return s.advance(top, p, u)
}

// advance commands the next undo, or ends the process when all is done.
func (s *step) advance(top, p *instance, u undo) error {
	for len(u.Waiting) == 0 && len(u.Tasks) > 0 && u.Method != "" {
		sent := false
		_, err := s.command(u.Tasks[0], func(st store.Standing) (*store.Step, error) {
			step, err := dispatch.UndoStep(st, u.Method, s.now)
			sent = step != nil
			return step, err
		})
		if fault.Of(err) != nil && fault.Of(err).Kind == fault.Conflict {
			u.Waiting = append(u.Waiting, u.Tasks[0])
			break
		}
		if gone(err) != nil {
			return err
		}
		if sent {
			u.Sent = true
			return s.keepUndo(p, u)
		}
		u.Tasks = u.Tasks[1:]
	}
	if len(u.Waiting) > 0 {
		return s.keepUndo(p, u)
	}
	p.State, p.Status, p.EndTime, p.dirty = nil, store.Completed, s.now, true
	return s.undoneAll(top)
}

func (s *step) keepUndo(p *instance, u undo) error {
	raw, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("keep undo: %w", err)
	}
	p.State, p.dirty = raw, true
	return nil
}

// undoneAll ends the instance whose work was undone.
func (s *step) undoneAll(top *instance) error {
	switch top.Status {
	case store.Undoing:
		return s.close(top, store.Failed, top.Reason)
	case store.CancelingNow:
		return s.close(top, store.Canceled, "cancelled")
	default:
		top.Status, top.dirty = store.Deleted, true
		return nil
	}
}

// undone takes the end of a task while its process is being undone.
func (s *step) undone(top *instance, id string, st *store.Standing) error {
	p, u, err := s.undoOf(id)
	if err != nil {
		return err
	}
	if i := slices.Index(u.Waiting, st.ID); i >= 0 {
		u.Waiting = slices.Delete(u.Waiting, i, i+1)
		return s.advance(top, p, u)
	}
	if len(u.Tasks) == 0 || u.Tasks[0] != st.ID || !u.Sent || st.Method != u.Method {
		return nil
	}
	if st.Status.Failed() {
		halt(top, p, fmt.Sprintf("task %s ended with %s: %s", st.TaskID, st.Status, st.Reason))
		return s.keepUndo(p, u)
	}
	unhalt(top, p)
	u.Tasks, u.Sent = u.Tasks[1:], false
	return s.advance(top, p, u)
}

// halt stops an undoing process at a failed undo, until somebody resumes it.
func halt(top, p *instance, reason string) {
	p.Status, p.Reason, p.dirty, top.dirty = store.RollbackFailed, reason, true, true
	if p.Kind == store.Deleting {
		p.Status = store.DeleteFailed
	}
	top.Status = p.Status
}

// unhalt lets an undoing process go on that may have stopped.
func unhalt(top, p *instance) {
	p.Status, p.Reason, p.dirty = store.Running, "", true
	switch top.Status {
	case store.RollbackFailed:
		top.Status, top.dirty = store.Undoing, true
	case store.DeleteFailed:
		top.Status, top.dirty = store.DeletingNow, true
	}
}

func (s *step) undoOf(id string) (p *instance, u undo, err error) {
	if p, err = s.load(id); err != nil {
		return nil, u, err
	}
	if len(p.State) > 0 {
		if err := json.Unmarshal(p.State, &u); err != nil {
			return nil, u, fmt.Errorf("%w: undo of %s: %w", errCorrupt, id, err)
		}
	}
	return p, u, nil
}
