package river

import (
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/store"
)

// endEvent ends a token, and with terminate or an error more than that.
type endEvent struct{}

func (endEvent) enter(s *step, e *execution, n *bpmn.Node) error {
	s.finish(e, n)
	end := as[*bpmn.EndEvent](n)
	switch end.Trigger {
	case bpmn.TriggerTerminate:
		s.forget(e)
		return s.terminate(e, n, end.TerminateAll)
	case bpmn.TriggerError:
		s.forget(e) // its parents are still known
		code := ""
		if end.Error != nil {
			code = end.Error.Code
		}
		return s.raise(e, bpmnError{code: code, text: "it came to the error end " + n.ID})
	default:
		s.plan(func() error { return s.end(e) })
		return nil
	}
}

// terminate ends the scope around an end event with all its tokens: a
// subprocess, or the instance. With all it ends the whole tree of instances.
func (s *step) terminate(e *execution, n *bpmn.Node, all bool) error {
	scope := e.parent
	if all {
		root, err := s.load(e.in.Root)
		if err == nil {
			err = awake(root)
		}
		if err != nil {
			return err
		}
		return s.complete(root, n.ID)
	}
	for _, c := range childrenOf(scope) {
		if c.Kind == store.BoundaryExecution {
			continue // it listens to the scope, and goes with it
		}
		if err := s.remove(c, "terminated by "+n.ID); err != nil {
			return err
		}
	}
	return s.closeScope(scope, n.ID)
}
