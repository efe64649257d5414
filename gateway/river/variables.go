package river

import (
	"context"
	"slices"
	"strings"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/store"
)

// Variables returns the variables that an execution sees in a scope, by name
// (6.2 of the executions contract).
func (r *Runtime) Variables(ctx context.Context, executionID string, scope Scope) ([]Variable, error) {
	chain, err := r.chain(ctx, executionID)
	if err != nil {
		return nil, err
	}
	all, err := r.store.Variables(ctx, chain...)
	if err != nil {
		return nil, r.explain(err)
	}
	seen := map[string]bool{}
	var out []Variable
	for i, owner := range chain {
		where := Global
		if i == 0 {
			where = Local
		}
		if scope == Local && where == Global || scope == Global && where == Local {
			continue
		}
		for j := range all {
			if all[j].Owner != owner || seen[all[j].Name] {
				continue
			}
			v, err := valueOf(&all[j])
			if err != nil {
				return nil, r.explain(err)
			}
			seen[all[j].Name] = true
			out = append(out, Variable{Name: all[j].Name, Value: v, Scope: where})
		}
	}
	slices.SortStableFunc(out, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// VariableOf returns one variable; NotFound says whether the execution or the
// variable is not there.
func (r *Runtime) VariableOf(ctx context.Context, executionID, name string, scope Scope) (Variable, error) {
	all, err := r.Variables(ctx, executionID, scope)
	if err != nil {
		return Variable{}, err
	}
	for i := range all {
		if all[i].Name == name {
			return all[i], nil
		}
	}
	return Variable{}, noVariable(executionID, name)
}

func noVariable(executionID, name string) error {
	return fault.New(fault.NotFound, "execution %s has no variable %.200q in this scope", executionID, name)
}

// chain returns an execution and its ancestors, the nearest first.
func (r *Runtime) chain(ctx context.Context, id string) ([]string, error) {
	found, _, err := r.store.Executions(ctx, store.ExecutionFilter{ID: id, Paging: store.Paging{Size: 1}})
	if err != nil {
		return nil, r.explain(err)
	}
	if len(found) == 0 {
		return nil, unknown("execution", id)
	}
	if found[0].Parent == "" {
		return []string{id}, nil
	}
	tree, err := r.store.Tree(ctx, found[0].Instance)
	if err != nil {
		return nil, r.explain(err)
	}
	parents := make(map[string]string, len(tree))
	for i := range tree {
		parents[tree[i].ID] = tree[i].Parent
	}
	if _, there := parents[id]; !there {
		return nil, unknown("execution", id) // it has ended meanwhile
	}
	var out []string
	for at := id; at != ""; at = parents[at] {
		out = append(out, at)
	}
	return out, nil
}

// SetVariables sets variables of an execution, all or none (6.3 of the executions
// contract): NotFound, Conflict by [Create], Invalid for the global scope on a
// root, State when the instance is suspended.
func (r *Runtime) SetVariables(ctx context.Context, executionID string, w VariableWrite) error {
	if err := checkVars(w.Variables); err != nil {
		return err
	}
	return r.step(ctx, func(s *step) error {
		e, err := s.execution(executionID)
		if err != nil {
			return err
		}
		if e.in.Suspended {
			return writable(e.in)
		}
		if err := w.fits(e); err != nil {
			return err
		}
		for i := range w.Variables {
			if w.Scope == Global {
				s.set(e.parent, w.Variables[i].Name, w.Variables[i].Value)
			} else {
				s.setLocal(e, w.Variables[i].Name, w.Variables[i].Value)
			}
		}
		return nil
	})
}

// fits checks what must or must not be there before.
func (w *VariableWrite) fits(e *execution) error {
	for i := range w.Variables {
		name := w.Variables[i].Name
		there := e.vars[name] != nil
		if w.Scope == Global {
			h, _ := e.parent.find(name)
			there = e.parent != nil && h != nil
		}
		switch {
		case w.Mode == Create && there:
			return fault.New(fault.Conflict, "variable %.200q is already present on execution %s", name, e.ID)
		case w.Mode == Update && !there:
			return noVariable(e.ID, name)
		}
	}
	if w.Scope == Global && e.parent == nil {
		return fault.New(fault.Invalid, "scope: execution %s is a process instance, which has no global scope", e.ID)
	}
	return nil
}

// DeleteVariable removes the nearest variable of that name in a scope.
func (r *Runtime) DeleteVariable(ctx context.Context, executionID, name string, scope Scope) error {
	return r.step(ctx, func(s *step) error {
		e, err := s.execution(executionID)
		if err != nil {
			return err
		}
		if e.in.Suspended {
			return writable(e.in)
		}
		owner := e
		if scope == Global {
			_, owner = e.parent.find(name)
		}
		if owner == nil || owner.vars[name] == nil {
			return noVariable(executionID, name)
		}
		owner.unset(name)
		return nil
	})
}

// DeleteLocalVariables removes all variables of an execution's own.
func (r *Runtime) DeleteLocalVariables(ctx context.Context, executionID string) error {
	return r.step(ctx, func(s *step) error {
		e, err := s.execution(executionID)
		if err != nil {
			return err
		}
		if e.in.Suspended {
			return writable(e.in)
		}
		for name := range e.vars {
			e.unset(name)
		}
		return nil
	})
}
