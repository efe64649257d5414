package variable

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// maxKey is the longest text, in bytes, that stands in a key as it is; longer
// ones stand there as a hash, so that an index can hold every key.
const maxKey = 200

// Equal reports whether v and w have the same type and value: an integer 5 is
// no long 5, a bigDecimal 1.50 no 1.5. JSON is equal if its text is.
func (v Value) Equal(w Value) bool { return v == w }

// Key returns a short text that two values share if and only if they are
// [Value.Equal]: what an index on variables holds, for the operation equals.
// It has no NUL.
func (v Value) Key() string { return key(v.Type(), v.Text()) }

// KindKey is like [Value.Key], but numbers of different types that mean the
// same share it: short, integer, long, boolean (0 and 1) and date
// (milliseconds) are of one kind. It is for the operation notEquals.
func (v Value) KindKey() string {
	switch v.kind {
	case kindInteger, kindShort, kindLong, kindBoolean, kindDate:
		return key("number", Long(v.num).Text())
	}
	return v.Key()
}

// FoldKey is like [Value.Key], but strings that differ only in case share it.
// It is for the operations that ignore case.
func (v Value) FoldKey() string {
	if v.kind != kindString {
		return v.Key()
	}
	return key(TypeString, strings.ToLower(v.text))
}

// key joins a type and a text, or the hash of a text that is long or that
// PostgreSQL has no place for. The sign between tells which.
func key(typ, text string) string {
	if len(text) <= maxKey && strings.IndexByte(text, 0) < 0 && utf8.ValidString(text) {
		return typ + ":" + text
	}
	sum := sha256.Sum256([]byte(text))
	return typ + "#" + hex.EncodeToString(sum[:])
}

// Encode returns what the store keeps beside the type: the text of the value,
// or its bytes. [Decode] is the way back.
func (v Value) Encode() []byte { return []byte(v.Text()) }

// Decode makes a value of what the store has kept: the name of its type ("" for
// null) and what [Value.Encode] gave. It trusts the content of strings, JSON
// and bytes.
func Decode(typeName string, data []byte) (Value, error) {
	k, ok := kindOf(typeName)
	if !ok {
		return Value{}, invalid("type %q is not known", clip(typeName))
	}
	switch k {
	case kindNull:
		return Value{}, nil
	case kindBoolean:
		return Boolean(string(data) == "true"), nil
	case kindInteger, kindShort, kindLong, kindDouble:
		if !numeric(string(data)) {
			return Value{}, misfit(k, "a number", string(data))
		}
		return fromNumber(k, string(data))
	case kindDate:
		return parseDate(string(data))
	case kindInstant:
		return parseInstant(string(data))
	default:
		return Value{kind: k, text: string(data)}, nil
	}
}
