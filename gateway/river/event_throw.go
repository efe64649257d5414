package river

import (
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/store"
)

// throwEvent throws a signal, or nothing, and the token goes on.
type throwEvent struct{}

func (throwEvent) enter(s *step, e *execution, n *bpmn.Node) error {
	if t := as[*bpmn.ThrowEvent](n); t.Trigger == bpmn.TriggerSignal {
		name, err := s.evalText(e, t.Signal.Name, "the signal of "+n.ID)
		if err != nil {
			return err
		}
		in, inner := e.in, t.Signal.InstanceScope
		// Those who wait hear it before the thrower goes on.
		if err := s.thrown(in, name, inner); err != nil {
			return err
		}
	}
	if e.dead { // it has interrupted itself
		return nil
	}
	return s.leave(e, n)
}

// thrown delivers a signal that an instance throws: within the instance, or to
// everybody of its tenant.
func (s *step) thrown(in *instance, name string, inner bool) error {
	if !inner {
		return s.deliver(name, in.Tenant, nil)
	}
	for _, e := range in.inOrder() {
		if sub := e.subscription(store.Signal, name); sub != nil && !e.dead {
			if err := s.fire(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// deliver brings a signal to everybody in a tenant who waits for it, and starts
// an instance of each latest definition that it starts.
func (s *step) deliver(name, tenant string, vars []Var) error {
	subs, err := s.tx.Subscribed(s.ctx, store.Signal, name, &tenant)
	if err != nil {
		return err
	}
	for i := range subs { // by root, so that locks are taken in one order
		if subs[i].Inner {
			continue
		}
		if err := s.reach(&subs[i], vars); err != nil {
			return err
		}
	}
	return s.startAll(store.Signal, name, tenant, vars)
}

// reach delivers a signal to one execution, if it still waits once its tree is
// locked.
func (s *step) reach(sub *store.Subscription, vars []Var) error {
	if err := s.tx.Lock(s.ctx, sub.Root); err != nil {
		return err
	}
	in, err := s.load(sub.Instance)
	if err != nil {
		return gone(err)
	}
	e := in.all[sub.Execution]
	if e == nil || e.subs.find(sub.ID) == nil || !able(in) {
		return nil
	}
	if err := s.setAll(e, vars); err != nil {
		return err
	}
	return s.fire(e)
}
