package river

import (
	"encoding/json"
	"errors"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/store"
)

// birth is what a new instance begins with.
type birth struct {
	definition           *definition
	super                *execution // that calls it, nil for none
	business, name, user string
	debug, mock          bool
	content              json.RawMessage
}

// bear makes a new instance with its root, which does not walk yet.
func (s *step) bear(b birth) *instance {
	id := newID()
	row := store.Instance{
		ID: id, Root: id, Definition: b.definition.row.ID, Key: b.definition.row.Key, Kind: store.Forward, Status: store.Running,
		BusinessKey: b.business, Name: b.name, Tenant: b.definition.row.Tenant, Debug: b.debug, Mock: b.mock,
		StartUser: b.user, StartTime: s.now, Content: b.content,
	}
	if b.super != nil {
		row.Root, row.Tenant = b.super.in.Root, b.super.in.Tenant
		row.SuperExecution, row.SuperInstance = b.super.ID, b.super.in.ID
	}
	in := &instance{Instance: row, model: b.definition.process, all: map[string]*execution{}, dirty: true}
	in.root = &execution{in: in, fresh: true, dirty: true, Execution: store.Execution{
		ID: id, Instance: id, Root: row.Root, Kind: store.RootExecution, Active: true, Scope: true, Entered: s.now}}
	if in.root.state.Trace = s.trace; b.super != nil {
		in.root.state.Trace = s.traceOf(b.super.in)
	}
	in.Seq = 1
	in.all[id] = in.root
	s.add(in)
	return in
}

// launch puts the first token of a new instance at a start event.
func (s *step) launch(in *instance, start *bpmn.Node) error {
	if err := s.data(in.root, &in.model.Scope); err != nil {
		return err
	}
	if v := as[*bpmn.StartEvent](start).Initiator; v != "" {
		who := variable.Null()
		if in.StartUser != "" {
			who = variable.String(in.StartUser)
		}
		s.setLocal(in.root, v, who)
	}
	in.StartActivity = start.ID
	s.arrive(s.child(in.root, store.Token), start)
	return nil
}

// complete ends an instance by its own end, and sends its caller on.
func (s *step) complete(in *instance, last string) error {
	if in.Ended() {
		return nil
	}
	out, err := s.outputs(in)
	if err != nil {
		return err
	}
	var caller *execution
	var at *bpmn.Node
	if in.SuperExecution != "" {
		if caller, at, err = s.comeBack(in); err != nil {
			return err
		}
		if caller != nil {
			if err := awake(caller.in); err != nil {
				return err
			}
		}
	}
	in.Outputs, in.EndActivity = out, last
	if err := s.close(in, store.Completed, ""); err != nil {
		return err
	}
	if caller == nil {
		return nil
	}
	return s.leave(caller, at)
}

// close ends an instance: nothing of it runs any more. why is "" for its own
// end, else it is the reason that history shows.
func (s *step) close(in *instance, as store.InstanceStatus, why string) error {
	if in.root != nil {
		left := why
		if left == "" {
			left = "the process ended"
		}
		for _, c := range childrenOf(in.root) {
			if err := s.remove(c, left); err != nil {
				return err
			}
		}
		s.forget(in.root)
	}
	in.Status, in.EndTime, in.dirty = as, s.now, true
	if why != "" {
		in.DeleteReason = why
	}
	return nil
}

// stop ends the work that is under way at an execution that is removed: a
// stone's task is cancelled, a called instance ends.
func (s *step) stop(e *execution, why string) error {
	if n := e.node(); n != nil && e.Kind != store.BoundaryExecution {
		s.remember(e, n, why)
	}
	for _, j := range e.jobs.rows {
		if err := s.cancelTask(&j.v, j.fresh); err != nil {
			return err
		}
	}
	if e.state.Called == "" {
		return nil
	}
	in, err := s.load(e.state.Called)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil || in.Ended() {
		return err
	}
	return s.close(in, store.Canceled, why)
}

// remember writes an activity that is done into history.
func (s *step) remember(e *execution, n *bpmn.Node, why string) {
	a := store.Activity{
		Instance: e.in.ID, Execution: e.ID, Activity: n.ID, Type: n.Kind().String(), Name: n.Name, Called: e.state.Called,
		Start: e.Entered, End: s.now, Reason: why,
	}
	for _, t := range e.tasks.rows {
		a.Task, a.Assignee = t.id, t.v.Assignee
	}
	for _, j := range e.jobs.rows {
		if j.v.Kind == store.StoneJob || j.v.Kind == store.ExternalJob {
			a.Task = j.id
		}
	}
	s.write.Activities = append(s.write.Activities, a)
}
