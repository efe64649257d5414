package river

import (
	"encoding/json"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/queue/param"
	"github.com/riverstones/riverstones/store"
)

// fillTemplate checks the start variables against the model's parameter
// template, and sets the defaults of those that are missing.
func (s *step) fillTemplate(in *instance, p *bpmn.Process) error {
	groups, order := map[string][]bpmn.Parameter{}, []string{}
	for i := range p.Parameters {
		ns := p.Parameters[i].Namespace
		if groups[ns] == nil {
			order = append(order, ns)
		}
		groups[ns] = append(groups[ns], p.Parameters[i])
	}
	for _, ns := range order {
		if err := s.fillGroup(in, ns, groups[ns]); err != nil {
			return err
		}
	}
	return nil
}

// fillGroup does it for the global parameters, or those of one namespace.
func (s *step) fillGroup(in *instance, ns string, params []bpmn.Parameter) error {
	given, err := s.givenOf(in, ns, params)
	if err != nil {
		return err
	}
	rules := make([]param.Param, len(params))
	for i := range params {
		rules[i] = params[i].Param
		if ref := params[i].Ref; ref != "" && given[params[i].Name] == nil {
			v, ok, err := s.value(in.root, ref)
			if err != nil {
				return err
			}
			if ok {
				given[params[i].Name] = json.RawMessage(v.JSON())
			}
		}
	}
	doc, err := json.Marshal(given)
	if err != nil {
		return fmt.Errorf("check start variables: %w", err)
	}
	filled, err := param.Check(rules, doc)
	if err != nil {
		where := ""
		if ns != "" {
			where = " of " + ns
		}
		return fault.New(fault.Invalid, "variables%s: %v", where, err)
	}
	return s.keepFilled(in, ns, filled)
}

// givenOf returns what was given of a group.
func (s *step) givenOf(in *instance, ns string, params []bpmn.Parameter) (map[string]json.RawMessage, error) {
	given := map[string]json.RawMessage{}
	if ns != "" {
		v, ok, err := s.value(in.root, ns)
		if err != nil || !ok {
			return given, err
		}
		raw, isJSON := v.Raw()
		if !isJSON || json.Unmarshal(raw, &given) != nil {
			return nil, fault.New(fault.Invalid, "variable %s must be an object: it holds the parameters of that namespace", ns)
		}
		return given, nil
	}
	for i := range params {
		v, ok, err := s.value(in.root, params[i].Name)
		if err != nil {
			return nil, err
		}
		if ok {
			given[params[i].Name] = json.RawMessage(v.JSON())
		}
	}
	return given, nil
}

// keepFilled sets what the defaults have added.
func (s *step) keepFilled(in *instance, ns string, filled json.RawMessage) error {
	if ns != "" {
		v, err := variable.FromJSON(variable.TypeJSON, true, jsontext.Value(filled))
		if err != nil {
			return fault.New(fault.Invalid, "variable %s: %v", ns, err)
		}
		s.setLocal(in.root, ns, v)
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(filled, &members); err != nil {
		return fmt.Errorf("read start variables: %w", err)
	}
	for name, raw := range members {
		if in.root.vars[name] != nil {
			continue // as it was given
		}
		v, err := variable.FromJSON("", true, jsontext.Value(raw))
		if err != nil {
			return fault.New(fault.Invalid, "variable %s: %v", name, err)
		}
		s.setLocal(in.root, name, v)
	}
	return nil
}

// outputs works out the model's output template. What can not be worked out,
// since a node was never come to, is null.
func (s *step) outputs(in *instance) (json.RawMessage, error) {
	if in.root == nil || len(in.model.Outputs) == 0 || in.Kind != store.Forward {
		return nil, nil
	}
	out := map[string]json.RawMessage{}
	for i := range in.model.Outputs {
		o := &in.model.Outputs[i]
		v, err := s.resolve(in.root, jsontext.Value(o.Value), "output "+o.Key)
		if fault.Of(err) != nil && fault.Of(err).Kind != fault.State {
			return nil, err
		}
		if err != nil {
			v = jsontext.Value("null")
		}
		out[o.Key] = json.RawMessage(v)
	}
	return json.Marshal(out)
}
