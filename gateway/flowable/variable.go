package flowable

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/store"
)

// given is a variable as a client sends it, where its scope does not matter.
type given struct {
	Name  *string        `json:"name"`
	Type  *string        `json:"type"`
	Value jsontext.Value `json:"value"` // nil if it is not there
}

// scoped is a variable with its scope.
type scoped struct {
	given

	Scope *string `json:"scope"`
}

// name returns the name, which a variable has to have.
func (v *given) name() (string, error) {
	switch {
	case v == nil || v.Name == nil || *v.Name == "":
		return "", fault.New(fault.Invalid, "name of a variable is missing")
	case len(*v.Name) > river.MaxVariableName:
		return "", fault.New(fault.Invalid, "variable %s: its name has more than %d bytes", quote(*v.Name), river.MaxVariableName)
	case strings.IndexByte(*v.Name, 0) >= 0:
		return "", fault.New(fault.Invalid, "variable %s: its name has a NUL", quote(*v.Name))
	}
	return *v.Name, nil
}

// read makes a value of what a client sent.
func (v *given) read(limits variable.Limits) (variable.Value, error) {
	typ := ""
	if v.Type != nil {
		if typ = *v.Type; typ == "" {
			return variable.Value{}, fault.New(fault.Invalid, "type must not be empty: leave it out where it is to follow from the value")
		}
	}
	out, err := limits.FromJSON(typ, v.Value != nil, v.Value)
	return out, misfit(err)
}

// misfit makes a fault of what package variable says.
func misfit(err error) error {
	if errors.Is(err, variable.ErrContent) {
		return fault.New(fault.Content, "%s", err.Error())
	}
	if bad, ok := errors.AsType[*variable.InvalidError](err); ok {
		return fault.New(fault.Invalid, "%s", bad.Reason)
	}
	return err
}

// named puts the name of a variable before what is wrong with it.
func named(name string, err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	return &fault.Error{Kind: f.Kind, Detail: "variable " + quote(name) + ": " + f.Detail, Cause: f.Cause}
}

// variables reads variables whose scope does not matter.
func (a *api) variables(list []*given) ([]river.Var, error) {
	if err := countVariables(len(list)); err != nil {
		return nil, err
	}
	out := make([]river.Var, len(list))
	for i, v := range list {
		name, err := v.name()
		if err != nil {
			return nil, err
		}
		value, err := v.read(a.cfg.Values)
		if err != nil {
			return nil, named(name, err)
		}
		out[i] = river.Var{Name: name, Value: value}
	}
	return out, nil
}

func countVariables(n int) error {
	if n > river.MaxVariables {
		return fault.New(fault.Invalid, "variables: at most %d are taken at once, these are %d", river.MaxVariables, n)
	}
	return nil
}

// scopeOf reads a scope; nil is none.
func scopeOf(s *string) (river.Scope, error) {
	switch {
	case s == nil:
		return river.AnyScope, nil
	case strings.EqualFold(*s, "local"):
		return river.Local, nil
	case strings.EqualFold(*s, "global"):
		return river.Global, nil
	}
	return 0, fault.New(fault.Invalid, "scope %s is not known: send local or global", quote(*s))
}

// orLocal is the scope of a write: local where none is given.
func orLocal(s river.Scope) river.Scope {
	if s == river.Global {
		return s
	}
	return river.Local
}

var scopeNames = map[river.Scope]string{river.Local: "local", river.Global: "global"}

// owner is whose variables are shown, and where.
type owner struct {
	links links
	kind  string
	id    string
}

// append writes a variable; one of no scope is written without.
func (w owner) append(dst []byte, v *river.Variable) []byte {
	o := begin(dst)
	o.str("name", v.Name)
	if !v.Value.IsNull() {
		o.str("type", v.Value.Type())
	}
	o.with("value", v.Value.AppendJSON)
	if v.Value.IsBytes() {
		o.str("valueUrl", w.links.data(w.kind, w.id, v.Name))
	}
	if scope, ok := scopeNames[v.Scope]; ok {
		o.str("scope", scope)
	}
	return o.end()
}

// all answers variables as an array.
func (w owner) all(status int, vars []river.Variable) rest.Reply {
	return answer{status, func(dst []byte) []byte { return appendEach(dst, vars, w.append) }}
}

// one answers a variable.
func (w owner) one(status int, v river.Variable) rest.Reply {
	return answer{status, func(dst []byte) []byte { return w.append(dst, &v) }}
}

// stored makes variables of rows.
func stored(rows []store.Variable, scope river.Scope) ([]river.Variable, error) {
	out := make([]river.Variable, len(rows))
	for i := range rows {
		value, err := variable.Decode(rows[i].Type, rows[i].Data)
		if err != nil {
			return nil, &fault.Error{Kind: fault.Internal, Cause: err}
		}
		out[i] = river.Variable{Name: rows[i].Name, Value: value, Scope: scope}
	}
	return out, nil
}
