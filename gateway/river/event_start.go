package river

import "github.com/riverstones/riverstones/gateway/river/bpmn"

// startEvent lets a token begin: it passes at once.
type startEvent struct{}

func (startEvent) enter(s *step, e *execution, n *bpmn.Node) error { return s.leave(e, n) }
