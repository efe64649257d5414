package task

import (
	"bytes"
	"encoding/base64"
	"unicode/utf16"
	"unicode/utf8"
)

// shortestText is the length of the shortest text that can hold a secret:
// {"pwd":1}.
const shortestText = 9

// mayHold reports whether a text that begins with c can be JSON of a container
// or a string, or base64 of that.
func mayHold(c byte) bool {
	switch c {
	case '{', '[', '"', ' ', '\t', '\n', '\r', '\\': // a \ may be any of them
		return true
	case 'e', 'W', 'I', 'C', 'D': // base64 of the same
		return true
	default:
		return false
	}
}

// text reads a string, and masks what is secret in the JSON it may hold.
func (w *walker) text() bool {
	from := w.pos
	raw, escaped, ok := w.quoted()
	if !ok || w.skip {
		return ok
	}
	if w.hook.reserves(raw, escaped) {
		w.replace(from, w.pos, w.hook.text(w.src[from:w.pos], nil))
		return true
	}
	if len(raw) < shortestText || !mayHold(raw[0]) {
		return true
	}
	if escaped {
		raw = unescape(raw)
	}
	masked, found := redactText(raw, w.texts+1, w.hook.within())
	if !found {
		return true
	}
	w.found = true
	if !bytes.Equal(masked, raw) {
		w.replace(from, w.pos, w.hook.text(w.src[from:w.pos], masked))
	}
	return true
}

// redactText masks the secrets in a text that holds JSON, in clear or in
// base64. found says that there were any. depth counts the texts around it and
// itself, h goes with what it holds.
func redactText(text []byte, depth int, h hook) (masked []byte, found bool) {
	trimmed := bytes.TrimLeft(text, " \t\r\n")
	if len(trimmed) < shortestText {
		return text, false
	}
	switch trimmed[0] {
	case '{', '[', '"':
		return redactJSON(text, depth, h)
	default:
		return redactBase64(text, depth, h)
	}
}

// redactJSON masks the secrets in a text of one JSON value, or of several in a
// row as logs have them.
func redactJSON(text []byte, depth int, h hook) (masked []byte, found bool) {
	if depth > maxTexts {
		return []byte(Mask), true
	}
	w := walker{src: text, texts: depth, hook: h}
	for !w.end() {
		if !w.value() {
			if w.found {
				return []byte(Mask), true
			}
			return text, false
		}
	}
	return w.result(), w.found
}

// redactBase64 does what redactJSON does with what text encodes.
func redactBase64(text []byte, depth int, h hook) (masked []byte, found bool) {
	enc, plain := decode(text)
	if plain == nil {
		return text, false
	}
	inner, found := redactJSON(plain, depth+1, h)
	if !found || bytes.Equal(inner, plain) {
		return text, found
	}
	return enc.AppendEncode(nil, inner), true
}

// decode returns the JSON that a text is base64 of, nil if it is none.
func decode(text []byte) (*base64.Encoding, []byte) {
	enc := encodingOf(text)
	if enc == nil {
		return nil, nil
	}
	plain := make([]byte, enc.DecodedLen(len(text)))
	n, err := enc.Decode(plain, text) // passes over line ends
	if err != nil || n == 0 {
		return nil, nil
	}
	plain = plain[:n]
	switch first := bytes.TrimLeft(plain, " \t\r\n"); {
	case len(first) == 0, first[0] != '{' && first[0] != '[' && first[0] != '"': // bytes that are no UTF-8 hide no secret
		return nil, nil
	}
	return enc, plain
}

// encodingOf returns the variant of base64 that text is in, nil if it is in
// none. Where a text does not tell, the standard alphabet is padded and the
// one for URLs is not, as is usual.
func encodingOf(text []byte) *base64.Encoding {
	var std, url, breaks, pads int
	for _, c := range text {
		switch c {
		case '\n', '\r':
			breaks++
			continue
		case '=':
			pads++
			continue
		case '+', '/':
			std++
		case '-', '_':
			url++
		default:
			if !alphanumeric(c) {
				return nil
			}
		}
		if pads > 0 {
			return nil
		}
	}
	return variant(std, url, pads, (len(text)-breaks)%4 == 0)
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// variant returns the encoding with this many characters of its own: of the
// standard alphabet, of the one for URLs, and of padding. whole says that the
// length is a multiple of four.
func variant(std, url, pads int, whole bool) *base64.Encoding {
	switch {
	case std > 0 && url > 0, pads > 0 && !whole:
		return nil
	case url > 0 && pads > 0:
		return base64.URLEncoding
	case url > 0:
		return base64.RawURLEncoding
	case whole:
		return base64.StdEncoding
	default:
		return base64.RawStdEncoding
	}
}

// unescape returns what the JSON string between quotes means. Escapes that are
// none stay as they are; lone surrogates become U+FFFD.
func unescape(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i+1 == len(raw) {
			out = append(out, raw[i])
			continue
		}
		i++
		switch c := raw[i]; c {
		case '"', '\\', '/':
			out = append(out, c)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, n := unicodeEscape(raw[i-1:])
			if n == 0 {
				out = append(out, '\\', 'u')
				continue
			}
			out = utf8.AppendRune(out, r)
			i += n - 2
		default:
			out = append(out, '\\', c)
		}
	}
	return out
}

// unicodeEscape reads \uXXXX, or two of them that are a surrogate pair, at the
// beginning of b, and returns how many bytes that were, 0 if it is malformed.
func unicodeEscape(b []byte) (r rune, n int) {
	r = hex4(b)
	if r < 0 {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if low := hex4(b[6:]); low >= 0 {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 12
			}
		}
		r = utf8.RuneError
	}
	return r, 6
}

// hex4 returns the number in the \uXXXX that b begins with, -1 if it does not.
func hex4(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return r
}

// quote writes text as a JSON string with as few escapes as there must be.
func quote(text []byte) []byte {
	const hex = "0123456789abcdef"
	out := append(make([]byte, 0, len(text)+len(text)/8+2), '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c == '\n':
			out = append(out, '\\', 'n')
		case c == '\r':
			out = append(out, '\\', 'r')
		case c == '\t':
			out = append(out, '\\', 't')
		case c < 0x20:
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}
