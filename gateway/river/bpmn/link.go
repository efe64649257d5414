package bpmn

// link turns the ids of one process into pointers: the ends of flows, what a
// boundary event is attached to, default flows.
func (b *builder) link() {
	for _, n := range b.process.nodes {
		b.attach(n)
	}
	for _, f := range b.process.flows {
		b.connect(f)
	}
	b.dropLoose()
	for _, n := range b.process.nodes {
		b.defaultFlow(n)
	}
}

// failNode notes a problem of a node.
func (b *builder) failNode(n *Node, format string, args ...any) {
	b.fail(b.elements[n], format, args...)
}

// failFlow notes a problem of a flow.
func (b *builder) failFlow(f *Flow, message string) {
	b.add(Problem{Line: f.Line, Element: "sequenceFlow", ID: f.ID, Name: f.Name, Message: message})
}

func (b *builder) attach(n *Node) {
	d, ok := n.Detail.(*BoundaryEvent)
	if !ok {
		return
	}
	ref := b.attached[n]
	to := b.process.byID[ref]
	switch {
	case ref == "":
		b.failNode(n, "needs attachedToRef: the id of an activity")
	case to == nil && b.refused[ref]: // said already
	case to == nil:
		b.failNode(n, "attachedToRef %q names no node of this process", ref)
	case to.Scope != n.Scope:
		b.failNode(n, "attachedToRef %q is in another subprocess", ref)
	case !to.Kind().Activity():
		b.failNode(n, "attachedToRef %q is a %s: it must be a task, subprocess or call activity", ref, to.Kind())
	default:
		d.AttachedTo = to
		to.Boundary = append(to.Boundary, n)
	}
}

// connect finds the ends of a flow.
func (b *builder) connect(f *Flow) {
	ends := b.ends[f]
	if ends[0] == "" || ends[1] == "" {
		return // said already
	}
	source, target := b.process.byID[ends[0]], b.process.byID[ends[1]]
	switch {
	case source == nil && b.refused[ends[0]], target == nil && b.refused[ends[1]]: // said already
	case source == nil:
		b.failFlow(f, "sourceRef "+quoted(ends[0])+" names no node of this process")
	case target == nil:
		b.failFlow(f, "targetRef "+quoted(ends[1])+" names no node of this process")
	case source.Scope != target.Scope:
		b.failFlow(f, "leads from "+quoted(ends[0])+" to "+quoted(ends[1])+", across the border of a subprocess")
	default:
		f.Source, f.Target = source, target
		source.Outgoing = append(source.Outgoing, f)
		target.Incoming = append(target.Incoming, f)
	}
}

// dropLoose takes unconnected flows out of the lists, so that what follows may rely on their ends.
// There are some only in a file that is refused.
func (b *builder) dropLoose() {
	scopes := []*Scope{&b.process.Scope}
	for _, n := range b.process.nodes {
		if in := n.Inner(); in != nil {
			scopes = append(scopes, in)
		}
	}
	for _, s := range scopes {
		s.Flows = connected(s.Flows)
	}
	b.process.flows = connected(b.process.flows)
}

func connected(flows []*Flow) []*Flow {
	kept := flows[:0]
	for _, f := range flows {
		if f.Source != nil {
			kept = append(kept, f)
		}
	}
	return kept
}

// defaultFlow finds the default flow of a node.
func (b *builder) defaultFlow(n *Node) {
	ref, ok := b.defaults[n]
	if !ok {
		return
	}
	for _, f := range n.Outgoing {
		if f.ID == ref {
			n.Default = f
		}
	}
	switch k := n.Kind(); {
	case n.Default == nil:
		b.failNode(n, "the default flow %q does not leave this node", ref)
	case !k.Activity() && k != KindExclusiveGateway && k != KindInclusiveGateway:
		b.failNode(n, "a default flow has no meaning on a %s", k)
	case n.Default.Condition != "" && k == KindExclusiveGateway:
		b.failNode(n, "the default flow %q has a condition: remove one of the two", ref)
	case n.Default.Condition != "":
		n.Default.Condition = ""
		b.warn(n, "the condition of the default flow "+quoted(ref)+" is ignored")
	}
}
