package river

import (
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/store"
)

// parallelGateway waits for as many tokens as it has incoming flows, and sends
// one along each outgoing flow, whatever its condition.
type parallelGateway struct{}

func (parallelGateway) enter(s *step, e *execution, n *bpmn.Node) error {
	e.setActive(false)
	waiting := waitingAt(e.parent, n)
	if len(waiting) < len(n.Incoming) {
		return nil
	}
	return s.join(e, n, waiting)
}

// waitingAt returns the tokens of a scope that have come to a join.
func waitingAt(scope *execution, n *bpmn.Node) []*execution {
	var out []*execution
	for _, c := range scope.children {
		if c.Kind == store.Token && !c.Active && c.Activity == n.ID {
			out = append(out, c)
		}
	}
	return out
}

// join lets e go on for all tokens that wait at a gateway; the others are gone.
func (s *step) join(e *execution, n *bpmn.Node, waiting []*execution) error {
	for _, c := range waiting {
		if c != e {
			s.remember(c, n, "")
			s.forget(c)
		}
	}
	e.setActive(true)
	s.finish(e, n)
	if n.Kind() == bpmn.KindParallelGateway {
		s.take(e, n.Outgoing)
		return nil
	}
	return s.follow(e, n)
}
