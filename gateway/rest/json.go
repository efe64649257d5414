package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/gateway/fault"
)

const (
	maxProblems = 10  // named in one answer
	maxQuoted   = 100 // bytes of a caller's text that come back in an error
)

// JSON reads a body value by value. Its methods return an error only for a
// body that can not be read on; a value of the wrong type is noted and passed
// over, so that the caller hears of all at once. null reads as the zero value.
type JSON struct {
	dec   *jsontext.Decoder
	body  []byte
	where string
	problems
}

// problems are sentences about a request.
type problems struct {
	list []string
	more int
}

func (p *problems) add(format string, args ...any) {
	if len(p.list) == maxProblems {
		p.more++
		return
	}
	p.list = append(p.list, fmt.Sprintf(format, args...))
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	detail := strings.Join(p.list, "; ")
	if p.more > 0 {
		detail += fmt.Sprintf("; and %d more", p.more)
	}
	return fault.New(fault.Invalid, "%s", detail)
}

// Problem notes what is wrong, behind the place of [JSON.At].
func (j *JSON) Problem(format string, args ...any) {
	j.add("%s"+format, append([]any{j.where}, args...)...)
}

// At sets the place that problems are noted with, such as "task 3: ".
func (j *JSON) At(place string) { j.where = place }

// Kind tells what comes next: '{', '[', '"', '0', 't', 'f', 'n', or 0 for
// nothing readable.
func (j *JSON) Kind() jsontext.Kind { return j.dec.PeekKind() }

// Object reads an object: member must read the value of each name, which it
// may not keep. [JSON.Unknown] is for names it does not know.
func (j *JSON) Object(member func(name []byte) error) error {
	if _, err := j.dec.ReadToken(); err != nil {
		return err
	}
	for j.dec.PeekKind() != '}' {
		raw, err := j.dec.ReadValue()
		if err != nil {
			return err
		}
		name := raw[1 : len(raw)-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			name, _ = jsontext.AppendUnquote(nil, raw) // was read as valid
		}
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := j.dec.ReadToken()
	return err
}

// Array reads an array: element must read the value at each index.
func (j *JSON) Array(element func(i int) error) error {
	if _, err := j.dec.ReadToken(); err != nil {
		return err
	}
	for i := 0; j.dec.PeekKind() != ']'; i++ {
		if err := element(i); err != nil {
			return err
		}
	}
	_, err := j.dec.ReadToken()
	return err
}

// Unknown notes a name that is not known, and passes over its value.
func (j *JSON) Unknown(name []byte) error {
	j.Problem("unknown field %q", cut(string(name)))
	return j.dec.SkipValue()
}

// Skip passes over a value.
func (j *JSON) Skip() error { return j.dec.SkipValue() }

// scalar reads a value of one of the kinds, or null, for which it returns nil.
// Another one is noted as a problem.
func (j *JSON) scalar(field, want, kinds string) (jsontext.Value, error) {
	kind := j.dec.PeekKind()
	if kind != 'n' && kind != 0 && strings.IndexByte(kinds, byte(kind)) < 0 {
		j.Problem("%s must be %s", field, want)
		return nil, j.dec.SkipValue()
	}
	raw, err := j.dec.ReadValue()
	if err != nil || kind == 'n' {
		return nil, err
	}
	return raw, nil
}

// String reads a string that is not empty.
func (j *JSON) String(field string, to *string) error {
	raw, err := j.scalar(field, "a string", `"`)
	if raw == nil {
		return err
	}
	if text := raw[1 : len(raw)-1]; bytes.IndexByte(text, '\\') < 0 {
		*to = string(text)
	} else {
		text, _ = jsontext.AppendUnquote(nil, raw) // was read as valid
		*to = string(text)
	}
	if *to == "" {
		j.Problem("%s must not be empty", field)
	}
	return nil
}

// Bool reads true or false.
func (j *JSON) Bool(field string, to *bool) error {
	raw, err := j.scalar(field, "true or false", "tf")
	*to = string(raw) == "true"
	return err
}

// Int reads a whole number between low and high.
func (j *JSON) Int(field string, low, high int, to *int) error {
	raw, err := j.scalar(field, "a whole number", "0")
	if raw == nil {
		return err
	}
	if n, bad := strconv.Atoi(string(raw)); bad == nil && n >= low && n <= high {
		*to = n
	} else {
		j.Problem("%s must be a whole number between %d and %d", field, low, high)
	}
	return nil
}

// Raw reads any value and leaves it as it is, digit for digit; null is nil. It
// is part of the body, and must be copied to be kept longer than the handler
// runs.
func (j *JSON) Raw(to *json.RawMessage) error {
	raw, err := j.dec.ReadValue()
	if err != nil || raw.Kind() == 'n' {
		return err
	}
	end := int(j.dec.InputOffset())
	*to = json.RawMessage(j.body[end-len(raw) : end : end])
	return nil
}

// syntax turns an error of reading into one for the caller.
func (j *JSON) syntax(err error) error {
	if f := fault.Of(err); f.Kind != fault.Internal {
		return err
	}
	bad, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return fault.New(fault.Invalid, "the body is not valid JSON: it ends too early").Because(err)
	case !ok:
		return err
	}
	at := ""
	if bad.JSONPointer != "" {
		at = fmt.Sprintf(", at %q", cut(string(bad.JSONPointer)))
	}
	return fault.New(fault.Invalid, "the body is not valid JSON: %s, near byte %d%s", cut(bad.Err.Error()), bad.ByteOffset, at)
}

// cut bounds what comes back of a caller's text.
func cut(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	return strings.ToValidUTF8(s[:maxQuoted], "") + "…"
}
