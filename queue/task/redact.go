package task

import (
	"bytes"
	"slices"
	"strings"
)

// Mask is what is shown in place of a secret.
const Mask = "******"

const quotedMask = `"` + Mask + `"`

// Bounds of [Redact]. What goes deeper is masked whole: each text within a
// text costs one more pass over it.
const (
	maxNesting = 1000 // containers within containers
	maxTexts   = 12   // JSON within strings within JSON
)

// secretEndings returns the ends of names, in lower case, that say that the
// member is a secret, those that end in c.
func secretEndings(c byte) []string {
	switch c | 0x20 {
	case 'd':
		return []string{"password", "passwd", "pwd"}
	case 't':
		return []string{"secret"}
	case 'n':
		return []string{"token"}
	case 'y':
		return []string{
			"apikey", "api_key", "accesskey", "access_key",
			"privatekey", "private_key", "secretkey", "secret_key",
		}
	default:
		return nil
	}
}

// foldings are the two letters outside ASCII that regular expressions take for
// k and s when they ignore case.
var foldings = strings.NewReplacer("\u212a", "k", "\u017f", "s")

// Secret reports whether a member of this name holds a secret, that is,
// whether the name matches
// (?i)(password|passwd|pwd|secret|token|api_?key|access_?key|private_?key|secret_?key)$.
func Secret(name string) bool {
	if !ascii(name) {
		name = foldings.Replace(name)
	}
	return endsSecret(name)
}

// endsSecret is [Secret] without the foldings.
func endsSecret(name string) bool {
	if name == "" {
		return false
	}
	for _, end := range secretEndings(name[len(name)-1]) {
		if len(name) >= len(end) && equalFold(name[len(name)-len(end):], end) {
			return true
		}
	}
	return false
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// equalFold compares s with lower, which is in lower case and as long, without
// regard to the case of ASCII letters.
func equalFold(s, lower string) bool {
	for i := range len(lower) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// Redact returns a JSON document with the secrets in it masked by name: the
// value of every member that [Secret] knows becomes [Mask], unless it is null,
// at any depth, also in strings that hold JSON, and in base64 of JSON, which is
// encoded again in its variant. Everything else stays byte for byte; a string
// that holds JSON is escaped anew only if something in it was masked.
//
// It returns doc itself when nothing is masked, and never changes doc. A
// document that is no JSON, or is nested too deeply, is masked whole. A string
// that only begins like JSON is masked whole if a secret was found before the
// place where it breaks, and left alone if not.
func Redact(doc []byte) []byte { return RedactWith(doc, nil) }

// RedactWith is [Redact] for params of which noEcho names those that are secret
// whatever they are called: such members of the outermost object are masked
// whole.
func RedactWith(doc []byte, noEcho []string) []byte {
	if len(bytes.TrimSpace(doc)) == 0 {
		return doc
	}
	w := walker{src: doc, noEcho: noEcho}
	if !w.value() || !w.end() {
		return []byte(quotedMask)
	}
	return w.result()
}

// RedactText masks secrets in a text that may be JSON or base64 of it, such as
// a reason or a line of a log. Any other text comes back as it is.
func RedactText(text string) string {
	if len(text) == 0 || !mayHold(text[0]) {
		return text
	}
	if masked, ok := redactText([]byte(text), 0, hook{}); ok {
		return string(masked)
	}
	return text
}

// walker goes over one document and replaces what is secret. It reads
// leniently: what is not quite JSON may still hold a secret.
type walker struct {
	src    []byte
	noEcho []string // secret members of the outermost object
	hook   hook     // what else is done with secrets

	pos   int
	depth int  // of containers around pos
	texts int  // of texts around src
	skip  bool // a value that is masked as a whole is only passed over

	out     []byte // src up to last, with what was replaced
	last    int
	changed bool
	found   bool // a secret was seen, masked now or before
}

func (w *walker) result() []byte {
	if !w.changed {
		return w.src
	}
	return append(w.out, w.src[w.last:]...)
}

func (w *walker) replace(from, to int, with []byte) {
	if !w.changed {
		w.out = make([]byte, 0, len(w.src)+len(with))
	}
	w.out = append(append(w.out, w.src[w.last:from]...), with...)
	w.last, w.changed = to, true
}

// peek returns the next byte behind white space, 0 at the end.
func (w *walker) peek() byte {
	for ; w.pos < len(w.src); w.pos++ {
		switch c := w.src[w.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// end reports whether nothing but white space is left.
func (w *walker) end() bool {
	w.peek()
	return w.pos == len(w.src)
}

// value reads one value and masks what is secret in it. It reports whether
// there was one.
func (w *walker) value() bool {
	switch w.peek() {
	case '{':
		if !w.skip && Sealed(w.src[w.pos:]) {
			return w.mask()
		}
		return w.container('}', w.member)
	case '[':
		return w.container(']', w.value)
	case '"':
		return w.text()
	default:
		return w.scalar()
	}
}

// container reads an object or an array, element by element.
func (w *walker) container(closing byte, element func() bool) bool {
	if w.depth++; w.depth > maxNesting {
		w.found = true // nobody looked further
		return false
	}
	w.pos++
	for first := true; ; first = false {
		c := w.peek()
		if c == closing {
			w.pos++
			w.depth--
			return true
		}
		if !first {
			if c != ',' {
				return false
			}
			w.pos++
		}
		if !element() {
			return false
		}
	}
}

// member reads a name and its value.
func (w *walker) member() bool {
	if w.peek() != '"' {
		return false
	}
	name, escaped, ok := w.quoted()
	if !ok || w.peek() != ':' {
		return false
	}
	w.pos++
	if !w.skip && (secretName(name, escaped) || w.noEcho != nil && w.silent(name, escaped)) {
		return w.mask()
	}
	return w.value()
}

// silent reports whether a member of the outermost object is in noEcho.
func (w *walker) silent(name []byte, escaped bool) bool {
	if w.depth != 1 {
		return false
	}
	if escaped {
		name = unescape(name)
	}
	return slices.Contains(w.noEcho, string(name))
}

// secretName is [Secret] for a name between its quotes. The common case copies
// nothing.
func secretName(name []byte, escaped bool) bool {
	if escaped {
		name = unescape(name)
	}
	if len(name) == 0 {
		return false
	}
	if c := name[len(name)-1]; c < 0x80 && secretEndings(c) == nil {
		return false
	}
	for _, c := range name {
		if c >= 0x80 {
			return Secret(string(name))
		}
	}
	return endsSecret(string(name)) // is not copied to the heap
}

// mask replaces the next value, unless it is null or masked already, or sealed and
// to be left so.
func (w *walker) mask() bool {
	w.peek()
	from := w.pos
	w.skip = true
	ok := w.value()
	w.skip = false
	value := w.src[from:w.pos]
	if ok && string(value) == "null" {
		return true
	}
	w.found = true
	if ok && string(value) != quotedMask && (!w.hook.passes() || !Sealed(value)) {
		w.replace(from, w.pos, w.hook.secret(value))
	}
	return ok
}

// scalar reads a number or a literal.
func (w *walker) scalar() bool {
	from := w.pos
	for ; w.pos < len(w.src); w.pos++ {
		switch w.src[w.pos] {
		case ' ', '\t', '\n', '\r', ',', ':', '{', '}', '[', ']', '"':
			return w.pos > from
		}
	}
	return w.pos > from
}

// quoted reads the string at pos and returns what is between its quotes.
func (w *walker) quoted() (raw []byte, escaped, ok bool) {
	from := w.pos + 1
	n := bytes.IndexByte(w.src[from:], '"')
	if n < 0 {
		return nil, false, false
	}
	if bytes.IndexByte(w.src[from:from+n], '\\') < 0 {
		w.pos = from + n + 1
		return w.src[from : from+n], false, true
	}
	for i := from; i < len(w.src); i++ {
		switch w.src[i] {
		case '"':
			w.pos = i + 1
			return w.src[from:i], true, true
		case '\\':
			i++
		}
	}
	return nil, false, false
}
