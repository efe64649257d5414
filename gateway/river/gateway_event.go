package river

import (
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/store"
)

// eventGateway puts an execution at each event behind it; the first that
// fires removes the others.
type eventGateway struct{}

func (eventGateway) enter(s *step, e *execution, n *bpmn.Node) error {
	s.finish(e, n)
	group := newID()
	for i, f := range n.Outgoing {
		c := e
		if i > 0 {
			c = s.child(e.parent, store.Token)
		}
		c.state.Group, c.dirty = group, true
		s.arrive(c, f.Target)
	}
	return nil
}
