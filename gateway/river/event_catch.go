package river

import (
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/store"
)

// catchEvent waits in a flow for a signal, a message or a time.
type catchEvent struct{}

func (catchEvent) enter(s *step, e *execution, n *bpmn.Node) error {
	return s.listen(e, n, &as[*bpmn.CatchEvent](n).Event)
}

// caught goes on behind a catch event; others behind the same event gateway
// are given up.
func (s *step) caught(e *execution, n *bpmn.Node) error {
	if g := e.state.Group; g != "" {
		for _, c := range childrenOf(e.parent) {
			if c != e && c.state.Group == g {
				if err := s.remove(c, "another event came first"); err != nil {
					return err
				}
			}
		}
	}
	return s.leave(e, n)
}

// listen makes an execution wait for what an event is about.
func (s *step) listen(e *execution, n *bpmn.Node, ev *bpmn.Event) error {
	switch ev.Trigger {
	case bpmn.TriggerSignal:
		return s.subscribe(e, n, store.Signal, ev.Signal.Name, ev.Signal.InstanceScope)
	case bpmn.TriggerMessage:
		return s.subscribe(e, n, store.Message, ev.Message.Name, false)
	case bpmn.TriggerTimer:
		return s.schedule(e, n, ev.Timer)
	default: // an error is looked for when it is raised
		return nil
	}
}

func (s *step) subscribe(e *execution, n *bpmn.Node, kind store.SubscriptionKind, name string, inner bool) error {
	text, err := s.evalText(e, name, "the event of "+n.ID)
	if err != nil {
		return err
	}
	id := newID()
	e.subs.add(id, store.Subscription{
		ID: id, Execution: e.ID, Instance: e.in.ID, Root: e.in.Root, Kind: kind, Name: text, Activity: n.ID,
		Tenant: e.in.Tenant, Inner: inner, Created: s.now,
	})
	return nil
}

// subscription returns what e waits for, nil if it is not this.
func (e *execution) subscription(kind store.SubscriptionKind, name string) *store.Subscription {
	for _, r := range e.subs.rows {
		if r.v.Kind == kind && r.v.Name == name {
			return &r.v
		}
	}
	return nil
}
