package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// asJSON is a text that the function json made.
type asJSON string

var errNull = errors.New("the value is null")

// text returns a value as a plain text: strings as they are, numbers with
// their digits, objects and arrays as JSON. Null has no text.
func text(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", errNull
	case string:
		return v, nil
	case asJSON:
		return string(v), nil
	case map[string]any, []any:
		return jsonValue(v)
	default:
		return fmt.Sprint(v), nil
	}
}

// jsonValue returns a value as JSON.
func jsonValue(v any) (string, error) {
	if s, ok := v.(asJSON); ok {
		return string(s), nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// jsonPart returns a value as a part of a JSON string.
func jsonPart(v any) (string, error) {
	s, err := text(v)
	if err != nil {
		return "", err
	}
	quoted, err := jsonValue(s)
	return strings.TrimSuffix(strings.TrimPrefix(quoted, `"`), `"`), err
}

// Plain inserts a value as it is, but refuses NUL, which no argument can hold.
func Plain(v any) (string, error) {
	s, err := text(v)
	if err == nil && strings.ContainsRune(s, 0) {
		err = errors.New("the value holds a NUL")
	}
	return s, err
}

// Header inserts a value into a header. Control characters are refused.
func Header(v any) (string, error) {
	s, err := text(v)
	if err == nil && strings.ContainsFunc(s, unicode.IsControl) {
		err = errors.New("the value holds a control character")
	}
	return s, err
}

// Query inserts a value into the query of a URL, or into a form: all but
// letters, digits and - . _ ~ becomes %XX.
func Query(v any) (string, error) {
	s, err := text(v)
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20"), err
}

// Path inserts a value into the path of a URL as Query does. What would make
// another path out of it (an empty value, dots alone, control characters) is refused.
func Path(v any) (string, error) {
	s, err := Query(v)
	switch {
	case err != nil:
		return "", err
	case s == "":
		return "", errors.New("the value is empty, which would make another path")
	case strings.Trim(s, ".") == "":
		return "", errors.New("the value is dots, which would make another path")
	}
	if _, err := Header(v); err != nil {
		return "", err
	}
	return s, nil
}

// Host inserts a value into the host of a URL: one label of letters, digits
// and hyphens.
func Host(v any) (string, error) {
	s, err := text(v)
	if err != nil {
		return "", err
	}
	bad := func(c rune) bool {
		return c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	}
	if s == "" || len(s) > 63 || strings.ContainsFunc(s, bad) {
		return "", errors.New("the value is no label of a host name")
	}
	return s, nil
}
