package expr

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/queue/jsonvalue"
)

// The functions of parameters, as the one member of an object.
const (
	fnPrefix         = "Fn::"
	fnGetAtt         = "Fn::GetAtt"
	fnProcessOutputs = "Fn::GetProcessOutputs"
	exclude          = "Exclude"
)

// call is a function in a tree.
type call struct {
	path *place
	name string
	args list
}

// hasFunction reports whether a member is meant as a function.
func (n *object) hasFunction() bool {
	return slices.ContainsFunc(n.names, func(s string) bool { return strings.HasPrefix(s, fnPrefix) })
}

// newCall makes a call of an object that has a function.
func newCall(path *place, n *object) (node, error) {
	if len(n.names) != 1 {
		return nil, errors.New("a function must be the only member of its object")
	}
	most := map[string]int{fnGetAtt: 2, fnProcessOutputs: 3}[n.names[0]]
	if most == 0 {
		return nil, fmt.Errorf("function %q is not known, use %s or %s", clip(n.names[0]), fnGetAtt, fnProcessOutputs)
	}
	args, ok := n.values[0].(*list)
	if !ok || len(*args) < 2 || len(*args) > most {
		return nil, fmt.Errorf("%s takes an array: %s", n.names[0], map[string]string{
			fnGetAtt:         "[object, key]",
			fnProcessOutputs: "[processInstanceId, namespace] and, if wanted, a selection",
		}[n.names[0]])
	}
	return &call{path: path, name: n.names[0], args: *args}, nil
}

func (n *call) resolve(r *resolver, b []byte) ([]byte, error) {
	args := make([]jsontext.Value, len(n.args))
	for i, a := range n.args {
		v, err := a.resolve(r, nil)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	apply := r.getAtt
	if n.name == fnProcessOutputs {
		apply = r.processOutputs
	}
	out, err := apply(args)
	if err != nil {
		return nil, &ParamError{Path: n.path.String(), Err: fmt.Errorf("%s: %w", n.name, err)}
	}
	return append(b, out...), r.grow(n.path, len(out))
}

// getAtt gives a member of an object, or an element of an array.
func (r *resolver) getAtt(args []jsontext.Value) (jsontext.Value, error) {
	key := args[1]
	if !args[0].IsValid() || args[0].Kind() != jsontext.KindBeginObject && args[0].Kind() != jsontext.KindBeginArray {
		return nil, errors.New("the first argument must be an object or an array")
	}
	if key.Kind() != jsontext.KindString && key.Kind() != jsontext.KindNumber {
		return nil, errors.New("the key must be a string, or a position in an array")
	}
	if err := r.charge(int64(len(args[0]))); err != nil {
		return nil, err
	}
	found, err := find(args[0], variable.String(jsonvalue.Text(key)))
	if err == nil && found == nil {
		err = fmt.Errorf("there is no %q in the first argument", clip(jsonvalue.Text(key)))
	}
	return found, err
}

// processOutputs gives the outputs of a namespace of another process, or some of them.
func (r *resolver) processOutputs(args []jsontext.Value) (jsontext.Value, error) {
	process, namespace := args[0], args[1]
	if process.Kind() != jsontext.KindString || namespace.Kind() != jsontext.KindString {
		return nil, errors.New("process instance id and namespace must be strings")
	}
	all, err := r.outputsOf(jsonvalue.Text(process), jsonvalue.Text(namespace))
	if err != nil || len(args) == 2 {
		return all, err
	}
	keep, err := selection(args[2])
	if err != nil {
		return nil, err
	}
	if err := r.charge(int64(len(all))); err != nil {
		return nil, err
	}
	members, err := jsonvalue.Scan(all)
	if err != nil {
		return nil, fmt.Errorf("read the outputs: %w", err)
	}
	b := []byte{'{'}
	for _, m := range members.Members {
		if !keep(m.Name) {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(appendName(b, m.Name), m.Value...)
	}
	return append(b, '}'), nil
}

// outputsOf asks the runtime, once for each namespace.
func (r *resolver) outputsOf(process, namespace string) (jsontext.Value, error) {
	key := [2]string{process, namespace}
	if out, ok := r.outputs[key]; ok {
		return out, nil
	}
	if len(r.outputs) == maxCalls {
		return nil, &LimitError{Reason: fmt.Sprintf("the outputs of more than %d namespaces", maxCalls)}
	}
	if r.functions == nil {
		return nil, errors.New("outputs of other processes can not be had here")
	}
	if err := r.charge(0); err != nil {
		return nil, err
	}
	out, err := r.functions.ProcessOutputs(r.ctx, process, namespace)
	if err != nil {
		return nil, fmt.Errorf("process %q, namespace %q: %w", clip(process), clip(namespace), err)
	}
	if out.Kind() != jsontext.KindBeginObject || !out.IsValid() {
		return nil, errors.New("the outputs are not an object")
	}
	if r.outputs == nil {
		r.outputs = map[[2]string]jsontext.Value{}
	}
	r.outputs[key] = out
	return out, nil
}

// selection reads which outputs are wanted: an array of names, or an object
// whose member Exclude names those that are not.
func selection(raw jsontext.Value) (keep func(string) bool, err error) {
	if raw.Kind() == jsontext.KindBeginArray {
		names, err := setOf(raw)
		return func(s string) bool { return names[s] }, err
	}
	if o, err := jsonvalue.Scan(raw); err == nil && len(o.Members) == 1 && o.Members[0].Name == exclude {
		names, err := setOf(o.Members[0].Value)
		return func(s string) bool { return !names[s] }, err
	}
	return nil, errSelection
}

var errSelection = errors.New(`the selection must be an array of names, or {"Exclude": [names]}`)

// setOf reads an array of strings.
func setOf(raw jsontext.Value) (map[string]bool, error) {
	out := map[string]bool{}
	dec := jsontext.NewDecoder(bytes.NewReader(raw))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != jsontext.KindBeginArray {
		return nil, errSelection
	}
	for dec.PeekKind() == jsontext.KindString {
		tok, err := dec.ReadToken()
		if err != nil {
			return nil, errSelection
		}
		out[tok.String()] = true
	}
	if dec.PeekKind() != jsontext.KindEndArray {
		return nil, errSelection
	}
	return out, nil
}
