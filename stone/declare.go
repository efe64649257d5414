package stone

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"time"
)

// ParamsOf reads the declaration of parameters from a struct, one parameter
// for each exported field.
//
// The json tag gives the name, desc the description, and the tag stone the
// rules, separated by commas:
//
//	required        the parameter must be there
//	noecho          a secret, never shown
//	hidden          not shown to a model's designer
//	name=Size       the display name
//	default=10      for a string the text itself, for other types JSON
//	values=a|b|c    the allowed values, written as the default is
//	pattern='a{1,3}' RE2 over the whole value
//	minlen=1, maxlen=64   length in characters
//	min=0, max=9.5  range of a number
//	type=object     needed only where the Go type leaves it open
//
// A value that holds a comma or a quote stands in single quotes, a quote in it
// is doubled. The Go type gives the JSON type: strings, booleans, integers
// (also [*math/big.Int]), floats, structs and maps, slices; a pointer is what
// it points to. The fields of an embedded struct count as its own.
func ParamsOf[P any]() ([]Param, error) {
	fields, err := fieldsOf(reflect.TypeFor[P]())
	if err != nil {
		return nil, err
	}
	params := make([]Param, 0, len(fields))
	for _, f := range fields {
		p, err := paramOf(f)
		if err != nil {
			return nil, fmt.Errorf("declare parameter %s: %w", f.name, err)
		}
		params = append(params, p)
	}
	if _, err := NewChecker(params); err != nil {
		return nil, err
	}
	return params, nil
}

// OutputsOf reads the declaration of outputs from a struct: the json tag gives
// the name, desc the description.
func OutputsOf[O any]() ([]Output, error) {
	fields, err := fieldsOf(reflect.TypeFor[O]())
	if err != nil {
		return nil, err
	}
	outputs := make([]Output, 0, len(fields))
	for _, f := range fields {
		if _, ok := f.Tag.Lookup("stone"); ok {
			return nil, fmt.Errorf("declare output %s: the tag stone is for parameters", f.name)
		}
		outputs = append(outputs, Output{Name: f.name, Description: f.Tag.Get("desc")})
	}
	return outputs, nil
}

// field is a struct field that is seen as a member of an object.
type field struct {
	reflect.StructField

	name string
	path []int // index path from the outer struct
}

// fieldsOf lists the members that a struct has in JSON, in their order.
func fieldsOf(t reflect.Type) ([]field, error) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("declare: %s is no struct", t)
	}
	var all []field
	seen := map[string]bool{}
	if err := collect(t, nil, seen, &all); err != nil {
		return nil, err
	}
	return all, nil
}

func collect(t reflect.Type, path []int, seen map[string]bool, all *[]field) error {
	for f := range t.Fields() {
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		at := append(append([]int{}, path...), f.Index...)
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct {
			if err := collect(f.Type, at, seen, all); err != nil {
				return err
			}
			continue
		}
		if !f.IsExported() || name == "-" && opts == "" {
			continue
		}
		if f.Anonymous && name == "" {
			return fmt.Errorf("declare: embedded field %s must be a struct, or have a json name", f.Name)
		}
		if name == "" {
			name = f.Name
		}
		if err := claim(seen, name, opts); err != nil {
			return err
		}
		*all = append(*all, field{f, name, at})
	}
	return nil
}

// claim refuses names and options that would not mean one clear member.
func claim(seen map[string]bool, name, opts string) error {
	if seen[name] {
		return fmt.Errorf("declare %s: declared twice", name)
	}
	seen[name] = true
	if strings.ContainsAny(name, `'"\`) {
		return fmt.Errorf("declare %s: a quote in the name", name)
	}
	for o := range strings.SplitSeq(opts, ",") {
		if o == "string" {
			return fmt.Errorf("declare %s: the json option string is not supported, use a string", name)
		}
	}
	return nil
}

// paramOf makes the declaration of one field.
func paramOf(f field) (Param, error) {
	p := Param{Name: f.name, Description: f.Tag.Get("desc"), Type: typeOf(f.Type)}
	options, err := splitTag(f.Tag.Get("stone"))
	if err != nil {
		return p, err
	}
	for _, o := range options { // the type first: default and values are read by it
		if o.key == "type" {
			p.Type = ParamType(o.value)
		}
	}
	if f.Type == duration {
		return p, errors.New("a time.Duration has no form of its own in JSON: use a string or an integer")
	}
	if p.Type == "" {
		return p, fmt.Errorf("the Go type %s leaves the type open: add type=… to the tag", f.Type)
	}
	seen := map[string]bool{}
	for _, o := range options {
		if seen[o.key] {
			return p, fmt.Errorf("%s is given twice", o.key)
		}
		seen[o.key] = true
		if err := o.apply(&p); err != nil {
			return p, err
		}
	}
	if p.Required && p.Default != nil {
		return p, errors.New("required and default exclude each other")
	}
	return p, nil
}

var (
	bigInt          = reflect.TypeFor[big.Int]()
	duration        = reflect.TypeFor[time.Duration]()
	number          = reflect.TypeFor[json.Number]()
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// typeOf returns the JSON type that a Go type has, "" if it leaves it open.
func typeOf(t reflect.Type) ParamType {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == bigInt:
		return Integer
	case t == number:
		return Number
	case t == reflect.TypeFor[time.Time]():
		return String
	case reflect.PointerTo(t).Implements(unmarshaler):
		return ""
	case reflect.PointerTo(t).Implements(textUnmarshaler):
		return String
	}
	return typeOfKind(t)
}

func typeOfKind(t reflect.Type) ParamType {
	switch t.Kind() {
	case reflect.String:
		return String
	case reflect.Bool:
		return Boolean
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return Integer
	case reflect.Float32, reflect.Float64:
		return Number
	case reflect.Struct, reflect.Map:
		return Object
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 { // bytes are base64 in JSON
			return String
		}
		return Array
	default:
		return ""
	}
}
