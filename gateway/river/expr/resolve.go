package expr

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/gateway/river/variable"
)

// Functions is what the functions in parameters need of the runtime.
type Functions interface {
	// ProcessOutputs returns the outputs of one namespace of a process, as a
	// JSON object. It is an error if there is no such process or namespace.
	ProcessOutputs(ctx context.Context, processInstanceID, namespace string) (jsontext.Value, error)
}

// maxCalls bounds how many outputs of other processes one tree may ask for.
const maxCalls = 100

// resolver is one resolution of a tree.
type resolver struct {
	run
	functions Functions
	outputs   map[[2]string]jsontext.Value // what ProcessOutputs has given
	room      int                          // bytes that the result may still grow by
}

// node is a part of a tree that appends what it stands for to b.
type node interface {
	resolve(r *resolver, b []byte) ([]byte, error)
}

type (
	// fixed is JSON with nothing to resolve.
	fixed jsontext.Value
	// leaf is a string with an expression in it.
	leaf struct {
		path     *place
		template *Template
	}
	// list is an array.
	list []node
	// object is an object, in the order of its members.
	object struct {
		names  []string
		values []node
	}
)

// Resolve returns the tree with every expression and function replaced by its
// value. A string that is one expression alone becomes what the expression
// gives, with its type; a big number stays a number. Values are taken as they
// are: an expression inside a variable is not evaluated. Functions may be nil
// if there are no other processes to ask. The error is a [*ParamError].
func (t *Tree) Resolve(ctx context.Context, env Env, functions Functions) (jsontext.Value, error) {
	r := &resolver{run: run{ctx: ctx, env: env, left: t.limits.MaxWork}, functions: functions, room: t.limits.MaxTree}
	out, err := t.root.resolve(r, nil)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// grow takes n bytes of the room that is left.
func (r *resolver) grow(path *place, n int) error {
	if r.room -= n; r.room < 0 {
		return &ParamError{Path: path.String(), Err: &LimitError{Reason: "the resolved parameters are too long, pass less"}}
	}
	return nil
}

func (n fixed) resolve(_ *resolver, b []byte) ([]byte, error) { return append(b, n...), nil }

func (n *leaf) resolve(r *resolver, b []byte) ([]byte, error) {
	before := len(b)
	v, err := n.template.eval(&r.run)
	if err == nil {
		b, err = appendValue(b, v)
	}
	if err != nil {
		return nil, &ParamError{Path: n.path.String(), Err: fmt.Errorf("expression %q: %w", clip(n.template.text), err)}
	}
	return b, r.grow(n.path, len(b)-before)
}

// appendValue writes a value as a parameter has it.
func appendValue(b []byte, v variable.Value) ([]byte, error) {
	switch v.Type() {
	case variable.TypeBinary, variable.TypeSerializable:
		return nil, fmt.Errorf("a value of type %s can not stand in JSON", v.Type())
	case variable.TypeBigInteger, variable.TypeBigDecimal:
		return append(b, v.Text()...), nil
	}
	return v.AppendJSON(b), nil
}

func (n *list) resolve(r *resolver, b []byte) ([]byte, error) {
	b = append(b, '[')
	for i, v := range *n {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = v.resolve(r, b); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func (n *object) resolve(r *resolver, b []byte) ([]byte, error) {
	b = append(b, '{')
	for i, v := range n.values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendName(b, n.names[i])
		var err error
		if b, err = v.resolve(r, b); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// appendName writes the name of a member and its colon.
func appendName(b []byte, name string) []byte {
	return append(variable.String(name).AppendJSON(b), ':')
}
