package river

import (
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/store"
)

// attach makes an execution below e for each boundary event of its activity.
func (s *step) attach(e *execution, n *bpmn.Node) error {
	for _, b := range n.Boundary {
		ev := as[*bpmn.BoundaryEvent](b)
		c := s.child(e, store.BoundaryExecution)
		s.stand(c, b)
		if err := s.listen(c, b, &ev.Event); err != nil {
			return err
		}
	}
	return nil
}

// boundary fires a boundary event: an interrupting one ends the activity and
// goes on itself, the other sends a new token along its flows and stays.
func (s *step) boundary(e *execution, n *bpmn.Node) error {
	ev := as[*bpmn.BoundaryEvent](n)
	activity := e.parent
	if !ev.Interrupting {
		c := s.child(activity.parent, store.Token)
		s.stand(c, n)
		s.remember(c, n, "")
		return s.follow(c, n)
	}
	surrounding := activity.parent
	e.move(surrounding)
	e.Kind, e.dirty = store.Token, true
	if err := s.remove(activity, "interrupted by "+n.ID); err != nil {
		return err
	}
	s.finish(e, n)
	return s.follow(e, n)
}

// bpmnError is an error as a model knows it: what is raised by an error end,
// an external worker, or a task that failed.
type bpmnError struct {
	code string
	text string // for people
}

// raise looks for the boundary event that catches an error, from e outwards,
// through the callers too. Uncaught, it fails the process.
func (s *step) raise(e *execution, err bpmnError) error {
	for at := e; at != nil; at = at.parent {
		if at.Kind == store.RootExecution {
			if at.in.SuperExecution == "" {
				break
			}
			caller, lookup := s.caller(at.in)
			if lookup == nil {
				lookup = awake(caller.in)
			}
			if lookup != nil {
				return lookup
			}
			at = caller
		}
		if b := catcher(at, err.code); b != nil {
			n, lookup := nodeOf(b)
			if lookup != nil {
				return lookup
			}
			return s.boundary(b, n)
		}
	}
	why := err.text
	if err.code != "" {
		why += " (error " + err.code + ")"
	}
	return s.fail(e.in, why)
}

// catcher returns the boundary execution below an activity that catches a
// code: one with the code itself, else one for every error.
func catcher(activity *execution, code string) *execution {
	var all *execution
	for _, c := range activity.children {
		n := c.node()
		if c.Kind != store.BoundaryExecution || n == nil {
			continue
		}
		ev := as[*bpmn.BoundaryEvent](n)
		switch {
		case ev.Trigger != bpmn.TriggerError:
		case ev.Error == nil || ev.Error.Code == "":
			if all == nil {
				all = c
			}
		case ev.Error.Code == code:
			return c
		}
	}
	return all
}
