package stone

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// option is one rule in a tag.
type option struct {
	key, value string
	given      bool // there is a value, if only an empty one
}

// splitTag cuts a tag at its commas, but not within single quotes.
func splitTag(tag string) ([]option, error) {
	var all []option
	for tag != "" {
		var o option
		end := strings.IndexAny(tag, "=,")
		if end < 0 {
			end = len(tag)
		}
		o.key = strings.TrimSpace(tag[:end])
		tag = tag[end:]
		if strings.HasPrefix(tag, "=") {
			var err error
			if o.value, tag, err = cutValue(tag[1:]); err != nil {
				return nil, fmt.Errorf("%s: %w", o.key, err)
			}
			o.given = true
		}
		tag = strings.TrimPrefix(tag, ",")
		all = append(all, o)
	}
	return all, nil
}

// cutValue takes a value, quoted or not, off the front of a tag.
func cutValue(tag string) (value, rest string, err error) {
	if !strings.HasPrefix(tag, "'") {
		i := strings.IndexByte(tag, ',')
		if i < 0 {
			i = len(tag)
		}
		if strings.Contains(tag[:i], "'") {
			return "", "", errors.New("a quote within a value that is not quoted")
		}
		return tag[:i], tag[i:], nil
	}
	var b strings.Builder
	for i := 1; i < len(tag); i++ {
		switch {
		case tag[i] != '\'':
			b.WriteByte(tag[i])
		case i+1 < len(tag) && tag[i+1] == '\'':
			b.WriteByte('\'')
			i++
		case i+1 < len(tag) && tag[i+1] != ',':
			return "", "", errors.New("text behind the closing quote")
		default:
			return b.String(), tag[i+1:], nil
		}
	}
	return "", "", errors.New("no closing quote")
}

// apply writes the rule into a declaration.
func (o option) apply(p *Param) error {
	var flag bool
	var err error
	switch o.key {
	case "required":
		p.Required, flag = true, true
	case "noecho":
		p.NoEcho, flag = true, true
	case "hidden":
		p.Visible, flag = new(bool), true
	case "type": // read already
	case "name":
		p.DisplayName = o.value
	case "pattern":
		p.AllowedPattern = o.value
	case "default":
		p.Default, err = literal(p.Type, o.value)
	case "values":
		p.AllowedValues, err = literals(p.Type, o.value)
	case "minlen":
		p.MinLength, err = parsed(o.value, strconv.Atoi)
	case "maxlen":
		p.MaxLength, err = parsed(o.value, strconv.Atoi)
	case "min":
		p.MinValue, err = parsed(o.value, parseBound)
	case "max":
		p.MaxValue, err = parsed(o.value, parseBound)
	default:
		return fmt.Errorf("unknown rule %q in the tag", o.key)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", o.key, err)
	case flag && o.given:
		return fmt.Errorf("%s takes no value", o.key)
	case !flag && !o.given:
		return fmt.Errorf("%s needs a value", o.key)
	}
	return nil
}

// parsed returns a pointer to what parse makes of s.
func parsed[T any](s string, parse func(string) (T, error)) (*T, error) {
	v, err := parse(s)
	if err != nil {
		return nil, fmt.Errorf("%q is no number", s)
	}
	return &v, nil
}

// parseBound reads a number that JSON can write.
func parseBound(s string) (float64, error) {
	if jsontext.Value(s).Kind() != jsontext.KindNumber || !jsontext.Value(s).IsValid() {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(s, 64)
}

// literal reads a value in a tag: the text of a string, JSON otherwise.
func literal(t ParamType, s string) (json.RawMessage, error) {
	if t == String {
		return jsontext.AppendQuote(nil, s)
	}
	if v := jsontext.Value(s); v.IsValid() {
		return json.RawMessage(strings.TrimSpace(s)), nil
	}
	return nil, fmt.Errorf("%q is not JSON", s)
}

func literals(t ParamType, s string) ([]json.RawMessage, error) {
	var all []json.RawMessage
	for one := range strings.SplitSeq(s, "|") {
		v, err := literal(t, one)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}
