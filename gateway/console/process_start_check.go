package console

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/queue/param"
)

// variables reads what was sent, notes what is wrong with each field, and
// returns the start variables.
func (d *startData) variables(v *visit) json.RawMessage {
	groups := map[string]map[string]json.RawMessage{}
	for f := range d.fields {
		if f.read(v); f.raw == nil {
			continue
		}
		if groups[f.Namespace] == nil {
			groups[f.Namespace] = map[string]json.RawMessage{}
		}
		groups[f.Namespace][f.Name] = f.raw
	}
	d.check(groups)
	for f := range d.fields {
		if f.Problem != "" {
			d.Wrong++
		}
	}
	return d.merged(v, groups)
}

// fields yields the fields of all groups.
func (d *startData) fields(yield func(*startField) bool) {
	for _, g := range d.Groups {
		for _, f := range g.Fields {
			if !yield(f) {
				return
			}
		}
	}
}

// read makes JSON of what stands in a field. An empty one is not sent, but for
// a text whose default was taken out.
func (f *startField) read(v *visit) {
	text := strings.TrimSpace(f.Value)
	switch {
	case f.Locked:
	case f.Input == "text" && (f.Value != "" || len(f.Default) > 0), f.Input == "password" && f.Value != "" && f.Type == "string":
		raw, err := jsontext.AppendQuote(nil, f.Value)
		if err != nil {
			f.Problem = v.text("model.nofield", err.Error())
		}
		f.raw = json.RawMessage(raw)
	case text == "":
	case !jsontext.Value(text).IsValid():
		f.Problem = v.text("model.nofield", f.Type)
	default:
		f.raw = json.RawMessage(text)
	}
}

// check compares what was sent with the template. What can not be compared
// here, such as a default that is not shown, the API decides.
func (d *startData) check(groups map[string]map[string]json.RawMessage) {
	rules := map[string][]param.Param{}
	for f := range d.fields {
		if f.Locked {
			continue
		}
		one := f.Param
		one.Required = f.Must
		var rule param.Param
		if raw, err := json.Marshal(one); err == nil && json.Unmarshal(raw, &rule) == nil {
			rules[f.Namespace] = append(rules[f.Namespace], rule)
		}
	}
	for ns, all := range rules {
		given := groups[ns]
		if given == nil {
			given = map[string]json.RawMessage{}
		}
		doc, err := json.Marshal(given)
		if err != nil {
			continue // a field that is no JSON has its problem already
		}
		_, err = param.Check(all, doc)
		wrong, _ := errors.AsType[param.Errors](err)
		for f := range d.fields {
			at := slices.IndexFunc(wrong, func(e *param.Error) bool { return e.Param == f.Name && f.Namespace == ns })
			if at >= 0 && f.Problem == "" {
				f.Problem = wrong[at].Why
			}
		}
	}
}

// merged adds the fields to the variables that were written as JSON.
func (d *startData) merged(v *visit, groups map[string]map[string]json.RawMessage) json.RawMessage {
	out := map[string]json.RawMessage{}
	if strings.TrimSpace(d.Other) != "" {
		if d.OtherNo = unreadable(v, d.Other); d.OtherNo != "" || json.Unmarshal([]byte(d.Other), &out) != nil {
			d.Wrong++
			return nil
		}
	}
	for ns, members := range groups {
		if ns == "" {
			maps.Copy(out, members)
			continue
		}
		whole := map[string]json.RawMessage{}
		if given := out[ns]; given != nil && json.Unmarshal(given, &whole) != nil {
			whole = map[string]json.RawMessage{}
		}
		maps.Copy(whole, members)
		if raw, err := json.Marshal(whole); err == nil { // its members are JSON
			out[ns] = raw
		}
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return nil // a field that is no JSON has its problem already
	}
	return raw
}
