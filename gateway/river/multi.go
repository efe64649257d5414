package river

import (
	"slices"
	"strconv"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/store"
)

// maxInstances bounds a multi-instance activity.
const maxInstances = 10_000

// loop counts the instances of a multi-instance activity.
type loop struct {
	Total int `json:"total"`
	Done  int `json:"done"`
	Next  int `json:"next"` // index of the one that is started next
}

// multiply replaces a token by an inactive root at the activity, with the
// instances below.
func (s *step) multiply(e *execution, n *bpmn.Node) error {
	items, total, err := s.cardinality(e, n)
	if err != nil {
		return err
	}
	root := s.child(e.parent, store.MultiRoot)
	s.stand(root, n)
	root.setActive(false)
	root.state.Loop = &loop{Total: total}
	s.forget(e)
	if err := s.attach(root, n); err != nil {
		return err
	}
	s.countLoop(root)
	if total == 0 {
		return s.loopDone(root, n)
	}
	if n.Loop.Sequential {
		return s.nextInstance(root, n, items)
	}
	for range total {
		if err := s.nextInstance(root, n, items); err != nil {
			return err
		}
	}
	return nil
}

// cardinality says how often, and with which elements if there is a collection.
func (s *step) cardinality(e *execution, n *bpmn.Node) ([]variable.Value, int, error) {
	if n.Loop.Collection != "" {
		items, err := s.evalItems(e, n.Loop.Collection, "the collection of "+n.ID)
		if err == nil && len(items) > maxInstances {
			err = stuck("the collection of %s has %d elements, at most %d are taken", n.ID, len(items), maxInstances)
		}
		return items, len(items), err
	}
	text, err := s.evalText(e, n.Loop.Cardinality, "loopCardinality of "+n.ID)
	if err != nil {
		return nil, 0, err
	}
	total, err := strconv.Atoi(text)
	if err != nil || total < 0 || total > maxInstances {
		return nil, 0, stuck("loopCardinality of %s must be a whole number from 0 to %d, it is %.50q", n.ID, maxInstances, text)
	}
	return nil, total, nil
}

// nextInstance starts the next instance below root.
func (s *step) nextInstance(root *execution, n *bpmn.Node, items []variable.Value) error {
	l := root.state.Loop
	i := l.Next
	if i >= l.Total {
		return nil
	}
	if n.Loop.Collection != "" && items == nil {
		var err error
		if items, _, err = s.cardinality(root, n); err != nil {
			return err
		}
	}
	l.Next++
	root.dirty = true
	e := s.child(root, store.Token)
	s.stand(e, n)
	e.state.Inner, e.state.Index = true, i
	index := n.Loop.ElementIndexVariable
	if index == "" {
		index = "loopCounter"
	}
	s.setLocal(e, index, variable.Integer(int32(i))) //nolint:gosec // below maxInstances
	if n.Loop.ElementVariable != "" && i < len(items) {
		s.setLocal(e, n.Loop.ElementVariable, items[i])
	}
	s.countLoop(root)
	s.plan(func() error {
		if e.dead {
			return nil
		}
		return s.work(e, n)
	})
	return nil
}

// countLoop shows the counts as the local variables that conditions read.
func (s *step) countLoop(root *execution) {
	l := root.state.Loop
	for name, n := range map[string]int{"nrOfInstances": l.Total, "nrOfCompletedInstances": l.Done, "nrOfActiveInstances": l.Next - l.Done} {
		s.setLocal(root, name, variable.Integer(int32(n))) //nolint:gosec // below maxInstances
	}
	root.dirty = true
}

// oneDone notes that an instance is done, starts the next one, and ends the
// activity after the last or when its completion condition is true.
func (s *step) oneDone(e *execution, n *bpmn.Node) error {
	root := e.parent
	l := root.state.Loop
	l.Done++
	s.countLoop(root)
	done := l.Done >= l.Total
	if !done && n.Loop.CompletionCondition != "" {
		var err error
		if done, err = s.evalBool(e, n.Loop.CompletionCondition, "completionCondition of "+n.ID); err != nil {
			return err
		}
	}
	if err := s.remove(e, ""); err != nil {
		return err
	}
	if !done {
		if n.Loop.Sequential {
			return s.nextInstance(root, n, nil)
		}
		return nil
	}
	return s.loopDone(root, n)
}

// loopDone goes on behind the activity with a new execution.
func (s *step) loopDone(root *execution, n *bpmn.Node) error {
	for _, c := range slices.Backward(childrenOf(root)) {
		why := "the completion condition is true"
		if c.Kind == store.BoundaryExecution {
			why = ""
		}
		if err := s.remove(c, why); err != nil {
			return err
		}
	}
	e := s.child(root.parent, store.Token)
	s.stand(e, n)
	if err := s.remove(root, ""); err != nil {
		return err
	}
	return s.follow(e, n)
}
