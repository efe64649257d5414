package console

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/queue/task"
)

// Limits of a document as a page shows it.
const (
	treeNodes    = 2000
	treeChildren = 200
	treeText     = 4 << 10 // bytes of one text
	treeOpen     = 20      // members of what is unfolded at first
)

// tree is a JSON document as it is shown: order and numbers are as they were
// written.
type tree struct {
	Root node
	Cut  bool // something was left out
	left int
}

// node is one value.
type node struct {
	Name, Text, Kind string // Kind is string, number, literal, secret or other
	Folds, Open      bool
	Children         []node
	More             int // children that are left out
}

// treeOf reads a document from a text, a pointer to one, or its bytes. What is
// no JSON is shown as a text.
func treeOf(doc any) *tree {
	var raw []byte
	switch doc := doc.(type) {
	case string:
		raw = []byte(doc)
	case *string:
		raw = []byte(deref(doc))
	case []byte:
		raw = doc
	case jsontext.Value:
		raw = doc
	}
	t := &tree{left: treeNodes}
	d := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	root, err := t.value(d, 0)
	if err != nil {
		root = node{Kind: "other", Text: t.cut(strings.ToValidUTF8(string(raw), "�"))}
	}
	t.Root = root
	return t
}

func (t *tree) value(d *jsontext.Decoder, depth int) (node, error) {
	t.left--
	tok, err := d.ReadToken()
	if err != nil {
		return node{}, err
	}
	switch tok.Kind() {
	case '{', '[':
		return t.compound(d, tok.Kind(), depth)
	case '"':
		s := tok.String()
		if s == task.Mask {
			return node{Kind: "secret", Text: s}, nil
		}
		return node{Kind: "string", Text: t.cut(strconv.Quote(s))}, nil
	case '0':
		return node{Kind: "number", Text: tok.String()}, nil
	default:
		return node{Kind: "literal", Text: tok.String()}, nil
	}
}

// compound reads the rest of an object or an array.
func (t *tree) compound(d *jsontext.Decoder, kind jsontext.Kind, depth int) (node, error) {
	n := node{Folds: true}
	count := 0
	for ; d.PeekKind() != '}' && d.PeekKind() != ']'; count++ {
		name := ""
		if kind == '{' {
			tok, err := d.ReadToken()
			if err != nil {
				return n, err
			}
			name = tok.String()
		}
		if count >= treeChildren || t.left <= 0 {
			n.More++
			if err := d.SkipValue(); err != nil {
				return n, err
			}
			continue
		}
		child, err := t.value(d, depth+1)
		if err != nil {
			return n, err
		}
		if child.Name = t.cut(name); kind == '[' {
			child.Name = strconv.Itoa(count)
		}
		n.Children = append(n.Children, child)
	}
	if _, err := d.ReadToken(); err != nil {
		return n, err
	}
	t.Cut = t.Cut || n.More > 0
	n.Open = depth == 0 || depth < 3 && count <= treeOpen
	if n.Text = fmt.Sprintf("{%d}", count); kind == '[' {
		n.Text = fmt.Sprintf("[%d]", count)
	}
	if count == 0 {
		n = node{Kind: "literal", Text: map[jsontext.Kind]string{'{': "{}", '[': "[]"}[kind]}
	}
	return n, nil
}

func (t *tree) cut(s string) string {
	if len(s) <= treeText {
		return s
	}
	t.Cut = true
	return strings.ToValidUTF8(s[:treeText], "") + " …"
}

// pretty indents a document, and leaves what is none as it is.
func pretty(doc string) string {
	v := jsontext.Value(doc)
	if err := v.Indent(jsontext.WithIndent("  "), jsontext.AllowDuplicateNames(true)); err != nil {
		return doc
	}
	return string(v)
}
