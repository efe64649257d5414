package task

import (
	"bytes"
	"strings"
)

// Mask is what is shown in place of a secret.
const Mask = "******"

// Bounds of [Redact]. What goes deeper is masked whole: each text within a
// text costs one more pass over it.
const (
	maxNesting = 1000 // containers within containers
	maxTexts   = 12   // JSON within strings within JSON
)

const quotedMask = `"` + Mask + `"`

// secretEndings are the ends of names that say what a member holds, in lower
// case, by their last letter.
var secretEndings = map[byte][]string{
	'd': {"password", "passwd", "pwd"},
	't': {"secret"},
	'n': {"token"},
	'y': {
		"apikey", "api_key", "accesskey", "access_key",
		"privatekey", "private_key", "secretkey", "secret_key",
	},
}

// foldings are the two letters outside ASCII that regular expressions take for
// k and s when they ignore case.
var foldings = strings.NewReplacer("\u212a", "k", "\u017f", "s")

// Secret reports whether a member of this name holds a secret, that is,
// whether the name matches
// (?i)(password|passwd|pwd|secret|token|api_?key|access_?key|private_?key|secret_?key)$.
func Secret(name string) bool {
	if name == "" {
		return false
	}
	last := name[len(name)-1]
	if last >= 0x80 {
		name = foldings.Replace(name)
		last = name[len(name)-1]
	}
	for _, end := range secretEndings[last|0x20] {
		if hasSuffixFold(name, end) || last < 0x80 && !ascii(name) && hasSuffixFold(foldings.Replace(name), end) {
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

// hasSuffixFold reports whether s ends in end, which is in lower case, by
// ASCII letters without regard to their case.
func hasSuffixFold(s, end string) bool {
	if len(s) < len(end) {
		return false
	}
	s = s[len(s)-len(end):]
	for i := range len(end) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != end[i] {
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
// that only looks like JSON is masked whole if a secret was found before the
// place where it breaks, and left alone if not.
func Redact(doc []byte) []byte {
	if len(bytes.TrimSpace(doc)) == 0 {
		return doc
	}
	w := walker{src: doc}
	if !w.value() || !w.end() {
		return []byte(quotedMask)
	}
	return w.result()
}

// RedactText masks secrets in a text that may be JSON or base64 of it, such as
// a reason or a line of a log. Other text comes back as it is.
func RedactText(text string) string {
	if masked, changed := redactText([]byte(text), 0); changed {
		return string(masked)
	}
	return text
}

// walker goes over one document and notes what to replace. It reads leniently:
// what is not quite JSON may still hold a secret.
type walker struct {
	src   []byte
	pos   int
	depth int // of containers around pos
	texts int // of texts around src

	out     []byte // src up to last, with what was replaced
	last    int
	changed bool
	found   bool // a secret was seen, masked already or not
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

func (w *walker) space() {
	for w.pos < len(w.src) {
		switch w.src[w.pos] {
		case ' ', '\t', '\n', '\r':
			w.pos++
		default:
			return
		}
	}
}

// end reports whether nothing but white space is left.
func (w *walker) end() bool {
	w.space()
	return w.pos == len(w.src)
}

// peek returns the next byte behind white space, 0 at the end.
func (w *walker) peek() byte {
	w.space()
	if w.pos == len(w.src) {
		return 0
	}
	return w.src[w.pos]
}

// value reads one value and masks what is secret in it. It reports whether
// there was one.
func (w *walker) value() bool {
	switch w.peek() {
	case '{':
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
		w.found = true // what is in there is unknown
		return false
	}
	w.pos++
	if w.peek() == closing {
		w.pos++
		w.depth--
		return true
	}
	for element() {
		switch w.peek() {
		case ',':
			w.pos++
		case closing:
			w.pos++
			w.depth--
			return true
		default:
			return false
		}
	}
	return false
}

// member reads a name and its value.
func (w *walker) member() bool {
	if w.peek() != '"' {
		return false
	}
	raw, escaped, ok := w.quoted()
	if !ok || w.peek() != ':' {
		return false
	}
	w.pos++
	if !w.secret(raw, escaped) {
		return w.value()
	}
	return w.mask()
}

func (w *walker) secret(raw []byte, escaped bool) bool {
	if escaped {
		raw = unescape(raw)
	}
	if len(raw) == 0 {
		return false
	}
	// The common case must not copy the name.
	if c := raw[len(raw)-1]; c < 0x80 && secretEndings[c|0x20] == nil {
		return false
	}
	return Secret(string(raw))
}

// mask replaces the next value, unless it is null or masked already.
func (w *walker) mask() bool {
	w.space()
	from := w.pos
	inner := walker{src: w.src, pos: from, depth: w.depth, texts: maxTexts}
	inner.skip = true
	if !inner.value() {
		w.found = true
		return false
	}
	w.pos = inner.pos
	old := w.src[from:w.pos]
	if string(old) == "null" {
		return true
	}
	w.found = true
	if string(old) != quotedMask {
		w.replace(from, w.pos, []byte(quotedMask))
	}
	return true
}

// scalar reads a number or a literal.
func (w *walker) scalar() bool {
	from := w.pos
	for w.pos < len(w.src) {
		switch w.src[w.pos] {
		case ' ', '\t', '\n', '\r', ',', ':', '{', '}', '[', ']', '"':
			return w.pos > from
		}
		w.pos++
	}
	return w.pos > from
}

// quoted reads a string at pos and returns what is between its quotes.
func (w *walker) quoted() (raw []byte, escaped, ok bool) {
	from := w.pos + 1
	for i := from; i < len(w.src); i++ {
		switch w.src[i] {
		case '"':
			w.pos = i + 1
			return w.src[from:i], escaped, true
		case '\\':
			escaped = true
			i++
		}
	}
	return nil, false, false
}
