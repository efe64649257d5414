package console

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue/jsonvalue"
)

// startData is the form to start a process.
type startData struct {
	client.Model

	Groups  []startGroup
	Sent    url.Values // nil for none
	Problem *trouble
	Wrong   int    // fields with a problem
	Other   string // variables as JSON
	OtherNo string // what is wrong with them
}

// startGroup are fields that stand together.
type startGroup struct {
	Name   string // "" for none
	Fields []*startField
}

// startField is a parameter of the template in the form.
type startField struct {
	client.ModelParam

	Field   string // its name in the form
	Input   string // text, password, number, choice or json
	Value   string
	Choices []choice
	Ref     string // the parameter whose value it has by default
	Must    bool   // a browser may ask for it
	Locked  bool   // it is shown, and can not be changed
	Problem string
	raw     json.RawMessage // what is sent, nil for nothing
}

func (c *console) startForm(v *visit) (page, error) {
	m, err := v.api.Model(v.ctx(), v.PathValue("model"))
	if err != nil {
		return page{}, err
	}
	return startPage(v, newStart(v, m, nil)), nil
}

func startPage(v *visit, d *startData) page {
	name := modelName(&d.Model)
	return page{
		Name: "start", Nav: "processes", Title: v.text("process.startone") + ": " + name, Data: d,
		Crumb: modelCrumb(v, link{modelURL(d.ModelID), name}),
	}
}

// start starts a process of what was sent, or shows what is wrong with it.
func (c *console) start(v *visit) (page, error) {
	m, err := v.api.Model(v.ctx(), v.PathValue("model"))
	if err != nil {
		return page{}, err
	}
	d := newStart(v, m, v.PostForm)
	variables := d.variables(v)
	if d.Wrong > 0 {
		p := startPage(v, d)
		p.Status = 400
		return p, nil
	}
	made, err := v.api.StartProcess(v.ctx(), client.NewProcess{
		ModelID: m.ModelID, ProcessName: d.Text("processName"), BusinessKey: d.Text("businessKey"),
		Variables: variables, Debug: d.Sent.Get("debug") == "on",
	})
	if err != nil {
		said := problem(v, err)
		d.Problem = &said
		p := startPage(v, d)
		p.Status = statusOf(&said)
		return p, nil
	}
	v.done("model.started")
	return page{Redirect: processURL(made.ID)}, nil
}

// Text is what was sent in a field.
func (d *startData) Text(name string) string { return strings.TrimSpace(d.Sent.Get(name)) }

// newStart makes the form as it was sent, or as it is at first.
func newStart(v *visit, m client.Model, sent url.Values) *startData {
	d := &startData{Model: m, Sent: sent, Other: sent.Get("other")}
	for i := range m.Parameters {
		p := &m.Parameters[i]
		if p.Visible != nil && !*p.Visible {
			continue
		}
		f := newField(v, p, "v"+strconv.Itoa(i))
		if sent.Has(f.Field) && !f.Locked {
			f.Value = strings.ReplaceAll(sent.Get(f.Field), "\r\n", "\n")
		}
		name := p.UIGroup
		if name == "" {
			name = p.Namespace
		}
		at := slices.IndexFunc(d.Groups, func(g startGroup) bool { return g.Name == name })
		if at < 0 {
			d.Groups = append(d.Groups, startGroup{Name: name})
			at = len(d.Groups) - 1
		}
		d.Groups[at].Fields = append(d.Groups[at].Fields, f)
	}
	return d
}

// refPrefix begins a default that is another parameter's value.
const refPrefix = "Ref:"

func newField(v *visit, p *client.ModelParam, name string) *startField {
	f := &startField{ModelParam: *p, Field: name, Value: plain(p.Default), Locked: p.AllowedCustomization != nil && !*p.AllowedCustomization}
	if ref, ok := strings.CutPrefix(f.Value, refPrefix); ok {
		f.Ref, f.Value, f.Default = ref, "", nil
	}
	f.Must = p.Required && len(f.Default) == 0 && f.Ref == "" && !p.NoEcho // a secret may have a default that is not shown
	switch {
	case p.NoEcho:
		f.Input, f.Value = "password", ""
	case len(p.AllowedValues) > 0:
		f.Input = "choice"
		for _, one := range p.AllowedValues {
			f.Choices = append(f.Choices, choice{string(one), plain(one)})
		}
		f.Value = string(f.Default)
	case p.Type == "boolean":
		f.Input, f.Choices, f.Value = "choice", []choice{{"true", v.text("frame.yes")}, {"false", v.text("frame.no")}}, string(f.Default)
	case p.Type == "object" || p.Type == "array":
		f.Input, f.Value = "json", pretty(string(f.Default))
	case p.Type == "integer" || p.Type == "number":
		f.Input = "number"
	default:
		f.Input = "text"
	}
	return f
}

// plain is a text without its quotes, and other JSON as it is.
func plain(raw json.RawMessage) string {
	if len(raw) > 0 && raw[0] == '"' {
		return jsonvalue.Text([]byte(raw))
	}
	return string(raw)
}
