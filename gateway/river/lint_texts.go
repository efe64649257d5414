package river

import (
	"github.com/riverstones/riverstones/gateway/river/bpmn"
)

// texts looks at everything in a model that may hold an expression.
func (l *linter) texts() {
	for _, n := range l.process.AllNodes() {
		l.node(n)
	}
	for _, f := range l.process.AllFlows() {
		l.text(place{node: f.Source, flow: f, line: f.Line, what: "the condition", when: leaving}, f.Condition)
	}
	for i := range l.process.Outputs {
		o := &l.process.Outputs[i]
		l.tree(place{what: "output " + o.Key, when: ending}, string(o.Value))
	}
}

func (l *linter) node(n *bpmn.Node) {
	at := func(what string) place { return place{node: n, line: n.Line, what: what} }
	if m := n.Loop; m != nil {
		l.text(at("loopCardinality"), m.Cardinality)
		l.text(at("the collection"), collection(m.Collection))
		l.text(place{node: n, line: m.Line, what: "completionCondition", when: leaving}, m.CompletionCondition)
	}
	if st := stoneOf(n); st != nil && workerOf(n) == nil {
		l.stone(n, st)
	}
	switch d := n.Detail.(type) {
	case *bpmn.StartEvent:
		l.event(n, &d.Event)
	case *bpmn.EndEvent:
		l.event(n, &d.Event)
	case *bpmn.CatchEvent:
		l.event(n, &d.Event)
	case *bpmn.ThrowEvent:
		l.event(n, &d.Event)
	case *bpmn.BoundaryEvent:
		l.event(n, &d.Event)
	case *bpmn.UserTask:
		l.userTask(n, d)
	case *bpmn.ServiceTask:
		if d.Worker != nil {
			l.text(at("topic"), d.Worker.Topic)
			l.mappings(n, d.Worker.In, false)
			l.mappings(n, d.Worker.Out, true)
		}
	case *bpmn.CallActivity:
		l.text(at("calledElement"), d.CalledElement)
		l.text(at("businessKey"), d.BusinessKey)
		l.text(at("processInstanceName"), d.InstanceName)
		l.mappings(n, d.In, false)
		l.mappings(n, d.Out, true)
	}
}

func (l *linter) stone(n *bpmn.Node, st *bpmn.Stone) {
	l.text(place{node: n, line: n.Line, what: "businessKey"}, st.BusinessKey)
	for i := range st.Params {
		f := &st.Params[i]
		at := place{node: n, line: f.Line, what: "field " + f.Name}
		switch f.Form {
		case bpmn.FieldExpression:
			l.text(at, f.Value)
		case bpmn.FieldJSON:
			l.tree(at, f.Value)
		}
	}
}

// event looks at an event's name or time, which is worked out when a token
// begins to wait for it: at a boundary event when its activity begins.
func (l *linter) event(n *bpmn.Node, e *bpmn.Event) {
	at := place{node: n, line: n.Line}
	switch {
	case e.Signal != nil:
		at.what = "the signal's name"
		l.text(at, e.Signal.Name)
	case e.Message != nil:
		at.what = "the message's name"
		l.text(at, e.Message.Name)
	case e.Timer != nil:
		at.what = "the timer"
		l.text(at, e.Timer.Text)
		l.text(at, e.Timer.End)
	}
}

func (l *linter) userTask(n *bpmn.Node, t *bpmn.UserTask) {
	at := func(what string) place { return place{node: n, line: n.Line, what: what} }
	if t.Stone != nil {
		return // nobody is asked
	}
	l.text(at("name"), n.Name)
	l.text(at("documentation"), n.Documentation)
	for _, one := range [...][2]string{{"assignee", t.Assignee}, {"owner", t.Owner}, {"formKey", t.FormKey}, {"dueDate", t.DueDate},
		{"priority", t.Priority}, {"category", t.Category}} {
		l.text(at(one[0]), one[1])
	}
	for _, user := range t.CandidateUsers {
		l.text(at("candidateUsers"), user)
	}
	for _, group := range t.CandidateGroups {
		l.text(at("candidateGroups"), group)
	}
}

// mappings looks at what is handed over. What comes back is read elsewhere, so
// of that only the form counts.
func (l *linter) mappings(n *bpmn.Node, all []bpmn.Mapping, back bool) {
	uses := len(l.uses)
	for i := range all {
		at := place{node: n, line: all[i].Line, what: "the mapping to " + all[i].Target}
		l.text(at, all[i].SourceExpression)
		l.text(at, all[i].Target)
	}
	if back {
		l.uses = l.uses[:uses]
	}
}
