package task

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// shortestSecret is the length of the shortestSecret secret that is masked where a text
// repeats it, in bytes: shorter ones stand in every text by chance.
const shortestSecret = 4

// Concealer masks what texts repeat of secrets that are known. The zero value
// knows none. [Concealer.Ready] makes it safe for concurrent use, until
// something is added.
type Concealer struct {
	values   map[string]struct{}
	replacer *strings.Replacer // of all forms of the values, nil until it is needed
	size     int               // of the values, in bytes
}

// Add takes over the secrets of a document, as [Secrets] returns them, but for
// those shorter than 4 bytes.
func (k *Concealer) Add(doc []byte, noEcho []string) {
	if len(doc) <= len("{}") {
		return
	}
	for _, v := range Secrets(doc, noEcho) {
		k.addValue(v)
	}
}

func (k *Concealer) addValue(v string) {
	if len(v) < shortestSecret {
		return
	}
	if k.values == nil {
		k.values = map[string]struct{}{}
	}
	if _, ok := k.values[v]; !ok {
		k.values[v], k.replacer = struct{}{}, nil
		k.size += len(v)
	}
}

// Joined returns a concealer that knows the secrets of both, which may be one
// of them. other is not changed.
func (k *Concealer) Joined(other *Concealer) *Concealer {
	if other == nil {
		return k
	}
	fresh := false
	for v := range k.values {
		if _, old := other.values[v]; !old {
			fresh = true
		}
	}
	if !fresh {
		return other
	}
	for v := range other.values {
		k.addValue(v)
	}
	return k
}

// Size is how many bytes of secrets it knows.
func (k *Concealer) Size() int { return k.size }

// Ready prepares for [Concealer.Mask], which else does so itself.
func (k *Concealer) Ready() {
	if k.replacer == nil && len(k.values) > 0 {
		k.replacer = replacer(k.values)
	}
}

// Mask returns a text without secrets: those it repeats, plain, escaped as in
// JSON, or in base64, and those that their name tells, as [RedactText] does.
func (k *Concealer) Mask(text string) string {
	if len(text) < shortestSecret {
		return text
	}
	if k.Ready(); k.replacer != nil {
		text = k.replacer.Replace(text)
	}
	return RedactText(text)
}

// replacer replaces every form in which a text may repeat a value, the longest
// first.
func replacer(values map[string]struct{}) *strings.Replacer {
	var all []string
	for v := range values {
		all = append(all, forms(v)...)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	pairs := make([]string, 0, 2*len(all))
	for _, f := range slices.Compact(all) {
		pairs = append(pairs, f, Mask)
	}
	return strings.NewReplacer(pairs...)
}

// How often a text may repeat a value escaped within a JSON string within a
// JSON string and so on, by itself and in base64.
const (
	escapes       = 4
	escapesBase64 = 2
)

// forms returns a value as it is, escaped as in JSON, and both in base64, by
// itself or within something longer.
func forms(v string) []string {
	all, level := []string{v}, []string{v}
	encoded := encodings(nil, v)
	for n := 1; n <= escapes; n++ {
		var next []string
		for _, text := range level {
			for _, html := range []bool{false, true} {
				if e := escape(text, html); e != text && !slices.Contains(next, e) {
					next = append(next, e)
					if n <= escapesBase64 {
						encoded = encodings(encoded, e)
					}
				}
			}
		}
		all, level = append(all, next...), next
	}
	return append(all, encoded...)
}

// escape returns a text as it stands in a JSON string; html says that what
// means something in HTML is escaped too, as Go does.
func escape(text string, html bool) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(html)
	if err := e.Encode(text); err != nil {
		return text
	}
	return strings.Trim(b.String(), "\n")[1 : b.Len()-2]
}

// encodings appends what base64 has of a text, wherever it begins in what is
// encoded; the characters at the edges depend on what stands there.
func encodings(all []string, v string) []string {
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift, lead := range []int{0, 2, 3} {
			text := enc.EncodeToString(append(make([]byte, shift), v...))[lead:]
			if (shift+len(v))%3 != 0 {
				text = text[:len(text)-1]
			}
			if len(text) >= shortestSecret {
				all = append(all, text)
			}
		}
	}
	return all
}
