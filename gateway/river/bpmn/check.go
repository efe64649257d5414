package bpmn

import (
	"fmt"
	"strconv"
)

// quoted puts an id into quotes.
func quoted(id string) string { return strconv.Quote(id) }

// check looks at the connected process as a whole, and works out what the runtime wants ready.
func (b *builder) check(e *element) {
	b.starts(&b.process.Scope, e)
	for _, n := range b.process.nodes {
		if in := n.Inner(); in != nil {
			b.starts(in, b.elements[n])
		}
		b.arrows(n)
		b.attachedTwice(n)
		b.gatewayFlows(n)
	}
	if len(b.problems) > 0 {
		return // of a torn drawing there is no more to say
	}
	b.unreachable()
	for _, n := range b.process.nodes {
		if g, ok := n.Detail.(*InclusiveGateway); ok {
			g.sources = sources(n)
		}
	}
}

// starts checks how a scope begins, and sets its Start.
func (b *builder) starts(s *Scope, e *element) {
	names := map[string]*Node{}
	count := 0
	for _, n := range s.Nodes {
		d, ok := n.Detail.(*StartEvent)
		if !ok {
			continue
		}
		count++
		switch {
		case d.Trigger == TriggerNone && s.Start != nil:
			b.failNode(n, "%s begins with %q already: one start event without a trigger is allowed", e.name.Local, s.Start.ID)
		case d.Trigger == TriggerNone:
			s.Start = n
		case s.Owner != nil:
			b.failNode(n, "the start event of a subprocess can have no trigger")
		default:
			b.startName(names, n, &d.Event)
		}
	}
	if count == 0 {
		b.fail(e, "needs a startEvent")
	}
}

// startName checks that nothing else of the process starts by the same name.
func (b *builder) startName(names map[string]*Node, n *Node, ev *Event) {
	var key string
	switch {
	case ev.Message != nil:
		key = "message " + quoted(ev.Message.Name)
	case ev.Signal != nil:
		key = "signal " + quoted(ev.Signal.Name)
	default:
		return
	}
	if other := names[key]; other != nil {
		b.failNode(n, "starts by the %s, as %q does", key, other.ID)
	}
	names[key] = n
}

// attachedTwice refuses two boundary events of one activity that wait for the same message.
func (b *builder) attachedTwice(n *Node) {
	seen := map[string]*Node{}
	for _, e := range n.Boundary {
		d, ok := e.Detail.(*BoundaryEvent)
		if !ok || d.Message == nil {
			continue
		}
		if other := seen[d.Message.Name]; other != nil {
			b.failNode(e, "waits for the message %q, as %q does", d.Message.Name, other.ID)
		}
		seen[d.Message.Name] = e
	}
}

// arrows checks which flows a node may have.
func (b *builder) arrows(n *Node) {
	switch k := n.Kind(); {
	case k == KindStartEvent && len(n.Incoming) > 0:
		b.failNode(n, "a start event can have no incoming flow")
	case k == KindBoundaryEvent && len(n.Incoming) > 0:
		b.failNode(n, "a boundary event can have no incoming flow")
	case k == KindEndEvent && len(n.Outgoing) > 0:
		b.failNode(n, "an end event can have no outgoing flow")
	}
}

// gatewayFlows checks what leaves a gateway.
func (b *builder) gatewayFlows(n *Node) {
	k := n.Kind()
	if (k == KindExclusiveGateway || k == KindEventGateway) && len(n.Outgoing) == 0 {
		b.failNode(n, "needs an outgoing flow")
	}
	if k == KindExclusiveGateway {
		b.alwaysFirst(n)
	}
	for _, f := range n.Outgoing {
		switch {
		case f.Condition == "":
		case k == KindEventGateway:
			b.failFlow(f, "a flow that leaves an eventBasedGateway can have no condition")
		case k == KindParallelGateway:
			b.warn(n, fmt.Sprintf("the condition on line %d is ignored: a parallelGateway takes every flow", f.Line))
		}
		if k == KindEventGateway && !waits(f.Target) {
			b.failFlow(f, "leads from an eventBasedGateway to a "+f.Target.Kind().String()+
				": only an intermediateCatchEvent, or a receiveTask without a stone, may follow")
		}
	}
}

// alwaysFirst warns of flows that stand behind one that is always taken.
func (b *builder) alwaysFirst(n *Node) {
	for i, f := range n.Outgoing {
		if f.Condition == "" && f != n.Default && (i < len(n.Outgoing)-1 || n.Default != nil) {
			b.warn(n, fmt.Sprintf("the flow on line %d has no condition: it is always taken, those behind it and the default never", f.Line))
			return
		}
	}
}

// waits reports whether an event gateway may lead to n.
func waits(n *Node) bool {
	switch d := n.Detail.(type) {
	case *CatchEvent:
		return true
	case *ReceiveTask:
		return d.Stone == nil
	default:
		return false
	}
}

// warn notes something that does not keep the file from running.
func (b *builder) warn(n *Node, message string) {
	if len(b.warnings) < maxFindings {
		b.warnings = append(b.warnings, Problem{Line: n.Line, Element: n.Kind().String(), ID: n.ID, Name: n.Name, Message: message})
	}
}

// unreachable warns of nodes that no token can come to.
func (b *builder) unreachable() {
	seen := newBitset(len(b.process.nodes))
	var todo []*Node
	visit := func(n *Node) {
		if !seen.has(n.Index) {
			seen.add(n.Index)
			todo = append(todo, n)
		}
	}
	for _, n := range b.process.Nodes {
		if n.Kind() == KindStartEvent {
			visit(n)
		}
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, f := range n.Outgoing {
			visit(f.Target)
		}
		for _, e := range n.Boundary {
			visit(e)
		}
		if in := n.Inner(); in != nil {
			visit(in.Start)
		}
	}
	for _, n := range b.process.nodes {
		if !seen.has(n.Index) {
			b.warn(n, "can not be reached")
		}
	}
}
