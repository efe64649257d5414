package flowable

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/gateway/fault"
)

// read fills to, a pointer to a struct or a slice, from a JSON body. Unknown
// members are passed over; numbers stay the digits they are.
func (c *call) read(to any) error {
	raw, err := c.in.Bytes()
	if err != nil {
		return err
	}
	return decode(raw, to)
}

// decode fills to from JSON.
func decode(raw []byte, to any) error {
	switch err := json.Unmarshal(raw, to); {
	case err != nil:
		return unreadable(err)
	case jsontext.Value(raw).Kind() == jsontext.KindNull:
		return fault.New(fault.Invalid, "the body is null: send an object")
	}
	return nil
}

// unreadable says what is wrong with JSON.
func unreadable(err error) error {
	if bad, ok := errors.AsType[*json.SemanticError](err); ok {
		return fault.New(fault.Invalid, "%s is not of the type that is asked for%s", place(bad.JSONPointer), because(bad.Err))
	}
	if bad, ok := errors.AsType[*jsontext.SyntacticError](err); ok && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.New(fault.Invalid, "the body is not valid JSON: %s, near byte %d, in %s", clip(bad.Err.Error()), bad.ByteOffset, place(bad.JSONPointer))
	}
	return fault.New(fault.Invalid, "the body is not valid JSON: it ends too early").Because(err)
}

// because gives a reason, if it is one of ours.
func because(err error) string {
	if ours, ok := errors.AsType[*formatError](err); ok {
		return ": " + ours.Error()
	}
	return ""
}

// place names where in a body something is.
func place(p jsontext.Pointer) string {
	if p == "" {
		return "the body"
	}
	return quote(strings.TrimPrefix(string(p), "/"))
}

// formatError is a value of the right JSON type that can not be read.
type formatError struct{ want string }

func (e *formatError) Error() string { return "send " + e.want }

// number is a 32-bit integer that comes as a JSON number or as a string.
type number int32

// UnmarshalJSON reads the number.
func (n *number) UnmarshalJSON(raw []byte) error {
	text := string(raw)
	if raw[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
	}
	v, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return &formatError{"a whole number of 32 bits"}
	}
	*n = number(v)
	return nil
}

// truth is a boolean that comes as such or as a string.
type truth bool

// UnmarshalJSON reads the boolean.
func (v *truth) UnmarshalJSON(raw []byte) error {
	switch text := strings.Trim(string(raw), `"`); text {
	case "true", "false":
		*v = text == "true"
		return nil
	}
	return &formatError{"true or false"}
}

// isTrue reads a boolean of a URL as Flowable does: anything else is false.
func isTrue(s string) bool { return strings.EqualFold(s, "true") }

// clip bounds what comes back of a caller's text.
func clip(s string) string {
	const most = 100
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// quote names a caller's text in a sentence.
func quote(s string) string { return fmt.Sprintf("%q", clip(s)) }
