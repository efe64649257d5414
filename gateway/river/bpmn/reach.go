package bpmn

// bitset is a set of small numbers.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) add(i int) { b[i/64] |= 1 << (i % 64) }

func (b bitset) has(i int) bool { return i/64 < len(b) && b[i/64]&(1<<(i%64)) != 0 }

// Reaches reports whether a token that stands at from can come to node to
// along flows and boundary events, be it by leaving the subprocesses it is in. From and
// to may be the same node, which then must be on a loop. A token never comes to a node of
// a scope that it is outside of: what it would start there is another run of that scope.
func Reaches(from, to *Node) bool {
	if g, ok := to.Detail.(*InclusiveGateway); ok {
		return expects(g.sources, to, from) // worked out when the file was read
	}
	return expects(sources(to), to, from)
}

// expects lifts from to the scope of to.
func expects(set bitset, to, from *Node) bool {
	for from != nil && from.Scope != to.Scope {
		from = from.Scope.Owner
	}
	return from != nil && set.has(from.Index)
}

// sources returns the nodes of the scope of to from which a path leads to it.
func sources(to *Node) bitset {
	set := newBitset(len(to.Process().nodes))
	todo := []*Node{to}
	visit := func(n *Node) {
		if !set.has(n.Index) {
			set.add(n.Index)
			todo = append(todo, n)
		}
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if e, ok := n.Detail.(*BoundaryEvent); ok {
			visit(e.AttachedTo)
		}
		for _, f := range n.Incoming {
			visit(f.Source)
		}
	}
	return set
}
