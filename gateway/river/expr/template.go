package expr

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/riverstones/riverstones/gateway/river/variable"
)

// Env is where an expression finds its variables. Each name is asked for when
// it is needed, so values may be fetched lazily. A lookup that failed, rather
// than found nothing, is better told through the context's cause, or remembered
// by the Env.
type Env interface {
	Lookup(name string) (variable.Value, bool)
}

// Template is a compiled text: literals, expressions, or both. It does not
// change, and may be evaluated by many at once.
type Template struct {
	text   string
	parts  []part
	refs   []Ref
	limits Limits
}

// part is a literal, or an expression if that is not nil.
type part struct {
	literal string
	expr    *expression
}

// Compile reads a text. The error is a [*SyntaxError].
func Compile(text string, limits Limits) (*Template, error) {
	return compile(text, limits, "${", "#{")
}

// compile reads a text in which expressions are opened by one of two marks.
func compile(text string, limits Limits, openers ...string) (*Template, error) {
	t := &Template{text: text, limits: limits.withDefaults()}
	if len(text) > t.limits.MaxText {
		return nil, &SyntaxError{Text: clip(text), Reason: fmt.Sprintf("longer than %d bytes, make it shorter", t.limits.MaxText)}
	}
	nodes := 0
	for at := 0; at < len(text); {
		literal, next := scanLiteral(text, at, openers)
		if literal != "" {
			t.parts = append(t.parts, part{literal: literal})
		}
		if next == len(text) {
			break
		}
		p := &parser{lexer: lexer{text: text, at: next + 2}, limits: t.limits, nodes: nodes}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		t.parts = append(t.parts, part{expr: e})
		t.refs = append(t.refs, e.refs...)
		at, nodes = p.lexer.at, p.nodes
	}
	return t, nil
}

// scanLiteral reads from position at to the next opener or the end, and takes
// the backslash away from an opener that has one.
func scanLiteral(text string, at int, openers []string) (literal string, next int) {
	var b strings.Builder
	for i := at; i < len(text); i++ {
		rest := text[i:]
		if rest[0] == '\\' && opens(rest[1:], openers) {
			b.WriteString(rest[1:3])
			i += 2
			continue
		}
		if opens(rest, openers) {
			return b.String(), i
		}
		b.WriteByte(rest[0])
	}
	return b.String(), len(text)
}

// opens reports whether an expression begins here.
func opens(s string, openers []string) bool {
	for _, o := range openers {
		if strings.HasPrefix(s, o) {
			return true
		}
	}
	return false
}

// Text returns the text that was compiled.
func (t *Template) Text() string { return t.text }

// Literal returns the text and true if there is no expression in it.
func (t *Template) Literal() (string, bool) {
	switch {
	case len(t.parts) == 0:
		return "", true
	case len(t.parts) == 1 && t.parts[0].expr == nil:
		return t.parts[0].literal, true
	}
	return "", false
}

// Eval evaluates the text. One expression alone keeps the type of its value; of
// anything else the result is a string. The error wraps [*UnknownVariable],
// [*LimitError], the context's error, or tells what can not be calculated; it
// never holds the value of a variable.
func (t *Template) Eval(ctx context.Context, env Env) (variable.Value, error) {
	r := &run{ctx: ctx, env: env, left: t.limits.MaxWork}
	v, err := t.eval(r)
	if err != nil {
		return variable.Value{}, fmt.Errorf("expression %q: %w", clip(t.text), err)
	}
	return v, nil
}

// eval evaluates the text within a run.
func (t *Template) eval(r *run) (variable.Value, error) {
	if len(t.parts) == 1 && t.parts[0].expr != nil {
		return t.parts[0].expr.eval(r)
	}
	if s, ok := t.Literal(); ok {
		return variable.String(s), nil
	}
	var b strings.Builder
	for _, p := range t.parts {
		if p.expr == nil {
			b.WriteString(p.literal)
			continue
		}
		v, err := p.expr.eval(r)
		if err != nil {
			return variable.Value{}, err
		}
		if v.IsBytes() {
			return variable.Value{}, fmt.Errorf("a value of type %s is no text", v.Type())
		}
		if err := r.charge(v.Size()); err != nil {
			return variable.Value{}, err
		}
		b.WriteString(v.Text())
	}
	return variable.String(b.String()), nil
}

// EvalBool evaluates a condition. A result that is not boolean is an error.
func (t *Template) EvalBool(ctx context.Context, env Env) (bool, error) {
	v, err := t.Eval(ctx, env)
	if err != nil {
		return false, err
	}
	if b, ok := v.Bool(); ok {
		return b, nil
	}
	got := v.Type()
	if v.IsNull() {
		got = "null"
	}
	return false, fmt.Errorf("expression %q: %w, it is %s", clip(t.text), errNoCondition, got)
}

var errNoCondition = errors.New("the result of a condition must be true or false")
