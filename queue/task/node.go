package task

// node is one value of a document: where it stands, and what is in it.
type node struct {
	from, to int
	names    []string // of an object's members, in their order
	kids     []node   // values of an object or an array
}

// parse returns the one value of a document. It reads as leniently as the
// walker does.
func parse(doc []byte) (node, bool) {
	p := parser{walker{src: doc}}
	n, ok := p.node()
	return n, ok && p.w.end()
}

// parseRow returns the values of a text that holds one or several in a row.
func parseRow(text []byte) (row []node, ok bool) {
	p := parser{walker{src: text}}
	for !p.w.end() {
		n, ok := p.node()
		if !ok {
			return nil, false
		}
		row = append(row, n)
	}
	return row, len(row) > 0
}

// text returns what a string means.
func (n *node) text(doc []byte) []byte { return unescape(doc[n.from+1 : n.to-1]) }

// each calls f for every value that is neither an object nor an array.
func (n *node) each(f func(leaf *node)) {
	if n.kids == nil {
		f(n)
		return
	}
	for i := range n.kids {
		n.kids[i].each(f)
	}
}

// member returns the member of this name that is the nth one of that name,
// counted from 0.
func (n *node) member(name string, nth int) *node {
	for i := range n.names {
		if n.names[i] != name {
			continue
		}
		if nth == 0 {
			return &n.kids[i]
		}
		nth--
	}
	return nil
}

// parser makes nodes with the walker's scanning.
type parser struct{ w walker }

func (p *parser) node() (n node, ok bool) {
	c := p.w.peek()
	n.from = p.w.pos
	switch c {
	case '{':
		n.kids = []node{}
		ok = p.w.container('}', func() bool { return p.member(&n) })
	case '[':
		n.kids = []node{}
		ok = p.w.container(']', func() bool { return p.element(&n) })
	case '"':
		_, _, ok = p.w.quoted()
	default:
		ok = p.w.scalar()
	}
	n.to = p.w.pos
	return n, ok
}

func (p *parser) element(n *node) bool {
	kid, ok := p.node()
	n.kids = append(n.kids, kid)
	return ok
}

func (p *parser) member(n *node) bool {
	if p.w.peek() != '"' {
		return false
	}
	name, _, ok := p.w.quoted()
	if !ok || p.w.peek() != ':' {
		return false
	}
	p.w.pos++
	n.names = append(n.names, string(unescape(name)))
	return p.element(n)
}
