package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue/param"
)

// reRunMethods are those that the API runs again.
var reRunMethods = []string{"start", "monitor", "rollback", "delete", "cancel"}

// reRunData is the form to run a task again.
type reRunData struct {
	client.Task

	URL      string
	Methods  []string // to choose from
	Method   string
	Fields   []*edited // params and outputs
	Problem  *trouble  // of what was sent
	Problems []string  // of the schema
	Checked  bool      // against a declaration
	Allowed  bool
	Declared []client.Param
}

// edited is a document in its editor.
type edited struct {
	Name, Label string
	Before, Now string // indented, except for what is no JSON
	Problem     string
	Diff        *diff
}

func (c *console) reRunSheet(v *visit) (page, error) { return c.reRunPage(v, nil, nil) }

// compare shows what was edited beside what the last attempt had.
func (c *console) compare(v *visit) (page, error) {
	return c.reRunPage(v, v.PostForm, nil)
}

func (c *console) reRun(v *visit) (page, error) {
	p, err := c.reRunPage(v, v.PostForm, nil)
	if err != nil {
		return page{}, err
	}
	d, ok := p.Data.(*reRunData)
	if !ok || d.Fields[0].Problem != "" || d.Fields[1].Problem != "" {
		p.Status = 400
		return p, nil
	}
	t, err := v.api.ReRun(v.ctx(), v.PathValue("task"), client.ReRun{QueueType: d.Method, Parameters: d.Fields[0].change(), Outputs: d.Fields[1].change()})
	if err != nil {
		return c.reRunPage(v, v.PostForm, err)
	}
	v.done("task.reRun")
	return page{Redirect: taskURL(t.TaskID, t.ID)}, nil
}

// reRunPage is the form as it was sent, or as it is at first.
func (c *console) reRunPage(v *visit, sent url.Values, refused error) (page, error) {
	t, err := v.api.Get(v.ctx(), v.PathValue("task"))
	if err != nil {
		return page{}, err
	}
	d := &reRunData{Task: t, URL: taskURL(t.TaskID, t.ID), Methods: reRunMethods, Method: t.QueueType, Allowed: allowed("reRun", &t)}
	if st, err := v.api.Stone(v.ctx(), t.Stone); err == nil && st.Declared {
		d.Declared = st.Params
		d.Methods = slices.DeleteFunc(slices.Clone(reRunMethods), func(m string) bool { return !slices.Contains(st.Methods, m) })
		d.Checked = true
	}
	if sent.Has("queueType") {
		d.Method = sent.Get("queueType")
	} else if !slices.Contains(d.Methods, d.Method) {
		d.Method = "start"
	}
	d.Fields = []*edited{
		edit(v, "parameters", "task.params", deref(t.Params), sent), edit(v, "outputs", "task.outputs", deref(t.Outputs), sent),
	}
	if d.Checked && d.Method == "start" && d.Fields[0].Problem == "" {
		d.Problems = d.check()
	}
	p := page{Name: "rerun", Nav: "tasks", Title: v.text("order.reRun") + ": " + t.Name, Crumb: c.taskCrumb(v, &t), Data: d}
	if refused != nil {
		said := problem(v, refused)
		d.Problem, p.Status = &said, statusOf(&said)
	}
	return p, nil
}

func edit(v *visit, name, label, before string, sent url.Values) *edited {
	if before == "" {
		before = "{}"
	}
	e := &edited{Name: name, Label: v.text(label), Before: pretty(before)}
	e.Now = e.Before
	if sent.Has(name) {
		e.Now = strings.ReplaceAll(sent.Get(name), "\r\n", "\n")
		e.Problem = unreadable(v, e.Now)
	}
	if e.Problem == "" {
		e.Diff = newDiff(e.Before, pretty(e.Now))
	}
	return e
}

// change is what is sent to the API: {} keeps what the task has.
func (e *edited) change() json.RawMessage {
	if strings.TrimSpace(e.Now) == "" || !e.Diff.Changed {
		return json.RawMessage("{}")
	}
	return json.RawMessage(e.Now)
}

// unreadable says why a text is no JSON object, "" for one that is. An empty
// text stands for {}.
func unreadable(v *visit, text string) string {
	if strings.TrimSpace(text) == "" {
		return ""
	}
	value := jsontext.Value(text)
	err := value.Compact() // reads it to its end
	if err == nil {
		if value.Kind() == '{' {
			return ""
		}
		return v.text("rerun.noobject")
	}
	at, offset := err.Error(), len(text)
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at, offset = s.Err.Error(), int(min(s.ByteOffset, int64(len(text))))
	}
	line := 1 + strings.Count(text[:offset], "\n")
	return v.text("rerun.nojson", line, at)
}

// check compares params with what the stone declares. What can not be compared
// here, such as a declaration that is wrong in itself, the API decides.
func (d *reRunData) check() []string {
	var declared []param.Param
	raw, err := json.Marshal(d.Declared)
	if err != nil || json.Unmarshal(raw, &declared) != nil {
		return nil
	}
	checker, err := param.NewChecker(declared)
	if err != nil {
		return nil
	}
	doc := d.Fields[0].Now
	if strings.TrimSpace(doc) == "" {
		doc = d.Fields[0].Before
	}
	_, err = checker.CheckMasked(json.RawMessage(doc))
	if all, ok := errors.AsType[param.Errors](err); ok {
		out := make([]string, 0, len(all))
		for _, one := range all {
			out = append(out, fmt.Sprint(one))
		}
		return out
	}
	if err != nil {
		return []string{err.Error()}
	}
	return nil
}
