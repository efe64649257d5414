package river

import (
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/store"
)

// inclusiveGateway waits for all tokens of its scope that can still come, and
// goes on along every flow whose condition is true.
type inclusiveGateway struct{}

func (inclusiveGateway) enter(s *step, e *execution, n *bpmn.Node) error {
	if len(n.Incoming) < 2 {
		s.finish(e, n)
		return s.follow(e, n)
	}
	e.setActive(false) // mergeInclusive looks at it when everybody has moved
	return nil
}

// mergeInclusive plans the way on of inclusive gateways that nobody can come to
// any more.
func (s *step) mergeInclusive() error {
	for _, in := range s.order {
		for _, e := range in.inOrder() {
			if e.Active || e.Kind != store.Token || e.dead {
				continue
			}
			n := e.node()
			if n == nil || n.Kind() != bpmn.KindInclusiveGateway || expected(e, n) {
				continue
			}
			all := waitingAt(e.parent, n)
			last := all[len(all)-1]
			if err := s.join(last, n, all); err != nil {
				return err
			}
		}
	}
	return nil
}

// expected reports whether a token of the same scope can still come to n.
func expected(e *execution, n *bpmn.Node) bool {
	for _, c := range e.parent.children {
		at := c.node()
		if at == nil || at == n && !c.Active {
			continue
		}
		if c.Kind != store.BoundaryExecution && bpmn.Reaches(at, n) {
			return true
		}
	}
	return false
}
