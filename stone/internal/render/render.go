// Package render fills the templates of built-in stones with the params and
// outputs of a task. Templates are those of [text/template]; what differs is
// that every inserted value is escaped for the place it stands in, that a
// missing key is an error, and that templates can not call each other.
package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/riverstones/riverstones/stone"
)

// Data returns what templates see: .params (of the task, with defaults filled
// in), .outputs (what the task has so far), and .task with id, taskId, processInstanceId, name, namespace, stone,
// businessKey, method, attempt and key, the idempotency key. Numbers keep
// their digits.
func Data(t *stone.Task, params json.RawMessage) (map[string]any, error) {
	p, err := decode(params)
	if err != nil {
		return nil, fmt.Errorf("params: %w", err)
	}
	outputs, err := decode(t.Before())
	if err != nil {
		return nil, fmt.Errorf("outputs: %w", err)
	}
	return map[string]any{"params": p, "outputs": outputs, "task": map[string]any{
		"id": t.ID, "taskId": t.TaskID, "processInstanceId": t.ProcessInstanceID, "name": t.Name,
		"namespace": t.Namespace, "stone": t.Stone, "businessKey": t.BusinessKey,
		"method": string(t.Method), "attempt": t.Attempt, "key": t.IdempotencyKey(),
	}}, nil
}

func decode(doc []byte) (map[string]any, error) {
	m := map[string]any{}
	if len(doc) == 0 {
		return m, nil
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	return m, dec.Decode(&m)
}

// Template is a parsed template.
type Template struct {
	tmpl    *template.Template
	outputs []string
}

// Execute fills the template. An error names the template and the place, and
// never the value.
func (t *Template) Execute(data map[string]any) (string, error) {
	var b strings.Builder
	err := t.tmpl.Execute(&b, data)
	var bad *valueError
	switch {
	case errors.As(err, &bad):
		return "", fmt.Errorf("%s: %w", t.tmpl.Name(), bad)
	case err != nil:
		return "", errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	return b.String(), nil
}

// Outputs returns the names of the outputs that the template refers to.
func (t *Template) Outputs() []string { return t.outputs }

// Escape writes a value for the place it stands in.
type Escape func(v any) (string, error)

// Text parses a template whose values all go through one escape.
func Text(name, src string, esc Escape) (*Template, error) {
	return build(name, src, func(*state, string) {}, map[string]Escape{"": esc})
}

// JSON parses a template of a JSON text. A value within a string is written as
// a part of that string, a value elsewhere as a JSON value of its own, with
// quotes if it is a text.
func JSON(name, src string) (*Template, error) {
	return build(name, src, scanJSON, map[string]Escape{"": jsonValue, inString: jsonPart})
}

// state is the place in the text that a walk has come to.
type state struct {
	place   string // key into the escapes
	escaped bool   // behind a backslash within a string
}

const inString = "string"

// scanJSON moves the state over literal text.
func scanJSON(s *state, text string) {
	for _, c := range text {
		switch {
		case s.escaped:
			s.escaped = false
		case s.place == inString && c == '\\':
			s.escaped = true
		case c == '"' && s.place == inString:
			s.place = ""
		case c == '"':
			s.place = inString
		}
	}
}

// valueError says which pipeline gave a value that can not stand where it is.
type valueError struct {
	at  string
	why error
}

func (e *valueError) Error() string { return e.at + ": " + e.why.Error() }
func (e *valueError) Unwrap() error { return e.why }

func build(name, src string, scan func(*state, string), escapes map[string]Escape) (*Template, error) {
	funcs := template.FuncMap{"json": func(v any) (asJSON, error) {
		s, err := jsonValue(v)
		return asJSON(s), err
	}}
	tmpl, err := template.New(name).Option("missingkey=error").Funcs(funcs).Parse(src)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	if len(tmpl.Templates()) > 1 {
		return nil, fmt.Errorf("%s: define and block are not supported", name)
	}
	w := walker{scan: scan, escapes: escapes, funcs: funcs}
	if tmpl.Tree != nil {
		end, err := w.list(tmpl.Root, state{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if end != (state{}) {
			return nil, fmt.Errorf("%s: a string is not closed", name)
		}
	}
	return &Template{tmpl: tmpl.Funcs(funcs), outputs: w.outputs}, nil
}

// walker goes through a parse tree, adds the escapes, and notes references to
// outputs.
type walker struct {
	scan    func(*state, string)
	escapes map[string]Escape
	funcs   template.FuncMap
	outputs []string
}

func (w *walker) list(l *parse.ListNode, s state) (state, error) {
	if l == nil {
		return s, nil
	}
	for _, n := range l.Nodes {
		var err error
		if s, err = w.node(n, s); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (w *walker) node(n parse.Node, s state) (state, error) {
	switch n := n.(type) {
	case *parse.TextNode:
		w.scan(&s, string(n.Text))
		return s, nil
	case *parse.CommentNode:
		return s, nil
	case *parse.ActionNode:
		return s, w.action(n, s)
	case *parse.IfNode:
		return w.branch(&n.BranchNode, s)
	case *parse.WithNode:
		return w.branch(&n.BranchNode, s)
	case *parse.RangeNode:
		return w.branch(&n.BranchNode, s)
	default:
		return s, fmt.Errorf("%s is not supported", n)
	}
}

// action adds the escape that the place asks for.
func (w *walker) action(n *parse.ActionNode, s state) error {
	if s.escaped {
		return fmt.Errorf("%s stands behind a backslash", n)
	}
	w.refer(n.Pipe)
	if len(n.Pipe.Decl) > 0 { // a variable: nothing is inserted
		return nil
	}
	at, esc := n.Pipe.String(), w.escapes[s.place]
	name := fmt.Sprintf("_escape%d", len(w.funcs)) // not known while templates are parsed
	w.funcs[name] = func(v any) (string, error) {
		s, err := esc(v)
		if err != nil {
			return "", &valueError{at, err}
		}
		return s, nil
	}
	n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: n.Pos,
		Args: []parse.Node{parse.NewIdentifier(name).SetPos(n.Pos)}})
	return nil
}

// branch makes sure that the text goes on in the same place whichever branch
// was taken.
func (w *walker) branch(n *parse.BranchNode, s state) (state, error) {
	w.refer(n.Pipe)
	one, err := w.list(n.List, s)
	if err != nil {
		return s, err
	}
	other, err := w.list(n.ElseList, s)
	if err != nil {
		return s, err
	}
	if one != other || n.NodeType == parse.NodeRange && one != s {
		return s, fmt.Errorf("the branches of %s end in different places, within a string and outside", n.Pipe)
	}
	return one, nil
}

// refer notes the outputs that a pipeline refers to.
func (w *walker) refer(n parse.Node) {
	switch n := n.(type) {
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			for _, a := range c.Args {
				w.refer(a)
			}
		}
	case *parse.FieldNode:
		w.field(n.Ident)
	case *parse.VariableNode:
		w.field(n.Ident[1:])
	case *parse.ChainNode:
		w.refer(n.Node)
	}
}

func (w *walker) field(ident []string) {
	if len(ident) > 1 && ident[0] == "outputs" && !slices.Contains(w.outputs, ident[1]) {
		w.outputs = append(w.outputs, ident[1])
	}
}
