package task

import (
	"bytes"
	"strings"
)

// Hide returns a JSON document with something else in place of its secrets:
// hide gets each outermost value that [RedactWith] would change, as it stands
// in the document, and returns the JSON value to put there. That is the value
// of a secret member, or a whole string that holds a document with secrets, or
// the whole document if it is no JSON. Strings that begin with reserved ("" for
// none) are handed to hide too, so that what it returns can be told from what
// was there before. Reserved must begin with a character that neither JSON nor
// base64 begins with, and must need no escapes.
//
// It returns doc itself when nothing is hidden, and never changes doc.
func Hide(doc []byte, noEcho []string, reserved string, hide func(value []byte) []byte) []byte {
	if len(bytes.TrimSpace(doc)) == 0 {
		return doc
	}
	w := walker{src: doc, noEcho: noEcho, hook: hook{hide: hide, reserved: reserved}}
	if !w.value() || !w.end() {
		return hide(doc)
	}
	return w.result()
}

// Secrets returns the texts and numbers among the secrets of a document, as
// [RedactWith] knows them, each as it reads without quotes. What is masked
// already is left out.
func Secrets(doc []byte, noEcho []string) []string {
	if len(bytes.TrimSpace(doc)) == 0 {
		return nil
	}
	var out []string
	h := hook{visit: func(value []byte) { out = leaves(out, value) }}
	w := walker{src: doc, noEcho: noEcho, hook: h}
	_ = w.value() // what breaks later may hold secrets before
	return out
}

// leaves appends the texts and numbers of a value.
func leaves(out []string, value []byte) []string {
	n, ok := parse(value)
	if !ok {
		return out
	}
	n.each(func(leaf *node) {
		switch text := value[leaf.from:leaf.to]; text[0] {
		case '"':
			if s := string(leaf.text(value)); s != "" && s != Mask {
				out = append(out, s)
			}
		case 't', 'f', 'n': // true, false and null are no secrets
		default:
			out = append(out, strings.TrimSpace(string(text)))
		}
	})
	return out
}

// hook is what is done with secrets besides masking them. The zero one masks.
type hook struct {
	hide     func(value []byte) []byte // gives what stands in place of an outermost value
	visit    func(value []byte)        // gets every secret value, also within texts
	reserved string                    // strings that begin with it are hidden
}

// passes reports whether sealed values are left as they are.
func (h hook) passes() bool { return h.hide != nil || h.visit != nil }

// secret returns what to put in place of the value of a secret member.
func (h hook) secret(value []byte) []byte {
	if h.visit != nil {
		h.visit(value)
	}
	if h.hide != nil {
		return h.hide(value)
	}
	return []byte(quotedMask)
}

// text returns what to put in place of a string with secrets in it, of which
// masked is the text without them.
func (h hook) text(value, masked []byte) []byte {
	if h.hide != nil {
		return h.hide(value)
	}
	return quote(masked)
}

// within returns the hook for the document in a string.
func (h hook) within() hook {
	return hook{visit: h.visit}
}

// reserves reports whether a string, given between its quotes, begins with the
// reserved text.
func (h hook) reserves(raw []byte, escaped bool) bool {
	if h.reserved == "" || len(raw) < len(h.reserved) {
		return false
	}
	if c := raw[0]; c != h.reserved[0] && c != '\\' {
		return false
	}
	if escaped {
		raw = unescape(raw)
	}
	return len(raw) >= len(h.reserved) && string(raw[:len(h.reserved)]) == h.reserved
}
