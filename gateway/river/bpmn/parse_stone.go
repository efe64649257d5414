package bpmn

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

// The attributes of our namespace on a task.
var stoneAttributes = set("stone", "namespace", "method", "businessKey", "timeout", "retries")

// stoneHolders are the elements that may have them.
var stoneHolders = set("serviceTask", "userTask", "receiveTask")

// knownOurs refuses what is in our namespace and has no meaning there: a slip
// of the pen would otherwise change what runs.
func (b *builder) knownOurs(e *element) {
	for _, a := range e.attrs {
		if a.Name.Space != spaceOurs {
			continue
		}
		switch {
		case !stoneAttributes[a.Name.Local]:
			b.fail(e, "the attribute riverstones:%s is unknown", a.Name.Local)
		case !stoneHolders[e.name.Local]:
			b.fail(e, "riverstones:%s belongs on a serviceTask, userTask or receiveTask", a.Name.Local)
		case e.ours("stone") == "" && !served(e):
			b.fail(e, "riverstones:%s needs a stone: add riverstones:stone", a.Name.Local)
		}
	}
	for _, x := range e.extensions() {
		if x.name.Space != spaceOurs {
			continue
		}
		template := x.name.Local == "parameters" || x.name.Local == "outputs"
		known := template && e.bpmn("process") || x.name.Local == "field" && stoneHolders[e.name.Local]
		if !known {
			b.within(e, x)
		}
	}
}

// served reports whether the task may have a stone that it does not name.
func served(e *element) bool {
	return e.bpmn(KindServiceTask.String()) && (implementation(e) != nil || e.ext("type") != "")
}

// stone reads the stone of a task, or returns nil if it names none.
func (b *builder) stone(n *Node, e *element) *Stone {
	code, ok := e.get(spaceOurs, "stone")
	if !ok {
		return nil
	}
	if err := queue.CheckStone(code); err != nil {
		b.fail(e, "riverstones:stone: %s", err)
	}
	return b.newStone(n, e, code)
}

// newStone reads what is said about the stone of that code.
func (b *builder) newStone(n *Node, e *element, code string) *Stone {
	s := &Stone{
		Code: code, Namespace: n.ID, Method: string(task.Start),
		BusinessKey: e.ours("businessKey"), Params: b.fields(e), Line: e.line,
	}
	if !dynamic(s.BusinessKey) {
		if err := queue.CheckBusinessKey(s.BusinessKey); err != nil {
			b.fail(e, "riverstones:businessKey: %s", err)
		}
	}
	if ns := e.ours("namespace"); ns != "" {
		s.Namespace = ns
		if !variableName(ns) {
			b.fail(e, "riverstones:namespace %q must be a name without spaces and ${…}", ns)
		}
	}
	if m := e.ours("method"); m != "" {
		s.Method = m
		if _, err := task.ParseMethod(m); err != nil {
			b.fail(e, "riverstones:method: %s", err)
		}
	}
	s.Timeout = b.timeout(e)
	s.Retries = b.retries(e)
	return s
}

// timeout reads 90s or PT90S.
func (b *builder) timeout(e *element) time.Duration {
	text := e.ours("timeout")
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if strings.HasPrefix(text, "P") {
		epoch := time.Unix(0, 0).UTC()
		var s span
		s, err = parseSpan(text)
		d = s.after(epoch).Sub(epoch)
	}
	if err != nil || d <= 0 {
		b.fail(e, "riverstones:timeout %q must be a duration such as 90s or PT90S", text)
		return 0
	}
	return d
}

// maxRetries bounds the attribute retries.
const maxRetries = 100

func (b *builder) retries(e *element) *int {
	text := e.ours("retries")
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxRetries {
		b.fail(e, "riverstones:retries %q must be a whole number from 0 to %d", text, maxRetries)
		return nil
	}
	return &n
}

// fields reads the parameters of a task.
func (b *builder) fields(e *element) []Field {
	var all []Field
	seen := map[string]bool{}
	for _, x := range e.extensions() {
		if x.name.Local != "field" || !x.flowable() && x.name.Space != spaceOurs {
			continue
		}
		f := Field{Name: x.attr("name"), Line: x.line}
		var wrong string
		switch {
		case f.Name == "":
			wrong = "a field needs a name"
		case seen[f.Name]:
			wrong = "the field " + strconv.Quote(f.Name) + " is given twice"
		default:
			wrong = f.read(x)
		}
		if wrong != "" {
			b.failAt(e, x, wrong)
		}
		seen[f.Name] = true
		all = append(all, f)
	}
	return all
}

// fieldForms are the attributes and children that give a field its value.
var fieldForms = map[string]Form{
	"value": FieldText, "stringValue": FieldText, "string": FieldText,
	"expression": FieldExpression, "json": FieldJSON,
}

// read takes the value of a field, and returns what is wrong with it.
func (f *Field) read(x *element) string {
	count := 0
	for _, a := range x.attrs {
		if form := fieldForms[a.Name.Local]; form != 0 && a.Name.Space == "" {
			f.Form, f.Value = form, a.Value
			count++
		}
	}
	for _, c := range x.children {
		if form := fieldForms[c.name.Local]; form != 0 && c.name.Space == x.name.Space {
			f.Form, f.Value = form, c.text
			count++
		}
	}
	if count != 1 {
		return "the field " + strconv.Quote(f.Name) + " needs one value: as a string, an expression or json"
	}
	if x.name.Space == spaceOurs && f.Form == FieldText && dynamic(f.Value) {
		f.Form = FieldExpression
	}
	if f.Form == FieldJSON && !jsontext.Value(f.Value).IsValid() {
		return "the field " + strconv.Quote(f.Name) + " holds no valid JSON"
	}
	return ""
}
