package flowable

import (
	"context"
	"net/http"
	"slices"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
)

// write creates variables, or replaces them: an array of JSON, or one in a form.
func (v *variablesAPI) write(mode river.WriteMode) handler {
	return func(ctx context.Context, c call) (rest.Reply, error) {
		w, err := v.owner(ctx, &c)
		if err != nil {
			return nil, err
		}
		if c.isForm() {
			return v.writeForm(ctx, &c, w, mode, http.StatusCreated, nil)
		}
		vars, scope, err := v.readAll(ctx, &c, w.id, mode)
		if err != nil {
			return nil, err
		}
		do := river.VariableWrite{Mode: mode, Scope: scope, Variables: last(vars)}
		if err := v.runtime.SetVariables(ctx, w.id, do); err != nil {
			return nil, err
		}
		return w.all(http.StatusCreated, shown(vars, scope)), nil
	}
}

// readAll reads the array of a body. An element that can not be written counts
// only if none before it, or itself, is there already where it is created.
func (v *variablesAPI) readAll(ctx context.Context, c *call, id string, mode river.WriteMode) ([]river.Var, river.Scope, error) {
	list, scopes, err := v.readArray(c)
	if err != nil {
		return nil, 0, err
	}
	vars := make([]river.Var, 0, len(list))
	for i := range list {
		name, err := list[i].name()
		if err == nil && scopes[i] != scopes[0] {
			err = named(name, fault.New(fault.Invalid, "only variables of one scope can be sent together"))
		}
		if err != nil {
			return nil, 0, v.refuse(ctx, id, mode, scopes[0], vars, err)
		}
		value, err := list[i].read(v.cfg.Values)
		vars = append(vars, river.Var{Name: name, Value: value})
		if err != nil {
			return nil, 0, v.refuse(ctx, id, mode, scopes[0], vars, named(name, err))
		}
	}
	return vars, scopes[0], nil
}

// readArray reads the elements of a body with their scopes.
func (v *variablesAPI) readArray(c *call) ([]*scoped, []river.Scope, error) {
	var list []*scoped
	if err := c.read(&list); err != nil {
		return nil, nil, err
	}
	scopes := make([]river.Scope, len(list))
	for i, element := range list {
		if element == nil {
			return nil, nil, fault.New(fault.Invalid, "variable %d is null: send an object", i)
		}
		scope, err := v.scope(element.Scope)
		if err != nil {
			return nil, nil, err
		}
		scopes[i] = orLocal(scope)
	}
	if len(list) == 0 {
		return nil, nil, fault.New(fault.Invalid, "the array is empty: send at least one variable")
	}
	return list, scopes, countVariables(len(list))
}

// refuse returns err, or that one of the variables to be created is there.
func (v *variablesAPI) refuse(ctx context.Context, id string, mode river.WriteMode, scope river.Scope, vars []river.Var, err error) error {
	if mode != river.Create || len(vars) == 0 {
		return err
	}
	there, unread := v.runtime.Variables(ctx, id, scope)
	if unread != nil {
		return unread
	}
	for _, created := range vars {
		if slices.ContainsFunc(there, func(old river.Variable) bool { return old.Name == created.Name }) {
			return fault.New(fault.Conflict, "variable %s exists already: update it instead", quote(created.Name))
		}
	}
	return err
}

// last leaves out variables whose name comes again.
func last(vars []river.Var) []river.Var {
	at := make(map[string]int, len(vars))
	for i := range vars {
		at[vars[i].Name] = i
	}
	if len(at) == len(vars) {
		return vars
	}
	var out []river.Var
	for i := range vars {
		if at[vars[i].Name] == i {
			out = append(out, vars[i])
		}
	}
	return out
}

// shown returns variables as they were written.
func shown(vars []river.Var, scope river.Scope) []river.Variable {
	out := make([]river.Variable, len(vars))
	for i := range vars {
		out[i] = river.Variable{Name: vars[i].Name, Value: vars[i].Value, Scope: scope}
	}
	return out
}

// update replaces one variable that exists.
func (v *variablesAPI) update(ctx context.Context, c call) (rest.Reply, error) {
	w, err := v.owner(ctx, &c)
	if err != nil {
		return nil, err
	}
	name, err := c.in.Path("name")
	if err != nil {
		return nil, err
	}
	if c.isForm() {
		return v.writeForm(ctx, &c, w, river.Update, http.StatusOK, &name)
	}
	var b scoped
	if err := c.read(&b); err != nil {
		return nil, err
	}
	scope, err := v.scope(b.Scope)
	if err != nil {
		return nil, err
	}
	if err := b.is(name); err != nil {
		return nil, err
	}
	value, err := b.read(v.cfg.Values)
	if err != nil {
		return nil, named(name, err)
	}
	return v.set(ctx, w, river.Var{Name: name, Value: value}, river.Update, orLocal(scope), http.StatusOK)
}

// is refuses a variable that is not the one of the path.
func (v *given) is(name string) error {
	sent, err := v.name()
	if err == nil && sent != name {
		err = fault.New(fault.Invalid, "name %s is not the %s of the path", quote(sent), quote(name))
	}
	return err
}

// set writes one variable and answers it.
func (v *variablesAPI) set(ctx context.Context, w owner, one river.Var, mode river.WriteMode, scope river.Scope, status int) (rest.Reply, error) {
	do := river.VariableWrite{Mode: mode, Scope: scope, Variables: []river.Var{one}}
	if err := v.runtime.SetVariables(ctx, w.id, do); err != nil {
		return nil, err
	}
	return w.one(status, river.Variable{Name: one.Name, Value: one.Value, Scope: scope}), nil
}
