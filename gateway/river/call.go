package river

import (
	"errors"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/store"
)

// maxCalled bounds how many instances one step makes by calls.
const maxCalled = 1000

// callActivity starts an instance of another process, and waits for its end.
type callActivity struct{}

func (callActivity) enter(s *step, e *execution, n *bpmn.Node) error {
	if s.depth++; s.depth > maxCalled {
		return stuck("callActivity %s: a step called more than %d processes: do they call one another?", n.ID, maxCalled)
	}
	c := as[*bpmn.CallActivity](n)
	what := "of callActivity " + n.ID
	d, err := s.called(e, n, c)
	if err != nil {
		return err
	}
	if d.Start == nil {
		return stuck("callActivity %s: process %s has no plain start event", n.ID, d.row.ID)
	}
	birth := birth{definition: d, super: e, user: e.in.StartUser, debug: e.in.Debug, mock: e.in.Mock}
	if birth.name, err = s.evalText(e, c.InstanceName, "processInstanceName "+what); err != nil {
		return err
	}
	if birth.business, err = s.evalText(e, c.BusinessKey, "businessKey "+what); err != nil {
		return err
	}
	if birth.business == "" && c.InheritBusinessKey {
		birth.business = e.in.BusinessKey
	}
	in := s.bear(birth)
	e.state.Called, e.dirty = in.ID, true
	if in.Debug {
		if err := s.setDebug(in, true); err != nil {
			return err
		}
	}
	if c.InheritVariables {
		if err := s.inherit(e, in.root); err != nil {
			return err
		}
	}
	if err := s.carry(c.In, e, in.root, what); err != nil {
		return err
	}
	return s.launch(in, d.Start)
}

// called finds the definition that a call activity names.
func (s *step) called(e *execution, n *bpmn.Node, c *bpmn.CallActivity) (*definition, error) {
	key, err := s.evalText(e, c.CalledElement, "calledElement of callActivity "+n.ID)
	if err != nil {
		return nil, err
	}
	row, err := store.Definition{}, store.ErrNotFound
	if c.SameDeployment {
		row, err = s.besides(e.in.Definition, key)
	}
	if errors.Is(err, store.ErrNotFound) {
		row, err = s.tx.Latest(s.ctx, key, e.in.Tenant)
	}
	if errors.Is(err, store.ErrNotFound) && c.FallbackToDefaultTenant {
		row, err = s.tx.Latest(s.ctx, key, "")
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, stuck("callActivity %s: no process with key %.100q is deployed", n.ID, key)
	}
	if err != nil {
		return nil, err
	}
	return s.rt.models.of(s.ctx, row)
}

// besides finds a definition by its key in the deployment of another.
func (s *step) besides(definition, key string) (store.Definition, error) {
	d, err := s.tx.Definition(s.ctx, definition)
	if err != nil {
		return d, err
	}
	all, _, err := s.rt.store.Definitions(s.ctx, store.DefinitionFilter{Deployment: d.Deployment, Key: key, Paging: store.Paging{Size: 1}})
	if err != nil {
		return d, err
	}
	if len(all) == 0 {
		return d, store.ErrNotFound
	}
	return s.tx.Definition(s.ctx, all[0].ID)
}

// inherit copies every variable that e sees.
func (s *step) inherit(e, to *execution) error {
	for at := e; at != nil; at = at.parent {
		for name, h := range at.vars {
			if to.vars[name] != nil {
				continue
			}
			v, err := s.valueOf(h)
			if err != nil {
				return err
			}
			s.setLocal(to, name, v)
		}
	}
	return nil
}

// carry sets variables by mappings, read at one execution, set from another on.
func (s *step) carry(all []bpmn.Mapping, from, to *execution, what string) error {
	for i := range all {
		m := &all[i]
		v, name, err := s.mapped(m, from, what)
		if err != nil {
			return err
		}
		if m.Transient {
			s.flash(to.in, name, v)
			continue
		}
		s.set(to, name, v)
	}
	return nil
}

// mapped works out what a mapping hands over, and under which name. A source
// variable that is not there is null.
func (s *step) mapped(m *bpmn.Mapping, from *execution, what string) (v variable.Value, name string, err error) {
	if m.Source != "" {
		v, _, err = s.value(from, m.Source)
	} else {
		v, err = s.eval(from, m.SourceExpression, "a mapping "+what)
	}
	if err != nil {
		return v, "", err
	}
	name, err = s.evalText(from, m.Target, "a mapping "+what)
	return v, name, err
}

// caller returns the execution that waits for a called instance.
func (s *step) caller(in *instance) (*execution, error) {
	for _, other := range s.order { // one that was made in this step is not stored yet
		if e := other.all[in.SuperExecution]; e != nil {
			return e, nil
		}
	}
	owner, err := s.tx.Owner(s.ctx, store.OfExecution, in.SuperExecution)
	if err != nil {
		return nil, err
	}
	parent, err := s.load(owner)
	if err != nil {
		return nil, err
	}
	e := parent.all[in.SuperExecution]
	if e == nil {
		return nil, store.ErrNotFound
	}
	return e, nil
}

// comeBack hands over what a called instance leaves, and sends its caller on.
func (s *step) comeBack(in *instance) (*execution, *bpmn.Node, error) {
	e, err := s.caller(in)
	if err != nil {
		return nil, nil, gone(err)
	}
	n, err := nodeOf(e)
	if err != nil {
		return nil, nil, err
	}
	c, ok := n.Detail.(*bpmn.CallActivity)
	if !ok {
		return nil, nil, nil
	}
	return e, n, s.carry(c.Out, in.root, e, "of callActivity "+n.ID)
}

// gone makes nothing of an error that says that something is not there any more.
func gone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
