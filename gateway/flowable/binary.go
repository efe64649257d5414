package flowable

import (
	"context"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/river/variable"
)

// writeForm writes the variable that is the file of a form; of is the name in
// the path, if there is one.
func (v *variablesAPI) writeForm(ctx context.Context, c *call, w owner, mode river.WriteMode, status int, of *string) (rest.Reply, error) {
	f, err := c.form(v.cfg.Values.MaxBytes)
	if err != nil {
		return nil, err
	}
	one, scope, err := v.readForm(&f)
	if err != nil {
		return nil, err
	}
	if of != nil && one.Name != *of {
		// Flowable looks for the variable that the form names before it finds
		// that the path names another one.
		if _, err := v.runtime.VariableOf(ctx, w.id, one.Name, scope); err != nil {
			return nil, err
		}
		return nil, fault.New(fault.Invalid, "name %s is not the %s of the path", quote(one.Name), quote(*of))
	}
	return v.set(ctx, w, one, mode, scope, status)
}

// readForm checks a form in Flowable's order.
func (v *variablesAPI) readForm(f *form) (one river.Var, scope river.Scope, err error) {
	if f.file == nil {
		return one, 0, fault.New(fault.Invalid, "the form has no file: send the value as a part with a filename")
	}
	if one.Name, err = (&given{Name: f.field("name")}).name(); err != nil {
		return one, 0, err
	}
	typ := variable.TypeBinary
	if t := f.field("type"); t != nil {
		typ = *t
	}
	if _, known := dataTypes[typ]; !known {
		return one, 0, named(one.Name, fault.New(fault.Invalid, "type %s can not be sent in a form: send binary or serializable", quote(typ)))
	}
	if scope, err = v.scope(f.field("scope")); err != nil {
		return one, 0, err
	}
	one.Value, err = v.bytes(typ, f.file.content)
	return one, orLocal(scope), named(one.Name, err)
}

// bytes makes a value of a file.
func (v *variablesAPI) bytes(typ string, b []byte) (value variable.Value, err error) {
	switch {
	case typ == variable.TypeBinary:
		value, err = v.cfg.Values.Binary(b)
	case v.cfg.RefuseSerializable:
		return value, fault.New(fault.Content, "serialized Java objects are not taken here: send type binary")
	default:
		value, err = v.cfg.Values.Serializable(b)
	}
	return value, misfit(err)
}
