package bpmn

import "strings"

// builder reads one process.
type builder struct {
	*parser

	process  *Process
	defaults map[*Node]string    // ids of flows
	attached map[*Node]string    // ids of activities
	ends     map[*Flow][2]string // ids of source and target
	elements map[*Node]*element
	refused  map[string]bool // ids of nodes that are not supported
}

// process reads an executable process, and adds it.
func (p *parser) process(e *element) {
	proc := &Process{
		ID: e.attr("id"), Name: e.attr("name"), Documentation: documentation(e),
		Category: p.defs.TargetNamespace, Line: e.line,
		CandidateStarterUsers:  split(e.ext("candidateStarterUsers")),
		CandidateStarterGroups: split(e.ext("candidateStarterGroups")),
		Graphical:              p.drawn[e.attr("id")],
		byID:                   map[string]*Node{},
	}
	proc.Process = proc
	p.id(e)
	b := &builder{
		parser: p, process: proc, defaults: map[*Node]string{}, attached: map[*Node]string{},
		ends: map[*Flow][2]string{}, elements: map[*Node]*element{}, refused: map[string]bool{},
	}
	b.templates(e)
	b.guard(e, e)
	b.scope(&proc.Scope, e)
	if !b.sized(e) {
		return
	}
	b.link()
	b.check(e)
	p.defs.Processes = append(p.defs.Processes, proc)
}

// sized checks that the process is not larger than the limits.
func (b *builder) sized(e *element) bool {
	nodes, flows := b.options.Limits.Nodes, b.options.Limits.Flows
	if len(b.process.nodes) > nodes {
		b.fail(e, "has more than %d nodes: divide it with call activities", nodes)
		return false
	}
	if len(b.process.flows) > flows {
		b.fail(e, "has more than %d sequence flows: divide it with call activities", flows)
		return false
	}
	return true
}

// scope reads the children of a process or subprocess.
func (b *builder) scope(s *Scope, e *element) {
	s.Process = b.process
	for _, c := range e.children {
		switch name := c.name.Local; {
		case c.name.Space != spaceBPMN, skipped[name]:
		case name == "sequenceFlow":
			b.flow(s, c)
		case name == "dataObject":
			b.data(s, c)
		case name == "multiInstanceLoopCharacteristics" && s.Owner != nil: // read with the subprocess
		default:
			b.node(s, c)
		}
	}
}

// node reads one node of a scope.
func (b *builder) node(s *Scope, e *element) {
	n := &Node{
		ID: e.attr("id"), Name: e.attr("name"), Documentation: documentation(e), Line: e.line,
		Index: len(b.process.nodes), Scope: s,
		Async:     b.flag(e, "async"),
		Exclusive: b.boolean(e, "exclusive", e.ext("exclusive"), true),
	}
	if e.bpmn("subProcess") && b.boolean(e, "triggeredByEvent", e.attr("triggeredByEvent"), false) {
		b.fail(e, "an event subprocess is not supported")
		b.refused[n.ID] = true
		return
	}
	n.Detail = b.detail(n, e)
	if n.Detail == nil {
		b.unsupported(e)
		b.refused[n.ID] = true
		return
	}
	b.guard(e, e)
	if ref := e.attr("default"); ref != "" {
		b.defaults[n] = ref
	}
	s.Nodes = append(s.Nodes, n)
	b.process.nodes = append(b.process.nodes, n)
	b.elements[n] = e
	if b.id(e) {
		b.process.byID[n.ID] = n
	}
	if sub, ok := n.Detail.(*SubProcess); ok { // after itself, so that the order of indexes is that of the document
		sub.Owner = n
		b.scope(&sub.Scope, e)
	}
}

// detail reads what only one kind of node has. Nil means that the element is not supported.
func (b *builder) detail(n *Node, e *element) Detail {
	switch e.name.Local {
	case "startEvent":
		return b.startEvent(e)
	case "endEvent":
		return &EndEvent{Event: b.event(e, TriggerNone, TriggerError, TriggerTerminate)}
	case "intermediateCatchEvent":
		return &CatchEvent{Event: b.event(e, TriggerSignal, TriggerMessage, TriggerTimer)}
	case "intermediateThrowEvent":
		return &ThrowEvent{Event: b.event(e, TriggerNone, TriggerSignal)}
	case "boundaryEvent":
		return b.boundaryEvent(n, e)
	case "exclusiveGateway":
		return gateway(b, e, &ExclusiveGateway{})
	case "parallelGateway":
		return gateway(b, e, &ParallelGateway{})
	case "inclusiveGateway":
		return gateway(b, e, &InclusiveGateway{})
	case "eventBasedGateway":
		return b.eventGateway(e)
	default:
		return b.activity(n, e)
	}
}

// gateway checks that nothing is in a gateway that would mean something.
func gateway[D Detail](b *builder, e *element, d D) D {
	b.only(e, e)
	return d
}

func (b *builder) eventGateway(e *element) Detail {
	b.only(e, e)
	if t := e.attr("eventGatewayType"); t != "" && t != "Exclusive" {
		b.fail(e, "eventGatewayType %q is not supported: it must be Exclusive", t)
	}
	b.notInstantiating(e)
	return &EventGateway{}
}

// notInstantiating refuses what would start a process by itself.
func (b *builder) notInstantiating(e *element) {
	if b.boolean(e, "instantiate", e.attr("instantiate"), false) {
		b.fail(e, "instantiate is not supported: begin with a startEvent")
	}
}

// only refuses BPMN children of e, a part of owner or owner itself, other than those named and those that are
// skipped.
func (b *builder) only(owner, e *element, names ...string) {
	for _, c := range e.children {
		if c.name.Space != spaceBPMN || skipped[c.name.Local] {
			continue
		}
		known := false
		for _, name := range names {
			known = known || c.name.Local == name
		}
		if !known {
			b.within(owner, c)
		}
	}
}

// within refuses an element in another, and names both.
func (b *builder) within(e, c *element) {
	b.failAt(e, c, c.name.Local+" is not supported here")
}

// failAt notes a problem of e that is found in c within it.
func (b *builder) failAt(e, c *element, message string) {
	pr := e.problem("%s", message)
	pr.Line = c.line
	b.add(pr)
}

// guard refuses extensions of e, a part of owner or owner itself, that would change what the process does.
func (b *builder) guard(owner, e *element) {
	for _, x := range e.extensions() {
		if x.flowable() && refusedExtensions[x.name.Local] {
			b.within(owner, x)
		}
	}
	for _, name := range refusedAttributes {
		if e.ext(name) != "" {
			b.fail(e, "the attribute %s is not supported", name)
		}
	}
	b.knownOurs(e)
}

// flow reads one sequence flow.
func (b *builder) flow(s *Scope, e *element) {
	f := &Flow{ID: e.attr("id"), Name: e.attr("name"), Line: e.line, Index: len(b.process.flows)}
	if f.ID != "" {
		b.unique(e, f.ID)
	}
	b.only(e, e, "conditionExpression")
	b.guard(e, e)
	if c := e.child("conditionExpression"); c != nil {
		f.Condition = b.expression(e, c, "the condition")
	}
	ends := [2]string{e.attr("sourceRef"), e.attr("targetRef")}
	if ends[0] == "" || ends[1] == "" {
		b.fail(e, "needs sourceRef and targetRef")
	}
	b.ends[f] = ends
	s.Flows = append(s.Flows, f)
	b.process.flows = append(b.process.flows, f)
}

// expression reads the text of c, within e, which must be one with ${…}.
func (b *builder) expression(e, c *element, what string) string {
	if l := c.attr("language"); l != "" && !strings.EqualFold(l, "juel") {
		b.fail(e, "%s is in the language %q, which is not supported: write it as ${…}", what, l)
		return ""
	}
	if !dynamic(c.text) {
		b.fail(e, "%s must be an expression such as ${amount > 10}", what)
		return ""
	}
	return c.text
}

// documentation returns the text of the first documentation.
func documentation(e *element) string {
	if d := e.child("documentation"); d != nil {
		return d.text
	}
	return ""
}
