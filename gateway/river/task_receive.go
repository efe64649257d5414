package river

import "github.com/riverstones/riverstones/gateway/river/bpmn"

// receiveTask waits until it is triggered, or for its stone.
type receiveTask struct{}

func (receiveTask) enter(s *step, e *execution, n *bpmn.Node) error {
	if st := as[*bpmn.ReceiveTask](n).Stone; st != nil {
		return s.callStone(e, n, st)
	}
	return nil
}
