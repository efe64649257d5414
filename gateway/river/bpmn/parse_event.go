package bpmn

import (
	"slices"
	"strings"
	"time"
)

// triggerOf is the trigger of each event definition that is supported.
var triggerOf = map[string]Trigger{
	"signalEventDefinition":    TriggerSignal,
	"messageEventDefinition":   TriggerMessage,
	"timerEventDefinition":     TriggerTimer,
	"errorEventDefinition":     TriggerError,
	"terminateEventDefinition": TriggerTerminate,
}

const definitionSuffix = "EventDefinition"

// event reads what an event is about, which must be one of the triggers allowed.
func (b *builder) event(e *element, allowed ...Trigger) Event {
	var definitions []*element
	for _, c := range e.children {
		switch {
		case c.name.Space != spaceBPMN, skipped[c.name.Local]:
		case strings.HasSuffix(c.name.Local, definitionSuffix):
			definitions = append(definitions, c)
		case c.name.Local == "eventDefinitionRef":
			b.fail(e, "eventDefinitionRef is not supported: put the definition into the event")
			return Event{}
		default:
			b.within(e, c)
		}
	}
	switch {
	case len(definitions) > 1:
		b.fail(e, "has %d event definitions: one is supported", len(definitions))
		return Event{}
	case len(definitions) == 0 && !slices.Contains(allowed, TriggerNone):
		b.fail(e, "needs an event definition: %s", alternatives(allowed))
		return Event{}
	case len(definitions) == 0:
		return Event{}
	}
	d := definitions[0]
	trigger, ok := triggerOf[d.name.Local]
	if !ok || !slices.Contains(allowed, trigger) {
		b.fail(e, "%s is not supported here: use %s", d.name.Local, alternatives(allowed))
		return Event{}
	}
	return b.definition(e, d, trigger)
}

// alternatives lists triggers.
func alternatives(allowed []Trigger) string {
	var names []string
	for _, t := range allowed {
		if t != TriggerNone {
			names = append(names, t.String()+definitionSuffix)
		}
	}
	return strings.Join(names, " or ")
}

// definition reads one event definition.
func (b *builder) definition(e, d *element, trigger Trigger) Event {
	ev := Event{Trigger: trigger}
	switch trigger {
	case TriggerSignal:
		ev.Signal = b.signalRef(e, d)
		ev.Async = b.flag(d, "async")
	case TriggerMessage:
		ev.Message = b.messageRef(e, d)
	case TriggerTimer:
		ev.Timer = b.timer(e, d)
	case TriggerError:
		ev.Error = b.errorRef(e, d)
	case TriggerTerminate:
		ev.TerminateAll = b.flag(d, "terminateAll")
		if b.flag(d, "terminateMultiInstance") {
			b.fail(e, "terminateMultiInstance is not supported")
		}
	case TriggerNone:
	}
	return ev
}

func (b *builder) signalRef(e, d *element) *Signal {
	ref, expression := d.attr("signalRef"), d.ext("signalExpression")
	if ref == "" && expression != "" {
		return &Signal{Name: expression, Line: d.line}
	}
	s := resolve(b.signals, ref)
	switch {
	case ref == "":
		b.fail(e, "the signalEventDefinition needs a signalRef")
	case s == nil:
		b.fail(e, "signalRef %q names no signal of this file", ref)
	case s.Name == "":
		b.fail(e, "the signal %q has no name", ref)
	}
	return s
}

func (b *builder) messageRef(e, d *element) *Message {
	ref, expression := d.attr("messageRef"), d.ext("messageExpression")
	if ref == "" && expression != "" {
		return &Message{Name: expression, Line: d.line}
	}
	m := resolve(b.messages, ref)
	switch {
	case ref == "":
		b.fail(e, "needs a messageRef")
	case m == nil:
		b.fail(e, "messageRef %q names no message of this file", ref)
	case m.Name == "":
		b.fail(e, "the message %q has no name", ref)
	}
	return m
}

// errorRef reads which error is meant. As in Flowable a reference to no error
// of the file is an error code itself. Nil means every error.
func (b *builder) errorRef(e, d *element) *Error {
	ref := d.attr("errorRef")
	if ref == "" {
		if e.name.Local == KindEndEvent.String() {
			b.fail(e, "the errorEventDefinition needs an errorRef")
		}
		return nil
	}
	x := resolve(b.errors, ref)
	if x == nil {
		return &Error{Code: ref, Line: d.line}
	}
	if x.Code == "" {
		b.fail(e, "the error %q has an empty errorCode", ref)
	}
	return x
}

// timer reads a timerEventDefinition.
func (b *builder) timer(e, d *element) *Timer {
	var t *Timer
	count := 0
	for _, kind := range []TimerKind{TimerDuration, TimerDate, TimerCycle} {
		if c := d.child(kind.String()); c != nil {
			count++
			t = &Timer{Kind: kind, Text: c.text, End: c.ext("endDate"), Line: c.line}
		}
	}
	if count != 1 || t.Text == "" {
		b.fail(e, "the timerEventDefinition needs one of timeDuration, timeDate and timeCycle, with a text")
		return t
	}
	if dynamic(t.Text) || dynamic(t.End) {
		return t
	}
	if _, err := t.Kind.Schedule(t.Text, t.End, time.Unix(0, 0).UTC()); err != nil {
		b.fail(e, "the timer's %s %s", t.Kind, err)
	}
	return t
}

func (b *builder) startEvent(e *element) Detail {
	ev := b.event(e, TriggerNone, TriggerSignal, TriggerMessage, TriggerTimer)
	fixed := ev.Signal == nil || !dynamic(ev.Signal.Name)
	fixed = fixed && (ev.Message == nil || !dynamic(ev.Message.Name))
	fixed = fixed && (ev.Timer == nil || !dynamic(ev.Timer.Text+ev.Timer.End))
	if !fixed {
		b.fail(e, "what starts a process must be without ${…}: there are no variables yet")
	}
	return &StartEvent{Event: ev, Initiator: e.ext("initiator"), FormKey: e.ext("formKey")}
}

func (b *builder) boundaryEvent(n *Node, e *element) Detail {
	d := &BoundaryEvent{Event: b.event(e, TriggerError, TriggerSignal, TriggerMessage, TriggerTimer)}
	d.Interrupting = b.boolean(e, "cancelActivity", e.attr("cancelActivity"), true) || d.Trigger == TriggerError
	b.attached[n] = e.attr("attachedToRef")
	return d
}
