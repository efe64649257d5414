// Package jsonvalue looks into JSON texts without losing a digit or the order
// of members: it scans objects, compares values, and follows paths. It does
// not decode into Go types. Package param, the stone SDK and the built-in stones
// call it.
package jsonvalue

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrNotObject says that a text is valid JSON but no object.
var ErrNotObject = errors.New("not a JSON object")

// Member is a name with its value, as they stand in the text of an object.
type Member struct {
	Name       string
	Value      jsontext.Value
	Start, End int // of the value, in bytes from the start of the text
}

// Object is a scanned object.
type Object struct {
	Members []Member
	Close   int // where the closing brace stands
}

// Scan reads the members of one object in their order. Duplicate names (at any
// depth), invalid UTF-8 and anything behind the object are errors.
func Scan(doc []byte) (Object, error) {
	var o Object
	dec := jsontext.NewDecoder(bytes.NewReader(doc))
	if k := dec.PeekKind(); k != jsontext.KindBeginObject {
		return o, notObject(dec)
	}
	if _, err := dec.ReadToken(); err != nil {
		return o, err
	}
	for dec.PeekKind() == jsontext.KindString {
		m, err := member(dec)
		if err != nil {
			return o, err
		}
		o.Members = append(o.Members, m)
	}
	if _, err := dec.ReadToken(); err != nil {
		return o, err
	}
	o.Close = int(dec.InputOffset()) - 1
	return o, rest(dec)
}

// member reads a name and its value.
func member(dec *jsontext.Decoder) (Member, error) {
	name, err := dec.ReadToken()
	if err != nil {
		return Member{}, err
	}
	m := Member{Name: name.String()}
	v, err := dec.ReadValue()
	if err != nil {
		return Member{}, err
	}
	m.Value = v.Clone() // the decoder reuses its buffer
	m.End = int(dec.InputOffset())
	m.Start = m.End - len(v)
	return m, nil
}

// notObject tells what stands in place of an object.
func notObject(dec *jsontext.Decoder) error {
	if _, err := dec.ReadValue(); err != nil {
		return err
	}
	return ErrNotObject
}

// rest makes sure that nothing but white space follows.
func rest(dec *jsontext.Decoder) error {
	if dec.PeekKind() != jsontext.KindInvalid {
		return errors.New("more than one JSON value")
	}
	if _, err := dec.ReadToken(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// Text returns the text of a JSON string, and the raw JSON of anything else.
func Text(v jsontext.Value) string {
	if v.Kind() != jsontext.KindString {
		return string(bytes.TrimSpace(v))
	}
	s, err := jsontext.AppendUnquote(nil, bytes.TrimSpace(v))
	if err != nil {
		return string(v)
	}
	return string(s)
}

// Equal reports whether two valid JSON values say the same: white space, the
// order of members and the way a string or number is written do not matter.
func Equal(a, b jsontext.Value) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case jsontext.KindString:
		return Text(a) == Text(b)
	case jsontext.KindNumber:
		return sameNumber(Text(a), Text(b))
	default:
		x, errA := canonical(a)
		y, errB := canonical(b)
		return errA == nil && errB == nil && bytes.Equal(x, y)
	}
}

func canonical(v jsontext.Value) (jsontext.Value, error) {
	c := v.Clone()
	err := c.Compact(jsontext.ReorderRawObjects(true), jsontext.PreserveRawStrings(false))
	return c, err
}

// maxExact bounds the literals that are compared digit for digit, in bytes.
// Longer ones would cost more than the answer is worth.
const maxExact = 1000

// sameNumber compares two literals by value where that is cheap.
func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	f, err := strconv.ParseFloat(b, 64)
	if err != nil {
		return false
	}
	if g, err := strconv.ParseFloat(a, 64); err != nil || g != f {
		return false
	}
	x, y := exact(a), exact(b)
	return x != nil && y != nil && x.Cmp(y) == 0
}

// exact returns the value of a literal, nil if that would be too costly.
func exact(lit string) *big.Rat {
	if !strings.ContainsAny(mantissa(lit), "123456789") {
		return new(big.Rat)
	}
	f, err := strconv.ParseFloat(lit, 64)
	if err != nil || f == 0 || len(lit) > maxExact {
		return nil
	}
	r, ok := new(big.Rat).SetString(lit)
	if !ok {
		return nil
	}
	return r
}

// mantissa returns a literal without its exponent.
func mantissa(lit string) string {
	if i := strings.IndexAny(lit, "eE"); i >= 0 {
		return lit[:i]
	}
	return lit
}

// Compare compares the value of a JSON number with a bound: negative when it
// is below. It is exact for literals of up to 1,000 bytes, however large.
func Compare(lit string, bound float64) int {
	f, _ := strconv.ParseFloat(lit, 64) // rounding keeps the order; out of range is an infinity
	if f < bound {
		return -1
	}
	if f > bound {
		return 1
	}
	r := exact(lit)
	if r == nil {
		if bound == 0 { // too small for a float64, but not nothing
			return sign(lit)
		}
		return 0
	}
	b := new(big.Rat).SetFloat64(bound)
	if b == nil { // an infinite bound
		return 0
	}
	return r.Cmp(b)
}

func sign(lit string) int {
	if strings.HasPrefix(lit, "-") {
		return -1
	}
	return 1
}

// Integer reports whether a JSON number is written as an integer: without a
// fraction and without an exponent.
func Integer(v jsontext.Value) bool {
	return v.Kind() == jsontext.KindNumber && !bytes.ContainsAny(v, ".eE")
}

// Path is a parsed path into a JSON value.
type Path []string

// ParsePath reads a path: names and array positions joined by dots
// ("items.0.id"), or a JSON Pointer ("/items/0/id"), for names that hold dots.
// "" and "." are the whole value.
func ParsePath(s string) (Path, error) {
	if s == "" || s == "." {
		return nil, nil
	}
	if strings.HasPrefix(s, "/") {
		ptr := jsontext.Pointer(s)
		if !ptr.IsValid() {
			return nil, fmt.Errorf("path %q: not a JSON Pointer", s)
		}
		return slices.Collect(ptr.Tokens()), nil
	}
	p := Path(strings.Split(s, "."))
	if slices.Contains(p, "") {
		return nil, fmt.Errorf("path %q: an empty name", s)
	}
	return p, nil
}

// Find follows the path and reports whether it leads somewhere.
func (p Path) Find(doc jsontext.Value) (jsontext.Value, bool) {
	for _, name := range p {
		next, ok := step(doc, name)
		if !ok {
			return nil, false
		}
		doc = next
	}
	return doc, len(doc) > 0
}

// step goes into one member or element.
func step(doc jsontext.Value, name string) (jsontext.Value, bool) {
	switch doc.Kind() {
	case jsontext.KindBeginObject:
		o, err := Scan(doc)
		if err != nil {
			return nil, false
		}
		for _, m := range o.Members {
			if m.Name == name {
				return m.Value, true
			}
		}
	case jsontext.KindBeginArray:
		return element(doc, name)
	}
	return nil, false
}

// element returns the n-th element of an array.
func element(doc jsontext.Value, n string) (jsontext.Value, bool) {
	i, err := strconv.Atoi(n)
	if err != nil || i < 0 {
		return nil, false
	}
	dec := jsontext.NewDecoder(bytes.NewReader(doc))
	if _, err := dec.ReadToken(); err != nil {
		return nil, false
	}
	for ; dec.PeekKind() != jsontext.KindEndArray; i-- {
		v, err := dec.ReadValue()
		if err != nil {
			return nil, false
		}
		if i == 0 {
			return v.Clone(), true
		}
	}
	return nil, false
}
