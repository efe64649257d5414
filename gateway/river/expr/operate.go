package expr

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/queue/jsonvalue"
)

// unary and binary are the operators, as functions of the library's code.
var (
	unary = map[string]func(*run, variable.Value) (variable.Value, error){
		"inverse": inverse, "neg": negate, "isempty": isEmpty, "notempty": notEmpty,
	}
	binary = map[string]func(r *run, a, b variable.Value) (variable.Value, error){
		"member": (*run).member,
		"equal":  equality(true), "unequal": equality(false),
		"less": order(func(c int) bool { return c < 0 }, false), "more": order(func(c int) bool { return c > 0 }, false),
		"atmost": order(func(c int) bool { return c <= 0 }, true), "atleast": order(func(c int) bool { return c >= 0 }, true),
		"add": arithmetic(addition), "sub": arithmetic(subtraction), "mul": arithmetic(multiplication),
		"div": arithmetic(division), "rem": arithmetic(remainder),
	}
)

// truth reads a value as true or false.
func truth(v variable.Value) (bool, error) {
	if b, ok := v.Bool(); ok {
		return b, nil
	}
	switch v.Type() {
	case "":
		return false, nil
	case variable.TypeString:
		return strings.EqualFold(v.Text(), "true"), nil
	}
	return false, fmt.Errorf("a value of type %s is neither true nor false, compare it with something", v.Type())
}

// inverse is !a.
func inverse(_ *run, v variable.Value) (variable.Value, error) {
	b, err := truth(v)
	return variable.Boolean(!b), err
}

// isEmpty is empty a.
func isEmpty(_ *run, v variable.Value) (variable.Value, error) {
	raw, isJSON := v.Raw()
	none := v.IsNull() || v.Type() == variable.TypeString && v.Text() == "" || isJSON && len(raw) == len("{}")
	return variable.Boolean(none), nil
}

// notEmpty is vars:notEmpty(a).
func notEmpty(r *run, v variable.Value) (variable.Value, error) {
	none, err := isEmpty(r, v)
	if err != nil {
		return variable.Value{}, err
	}
	return inverse(r, none)
}

// equality makes == and !=.
func equality(want bool) func(*run, variable.Value, variable.Value) (variable.Value, error) {
	return func(r *run, a, b variable.Value) (variable.Value, error) {
		same, err := r.equal(a, b)
		return variable.Boolean(same == want), err
	}
}

// equal compares two values after the narrower one has been converted.
func (r *run) equal(a, b variable.Value) (bool, error) {
	if err := r.charge(a.Size() + b.Size()); err != nil {
		return false, err
	}
	_, aBool := a.Bool()
	_, bBool := b.Bool()
	switch {
	case a.IsNull() || b.IsNull():
		return a.IsNull() && b.IsNull(), nil
	case isNumber(a) || isNumber(b):
		c, err := compareNumbers(a, b)
		return c == 0, err
	case aBool || bBool:
		x, err := truth(a)
		y, err2 := truth(b)
		return x == y, errors.Join(err, err2)
	case a.Type() == variable.TypeJSON && b.Type() == variable.TypeJSON:
		return jsonvalue.Equal(jsontext.Value(a.Text()), jsontext.Value(b.Text())), nil
	case a.IsBytes() || b.IsBytes():
		return a.Equal(b), nil
	default: // texts, times (which are written in one way only) and UUIDs
		return a.Text() == b.Text(), nil
	}
}

// order makes < and its like; same is the result for two nulls.
func order(holds func(int) bool, same bool) func(*run, variable.Value, variable.Value) (variable.Value, error) {
	return func(r *run, a, b variable.Value) (variable.Value, error) {
		if a.IsNull() || b.IsNull() {
			return variable.Boolean(same && a.IsNull() && b.IsNull()), nil
		}
		if err := r.charge(a.Size() + b.Size()); err != nil {
			return variable.Value{}, err
		}
		c, err := compare(a, b)
		return variable.Boolean(holds(c)), err
	}
}

// compare orders two values that are not null.
func compare(a, b variable.Value) (int, error) {
	switch {
	case isNumber(a) || isNumber(b):
		return compareNumbers(a, b)
	case !ordered(a) || !ordered(b):
		return 0, fmt.Errorf("a value of type %s and one of type %s have no order", a.Type(), b.Type())
	}
	at, aTime := a.Time()
	bt, bTime := b.Time()
	if aTime && bTime {
		return at.Compare(bt), nil
	}
	return strings.Compare(a.Text(), b.Text()), nil
}

// ordered reports whether values of this type can be less than others.
func ordered(v variable.Value) bool { return v.Type() != variable.TypeJSON && !v.IsBytes() }

// member is a.b and a[b].
func (r *run) member(v, key variable.Value) (variable.Value, error) {
	if v.IsNull() || key.IsNull() {
		return variable.Value{}, nil
	}
	raw, ok := v.Raw()
	if !ok {
		return variable.Value{}, fmt.Errorf("a value of type %s has no members, only one of type json has", v.Type())
	}
	if err := r.charge(int64(len(raw))); err != nil {
		return variable.Value{}, err
	}
	found, err := find(raw, key)
	if err != nil || found == nil {
		return variable.Value{}, err
	}
	return variable.FromJSON("", true, found)
}

// find takes a member of an object or an element of an array, nil if it is not there.
func find(raw jsontext.Value, key variable.Value) (jsontext.Value, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true))
	open, err := dec.ReadToken()
	if err != nil {
		return nil, fmt.Errorf("read json: %w", err)
	}
	if open.Kind() == jsontext.KindBeginObject {
		return findName(dec, key.Text())
	}
	n, ok := isIndex(key.Text())
	if !ok {
		return nil, errors.New("the index of an array must be a whole number, at least 0")
	}
	for ; dec.PeekKind() != jsontext.KindEndArray; n-- {
		if n == 0 {
			return dec.ReadValue()
		}
		if err := dec.SkipValue(); err != nil {
			return nil, fmt.Errorf("read json: %w", err)
		}
	}
	return nil, nil
}

// findName takes a member of the object that dec has opened.
func findName(dec *jsontext.Decoder, name string) (jsontext.Value, error) {
	for dec.PeekKind() == jsontext.KindString {
		tok, err := dec.ReadToken()
		if err != nil {
			return nil, fmt.Errorf("read json: %w", err)
		}
		if tok.String() == name {
			return dec.ReadValue()
		}
		if err := dec.SkipValue(); err != nil {
			return nil, fmt.Errorf("read json: %w", err)
		}
	}
	return nil, nil
}
