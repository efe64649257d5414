package river

import (
	"slices"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/queue/task"
)

// maxPathWork bounds how many steps all questions about one process take; past
// it paths are not looked at.
const maxPathWork = 50_000_000

// paths answers whether a token can come to a node without any of some other
// nodes, the makers, having been done. It plays the tokens of a process without
// its data: each choice may go either way.
//
// Two things are worked out. A node is come to if a token can arrive there
// while the makers send nothing on; a parallel join needs all its flows. A
// scope can be ended if from its start all tokens that must be sent find an
// end: that is what leaves a subprocess, and what opens an inclusive join.
type paths struct {
	process *bpmn.Process
	work    int
	known   map[string]*avoidance // by namespace
	raisers map[*bpmn.Node][]*bpmn.Node
}

func newPaths(p *bpmn.Process) *paths {
	out := &paths{process: p, known: map[string]*avoidance{}, raisers: map[*bpmn.Node][]*bpmn.Node{}}
	for _, n := range p.AllNodes() {
		if b, ok := n.Detail.(*bpmn.BoundaryEvent); ok {
			out.raisers[n] = raisers(b)
		}
	}
	return out
}

// without reports whether the place of a use can be come to before its
// namespace has outputs.
func (p *paths) without(makers []*bpmn.Node, u *use) bool {
	a := p.known[u.namespace]
	if a == nil {
		a = &avoidance{paths: p, makers: make([]bool, len(p.process.AllNodes())), ended: map[*bpmn.Node]bool{}}
		for _, n := range makers {
			a.makers[n.Index] = true
		}
		a.come = make([]bool, len(a.makers))
		a.arrive()
		p.known[u.namespace] = a
	}
	switch {
	case p.work > maxPathWork:
		return false
	case u.when == leaving:
		return a.sends(u.node)
	default:
		return a.begins(u.node)
	}
}

// avoidance is what can be done without the makers of one namespace.
type avoidance struct {
	*paths

	makers []bool // by index
	come   []bool // a token can arrive at the node
	ended  map[*bpmn.Node]bool
}

// begins reports whether what a node waits for can be worked out: of a boundary
// event it is when its activity begins.
func (a *avoidance) begins(n *bpmn.Node) bool {
	if b, ok := n.Detail.(*bpmn.BoundaryEvent); ok {
		return a.come[b.AttachedTo.Index]
	}
	return a.come[n.Index]
}

// arrive finds the nodes that are come to, until there are no more.
func (a *avoidance) arrive() {
	for again := true; again && a.work <= maxPathWork; {
		again = false
		clear(a.ended) // more may be possible by now
		for _, n := range a.process.AllNodes() {
			if a.work++; !a.come[n.Index] && a.enters(n) {
				a.come[n.Index], again = true, true
			}
		}
	}
}

// enters reports whether a token can arrive at a node by what is known so far.
func (a *avoidance) enters(n *bpmn.Node) bool {
	switch n.Detail.(type) {
	case *bpmn.StartEvent:
		return n.Scope.Owner == nil || a.come[n.Scope.Owner.Index]
	case *bpmn.BoundaryEvent:
		a.work += len(a.raisers[n])
		return slices.ContainsFunc(a.raisers[n], func(from *bpmn.Node) bool { return a.come[from.Index] })
	case *bpmn.ParallelGateway:
		return len(n.Incoming) > 0 && !slices.ContainsFunc(n.Incoming, func(f *bpmn.Flow) bool { return !a.sends(f.Source) })
	case *bpmn.InclusiveGateway:
		return slices.ContainsFunc(n.Incoming, a.follows) && (len(n.Incoming) == 1 || a.opens(n))
	default:
		return slices.ContainsFunc(n.Incoming, a.follows)
	}
}

func (a *avoidance) follows(f *bpmn.Flow) bool { return a.sends(f.Source) }

// sends reports whether a node can send a token on.
func (a *avoidance) sends(n *bpmn.Node) bool {
	a.work++
	return a.come[n.Index] && !a.makers[n.Index] && (n.Inner() == nil || a.ends(n))
}

// ends reports whether a subprocess can come to its end.
func (a *avoidance) ends(sub *bpmn.Node) bool {
	can, known := a.ended[sub]
	if !known {
		in := sub.Inner()
		can = a.resolve(in, nil)[in.Start.Index].all
		a.ended[sub] = can
	}
	if can {
		return true
	}
	return slices.ContainsFunc(sub.Inner().Nodes, func(n *bpmn.Node) bool { // a terminate end takes the other tokens along
		end, ok := n.Detail.(*bpmn.EndEvent)
		return ok && end.Trigger == bpmn.TriggerTerminate && a.come[n.Index]
	})
}

// opens reports whether an inclusive join can go on: all tokens of its scope
// that could come are there or went another way, and one at least is there.
func (a *avoidance) opens(join *bpmn.Node) bool {
	all := a.resolve(join.Scope, join)
	return slices.ContainsFunc(join.Scope.Nodes, func(n *bpmn.Node) bool {
		return n.Kind() == bpmn.KindStartEvent && all[n.Index].one
	})
}

// fate is what can become of a token that arrives at a node.
type fate struct {
	all bool // it, and all that come of it, find an end
	one bool // they do, and one of them comes to the join
}

// resolve works out the fates within a scope; join may be nil. It begins with
// nothing and adds until there is no more, so loops are left at some time.
func (a *avoidance) resolve(s *bpmn.Scope, join *bpmn.Node) []fate {
	fates := make([]fate, len(a.makers))
	for again := true; again && a.work <= maxPathWork; {
		again = false
		for _, n := range slices.Backward(s.Nodes) {
			if fates[n.Index] == (fate{true, true}) {
				continue
			}
			if now := a.fate(n, join, fates); now != fates[n.Index] {
				fates[n.Index], again = now, true
			}
		}
	}
	return fates
}

func (a *avoidance) fate(n, join *bpmn.Node, fates []fate) (f fate) {
	a.work += 1 + len(n.Outgoing)
	switch {
	case n == join:
		return fate{true, true}
	case join != nil && !bpmn.Reaches(n, join):
		return fate{all: true} // the join does not wait for it, whatever it does
	}
	if end, ok := n.Detail.(*bpmn.EndEvent); ok {
		return fate{all: end.Trigger != bpmn.TriggerError}
	}
	if !a.makers[n.Index] && (n.Inner() == nil || a.ends(n)) {
		f = onward(n, fates)
	}
	for _, b := range n.Boundary { // one that interrupts may come instead
		if d, ok := b.Detail.(*bpmn.BoundaryEvent); ok && d.Interrupting && a.come[b.Index] {
			f = either(f, fates[b.Index])
		}
	}
	return f
}

// onward is the fate of the tokens that a node sends on: along flows that are
// always taken, or along one of the others.
func onward(n *bpmn.Node, fates []fate) fate {
	if len(n.Outgoing) == 0 {
		return fate{all: true}
	}
	var sure, some fate
	always := 0
	for _, f := range n.Outgoing {
		to := fates[f.Target.Index]
		if certain(n, f) {
			if always++; always == 1 {
				sure = to
			} else {
				sure = fate{all: sure.all && to.all, one: sure.all && to.all && (sure.one || to.one)}
			}
		}
		some = either(some, to)
	}
	if always > 0 {
		return withOptional(n, sure, fates)
	}
	return some
}

// withOptional adds that a flow with a condition may be taken besides.
func withOptional(n *bpmn.Node, sure fate, fates []fate) fate {
	for _, f := range n.Outgoing {
		if to := fates[f.Target.Index]; sure.all && to.all && to.one && !certain(n, f) {
			sure.one = true
		}
	}
	return sure
}

func either(a, b fate) fate { return fate{a.all || b.all, a.one || b.one} }

// certain reports whether a flow is taken whatever the data are.
func certain(n *bpmn.Node, f *bpmn.Flow) bool {
	switch n.Kind() {
	case bpmn.KindParallelGateway:
		return true
	case bpmn.KindExclusiveGateway, bpmn.KindEventGateway:
		return false
	default:
		return f.Condition == "" && !f.Default()
	}
}

// raisers are the nodes of which one must be come to before a boundary event
// can happen: its activity, or for an error what in it can raise one.
func raisers(b *bpmn.BoundaryEvent) []*bpmn.Node {
	if b.Trigger != bpmn.TriggerError {
		return []*bpmn.Node{b.AttachedTo}
	}
	code := ""
	if b.Error != nil {
		code = b.Error.Code
	}
	var out []*bpmn.Node
	if inner := b.AttachedTo.Inner(); inner != nil {
		for _, n := range b.AttachedTo.Process().AllNodes() {
			if n.Within(inner) && raises(n, code) {
				out = append(out, n)
			}
		}
	}
	if len(out) == 0 {
		return []*bpmn.Node{b.AttachedTo}
	}
	return out
}

// raises reports whether a node can raise an error with this code, "" for any.
func raises(n *bpmn.Node, code string) bool {
	switch d := n.Detail.(type) {
	case *bpmn.EndEvent:
		return d.Trigger == bpmn.TriggerError && (code == "" || d.Error != nil && d.Error.Code == code)
	case *bpmn.CallActivity:
		return true
	}
	if workerOf(n) != nil {
		return true
	}
	_, err := task.ParseStatus(code)
	return stoneOf(n) != nil && (code == "" || err == nil)
}
