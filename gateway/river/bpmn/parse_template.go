package bpmn

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/riverstones/riverstones/queue/jsonvalue"
	"github.com/riverstones/riverstones/queue/param"
)

// RefPrefix begins a default that is another parameter's value.
const RefPrefix = "Ref:"

// templates reads the parameter and output template of a process.
func (b *builder) templates(e *element) {
	seen := map[string]bool{}
	for _, x := range e.extensions() {
		name := x.name.Local
		if x.name.Space != spaceOurs || name != "parameters" && name != "outputs" {
			continue
		}
		var err error
		switch {
		case seen[name]:
			err = errors.New("is given twice")
		case name == "parameters":
			b.process.Parameters, err = parameters(x.text)
		default:
			b.process.Outputs, err = outputs(x.text)
		}
		seen[name] = true
		if err != nil {
			b.failAt(e, x, "riverstones:"+name+": "+err.Error())
		}
	}
}

// decode reads a JSON array whose names may be written in capitals.
func decode[T any](text string) ([]T, error) {
	all := []T{}
	err := json.Unmarshal([]byte(text), &all, json.MatchCaseInsensitiveNames(true), json.RejectUnknownMembers(true))
	if err != nil {
		return nil, readable(err)
	}
	return all, nil
}

// readable says what is wrong with a template in words of JSON, not of Go.
func readable(err error) error {
	s, ok := errors.AsType[*json.SemanticError](err)
	switch {
	case !ok:
		return fmt.Errorf("not valid JSON: %w", err)
	case errors.Is(err, json.ErrUnknownName):
		return fmt.Errorf("%s is unknown", s.JSONPointer)
	default:
		return fmt.Errorf("a %s does not fit at %q of an array of objects", s.JSONKind, string(s.JSONPointer))
	}
}

// parameters reads a parameter template.
func parameters(text string) ([]Parameter, error) {
	all, err := decode[Parameter](text)
	if err != nil {
		return nil, err
	}
	groups := map[string][]param.Param{}
	var order []string
	for i := range all {
		p := &all[i]
		p.normalize()
		if groups[p.Namespace] == nil {
			order = append(order, p.Namespace)
		}
		groups[p.Namespace] = append(groups[p.Namespace], p.Param)
	}
	for _, namespace := range order {
		if _, err := param.NewChecker(groups[namespace]); err != nil {
			return nil, err
		}
	}
	return all, refs(all)
}

// normalize sets the type that is left out, and takes a reference for what it is.
func (p *Parameter) normalize() {
	p.Type = param.Type(strings.ToLower(string(p.Type)))
	if p.Type == "" {
		p.Type = param.String
	}
	if string(p.Default) == "null" {
		p.Default = nil
	}
	if len(p.Default) == 0 || p.Default[0] != '"' {
		return
	}
	if ref, ok := strings.CutPrefix(jsonvalue.Text([]byte(p.Default)), RefPrefix); ok {
		p.Ref, p.Default = ref, nil
	}
}

// refs checks that each default leads to a parameter in the end. A reference is
// looked up in the namespace of its own, then among the parameters for all.
func refs(all []Parameter) error {
	type key struct{ namespace, name string }
	byName := map[key]*Parameter{}
	for i := range all {
		byName[key{all[i].Namespace, all[i].Name}] = &all[i]
	}
	visited := map[*Parameter]int{} // in which walk, from 1
	for i := range all {
		for at := &all[i]; at.Ref != "" && visited[at] == 0; {
			visited[at] = i + 1
			next := byName[key{at.Namespace, at.Ref}]
			if next == nil {
				next = byName[key{"", at.Ref}]
			}
			if next == nil {
				return fmt.Errorf("the default of parameter %s refers to %s, which is not declared", at.Name, at.Ref)
			}
			if visited[next] == i+1 {
				return fmt.Errorf("the default of parameter %s refers to itself", at.Name)
			}
			at = next
		}
	}
	return nil
}

// outputs reads an output template.
func outputs(text string) ([]Output, error) {
	all, err := decode[Output](text)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i, o := range all {
		switch {
		case o.Key == "":
			return nil, fmt.Errorf("output %d needs a key", i+1)
		case seen[o.Key]:
			return nil, fmt.Errorf("the output %s is declared twice", o.Key)
		case len(o.Value) == 0:
			return nil, fmt.Errorf("the output %s needs a value", o.Key)
		}
		seen[o.Key] = true
	}
	return all, nil
}
