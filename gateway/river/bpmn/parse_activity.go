package bpmn

import (
	"strconv"
	"strings"

	"github.com/riverstones/riverstones/queue"
)

// activity reads the kinds of work. Nil means that the element is not supported.
func (b *builder) activity(n *Node, e *element) Detail {
	var d Detail
	own := []string{"multiInstanceLoopCharacteristics"}
	switch e.name.Local {
	case "userTask":
		own = append(own, "humanPerformer", "potentialOwner")
		d = b.userTask(n, e)
	case "receiveTask":
		d = b.receiveTask(n, e)
	case "manualTask", "task": // work of no kind is done by nobody either
		d = &ManualTask{}
	case "serviceTask":
		d = b.serviceTask(n, e)
	case "callActivity":
		d = b.callActivity(e)
	case "subProcess":
		d = &SubProcess{}
	default:
		return nil
	}
	if _, sub := d.(*SubProcess); !sub { // what is in a subprocess is checked as its scope
		b.only(e, e, own...)
	}
	if b.boolean(e, "isForCompensation", e.attr("isForCompensation"), false) {
		b.fail(e, "isForCompensation is not supported")
	}
	for _, name := range []string{"startQuantity", "completionQuantity"} {
		if q := e.attr(name); q != "" && q != "1" {
			b.fail(e, "%s must be 1", name)
		}
	}
	n.Loop = b.loop(e)
	return d
}

func (b *builder) userTask(n *Node, e *element) Detail {
	t := &UserTask{
		Assignee: e.ext("assignee"), Owner: e.ext("owner"),
		CandidateUsers: split(e.ext("candidateUsers")), CandidateGroups: split(e.ext("candidateGroups")),
		FormKey: e.ext("formKey"), DueDate: e.ext("dueDate"), Priority: e.ext("priority"), Category: e.ext("category"),
		Stone: b.stone(n, e),
	}
	if t.Priority != "" && !dynamic(t.Priority) {
		if _, err := strconv.Atoi(t.Priority); err != nil {
			b.fail(e, "the priority %q must be a whole number or ${…}", t.Priority)
		}
	}
	if a := resource(e.child("humanPerformer")); a != "" && t.Assignee == "" {
		t.Assignee = a
	}
	for _, owner := range split(resource(e.child("potentialOwner"))) {
		t.owner(owner)
	}
	return t
}

// owner adds a candidate in the form user(x), group(x) or x, which is a group.
func (t *UserTask) owner(text string) {
	user, isUser := strings.CutPrefix(text, "user(")
	if isUser {
		t.CandidateUsers = append(t.CandidateUsers, strings.TrimSuffix(user, ")"))
		return
	}
	if group, ok := strings.CutPrefix(text, "group("); ok {
		text = strings.TrimSuffix(group, ")")
	}
	t.CandidateGroups = append(t.CandidateGroups, text)
}

// resource returns the text of the resourceAssignmentExpression in e, which may be nil.
func resource(e *element) string {
	for _, name := range []string{"resourceAssignmentExpression", "formalExpression"} {
		if e == nil {
			return ""
		}
		e = e.child(name)
	}
	if e == nil {
		return ""
	}
	return e.text
}

func (b *builder) receiveTask(n *Node, e *element) Detail {
	b.notInstantiating(e)
	t := &ReceiveTask{Stone: b.stone(n, e)}
	if e.attr("messageRef") == "" {
		return t
	}
	t.Message = b.messageRef(e, e)
	if t.Stone != nil {
		b.fail(e, "waits for a message or for a stone, not for both")
	}
	return t
}

func (b *builder) serviceTask(n *Node, e *element) Detail {
	t := &ServiceTask{Stone: b.stone(n, e)}
	kind, java := e.ext("type"), implementation(e)
	switch {
	case t.Stone != nil && (kind != "" || java != nil):
		b.fail(e, "names a stone and another implementation: keep one")
	case t.Stone != nil:
	case kind == "external-worker":
		t.Worker = b.worker(e)
		t.Stone = b.newStone(n, e, t.Worker.Topic)
	case kind != "":
		b.fail(e, "the type %q is not supported: use external-worker, or %s", kind, stoneHint)
	case java != nil:
		t.Java = java
		t.Stone = b.mapped(n, e, *java)
	default:
		b.fail(e, "has no implementation: give it riverstones:stone, or flowable:type=\"external-worker\" with flowable:topic")
	}
	return t
}

// implementation returns what the task names in Java, or nil.
func implementation(e *element) *Java {
	for _, name := range []string{"class", "expression", "delegateExpression"} {
		if v := e.ext(name); v != "" {
			result := e.ext("resultVariable")
			if result == "" {
				result = e.ext("resultVariableName")
			}
			return &Java{Type: name, Value: v, ResultVariable: result}
		}
	}
	return nil
}

// mapped returns the stone that stands for an implementation in Java.
func (b *builder) mapped(n *Node, e *element, java Java) *Stone {
	if f := b.options.StoneFor; f != nil {
		if code, ok := f(java); ok {
			if err := queue.CheckStone(code); err != nil {
				b.fail(e, "the stone %q that stands for %s %q: %s", code, java.Type, java.Value, err)
			}
			return b.newStone(n, e, code)
		}
	}
	b.fail(e, "%s %q is Java, which is not supported; %s", java.Type, java.Value, stoneHint)
	return nil
}

// worker reads an external worker task.
func (b *builder) worker(e *element) *Worker {
	w := &Worker{
		Topic: e.ext("topic"), DoNotIncludeVariables: b.flag(e, "doNotIncludeVariables"),
		In: b.mappings(e, "externalWorkerInParameter"), Out: b.mappings(e, "externalWorkerOutParameter"),
	}
	if w.Topic == "" {
		b.fail(e, "an external worker task needs a topic: add flowable:topic")
	}
	return w
}

func (b *builder) callActivity(e *element) Detail {
	c := &CallActivity{
		CalledElement: e.attr("calledElement"), BusinessKey: e.ext("businessKey"), InstanceName: e.ext("processInstanceName"),
		SameDeployment: b.flag(e, "sameDeployment"), FallbackToDefaultTenant: b.flag(e, "fallbackToDefaultTenant"),
		InheritVariables: b.flag(e, "inheritVariables"), InheritBusinessKey: b.flag(e, "inheritBusinessKey"),
		In: b.mappings(e, "in"), Out: b.mappings(e, "out"),
	}
	if !dynamic(c.CalledElement) {
		c.CalledElement = local(c.CalledElement)
	}
	if c.CalledElement == "" {
		b.fail(e, "needs a calledElement: the id of a process")
	}
	if t := e.ext("calledElementType"); t != "" && t != "key" {
		b.fail(e, "calledElementType %q is not supported: it must be key", t)
	}
	return c
}

// mappings reads the extension elements of that name.
func (b *builder) mappings(e *element, name string) []Mapping {
	var all []Mapping
	for _, x := range e.extensions() {
		if !x.flowable() || x.name.Local != name {
			continue
		}
		m := Mapping{
			Source: x.attr("source"), SourceExpression: x.attr("sourceExpression"), Target: x.attr("target"),
			Transient: b.boolean(e, "transient", x.attr("transient"), false), Line: x.line,
		}
		if x.attr("targetExpression") != "" && m.Target == "" {
			m.Target = x.attr("targetExpression")
		}
		if m.Target == "" || (m.Source == "") == (m.SourceExpression == "") {
			b.failAt(e, x, "flowable:"+name+" needs a target, and either source or sourceExpression")
		}
		all = append(all, m)
	}
	return all
}

// loop reads the multiInstanceLoopCharacteristics of an activity, or returns nil.
func (b *builder) loop(e *element) *MultiInstance {
	c := e.child("multiInstanceLoopCharacteristics")
	if c == nil {
		return nil
	}
	b.only(e, c, "loopCardinality", "loopDataInputRef", "inputDataItem", "completionCondition", "loopDataOutputRef", "outputDataItem")
	b.guard(e, c)
	m := &MultiInstance{
		Sequential: b.boolean(e, "isSequential", c.attr("isSequential"), false),
		Collection: c.ext("collection"), ElementVariable: c.ext("elementVariable"),
		ElementIndexVariable: c.ext("elementIndexVariable"), Line: c.line,
	}
	if x := c.child("loopCardinality"); x != nil {
		m.Cardinality = x.text
	}
	if x := c.child("loopDataInputRef"); x != nil && m.Collection == "" {
		m.Collection = x.text
	}
	if x := c.child("inputDataItem"); x != nil && m.ElementVariable == "" {
		m.ElementVariable = x.attr("name")
	}
	if x := c.child("completionCondition"); x != nil && x.text != "" {
		m.CompletionCondition = b.expression(e, x, "the completion condition")
	}
	b.checkLoop(e, m)
	return m
}

func (b *builder) checkLoop(e *element, m *MultiInstance) {
	switch {
	case m.Cardinality == "" && m.Collection == "":
		b.fail(e, "the multi-instance loop needs a loopCardinality or a collection")
	case m.Cardinality != "" && m.Collection != "":
		b.fail(e, "the multi-instance loop has both a loopCardinality and a collection: keep one")
	case m.Cardinality != "" && !dynamic(m.Cardinality):
		if n, err := strconv.Atoi(m.Cardinality); err != nil || n < 0 {
			b.fail(e, "the loopCardinality %q must be a whole number from 0, or ${…}", m.Cardinality)
		}
	case m.Collection != "" && !dynamic(m.Collection) && !variableName(m.Collection):
		b.fail(e, "the collection %q must be the name of a variable or ${…}", m.Collection)
	}
}
