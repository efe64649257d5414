package river

import (
	"cmp"
	"slices"

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
	e.arrived = s.moves
	e.setActive(false) // mergeInclusive looks at it when everybody has moved
	return nil
}

// mergeInclusive plans the way on of inclusive gateways that nobody can come to
// any more. Where tokens wait at joins for one another only, as they may in a loop,
// the first one does not wait any longer: else nobody ever moved.
func (s *step) mergeInclusive() error {
	var first *execution
	for _, in := range s.order {
		for _, e := range in.inOrder() {
			if e.Active || e.Kind != store.Token || e.dead {
				continue
			}
			n := e.node()
			if n == nil || n.Kind() != bpmn.KindInclusiveGateway {
				continue
			}
			switch comers(e, n) {
			case nobody:
				if err := s.merge(e.parent, n); err != nil {
					return err
				}
			case waitingOnes:
				if first == nil || byArrival(e, first) < 0 {
					first = e
				}
			default:
			}
		}
	}
	if len(s.agenda) == 0 && first != nil {
		return s.merge(first.parent, first.node())
	}
	return nil
}

// merge lets the tokens that wait at an inclusive gateway go on as one.
func (s *step) merge(scope *execution, n *bpmn.Node) error {
	all := waitingAt(scope, n)
	return s.join(slices.MaxFunc(all, byArrival), n, all)
}

// byArrival orders tokens that wait at a join: the last one goes on with its id.
func byArrival(a, b *execution) int {
	return cmp.Or(cmp.Compare(a.arrived, b.arrived), a.Entered.Compare(b.Entered), cmp.Compare(a.Seq, b.Seq))
}

// coming says who can still come to an inclusive gateway.
type coming int

const (
	nobody      coming = iota
	waitingOnes        // only such as wait at other joins
	movingOnes
)

// comers tells who of the same scope can still come to n, where e waits. One that
// stands there and is active has come, and waits for its continuation.
func comers(e *execution, n *bpmn.Node) coming {
	most := nobody
	for _, c := range e.parent.children {
		at, waits := c.node(), c.Kind == store.Token && !c.Active
		switch {
		case at == nil || at == n && waits:
		case at != n && !bpmn.Reaches(at, n):
		case waits:
			most = waitingOnes
		default:
			return movingOnes
		}
	}
	return most
}
