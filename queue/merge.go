package queue

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// member is one member of a JSON object; the name is still quoted.
type member struct {
	name  string
	value jsontext.Value
}

// members returns the members of an object in their order.
func members(object []byte) ([]member, error) {
	d := jsontext.NewDecoder(bytes.NewReader(object))
	if _, err := d.ReadToken(); err != nil {
		return nil, fmt.Errorf("read object: %w", err)
	}
	var out []member
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, fmt.Errorf("read name: %w", err)
		}
		m := member{name: name.String()}
		v, err := d.ReadValue()
		if err != nil {
			return nil, fmt.Errorf("read value: %w", err)
		}
		m.value = v.Clone()
		out = append(out, m)
	}
	return out, nil
}

// Merge puts the members of the object add into the object base: in their
// place by name, or behind if they are new. Order and digits of both are kept.
// Nothing and null count as the empty object.
func Merge(base, add json.RawMessage) (json.RawMessage, error) {
	if empty(base) {
		return add, nil
	}
	if empty(add) {
		return base, nil
	}
	return merge(base, add)
}

func empty(object json.RawMessage) bool {
	return len(object) <= 2 || string(object) == "null"
}

func merge(base, add json.RawMessage) (json.RawMessage, error) {
	all, err := members(base)
	if err != nil {
		return nil, err
	}
	more, err := members(add)
	if err != nil {
		return nil, err
	}
	at := make(map[string]int, len(all))
	for i, m := range all {
		at[m.name] = i
	}
	for _, m := range more {
		if i, ok := at[m.name]; ok {
			all[i] = m
			continue
		}
		at[m.name] = len(all)
		all = append(all, m)
	}
	out := []byte{'{'}
	for i, m := range all {
		if i > 0 {
			out = append(out, ',')
		}
		if out, err = jsontext.AppendQuote(out, m.name); err != nil {
			return nil, fmt.Errorf("quote name: %w", err)
		}
		out = append(append(out, ':'), m.value...)
	}
	return append(out, '}'), nil
}
