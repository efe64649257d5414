// Package variable is a process variable's value: a type and what it holds,
// with the type names and the rules of conversion that Flowable's REST API has.
// It reads values from JSON, writes them back, tells which are equal, and gives
// the form in which the store keeps them. It knows no scopes, no names and no
// SQL. The process runtime, its expressions and the Executions API call it.
package variable

import (
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// The types, as the member "type" names them. A null value has none.
const (
	TypeString        = "string"
	TypeInteger       = "integer"
	TypeShort         = "short"
	TypeLong          = "long"
	TypeDouble        = "double"
	TypeBoolean       = "boolean"
	TypeDate          = "date"
	TypeInstant       = "instant"
	TypeLocalDate     = "localDate"
	TypeLocalDateTime = "localDateTime"
	TypeJSON          = "json"
	TypeUUID          = "uuid"
	TypeBigInteger    = "bigInteger"
	TypeBigDecimal    = "bigDecimal"
	TypeBinary        = "binary"
	TypeSerializable  = "serializable"
)

// kind is a type in one byte; 0 is null.
type kind uint8

const (
	kindNull kind = iota
	kindString
	kindInteger
	kindShort
	kindLong
	kindDouble
	kindBoolean
	kindDate
	kindInstant
	kindLocalDate
	kindLocalDateTime
	kindJSON
	kindUUID
	kindBigInteger
	kindBigDecimal
	kindBinary
	kindSerializable
)

// names holds the name of each kind, by number.
var names = [...]string{
	"", TypeString, TypeInteger, TypeShort, TypeLong, TypeDouble, TypeBoolean, TypeDate, TypeInstant, TypeLocalDate,
	TypeLocalDateTime, TypeJSON, TypeUUID, TypeBigInteger, TypeBigDecimal, TypeBinary, TypeSerializable,
}

// kindOf finds a kind by its name.
func kindOf(name string) (kind, bool) {
	for i, n := range names {
		if n == name {
			return kind(i), true
		}
	}
	return 0, false
}

// Value is the value of one variable. It does not change once made, and copies
// share what they hold. The zero value is null.
type Value struct {
	kind kind
	num  int64  // numbers, booleans, milliseconds since 1970, the bits of a double
	text string // everything else, in its canonical form; bytes too
}

// Null returns the value null.
func Null() Value { return Value{} }

// String returns a value of type string.
func String(s string) Value { return Value{kind: kindString, text: s} }

// Integer returns a value of type integer.
func Integer(n int32) Value { return Value{kind: kindInteger, num: int64(n)} }

// Long returns a value of type long.
func Long(n int64) Value { return Value{kind: kindLong, num: n} }

// Double returns a value of type double. JSON knows no infinities and no NaN:
// they become null.
func Double(f float64) Value {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return Value{}
	}
	return Value{kind: kindDouble, num: int64(math.Float64bits(f))} //nolint:gosec // bits, not a number
}

// Boolean returns a value of type boolean.
func Boolean(b bool) Value {
	v := Value{kind: kindBoolean}
	if b {
		v.num = 1
	}
	return v
}

// Date returns a value of type date, cut to milliseconds.
func Date(t time.Time) Value { return Value{kind: kindDate, num: t.UnixMilli()} }

// Binary returns a value of type binary. It keeps a copy of b.
func Binary(b []byte) Value { return Value{kind: kindBinary, text: string(b)} }

// Type returns the name of the type, "" for null.
func (v Value) Type() string { return names[v.kind] }

// IsNull reports whether the value is null.
func (v Value) IsNull() bool { return v.kind == kindNull }

// Int returns the number of a short, integer or long.
func (v Value) Int() (int64, bool) {
	switch v.kind {
	case kindShort, kindInteger, kindLong:
		return v.num, true
	}
	return 0, false
}

// Float returns the number of a double.
func (v Value) Float() (float64, bool) {
	if v.kind != kindDouble {
		return 0, false
	}
	return v.float(), true
}

// float reads num as the bits of a double.
func (v Value) float() float64 { return math.Float64frombits(uint64(v.num)) } //nolint:gosec // bits, not a number

// Bool returns the truth of a boolean.
func (v Value) Bool() (value, ok bool) { return v.num != 0, v.kind == kindBoolean }

// Time returns the time of a date or an instant, in UTC.
func (v Value) Time() (time.Time, bool) {
	if v.kind != kindDate && v.kind != kindInstant {
		return time.Time{}, false
	}
	return time.UnixMilli(v.num).UTC(), true
}

// Raw returns the text of a value of type json, without white space.
func (v Value) Raw() (jsontext.Value, bool) {
	if v.kind != kindJSON {
		return nil, false
	}
	return jsontext.Value(v.text), true
}

// Bytes returns a copy of the bytes of a binary or a serializable.
func (v Value) Bytes() ([]byte, bool) {
	if !v.IsBytes() {
		return nil, false
	}
	return []byte(v.text), true
}

// IsBytes reports whether the value is binary or serializable: JSON shows it
// as null, and its bytes are read apart.
func (v Value) IsBytes() bool { return v.kind == kindBinary || v.kind == kindSerializable }

// Open reads the bytes of a binary or a serializable without a copy; nothing
// comes from any other value.
func (v Value) Open() io.ReadSeeker {
	if !v.IsBytes() {
		return strings.NewReader("")
	}
	return strings.NewReader(v.text)
}

// Size says about how many bytes the value takes.
func (v Value) Size() int64 { return int64(len(v.text)) + 8 }

// Text returns the value as text: a string as it is, numbers in plain notation,
// times as in JSON, JSON as it stands, bytes as they are, null as "".
func (v Value) Text() string {
	switch v.kind {
	case kindInteger, kindShort, kindLong:
		return strconv.FormatInt(v.num, 10)
	case kindDouble:
		return formatDouble(v.float())
	case kindBoolean:
		return strconv.FormatBool(v.num != 0)
	case kindDate, kindInstant:
		return formatInstant(v.num)
	default:
		return v.text
	}
}
