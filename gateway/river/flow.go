package river

import (
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/store"
)

// behaviour is what one kind of element does with a token.
type behaviour interface {
	// enter is called when a token has come to the element: it plans where the
	// token goes, or leaves it waiting.
	enter(s *step, e *execution, n *bpmn.Node) error
}

// behaviours has one row for each kind, each in its own file.
var behaviours = map[bpmn.Kind]behaviour{
	bpmn.KindStartEvent:       startEvent{},
	bpmn.KindEndEvent:         endEvent{},
	bpmn.KindCatchEvent:       catchEvent{},
	bpmn.KindThrowEvent:       throwEvent{},
	bpmn.KindUserTask:         userTask{},
	bpmn.KindReceiveTask:      receiveTask{},
	bpmn.KindManualTask:       manualTask{},
	bpmn.KindServiceTask:      serviceTask{},
	bpmn.KindSubProcess:       subProcess{},
	bpmn.KindCallActivity:     callActivity{},
	bpmn.KindExclusiveGateway: exclusiveGateway{},
	bpmn.KindParallelGateway:  parallelGateway{},
	bpmn.KindInclusiveGateway: inclusiveGateway{},
	bpmn.KindEventGateway:     eventGateway{},
}

// arrive plans that a token comes to a node.
func (s *step) arrive(e *execution, n *bpmn.Node) {
	s.plan(func() error {
		if e.dead {
			return nil
		}
		s.stand(e, n)
		if n.Async {
			s.continueLater(e, n)
			return nil
		}
		return s.begin(e, n)
	})
}

// begin lets a token that stands at a node do what the node does.
func (s *step) begin(e *execution, n *bpmn.Node) error {
	if n.Loop != nil && !e.state.Inner {
		return s.multiply(e, n)
	}
	return s.work(e, n)
}

// work is begin for one instance of the activity.
func (s *step) work(e *execution, n *bpmn.Node) error {
	if n.Kind().Activity() && n.Kind() != bpmn.KindSubProcess && !e.state.Inner {
		if err := s.attach(e, n); err != nil {
			return err
		}
	}
	return behaviours[n.Kind()].enter(s, e, n)
}

// leave ends the activity of a token and sends it on.
func (s *step) leave(e *execution, n *bpmn.Node) error {
	s.finish(e, n)
	if e.state.Inner {
		return s.oneDone(e, n)
	}
	return s.follow(e, n)
}

// follow sends a token along the flows behind a node that it has left.
func (s *step) follow(e *execution, n *bpmn.Node) error {
	flows, err := s.choose(e, n)
	if err != nil {
		return err
	}
	s.take(e, flows)
	return nil
}

// choose returns the flows whose condition is true, else the default one; none
// where the node has none.
func (s *step) choose(e *execution, n *bpmn.Node) ([]*bpmn.Flow, error) {
	var out []*bpmn.Flow
	for _, f := range n.Outgoing {
		if f.Default() {
			continue
		}
		ok, err := s.condition(e, f)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, f)
		}
	}
	switch {
	case len(out) == 0 && n.Default != nil:
		return []*bpmn.Flow{n.Default}, nil
	case len(out) == 0 && len(n.Outgoing) > 0:
		return nil, stuck("no sequence flow behind %s %s can be taken: no condition is true, and it has no default", n.Kind(), n.ID)
	default:
		return out, nil
	}
}

// condition evaluates that of a flow; a flow without one is taken.
func (s *step) condition(e *execution, f *bpmn.Flow) (bool, error) {
	if f.Condition == "" {
		return true, nil
	}
	return s.evalBool(e, f.Condition, "the condition of the flow from "+f.Source.ID+" to "+f.Target.ID)
}

// take sends e along the first flow and a new sibling along each further one.
// Without a flow the token ends.
func (s *step) take(e *execution, flows []*bpmn.Flow) {
	if len(flows) == 0 {
		s.plan(func() error { return s.end(e) })
		return
	}
	s.arrive(e, flows[0].Target)
	for _, f := range flows[1:] {
		s.arrive(s.child(e.parent, store.Token), f.Target)
	}
}

// end removes a token for good, and ends its scope when it was the last.
func (s *step) end(e *execution) error {
	if e.dead {
		return nil
	}
	scope := e.parent
	if err := s.remove(e, ""); err != nil {
		return err
	}
	return s.closeScope(scope, e.Activity)
}

// closeScope goes on behind a scope in which no token is left; last is the
// activity where the last one ended.
func (s *step) closeScope(scope *execution, last string) error {
	if scope.dead || scope.live() {
		return nil
	}
	if scope.Kind == store.RootExecution {
		return s.complete(scope.in, last)
	}
	return s.leaveSubProcess(scope)
}

// finish takes from an execution what belongs to its activity: jobs,
// subscriptions, user tasks, boundary events.
func (s *step) finish(e *execution, n *bpmn.Node) {
	s.remember(e, n, "")
	e.subs.clear()
	e.tasks.clear()
	e.jobs.clear()
	for _, c := range childrenOf(e) {
		if c.Kind == store.BoundaryExecution {
			s.forget(c)
		}
	}
	if e.state.Group != "" || e.state.Called != "" {
		e.state.Group, e.state.Called, e.dirty = "", "", true
	}
}

// remove ends an execution and everything below it, as when a boundary event
// interrupts it: work that is under way is cancelled. why goes into history, ""
// for a token that has done its activity.
func (s *step) remove(e *execution, why string) error {
	for _, c := range childrenOf(e) {
		if err := s.remove(c, why); err != nil {
			return err
		}
	}
	if why != "" {
		if err := s.stop(e, why); err != nil {
			return err
		}
	}
	s.forget(e)
	return nil
}

// forget drops the rows of an execution.
func (s *step) forget(e *execution) {
	e.unlink()
	e.subs.clear()
	e.tasks.clear()
	e.jobs.clear()
	if e.Kind != store.RootExecution { // history keeps those of the root
		for name, v := range e.vars {
			if !v.fresh {
				e.gone = append(e.gone, name)
			}
		}
		e.vars = nil
	}
	e.dead = true
	delete(e.in.all, e.ID)
	e.in.ended = append(e.in.ended, e)
}

// childrenOf is a copy, for loops that change the tree.
func childrenOf(e *execution) []*execution { return append([]*execution(nil), e.children...) }

// as returns what only nodes of one kind have; nodes come to the behaviour of
// their kind only.
func as[T bpmn.Detail](n *bpmn.Node) T {
	d, _ := n.Detail.(T)
	return d
}
