package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/riverstones/riverstones/gateway/client"
)

const (
	logPage  = 1000 // lines that are asked for at once
	logShown = 200  // lines that are shown at first
	taskLive = 15   // seconds: beside the events, what changes without one
)

// taskData is a task with all that is known of it.
type taskData struct {
	client.Task

	Why      *client.Why
	Fix      fix
	Attempts []attempt // the newest first
	Log      []client.LogLine
	Lines    int // of the whole log
	Can      []string
	Failed   bool
	Params   *tree
	Outputs  *tree
	LogURL   string
	Troubles []trouble
}

// attempt is what happened of one.
type attempt struct {
	N     int
	Steps []client.Step
	Last  string // status
	Open  bool
}

func (c *console) task(v *visit) (page, error) {
	key := v.PathValue("task")
	d := &taskData{}
	var steps []client.Step
	g := &gatherer{}
	g.group.SetLimit(asked)
	var missing error
	g.ask(func() error { d.Task, missing = v.api.Get(v.ctx(), key); return nil })
	g.ask(func() (err error) { steps, err = v.api.Steps(v.ctx(), key); return err })
	g.ask(func() (err error) { d.Log, err = wholeLog(v, key); return err })
	g.ask(func() error {
		w, err := v.api.Why(v.ctx(), key)
		if err == nil {
			d.Why = &w
		}
		return err
	})
	d.Troubles = g.wait(v)
	if missing != nil {
		return page{}, missing
	}
	d.fill(v, steps)
	return page{
		Name: "task", Nav: "tasks", Title: d.Name, Crumb: []link{{Root + "/tasks", v.text("nav.tasks")}},
		Live: live{Events: url.Values{"taskId": {d.TaskID}}.Encode(), Every: taskLive}, Data: d,
	}, nil
}

// wholeLog reads all pages of a log, which the API keeps 10,000 lines of.
func wholeLog(v *visit, key string) ([]client.LogLine, error) {
	var out []client.LogLine
	for {
		more, err := v.api.Log(v.ctx(), key, len(out), logPage)
		if err != nil {
			return out, err
		}
		if out = append(out, more...); len(more) < logPage {
			return out, nil
		}
	}
}

func (d *taskData) fill(v *visit, steps []client.Step) {
	d.Params, d.Outputs = treeOf(d.Task.Params), treeOf(d.Task.Outputs)
	d.Attempts = attemptsOf(steps)
	if d.Lines = len(d.Log); d.Lines > logShown && v.URL.Query().Get("log") != "all" {
		d.Log = d.Log[d.Lines-logShown:]
		d.LogURL = taskURL(d.TaskID, d.ID) + "?log=all"
	}
	d.Failed = failed(&d.Task)
	for _, o := range orderNames {
		if allowed(o, &d.Task) {
			d.Can = append(d.Can, o)
		}
	}
	if d.Why != nil && (!d.Ended() || d.Why.Fix != nil) {
		d.Fix = fixOf(v, &d.Task, deref(d.Why.Fix))
	} else {
		d.Why = nil // it ended well: nothing waits
	}
}

// attemptsOf sorts steps by their attempt, the newest first and unfolded.
func attemptsOf(steps []client.Step) []attempt {
	var out []attempt
	for _, s := range steps {
		i := slices.IndexFunc(out, func(a attempt) bool { return a.N == s.Attempt })
		if i < 0 {
			out = append(out, attempt{N: s.Attempt})
			i = len(out) - 1
		}
		out[i].Steps = append(out[i].Steps, s)
		if s.Note == "" {
			out[i].Last = s.Status
		}
	}
	slices.SortStableFunc(out, func(a, b attempt) int { return b.N - a.N })
	if len(out) > 0 {
		out[0].Open = true
	}
	return out
}

func failed(t *client.Task) bool { return strings.HasSuffix(t.Status, ".failed") }

// fix is what an operator can do about a task that waits: a link, a form, or
// only the command.
type fix struct {
	Command, Label, URL string
	Post, Sheet         bool
	Field, Value        string // that a form sends
}

// fixes are the pages that do what the API advises, by how its advice begins.
var fixes = []struct {
	prefix string
	fix    func(v *visit, t *client.Task) fix
}{
	{"riverstones task cancel ", func(v *visit, t *client.Task) fix { return sheetFix(v, t, "cancel") }},
	{"riverstones task rerun ", func(v *visit, t *client.Task) fix { return sheetFix(v, t, "reRun") }},
	{"riverstones task callbacks ", func(v *visit, t *client.Task) fix {
		return fix{Label: v.text("callback.replay"), URL: Root + "/callbacks/" + url.PathEscape(t.ID) + "/replay", Post: true}
	}},
	{"riverstones process debug ", func(v *visit, t *client.Task) fix {
		return fix{Label: v.text("task.debugon"), URL: taskURL(t.TaskID, t.ID) + "/debug", Post: true, Field: "to", Value: "on"}
	}},
	{"riverstones stone resume ", func(v *visit, t *client.Task) fix {
		return fix{Label: v.text("stone.goon"), URL: stoneURL(t.Stone) + "/resume", Post: true}
	}},
	{"riverstones deadletter redrive ", func(v *visit, t *client.Task) fix { return sheetFix(v, t, "redrive") }},
	{"curl /quarantine", func(v *visit, t *client.Task) fix { return lettersFix(v, t, "quarantine") }},
	{"curl /readyz", func(v *visit, _ *client.Task) fix { return fix{Label: v.text("overview.health"), URL: Root + "/"} }},
	{"start ", func(v *visit, t *client.Task) fix { return fix{Label: v.text("task.seestone"), URL: stoneURL(t.Stone)} }},
}

func sheetFix(v *visit, t *client.Task, order string) fix {
	return fix{Label: v.text("order." + order), URL: taskURL(t.TaskID, t.ID) + "/" + order, Sheet: true}
}

func lettersFix(v *visit, t *client.Task, of string) fix {
	return fix{Label: v.text("nav.letters"), URL: Root + "/letters?" + url.Values{"of": {of}, "taskId": {t.TaskID}}.Encode()}
}

func fixOf(v *visit, t *client.Task, advice string) fix {
	for _, f := range fixes {
		if strings.HasPrefix(advice, f.prefix) {
			out := f.fix(v, t)
			out.Command = advice
			return out
		}
	}
	return fix{Command: advice}
}

// document answers the whole of a document that a page shows in part.
func (c *console) document(v *visit) (page, error) {
	t, err := v.api.Get(v.ctx(), v.PathValue("task"))
	if err != nil {
		return page{}, err
	}
	switch v.PathValue("document") {
	case "params":
		return page{Text: []byte(pretty(deref(t.Params)))}, nil
	case "outputs":
		return page{Text: []byte(pretty(deref(t.Outputs)))}, nil
	default:
		return page{}, errNowhere
	}
}

// debug switches the debug mode of a task's process.
func (c *console) debug(v *visit) (page, error) {
	on := v.PostForm.Get("to") == "on"
	t, err := v.api.Get(v.ctx(), v.PathValue("task"))
	if err != nil {
		return page{}, err
	}
	if err := v.api.SetDebug(v.ctx(), t.ProcessInstanceID, on); err != nil {
		return page{}, err
	}
	if on {
		v.done("task.debugon")
	} else {
		v.done("task.debugoff")
	}
	return page{Redirect: taskURL(t.TaskID, t.ID)}, nil
}

// statusOf is the HTTP status to show a problem with.
func statusOf(t *trouble) int {
	if t.Status < http.StatusBadRequest {
		return http.StatusInternalServerError
	}
	return t.Status
}
