package variable

import (
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// FromJSON is [Limits.FromJSON] with the default limits.
func FromJSON(typeName string, present bool, raw jsontext.Value) (Value, error) {
	return Limits{}.FromJSON(typeName, present, raw)
}

// FromJSON reads a value that a client sent. An empty typeName means that none
// was given, and the type follows from the JSON: string, boolean, integer, long
// or bigInteger by size, double with a fraction or an exponent, json for
// objects and arrays. A value that is not present, or is JSON's null, is null
// under every type but binary and serializable, which do not come as JSON.
//
// Integers are cut toward zero and wrap around at the width of their type;
// every digit of 64 bits counts. The error is an [*InvalidError].
func (l Limits) FromJSON(typeName string, present bool, raw jsontext.Value) (Value, error) {
	l = l.withDefaults()
	k, ok := kindOf(typeName)
	switch {
	case !ok:
		return Value{}, invalid("type %q is not known, use one of %s", clip(typeName), strings.Join(names[1:kindBinary], ", "))
	case k == kindBinary || k == kindSerializable:
		return Value{}, invalid("a value of type %s can not be sent as JSON, send it as a multipart form", typeName)
	case !present:
		return Value{}, nil
	case int64(len(raw)) > 6*l.MaxBytes+2: // no byte takes more than six in JSON; spares the work below
		return Value{}, l.tooLong()
	}
	raw, err := l.compact(raw)
	if err != nil || raw.Kind() == jsontext.KindNull {
		return Value{}, err
	}
	if k == kindNull || k == kindJSON {
		k = infer(raw)
	}
	v, err := convert(k, raw)
	if err == nil && int64(len(v.text)) > l.MaxBytes {
		return Value{}, l.tooLong()
	}
	return v, err
}

// tooLong says which limit was passed.
func (l Limits) tooLong() error {
	return invalid("the value is longer than %d bytes, store it elsewhere and keep its address in the variable", l.MaxBytes)
}

// compact takes white space away, and checks text and depth on the way.
func (l Limits) compact(raw jsontext.Value) (jsontext.Value, error) {
	raw = raw.Clone()
	if err := raw.Compact(); err != nil || !utf8.Valid(raw) {
		return nil, invalid("the value is not valid JSON")
	}
	depth, inString := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inString:
			if c == '\\' {
				i++
			}
			inString = c != '"'
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if depth > l.MaxDepth {
			return nil, invalid("objects and arrays are nested deeper than %d", l.MaxDepth)
		}
	}
	return raw, nil
}

// infer tells the type of a value that came without one.
func infer(raw jsontext.Value) kind {
	switch raw.Kind() {
	case jsontext.KindString:
		return kindString
	case jsontext.KindTrue, jsontext.KindFalse:
		return kindBoolean
	case jsontext.KindNumber:
		return inferNumber(string(raw))
	default:
		return kindJSON
	}
}

// inferNumber takes the narrowest of integer, long and bigInteger.
func inferNumber(lit string) kind {
	if strings.ContainsAny(lit, ".eE") {
		return kindDouble
	}
	if _, err := strconv.ParseInt(lit, 10, 32); err == nil {
		return kindInteger
	}
	if _, err := strconv.ParseInt(lit, 10, 64); err == nil {
		return kindLong
	}
	return kindBigInteger
}

// convert reads compact JSON, which is not null, as kind k.
func convert(k kind, raw jsontext.Value) (Value, error) {
	switch k {
	case kindJSON:
		return Value{kind: k, text: string(raw)}, nil
	case kindBoolean:
		if raw.Kind() != jsontext.KindTrue && raw.Kind() != jsontext.KindFalse {
			return Value{}, wrongKind(k, "true or false", raw)
		}
		return Boolean(raw.Kind() == jsontext.KindTrue), nil
	case kindInteger, kindShort, kindLong, kindDouble:
		if raw.Kind() != jsontext.KindNumber {
			return Value{}, wrongKind(k, "a number", raw)
		}
		return fromNumber(k, string(raw))
	case kindBigInteger, kindBigDecimal:
		return fromBig(k, raw)
	default:
		s, err := text(k, raw)
		if err != nil {
			return Value{}, err
		}
		return fromText(k, s)
	}
}

// fromText reads the text of a string, a time or a UUID.
func fromText(k kind, s string) (Value, error) {
	switch k {
	case kindDate:
		return parseDate(s)
	case kindInstant:
		return parseInstant(s)
	case kindLocalDate:
		return parseLocalDate(s)
	case kindLocalDateTime:
		return parseLocalDateTime(s)
	case kindUUID:
		id, err := uuid.Parse(s)
		if err != nil || len(s) != 36 {
			return Value{}, misfit(k, "a UUID such as 123e4567-e89b-12d3-a456-426614174000", s)
		}
		return Value{kind: k, text: id.String()}, nil
	default:
		return Value{kind: k, text: s}, nil
	}
}

// fromNumber reads a JSON number as one of the types that computers count in.
func fromNumber(k kind, lit string) (Value, error) {
	switch k {
	case kindDouble:
		f, err := strconv.ParseFloat(lit, 64)
		if err != nil {
			return Value{}, misfit(k, "a number up to 1.7976931348623157e308", lit)
		}
		return Double(f), nil
	case kindShort:
		return Value{kind: k, num: int64(int16(cut(lit)))}, nil //nolint:gosec // wraps, as it says
	case kindInteger:
		return Value{kind: k, num: int64(int32(cut(lit)))}, nil //nolint:gosec // wraps, as it says
	default:
		return Value{kind: k, num: cut(lit)}, nil
	}
}

// fromBig reads a number of any size from a JSON number or a string.
func fromBig(k kind, raw jsontext.Value) (Value, error) {
	lit := string(raw)
	switch raw.Kind() {
	case jsontext.KindNumber:
	case jsontext.KindString:
		s, err := text(k, raw)
		if err != nil {
			return Value{}, err
		}
		lit = s
	default:
		return Value{}, wrongKind(k, "a number or a string of digits", raw)
	}
	d, ok := parseDecimal(lit)
	fits := ok && (k == kindBigDecimal || raw.Kind() == jsontext.KindNumber || d.whole())
	if !fits {
		return Value{}, misfit(k, "digits, at most "+strconv.Itoa(maxDigits), lit)
	}
	if k == kindBigInteger {
		d = d.cut()
	}
	return Value{kind: k, text: d.plain()}, nil
}

// BigInteger returns a value of type bigInteger.
func BigInteger(n *big.Int) Value { return Value{kind: kindBigInteger, text: n.String()} }

// BigDecimal returns a value of type bigDecimal, unscaled / 10^scale; scale is at least 0.
func BigDecimal(unscaled *big.Int, scale int) Value {
	d := decimal{negative: unscaled.Sign() < 0, digits: new(big.Int).Abs(unscaled).String(), scale: scale}
	return Value{kind: kindBigDecimal, text: d.plain()}
}

// text unquotes a JSON string.
func text(k kind, raw jsontext.Value) (string, error) {
	if raw.Kind() != jsontext.KindString {
		return "", wrongKind(k, "a string", raw)
	}
	s, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return "", invalid("the value is not valid JSON")
	}
	return string(s), nil
}

// wrongKind says that JSON of another kind was expected.
func wrongKind(k kind, want string, raw jsontext.Value) error {
	return invalid("a value of type %s must be %s, not %s", names[k], want, article(raw.Kind()))
}

// misfit says that a text is not what its type asks for.
func misfit(k kind, want, got string) error {
	return invalid("a value of type %s must be %s, not %q", names[k], want, clip(got))
}

// article names a kind of JSON value in a sentence.
func article(k jsontext.Kind) string {
	switch k {
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "an array"
	default:
		return k.String()
	}
}

// clip keeps what stands in an error short.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
