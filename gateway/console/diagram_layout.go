package console

import (
	"slices"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
)

// Sizes in a drawing, in its units, which are pixels at 100 %.
const (
	eventSize    = 36
	gatewaySize  = 50
	taskWidth    = 100
	taskHeight   = 80
	columnGap    = 60 // between ranks, for the lines that go up and down there
	rowGap       = 30 // between nodes of a rank
	labelHeight  = 30 // below events and gateways, for their names
	scopePadding = 50 // within a subprocess; lines may lead through it
	scopeTitle   = 20 // above what is in a subprocess, for its name
	loopGap      = 16 // between lines that lead back
	boundaryStep = 46 // between the events at the edge of an activity
	boundaryDrop = 26 // that a line from such an event goes down first
	sweeps       = 6  // over all ranks, to put nodes where their neighbours are
	maxBends     = 20_000
)

type point struct{ X, Y int }

type box struct{ X, Y, W, H int }

func (b box) middle() int { return b.Y + b.H/2 }

// drawing says where the parts of a process are.
type drawing struct {
	nodes map[*bpmn.Node]box
	flows map[*bpmn.Flow][]point
}

// layout draws a process from left to right: the rank of a node is the longest
// way to it, nodes of one rank stand below each other, and lines have right
// angles. What is in a subprocess is drawn within it.
func layout(p *bpmn.Process) *drawing {
	d := &drawing{nodes: map[*bpmn.Node]box{}, flows: map[*bpmn.Flow][]point{}}
	d.scope(&p.Scope)
	return d
}

// scope draws the nodes of a scope from 0, 0 on, and returns its size.
func (d *drawing) scope(s *bpmn.Scope) (width, height int) {
	inner := map[*bpmn.Node]box{}
	for _, n := range s.Nodes {
		if in := n.Inner(); in != nil {
			w, h := d.scope(in)
			inner[n] = box{W: w, H: h}
		}
	}
	l := newLayers(s, inner)
	l.place()
	l.route(d)
	for _, n := range s.Nodes {
		if in := n.Inner(); in != nil {
			at := d.nodes[n]
			d.move(in, at.X+scopePadding, at.Y+scopePadding+scopeTitle)
		}
	}
	return l.width, l.height
}

// move moves what is in a scope, at any depth.
func (d *drawing) move(s *bpmn.Scope, dx, dy int) {
	for _, n := range s.Nodes {
		b := d.nodes[n]
		b.X, b.Y = b.X+dx, b.Y+dy
		d.nodes[n] = b
		if in := n.Inner(); in != nil {
			d.move(in, dx, dy)
		}
	}
	for _, f := range s.Flows {
		for i := range d.flows[f] {
			d.flows[f][i].X += dx
			d.flows[f][i].Y += dy
		}
	}
}

// sizeOf is the size of a node; inner is that of what is in a subprocess.
func sizeOf(n *bpmn.Node, inner box) (width, height int) {
	switch kind := n.Kind(); {
	case n.Inner() != nil:
		width, height = max(taskWidth, inner.W+2*scopePadding), max(taskHeight, inner.H+2*scopePadding+scopeTitle)
	case kind.Gateway():
		return gatewaySize, gatewaySize
	case kind.Activity():
		width, height = taskWidth, taskHeight
	default:
		return eventSize, eventSize
	}
	return max(width, boundaryStep*len(n.Boundary)+eventSize/2), height
}

// vertex is a node in its rank, or a bend: where a line passes a rank.
type vertex struct {
	node   *bpmn.Node // nil for a bend
	rank   int
	order  int // in its rank
	w, h   int
	below  int // room that it needs under it
	y      int
	in     []*vertex
	out    []*vertex
	low    bool    // a line from the lower edge of an activity leads to it
	center float64 // where its neighbours are
}

// edge is a flow with the bends on its way.
type edge struct {
	flow     *bpmn.Flow
	from, to *vertex
	bends    []*vertex
	back     bool // it leads to a rank that is not behind
}

// layers are the nodes of a scope in ranks.
type layers struct {
	vertices      map[*bpmn.Node]*vertex
	all           []*vertex // of nodes, in document order
	edges         []*edge
	ranks         [][]*vertex
	left          []int // of each rank
	wide          []int // of each rank
	width, height int
}

func newLayers(s *bpmn.Scope, inner map[*bpmn.Node]box) *layers {
	l := &layers{vertices: map[*bpmn.Node]*vertex{}}
	for _, n := range s.Nodes {
		if n.Kind() == bpmn.KindBoundaryEvent {
			continue
		}
		v := &vertex{node: n}
		v.w, v.h = sizeOf(n, inner[n])
		switch {
		case len(n.Boundary) > 0:
			v.below = eventSize/2 + boundaryDrop + labelHeight
		case !n.Kind().Activity():
			v.below = labelHeight
		}
		l.vertices[n] = v
		l.all = append(l.all, v)
	}
	for _, f := range s.Flows {
		from, to := l.vertices[host(f.Source)], l.vertices[host(f.Target)]
		if from != nil && to != nil {
			l.edges = append(l.edges, &edge{flow: f, from: from, to: to, back: from == to})
		}
	}
	l.rank()
	return l
}

// host is the activity that a boundary event is attached to, and any other node itself.
func host(n *bpmn.Node) *bpmn.Node {
	if n != nil {
		if b, ok := n.Detail.(*bpmn.BoundaryEvent); ok {
			return b.AttachedTo
		}
	}
	return n
}

// rank gives each node its rank, and bends to lines that pass ranks.
func (l *layers) rank() {
	out := map[*vertex][]*edge{}
	for _, e := range l.edges {
		out[e.from] = append(out[e.from], e)
	}
	for _, v := range l.inOrder(out) {
		for _, e := range out[v] {
			if !e.back {
				e.to.rank = max(e.to.rank, v.rank+1)
			}
		}
	}
	last := 0
	for _, v := range l.all {
		last = max(last, v.rank)
	}
	l.ranks = make([][]*vertex, last+1)
	for _, v := range l.all {
		l.add(v)
	}
	l.bend()
}

func (l *layers) add(v *vertex) {
	v.order = len(l.ranks[v.rank])
	l.ranks[v.rank] = append(l.ranks[v.rank], v)
}

// inOrder returns the nodes so that each stands before those that its lines
// lead to, but for lines that lead back, which it marks.
func (l *layers) inOrder(out map[*vertex][]*edge) []*vertex {
	const open, done = 1, 2
	state := map[*vertex]int{}
	var reversed []*vertex
	type walk struct {
		v    *vertex
		next int
	}
	for _, root := range l.roots() {
		if state[root] != 0 {
			continue
		}
		state[root] = open
		for path := []walk{{v: root}}; len(path) > 0; { // its own stack: models may be long
			at := &path[len(path)-1]
			if at.next == len(out[at.v]) {
				state[at.v] = done
				reversed = append(reversed, at.v)
				path = path[:len(path)-1]
				continue
			}
			e := out[at.v][at.next]
			at.next++
			switch state[e.to] {
			case open:
				e.back = true
			case 0:
				state[e.to] = open
				path = append(path, walk{v: e.to})
			}
		}
	}
	slices.Reverse(reversed)
	return reversed
}

// roots are all nodes, those first that no line leads to.
func (l *layers) roots() []*vertex {
	led := map[*vertex]bool{}
	for _, e := range l.edges {
		if e.from != e.to {
			led[e.to] = true
		}
	}
	var first, others []*vertex
	for _, v := range l.all {
		if led[v] {
			others = append(others, v)
		} else {
			first = append(first, v)
		}
	}
	return append(first, others...)
}

// bend makes a vertex of each rank that a line passes. Of more than maxBends in
// all, lines go straight through.
func (l *layers) bend() {
	bends := 0
	for _, e := range l.edges {
		if !e.back {
			bends += e.to.rank - e.from.rank - 1
		}
	}
	for _, e := range l.edges {
		if e.back {
			continue
		}
		at, first := e.from, e.to
		for r := e.from.rank + 1; r < e.to.rank && bends <= maxBends; r++ {
			b := &vertex{rank: r}
			l.add(b)
			e.bends = append(e.bends, b)
			first = e.bends[0]
			at.out, b.in = append(at.out, b), append(b.in, at)
			at = b
		}
		at.out, e.to.in = append(at.out, e.to), append(e.to.in, at)
		first.low = first.low || host(e.flow.Source) != e.flow.Source
	}
}
