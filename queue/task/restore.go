package task

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Restore puts the secrets of original back where masked has [Mask] in their
// place, as [Redact] puts it there: a client that read params, edited them and
// sent them back need not know the secrets in them. Members are matched by
// their path, elements of arrays by their index, also in strings that hold JSON
// and in base64 of JSON. A mask without such a counterpart stays as it was sent,
// and so does everything else, byte for byte.
//
// It returns masked itself when nothing is put back, and changes neither.
func Restore(masked, original json.RawMessage) json.RawMessage {
	return RestoreWith(masked, original, nil)
}

// RestoreWith is [Restore] for what [RedactWith] masked with the same noEcho.
func RestoreWith(masked, original json.RawMessage, noEcho []string) json.RawMessage {
	m, ok := parse(masked)
	if !ok {
		return masked
	}
	o, ok := parse(original)
	if !ok {
		if bytes.Equal(bytes.TrimSpace(masked), []byte(quotedMask)) && len(bytes.TrimSpace(original)) > 0 {
			return original // it was masked whole
		}
		return masked
	}
	r := restorer{w: walker{src: masked}, original: original, noEcho: noEcho}
	r.value(&m, &o)
	return r.w.result()
}

// RestoreHidden is [Restore] for a document that [Hide] went over, where
// opened has a [Mask] in place of what could not be shown: strings of hidden
// that begin with reserved are put back there, whatever their member is called.
func RestoreHidden(opened, hidden json.RawMessage, reserved string) json.RawMessage {
	m, ok := parse(opened)
	o, known := parse(hidden)
	if !ok || !known {
		return opened
	}
	r := restorer{w: walker{src: opened}, original: hidden, reserved: reserved}
	r.value(&m, &o)
	return r.w.result()
}

// restorer goes over two documents side by side.
type restorer struct {
	w        walker // only for what it writes
	original []byte
	noEcho   []string
	reserved string // of what is to be put back wherever it stands, "" for none
	depth    int    // of containers around
	texts    int    // of texts around
}

func (r *restorer) value(m, o *node) {
	switch a, b := r.w.src[m.from], r.original[o.from]; {
	case b == '{' && Sealed(r.original[o.from:o.to]):
		r.secret(m, o)
	case a != b:
	case r.reserved != "" && a == '"' && bytes.HasPrefix(r.original[o.from+1:], []byte(r.reserved)):
		r.secret(m, o)
	case a == '{':
		r.object(m, o)
	case a == '[':
		for i := range min(len(m.kids), len(o.kids)) {
			r.inside(&m.kids[i], &o.kids[i])
		}
	case a == '"':
		r.text(m, o)
	}
}

// inside is value within a container.
func (r *restorer) inside(m, o *node) {
	r.depth++
	r.value(m, o)
	r.depth--
}

func (r *restorer) object(m, o *node) {
	seen := make(map[string]int, len(m.names))
	for i, name := range m.names {
		kid, other := &m.kids[i], o.member(name, seen[name])
		seen[name]++
		switch {
		case other == nil:
		case Secret(name) || r.depth == 0 && r.texts == 0 && slices.Contains(r.noEcho, name):
			r.secret(kid, other)
		default:
			r.inside(kid, other)
		}
	}
}

// secret puts the value of a secret member back, if it is masked.
func (r *restorer) secret(m, o *node) {
	if string(r.w.src[m.from:m.to]) == quotedMask {
		r.put(m, r.original[o.from:o.to])
	}
}

// put replaces what is masked, unless that changes nothing.
func (r *restorer) put(m *node, value []byte) {
	if !bytes.Equal(r.w.src[m.from:m.to], value) {
		r.w.replace(m.from, m.to, value)
	}
}

// text puts back what is masked in the document that a string holds. A string
// that is just as it was shown becomes the original again byte for byte.
func (r *restorer) text(m, o *node) {
	sent, kept := m.text(r.w.src), o.text(r.original)
	shown, found := redactText(kept, r.texts+1, hook{})
	switch {
	case !found:
	case bytes.Equal(sent, shown):
		r.put(m, r.original[o.from:o.to])
	default:
		if text, ok := restoreText(sent, kept, r.texts+1); ok {
			r.put(m, quote(text))
		}
	}
}

// restoreText puts back what is masked in a text that holds JSON, in clear or
// in base64, and reports whether there was anything.
func restoreText(sent, kept []byte, depth int) (text []byte, changed bool) {
	if depth > maxTexts {
		return nil, false
	}
	if rows, ok := restoreRow(sent, kept, depth); ok {
		return rows, true
	}
	enc, plain := decode(sent)
	_, was := decode(kept)
	if plain == nil || was == nil {
		return nil, false
	}
	if text, changed = restoreRow(plain, was, depth+1); changed {
		text = enc.AppendEncode(nil, text)
	}
	return text, changed
}

// restoreRow is restoreText for JSON values in a row.
func restoreRow(sent, kept []byte, depth int) (text []byte, changed bool) {
	m, ok := parseRow(sent)
	if !ok {
		return nil, false
	}
	o, ok := parseRow(kept)
	if !ok {
		return nil, false
	}
	r := restorer{w: walker{src: sent}, original: kept, texts: depth}
	for i := range min(len(m), len(o)) {
		r.value(&m[i], &o[i])
	}
	return r.w.result(), r.w.changed
}
