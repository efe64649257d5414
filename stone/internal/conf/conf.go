// Package conf reads the configuration of built-in stones, YAML or JSON, into
// their Config structs. It knows no files, flags or environment. Only the
// built-in stones call it.
package conf

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// durations are written as in Go: "90s", "5m".
var durations = json.WithUnmarshalers(json.UnmarshalFromFunc(func(dec *jsontext.Decoder, d *time.Duration) error {
	tok, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if tok.Kind() != jsontext.KindString {
		return errors.New(`a duration is written as a text such as "90s"`)
	}
	*d, err = time.ParseDuration(tok.String())
	return err
}))

// Decode reads doc into v, a pointer to a struct with json tags. Unknown
// names, names twice and values of another type are errors.
func Decode(doc []byte, v any) error {
	if !bytes.HasPrefix(bytes.TrimSpace(doc), []byte("{")) {
		var tree any
		if err := yaml.Unmarshal(doc, &tree); err != nil {
			return err
		}
		b, err := stdjson.Marshal(tree)
		if err != nil {
			return err
		}
		doc = b
	}
	return json.Unmarshal(doc, v, durations, json.RejectUnknownMembers(true))
}
