package stone

import (
	"context"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/queue/jsonvalue"
	"github.com/riverstones/riverstones/queue/task"
)

// Typed is for authors who want params and outputs as structs: a function for
// each method the stone has, Start at least. P declares the parameters with
// its tags (see [ParamsOf]), O the outputs ([OutputsOf]).
//
// Before Start and Mock the params are checked against the declaration, and a
// wrong one is a [Reject] that names it. The other methods get the params with
// the defaults filled in but unchecked, so that work begun under an older
// declaration can still be followed and undone. Unknown params are ignored,
// names match by case, nothing is converted.
//
// O is merged into the task's outputs by field, as its JSON. When Start or Mock
// returns nil every field is set. In all other cases (another method, or any
// error, so that an Again or Retry can tell what is known already) a field
// at its zero value is left out: it says nothing, and would wipe what an
// earlier method reported. Use a pointer for a zero that is meant.
type Typed[P, O any] struct {
	Start    func(ctx context.Context, t *Task, p P) (O, error)
	Monitor  func(ctx context.Context, t *Task, p P) (O, error)
	Rollback func(ctx context.Context, t *Task, p P) (O, error)
	Delete   func(ctx context.Context, t *Task, p P) (O, error)
	Cancel   func(ctx context.Context, t *Task, p P) (O, error)
	Mock     func(ctx context.Context, t *Task, p P) (O, error)
}

// TypedStone is the stone that [Typed.Stone] makes.
type TypedStone struct {
	Methods

	params  []Param
	outputs []Output
}

// Describe returns spec with the declarations of parameters and outputs.
func (s *TypedStone) Describe(spec Spec) Spec {
	spec.Params, spec.Outputs = s.params, s.outputs
	return spec
}

// Stone makes the stone. It fails when Start is missing or a tag is malformed.
func (d Typed[P, O]) Stone() (*TypedStone, error) {
	if d.Start == nil {
		return nil, errors.New("make stone: Start is missing")
	}
	params, err := ParamsOf[P]()
	if err != nil {
		return nil, fmt.Errorf("make stone: %w", err)
	}
	outputs, err := OutputsOf[O]()
	if err != nil {
		return nil, fmt.Errorf("make stone: %w", err)
	}
	c, err := NewChecker(params)
	if err != nil {
		return nil, fmt.Errorf("make stone: %w", err)
	}
	fields, err := fieldsOf(reflect.TypeFor[O]())
	if err != nil {
		return nil, fmt.Errorf("make stone: %w", err)
	}
	if err := d.rehearse(c, fields); err != nil {
		return nil, fmt.Errorf("make stone: %w", err)
	}
	return &TypedStone{Methods: d.handlers(c, fields), params: params, outputs: outputs}, nil
}

// MustStone is Stone for variables: it panics where Stone fails.
func (d Typed[P, O]) MustStone() *TypedStone {
	s, err := d.Stone()
	if err != nil {
		panic(err)
	}
	return s
}

// rehearse decodes the defaults and encodes empty outputs, so that types that
// JSON does not take are found before the first task.
func (d Typed[P, O]) rehearse(c *Checker, fields []field) error {
	doc, err := c.Fill(nil)
	if err != nil {
		return err
	}
	var p P
	if err := decode(doc, &p); err != nil {
		return fmt.Errorf("decode defaults: %w", err)
	}
	o := reflect.New(reflect.TypeFor[O]()).Elem()
	if o.Kind() == reflect.Pointer {
		o = reflect.New(o.Type().Elem())
	}
	return merge(new(Task), o.Interface(), fields, true)
}

func (d Typed[P, O]) handlers(c *Checker, fields []field) Methods {
	all := Methods{}
	for m, f := range map[task.Method]func(context.Context, *Task, P) (O, error){
		task.Start: d.Start, task.Monitor: d.Monitor, task.Rollback: d.Rollback,
		task.Delete: d.Delete, task.Cancel: d.Cancel, task.Mock: d.Mock,
	} {
		if f != nil {
			all[m] = typedHandler(m, f, c, fields)
		}
	}
	return all
}

// typedHandler decodes, runs and merges.
func typedHandler[P, O any](m task.Method, f func(context.Context, *Task, P) (O, error), c *Checker, fields []field) Handler {
	first := m == task.Start || m == task.Mock
	fill := c.Fill
	if first {
		fill = c.Check
	}
	return func(ctx context.Context, t *Task) error {
		doc, err := fill(t.Params())
		if err != nil {
			return Reject(err.Error())
		}
		var p P
		if err := decode(doc, &p); err != nil {
			return Reject(err.Error())
		}
		o, err := f(ctx, t, p)
		if merr := merge(t, o, fields, first && err == nil); merr != nil {
			return errors.Join(err, merr)
		}
		return err
	}
}

// numbers lets a [encoding/json.Number] hold a JSON number, as it always did.
var numbers = json.WithUnmarshalers(json.UnmarshalFromFunc(func(dec *jsontext.Decoder, n *stdjson.Number) error {
	if dec.PeekKind() != jsontext.KindNumber {
		return errors.ErrUnsupported
	}
	v, err := dec.ReadValue()
	*n = stdjson.Number(v)
	return err
}))

// decode fills a struct. Its error names the parameter and not the value.
func decode(doc []byte, p any) error {
	err := json.Unmarshal(doc, p, numbers)
	var e *json.SemanticError
	if !errors.As(err, &e) {
		return err
	}
	name, deeper, _ := strings.Cut(strings.TrimPrefix(string(e.JSONPointer), "/"), "/")
	name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
	if deeper != "" {
		name += " (at /" + deeper + ")"
	}
	return &ParamError{Param: name, Rule: "type", Why: misfit(e)}
}

// misfit says why a value does not fit its Go type, without showing it.
func misfit(e *json.SemanticError) string {
	if errors.Is(e.Err, strconv.ErrRange) {
		return fmt.Sprintf("is out of the range of %s", e.GoType)
	}
	if e.GoType != nil && typeOf(e.GoType) == Integer && e.JSONKind == jsontext.KindNumber {
		return "must be an integer"
	}
	if e.GoType == reflect.TypeFor[big.Int]() || e.GoType == reflect.TypeFor[*big.Int]() {
		return "must be an integer"
	}
	return fmt.Sprintf("does not fit %s", e.GoType)
}

// merge sets the fields of o as outputs, all of them or those that say something.
func merge(t *Task, o any, fields []field, all bool) error {
	v := reflect.ValueOf(o)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	b, err := stdjson.Marshal(v.Interface())
	if err != nil {
		return fmt.Errorf("outputs: %w", err)
	}
	object, err := jsonvalue.Scan(b)
	if err != nil {
		return fmt.Errorf("outputs: %w", err)
	}
	zero := map[string]bool{}
	for _, f := range fields {
		zero[f.name] = v.FieldByIndex(f.path).IsZero()
	}
	for _, m := range object.Members {
		if !all && zero[m.Name] {
			continue
		}
		if err := t.SetOutput(m.Name, stdjson.RawMessage(m.Value)); err != nil {
			return err
		}
	}
	return nil
}
