package river

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/gateway/river/variable"
)

// The names that expressions know besides variables: parameters are all
// variables, outputs what stones have given back, by namespace.
const (
	nameParameters = "parameters"
	nameOutputs    = "outputs"
)

// OutputsPrefix begins the names of the variables of a root that hold what
// stones gave back; what follows is the namespace.
const OutputsPrefix = nameOutputs + "."

// view is an execution as expressions see it. It remembers what failed, since
// a lookup can not say so.
type view struct {
	s   *step
	e   *execution
	err error
}

// Lookup finds a variable.
func (v *view) Lookup(name string) (variable.Value, bool) {
	got, ok, err := v.s.value(v.e, name)
	if err != nil {
		v.err = err
		return variable.Value{}, false
	}
	if ok {
		return got, true
	}
	switch name {
	case nameParameters:
		return v.object(func(n string) (string, bool) { return n, !strings.HasPrefix(n, OutputsPrefix) })
	case nameOutputs:
		return v.object(func(n string) (string, bool) { return strings.CutPrefix(n, OutputsPrefix) })
	default:
		return variable.Value{}, false
	}
}

// object makes one of the variables that the execution sees.
func (v *view) object(pick func(name string) (member string, ok bool)) (variable.Value, bool) {
	members := map[string]json.RawMessage{}
	for at := v.e; at != nil; at = at.parent {
		for name, h := range at.vars {
			member, ok := pick(name)
			if _, nearer := members[member]; !ok || nearer || h.row.Type == variable.TypeBinary || h.row.Type == variable.TypeSerializable {
				continue
			}
			got, err := v.s.valueOf(h)
			if err != nil {
				v.err = err
				return variable.Value{}, false
			}
			members[member] = json.RawMessage(got.JSON())
		}
	}
	raw, err := json.Marshal(members)
	if err != nil {
		v.err = err
		return variable.Value{}, false
	}
	out, err := variable.FromJSON(variable.TypeJSON, true, jsontext.Value(raw))
	if err != nil {
		v.err = err
		return variable.Value{}, false
	}
	return out, true
}

// eval works out a text for an execution; what says in an error where it stands.
func (s *step) eval(e *execution, text, what string) (variable.Value, error) {
	t, err := s.rt.templates.get(text)
	if err != nil {
		return variable.Value{}, stuck("%s: %v", what, err)
	}
	if lit, ok := t.Literal(); ok {
		return variable.String(lit), nil
	}
	at := &view{s: s, e: e}
	v, err := t.Eval(s.ctx, at)
	return v, at.failed(s.ctx, err, what)
}

// failed tells a failure of the store from one of the expression.
func (v *view) failed(ctx context.Context, err error, what string) error {
	switch {
	case v.err != nil:
		return v.err
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return stuck("%s: %v", what, err)
	default:
		return nil
	}
}

// evalText works out a text whose value is used as text; null is "".
func (s *step) evalText(e *execution, text, what string) (string, error) {
	if !strings.ContainsAny(text, "$#\\") {
		return text, nil
	}
	v, err := s.eval(e, text, what)
	if err != nil {
		return "", err
	}
	if v.IsBytes() {
		return "", stuck("%s: a value of type %s is no text", what, v.Type())
	}
	return v.Text(), nil
}

func (s *step) evalBool(e *execution, text, what string) (bool, error) {
	t, err := s.rt.templates.get(text)
	if err != nil {
		return false, stuck("%s: %v", what, err)
	}
	at := &view{s: s, e: e}
	ok, err := t.EvalBool(s.ctx, at)
	return ok, at.failed(s.ctx, err, what)
}

// evalItems works out a collection: the name of a variable, or an expression,
// whose value is an array.
func (s *step) evalItems(e *execution, text, what string) ([]variable.Value, error) {
	v, err := s.eval(e, collection(text), what)
	if err != nil {
		return nil, err
	}
	raw, _ := v.Raw()
	var items []jsontext.Value
	if raw.Kind() != jsontext.KindBeginArray || json.Unmarshal(raw, (*rawItems)(&items)) != nil {
		return nil, stuck("%s must be an array", what)
	}
	out := make([]variable.Value, len(items))
	for i := range items {
		if out[i], err = variable.FromJSON("", true, items[i]); err != nil {
			return nil, stuck("%s: element %d: %v", what, i, err)
		}
	}
	return out, nil
}

// collection makes an expression of one that is only named.
func collection(text string) string {
	if text == "" || strings.ContainsAny(text, "$#") {
		return text
	}
	return "${" + text + "}"
}

// rawItems reads an array without looking into its elements.
type rawItems []jsontext.Value

// UnmarshalJSON implements [json.Unmarshaler].
func (r *rawItems) UnmarshalJSON(b []byte) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	for _, one := range raw {
		*r = append(*r, jsontext.Value(one))
	}
	return nil
}
