package bpmn

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// The namespaces that are read.
const (
	spaceBPMN     = "http://www.omg.org/spec/BPMN/20100524/MODEL"
	spaceDI       = "http://www.omg.org/spec/BPMN/20100524/DI"
	spaceFlowable = "http://flowable.org/bpmn"
	spaceActiviti = "http://activiti.org/bpmn"
	spaceOurs     = "http://riverstones.io/bpmn"
	spaceXML      = "http://www.w3.org/XML/1998/namespace"
)

// maxAttributes bounds the attributes of one element, which are compared with each other.
const maxAttributes = 100

// element is one XML element of a namespace that is read.
type element struct {
	name     xml.Name
	attrs    []xml.Attr
	children []*element
	text     string // trimmed
	line     int
}

// problem describes a finding at e.
func (e *element) problem(format string, args ...any) Problem {
	return Problem{
		Line: e.line, Element: e.name.Local, ID: e.attr("id"), Name: e.attr("name"),
		Message: fmt.Sprintf(format, args...),
	}
}

// get returns the trimmed value of an attribute.
func (e *element) get(space, name string) (value string, ok bool) {
	for _, a := range e.attrs {
		if a.Name.Local == name && a.Name.Space == space {
			return strings.TrimSpace(a.Value), true
		}
	}
	return "", false
}

// attr returns an attribute of BPMN, which has no prefix.
func (e *element) attr(name string) string {
	v, _ := e.get("", name)
	return v
}

// ext returns an attribute of Flowable in either of its namespaces.
func (e *element) ext(name string) string {
	if v, ok := e.get(spaceFlowable, name); ok {
		return v
	}
	v, _ := e.get(spaceActiviti, name)
	return v
}

// ours returns an attribute of our own namespace.
func (e *element) ours(name string) string {
	v, _ := e.get(spaceOurs, name)
	return v
}

// bpmn reports whether e is the BPMN element of that name.
func (e *element) bpmn(name string) bool {
	return e.name.Space == spaceBPMN && e.name.Local == name
}

// flowable reports whether e is an element of Flowable.
func (e *element) flowable() bool {
	return e.name.Space == spaceFlowable || e.name.Space == spaceActiviti
}

// child returns the first BPMN child of that name, or nil.
func (e *element) child(name string) *element {
	for _, c := range e.children {
		if c.bpmn(name) {
			return c
		}
	}
	return nil
}

// extensions returns what is in the extensionElements of e.
func (e *element) extensions() []*element {
	var all []*element
	for _, c := range e.children {
		if c.bpmn("extensionElements") {
			all = append(all, c.children...)
		}
	}
	return all
}

// reader builds the tree of elements, within limits.
type reader struct {
	dec      *xml.Decoder
	limits   Limits
	declared map[string]bool // namespaces that some element declares
	stack    []*element
	texts    [][]byte // for each of stack
	skipped  int      // depth within an element that is not kept, 0 outside
	count    int
	root     *element
}

// readTree returns the root element. The error is a [Problem] in [Problems].
func readTree(data []byte, limits Limits) (*element, error) {
	if len(data) > limits.Bytes {
		return nil, Problems{{Line: 1, Message: fmt.Sprintf("the file is longer than %d bytes", limits.Bytes)}}
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	if err := utf(data); err != "" {
		return nil, Problems{{Line: 1, Message: err}}
	}
	r := &reader{dec: xml.NewDecoder(bytes.NewReader(data)), limits: limits, declared: map[string]bool{spaceXML: true}}
	r.dec.CharsetReader = charset
	for {
		line, _ := r.dec.InputPos()
		tok, err := r.dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = r.token(tok, line)
		}
		if err != nil {
			return nil, Problems{syntax(err, line)}
		}
	}
	if r.root == nil {
		return nil, Problems{{Line: 1, Message: "the file is empty"}}
	}
	return r.root, nil
}

// utf says what is wrong with the encoding of data, if it can be told from its bytes.
func utf(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte("\xFE\xFF")), bytes.HasPrefix(data, []byte("\xFF\xFE")),
		bytes.HasPrefix(data, []byte("\x00<")), bytes.HasPrefix(data, []byte("<\x00")):
		return "the file is in UTF-16 or UTF-32: save it as UTF-8"
	case !utf8.Valid(data):
		return "the file is not in UTF-8: save it as UTF-8"
	default:
		return ""
	}
}

// charset is asked for encodings other than UTF-8.
func charset(name string, in io.Reader) (io.Reader, error) {
	if strings.EqualFold(name, "us-ascii") || strings.EqualFold(name, "ascii") {
		return in, nil
	}
	return nil, tokenError{Line: 1, Message: fmt.Sprintf("the encoding %q is not supported: save the file as UTF-8", name)}
}

// syntax turns an error of the decoder into a problem.
func syntax(err error, line int) Problem {
	if s, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return Problem{Line: s.Line, Message: "not well-formed XML: " + s.Msg}
	}
	if p, ok := errors.AsType[tokenError](err); ok {
		return Problem(p)
	}
	return Problem{Line: line, Message: strings.TrimPrefix(err.Error(), "xml: ")}
}

// tokenError is a problem with one token.
type tokenError Problem

// Error returns the message.
func (e tokenError) Error() string { return e.Message }

func (r *reader) token(tok xml.Token, line int) error {
	switch t := tok.(type) {
	case xml.StartElement:
		return r.start(t, line)
	case xml.EndElement:
		r.end()
	case xml.CharData:
		return r.chars(t, line)
	case xml.Directive:
		return tokenError{Line: line, Message: "a DOCTYPE is not allowed: remove it, with its entities"}
	}
	return nil
}

// start takes an opening tag.
func (r *reader) start(t xml.StartElement, line int) error {
	e := &element{name: t.Name, attrs: t.Attr, line: line}
	r.count++
	switch {
	case r.count > r.limits.Elements:
		return tokenError(e.problem("the file has more than %d elements", r.limits.Elements))
	case len(r.stack)+r.skipped >= r.limits.Depth:
		return tokenError(e.problem("is nested deeper than %d elements", r.limits.Depth))
	case len(r.stack) == 0 && r.root != nil:
		return tokenError(e.problem("stands behind the end of the first element"))
	}
	if err := r.attributes(e); err != nil {
		return err
	}
	if r.skipped > 0 || r.root != nil && !kept(e.name) {
		r.skipped++
		return nil
	}
	e.attrs = append([]xml.Attr(nil), t.Attr...)
	if r.root == nil {
		r.root = e
	} else {
		parent := r.stack[len(r.stack)-1]
		parent.children = append(parent.children, e)
	}
	r.stack, r.texts = append(r.stack, e), append(r.texts, nil)
	return nil
}

// kept reports whether elements of that name are put into the tree. Of a
// drawing, only what says which process is drawn.
func kept(name xml.Name) bool {
	switch name.Space {
	case spaceBPMN, spaceFlowable, spaceActiviti, spaceOurs:
		return true
	case spaceDI:
		return name.Local == "BPMNDiagram" || name.Local == "BPMNPlane"
	default:
		return false
	}
}

// attributes checks those of one tag, and notes the namespaces that it declares.
func (r *reader) attributes(e *element) error {
	if len(e.attrs) > maxAttributes {
		return tokenError(e.problem("has more than %d attributes", maxAttributes))
	}
	for i, a := range e.attrs {
		if len(a.Value) > r.limits.Attribute {
			e.attrs = nil // the long one may be the id
			return tokenError(e.problem("the attribute %s is longer than %d bytes", a.Name.Local, r.limits.Attribute))
		}
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			r.declared[a.Value] = true
		}
		for _, b := range e.attrs[:i] {
			if a.Name == b.Name {
				return tokenError(e.problem("has the attribute %s twice", a.Name.Local))
			}
		}
	}
	// The decoder leaves a prefix as it is that nobody declared.
	if s := e.name.Space; s != "" && !r.declared[s] {
		return tokenError(e.problem("the prefix %q is not declared: add xmlns:%s", s, s))
	}
	for _, a := range e.attrs {
		if s := a.Name.Space; s != "" && s != "xmlns" && !r.declared[s] {
			return tokenError(e.problem("the prefix %q is not declared: add xmlns:%s", s, s))
		}
	}
	return nil
}

// end takes a closing tag; the decoder has checked that it fits.
func (r *reader) end() {
	if r.skipped > 0 {
		r.skipped--
		return
	}
	last := len(r.stack) - 1
	r.stack[last].text = string(bytes.TrimSpace(r.texts[last]))
	r.stack, r.texts = r.stack[:last], r.texts[:last]
}

// chars takes text.
func (r *reader) chars(t xml.CharData, line int) error {
	if len(r.stack) == 0 {
		if len(bytes.TrimSpace(t)) > 0 {
			return tokenError{Line: line, Message: "text stands outside of the first element"}
		}
		return nil
	}
	if r.skipped > 0 {
		return nil
	}
	last := len(r.stack) - 1
	if len(r.texts[last]) == 0 && len(bytes.TrimSpace(t)) == 0 {
		return nil // the white space between elements
	}
	if len(r.texts[last])+len(t) > r.limits.Text {
		return tokenError(r.stack[last].problem("holds more than %d bytes of text", r.limits.Text))
	}
	r.texts[last] = append(r.texts[last], t...)
	return nil
}
