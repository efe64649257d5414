package expr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Tree is a compiled tree of parameters: JSON whose strings may hold `${…}`, and
// in which an object with the one member Fn::GetAtt or Fn::GetProcessOutputs
// stands for what the function gives. It does not change, and may be resolved by
// many at once. Of a tree, `#{` is plain text.
type Tree struct {
	root   node
	leaves []*leaf
	limits Limits
}

// TreeRef is a reference and the parameter that holds it.
type TreeRef struct {
	Param string // the path of the parameter, such as a.b[0]; "" for the root
	Ref
}

// ParamError says at which parameter something went wrong.
type ParamError struct {
	Path string // such as a.b[0]; "" for the root
	Err  error
}

// Error names the parameter.
func (e *ParamError) Error() string {
	if e.Path == "" {
		return "parameters: " + e.Err.Error()
	}
	return "parameter " + strconv.Quote(clip(e.Path)) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *ParamError) Unwrap() error { return e.Err }

const (
	maxTreeErrors = 50     // how many problems are told at once
	maxTemplates  = 10_000 // strings with expressions in one tree
)

// place is where a value stands. Its path is written only when it is needed:
// a long name above many values would stand in each of theirs.
type place struct {
	up    *place
	name  string // of a member
	index int    // in an array, if up is one
	array bool
}

// String writes the path.
func (p *place) String() string {
	if p.up == nil {
		return ""
	}
	up := p.up.String()
	switch {
	case p.array:
		return up + "[" + strconv.Itoa(p.index) + "]"
	case up == "":
		return clip(p.name)
	}
	return up + "." + clip(p.name)
}

// CompileTree reads a tree. The error joins a [*ParamError] for each problem,
// so that an author sees all of them at once.
func CompileTree(raw jsontext.Value, limits Limits) (*Tree, error) {
	c := &treeCompiler{dec: jsontext.NewDecoder(bytes.NewReader(raw)), tree: &Tree{limits: limits.withDefaults()}}
	if len(raw) > c.tree.limits.MaxTree {
		return nil, &ParamError{Err: fmt.Errorf("longer than %d bytes, make them smaller", c.tree.limits.MaxTree)}
	}
	root := &place{}
	c.tree.root = c.value(root, 0)
	if _, err := c.dec.ReadToken(); len(c.errs) == 0 && !errors.Is(err, io.EOF) {
		c.fail(root, errors.New("more than one JSON value"))
	}
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	return c.tree, nil
}

// ResolveTree compiles a tree with the default limits and resolves it once.
func ResolveTree(ctx context.Context, raw jsontext.Value, env Env, functions Functions) (jsontext.Value, error) {
	t, err := CompileTree(raw, Limits{})
	if err != nil {
		return nil, err
	}
	return t.Resolve(ctx, env, functions)
}

// References lists what the tree refers to, parameter by parameter.
func (t *Tree) References() []TreeRef {
	var out []TreeRef
	for _, l := range t.leaves {
		for _, r := range l.template.References() {
			out = append(out, TreeRef{Param: l.path.String(), Ref: r})
		}
	}
	return out
}

// treeCompiler makes nodes of JSON. After broken JSON it stops; other problems
// it collects.
type treeCompiler struct {
	dec    *jsontext.Decoder
	tree   *Tree
	errs   []error
	broken bool
}

// fail keeps a problem.
func (c *treeCompiler) fail(path *place, err error) {
	if len(c.errs) < maxTreeErrors {
		c.errs = append(c.errs, &ParamError{Path: path.String(), Err: err})
	}
}

// breakOff ends the reading.
func (c *treeCompiler) breakOff(path *place, err error) node {
	if !c.broken {
		c.fail(path, err)
	}
	c.broken = true
	return nil
}

// value reads one value of any kind.
func (c *treeCompiler) value(path *place, depth int) node {
	switch kind := c.dec.PeekKind(); {
	case c.broken:
		return nil
	case depth > c.tree.limits.MaxDepth:
		return c.breakOff(path, fmt.Errorf("nested deeper than %d", c.tree.limits.MaxDepth))
	case kind == jsontext.KindBeginObject:
		return c.object(path, depth)
	case kind == jsontext.KindBeginArray:
		return c.array(path, depth)
	}
	raw, err := c.dec.ReadValue()
	if err != nil {
		return c.breakOff(path, fmt.Errorf("no valid JSON: %w", err))
	}
	if raw.Kind() == jsontext.KindString && bytes.Contains(raw, []byte(`{`)) {
		return c.text(path, raw)
	}
	return fixed(raw.Clone())
}

// text reads a string, which may be a template.
func (c *treeCompiler) text(path *place, raw jsontext.Value) node {
	s, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return c.breakOff(path, fmt.Errorf("no valid JSON: %w", err))
	}
	if !strings.Contains(string(s), "${") {
		return fixed(raw.Clone()) // long texts are no matter, if they are only that
	}
	t, err := compile(string(s), c.tree.limits, "${")
	if err != nil {
		c.fail(path, err)
		return fixed(nil)
	}
	if len(c.tree.leaves) == maxTemplates {
		return c.breakOff(path, fmt.Errorf("more than %d strings with expressions", maxTemplates))
	}
	l := &leaf{path: path, template: t}
	c.tree.leaves = append(c.tree.leaves, l)
	return l
}

// array reads the elements of an array.
func (c *treeCompiler) array(path *place, depth int) node {
	n := &list{}
	c.token(path)
	for i := 0; !c.broken && c.dec.PeekKind() != jsontext.KindEndArray; i++ {
		*n = append(*n, c.value(&place{up: path, array: true, index: i}, depth+1))
	}
	c.token(path)
	return n
}

// object reads the members of an object, or a function.
func (c *treeCompiler) object(path *place, depth int) node {
	n := &object{}
	c.token(path)
	for !c.broken && c.dec.PeekKind() != jsontext.KindEndObject {
		name := c.token(path)
		n.names = append(n.names, name)
		n.values = append(n.values, c.value(&place{up: path, name: name}, depth+1))
	}
	c.token(path)
	if c.broken || !n.hasFunction() {
		return n
	}
	f, err := newCall(path, n)
	if err != nil {
		c.fail(path, err)
		return fixed(nil)
	}
	return f
}

// token reads a bracket or a name.
func (c *treeCompiler) token(path *place) string {
	if c.broken {
		return ""
	}
	tok, err := c.dec.ReadToken()
	if err != nil {
		c.breakOff(path, fmt.Errorf("no valid JSON: %w", err))
		return ""
	}
	return tok.String()
}
