package variable

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// JSON returns the value as the API shows it: null for bytes, which are read
// apart; a bigInteger and a bigDecimal as strings; JSON itself unchanged.
func (v Value) JSON() jsontext.Value { return v.AppendJSON(nil) }

// AppendJSON appends what [Value.JSON] returns to b.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.kind {
	case kindNull, kindBinary, kindSerializable:
		return append(b, "null"...)
	case kindJSON:
		return append(b, v.text...)
	case kindInteger, kindShort, kindLong:
		return strconv.AppendInt(b, v.num, 10)
	case kindDouble, kindBoolean:
		return append(b, v.Text()...)
	default:
		// Invalid UTF-8 is replaced, and the error tells only of that.
		b, _ = jsontext.AppendQuote(b, v.Text())
		return b
	}
}
