package river

import (
	"slices"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river/variable"
)

// Limits of variables.
const (
	MaxVariableName = 255  // bytes
	MaxVariables    = 1000 // in one call
)

// find returns the variable of that name that e sees, and whose it is.
func (e *execution) find(name string) (*held, *execution) {
	for at := e; at != nil; at = at.parent {
		if v := at.vars[name]; v != nil {
			return v, at
		}
	}
	return nil, nil
}

// value returns the value of a variable that e sees; transient ones come first.
func (s *step) value(e *execution, name string) (v variable.Value, ok bool, err error) {
	if v, ok := s.transient[e.in.ID][name]; ok {
		return v, true, nil
	}
	h, _ := e.find(name)
	if h == nil {
		return v, false, nil
	}
	v, err = s.valueOf(h)
	return v, true, err
}

// valueOf reads a variable, from the store where it was loaded without data.
func (s *step) valueOf(h *held) (variable.Value, error) {
	if h.row.Data == nil && h.row.Size > 0 {
		data, err := s.tx.Data(s.ctx, h.row.Owner, h.row.Name)
		if err != nil {
			return variable.Value{}, err
		}
		h.row.Data = data
	}
	return valueOf(&h.row)
}

// set gives a variable a value where it is found from e on, else on the root.
func (s *step) set(e *execution, name string, v variable.Value) {
	_, owner := e.find(name)
	if owner == nil {
		for owner = e; owner.parent != nil; owner = owner.parent {
		}
	}
	s.setLocal(owner, name, v)
}

// setLocal gives e a variable of its own.
func (s *step) setLocal(e *execution, name string, v variable.Value) {
	row := rowOf(e.ID, name, e.in.ID, v, s.now)
	if old := e.vars[name]; old != nil {
		row.Created = old.row.Created
		old.row, old.dirty = row, true
		return
	}
	if e.vars == nil {
		e.vars = map[string]*held{}
	}
	e.vars[name] = &held{row: row, dirty: true, fresh: !slices.Contains(e.gone, name)}
}

// unset removes a variable of e's own.
func (e *execution) unset(name string) {
	v := e.vars[name]
	if v == nil {
		return
	}
	if !v.fresh {
		e.gone = append(e.gone, name)
	}
	delete(e.vars, name)
}

// setAll gives variables that came with a call their values, from e on.
func (s *step) setAll(e *execution, vars []Var) error {
	if err := checkVars(vars); err != nil {
		return err
	}
	for i := range vars {
		s.set(e, vars[i].Name, vars[i].Value)
	}
	return nil
}

// pass makes transient variables visible to an instance in this step.
func (s *step) pass(in *instance, vars []Var) error {
	if err := checkVars(vars); err != nil {
		return err
	}
	for i := range vars {
		s.flash(in, vars[i].Name, vars[i].Value)
	}
	return nil
}

// flash makes one transient variable visible to an instance in this step, in
// which others may move too.
func (s *step) flash(in *instance, name string, v variable.Value) {
	if s.transient == nil {
		s.transient = map[string]map[string]variable.Value{}
	}
	if s.transient[in.ID] == nil {
		s.transient[in.ID] = map[string]variable.Value{}
	}
	s.transient[in.ID][name] = v
}

func checkVars(vars []Var) error {
	if len(vars) > MaxVariables {
		return fault.New(fault.Invalid, "variables: at most %d are taken at once, these are %d", MaxVariables, len(vars))
	}
	for i := range vars {
		switch name := vars[i].Name; {
		case name == "":
			return fault.New(fault.Invalid, "variables: name is missing at position %d", i)
		case len(name) > MaxVariableName:
			return fault.New(fault.Invalid, "variables: a name has at most %d bytes", MaxVariableName)
		}
	}
	return nil
}
