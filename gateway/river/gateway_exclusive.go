package river

import "github.com/riverstones/riverstones/gateway/river/bpmn"

// exclusiveGateway sends a token along the first flow whose condition is true,
// in the order of the file, else along the default.
type exclusiveGateway struct{}

func (exclusiveGateway) enter(s *step, e *execution, n *bpmn.Node) error {
	s.finish(e, n)
	for _, f := range n.Outgoing {
		if f.Default() {
			continue
		}
		ok, err := s.condition(e, f)
		if err != nil {
			return err
		}
		if ok {
			s.take(e, []*bpmn.Flow{f})
			return nil
		}
	}
	switch {
	case n.Default != nil:
		s.take(e, []*bpmn.Flow{n.Default})
	case len(n.Outgoing) == 0:
		s.take(e, nil)
	default:
		return stuck("no sequence flow behind exclusiveGateway %s can be taken: no condition is true, and it has no default", n.ID)
	}
	return nil
}
