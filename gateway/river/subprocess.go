package river

import (
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/store"
)

// subProcess replaces the token by a scope, in which a new token walks.
type subProcess struct{}

func (subProcess) enter(s *step, e *execution, n *bpmn.Node) error {
	scope := s.child(e.parent, store.ScopeExecution)
	s.stand(scope, n)
	scope.Scope, scope.state.Inner, scope.state.Index = true, e.state.Inner, e.state.Index
	if e.state.Inner { // the loop's variables are seen within
		for name := range e.vars {
			v, err := s.valueOf(e.vars[name])
			if err != nil {
				return err
			}
			s.setLocal(scope, name, v)
		}
	}
	s.forget(e)
	if !scope.state.Inner {
		if err := s.attach(scope, n); err != nil {
			return err
		}
	}
	inner := n.Inner()
	if err := s.data(scope, inner); err != nil {
		return err
	}
	s.arrive(s.child(scope, store.Token), inner.Start)
	return nil
}

// data gives a scope the variables that the model declares in it.
func (s *step) data(e *execution, scope *bpmn.Scope) error {
	for i := range scope.Data {
		d := &scope.Data[i]
		v, err := dataValue(d)
		if err != nil {
			return stuck("dataObject %s: %v", d.ID, err)
		}
		if e.vars[d.Name] == nil {
			s.setLocal(e, d.Name, v)
		}
	}
	return nil
}

// leaveSubProcess goes on behind a subprocess in which no token is left, with a
// new execution.
func (s *step) leaveSubProcess(scope *execution) error {
	n, err := nodeOf(scope)
	if err != nil {
		return err
	}
	s.finish(scope, n)
	if scope.state.Inner {
		return s.oneDone(scope, n)
	}
	e := s.child(scope.parent, store.Token)
	s.stand(e, n)
	if err := s.remove(scope, ""); err != nil {
		return err
	}
	return s.follow(e, n)
}

// dataValue is what a data object holds at the begin.
func dataValue(d *bpmn.DataObject) (variable.Value, error) {
	if d.Value == "" {
		return variable.Null(), nil
	}
	types := map[string]string{"boolean": variable.TypeBoolean, "datetime": variable.TypeDate, "double": variable.TypeDouble,
		"int": variable.TypeInteger, "long": variable.TypeLong}
	kind, ok := types[d.Type]
	if !ok {
		return variable.String(d.Value), nil
	}
	return variable.Decode(kind, []byte(d.Value))
}
