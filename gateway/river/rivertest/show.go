package rivertest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/store"
)

var statuses = map[store.InstanceStatus]string{
	store.Running: "running", store.Debugging: "debugging", store.Undoing: "undoing", store.RollbackFailed: "rollback failed",
	store.Completed: "completed", store.Failed: "failed", store.Canceled: "canceled", store.CancelingNow: "canceling",
	store.DeletingNow: "deleting", store.Deleted: "deleted", store.DeleteFailed: "delete failed",
}

// number gives an id its number.
func (w *world) number(id string) string {
	if w.numbers[id] == 0 {
		w.numbers[id] = len(w.numbers) + 1
	}
	return fmt.Sprintf("[%d]", w.numbers[id])
}

var uuids = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// plain replaces ids in a text.
func (w *world) plain(text string) string { return uuids.ReplaceAllStringFunc(text, w.number) }

// show prints the instances that run, and those that have ended since.
func (w *world) show() string {
	all, _, err := w.st.Instances(w.t.Context(), store.InstanceFilter{Kinds: []store.InstanceKind{store.Forward}, Paging: store.Paging{Size: 1000, Sort: "start"}})
	require.NoError(w.t, err)
	slices.SortStableFunc(all, func(a, b store.Instance) int { return strings.Compare(a.ID, b.ID) })
	var b strings.Builder
	for i := range all {
		if all[i].SuperExecution == "" || all[i].Ended() {
			w.showInstance(&b, &all[i], all, "")
		}
	}
	return b.String()
}

func (w *world) showInstance(b *strings.Builder, in *store.Instance, all []store.Instance, indent string) {
	if w.ended[in.ID] {
		return
	}
	p := w.load(in.ID)
	b.WriteString(indent + in.Key + " " + w.number(in.ID) + " " + statuses[in.Status])
	b.WriteString(words("at", in.EndActivity, "because", w.plain(in.DeleteReason), "tenant", in.Tenant, "business key", in.BusinessKey,
		"by", in.StartUser, "named", in.Name))
	if in.Suspended {
		b.WriteString(" suspended")
	}
	b.WriteString(w.variables(in.ID, p.Variables) + "\n")
	if in.Ended() {
		w.ended[in.ID] = true
		require.Empty(w.t, p.Executions)
		return
	}
	w.showBelow(b, in.ID, p, all, indent)
}

func (w *world) showBelow(b *strings.Builder, parent string, p *store.Process, all []store.Instance, indent string) {
	for i := range p.Executions {
		e := &p.Executions[i]
		if e.Parent != parent {
			continue
		}
		fmt.Fprintf(b, "%s  %s %s%s\n", indent, e.Activity, w.number(e.ID), w.marks(e, p))
		w.showBelow(b, e.ID, p, all, indent+"  ")
		for j := range all {
			if all[j].SuperExecution == e.ID && !all[j].Ended() {
				w.showInstance(b, &all[j], all, indent+"    ")
			}
		}
	}
}

// marks are what else is to be seen of an execution.
func (w *world) marks(e *store.Execution, p *store.Process) string {
	var out []string
	switch e.Kind {
	case store.ScopeExecution:
		out = append(out, "scope")
	case store.BoundaryExecution:
		out = append(out, "boundary")
	case store.MultiRoot:
		out = append(out, "multi")
	default:
	}
	if !e.Active {
		out = append(out, "inactive")
	}
	for i := range p.Subscriptions {
		if s := &p.Subscriptions[i]; s.Execution == e.ID {
			kind := map[store.SubscriptionKind]string{store.Signal: "signal", store.Message: "message"}[s.Kind]
			out = append(out, "for "+kind+" "+s.Name)
		}
	}
	for i := range p.Jobs {
		if p.Jobs[i].Execution == e.ID {
			out = append(out, w.job(&p.Jobs[i]))
		}
	}
	for i := range p.UserTasks {
		if p.UserTasks[i].Execution == e.ID {
			out = append(out, w.task(&p.UserTasks[i]))
		}
	}
	text := ""
	if len(out) > 0 {
		text = " " + strings.Join(out, ", ")
	}
	return text + w.variables(e.ID, p.Variables)
}

func (w *world) job(j *store.Job) string {
	text := map[store.JobKind]string{store.TimerJob: "timer", store.AsyncJob: "async", store.StoneJob: "stone", store.ExternalJob: "job " + j.Topic}[j.Kind]
	if !j.Due.IsZero() && j.Kind != store.AsyncJob {
		text += " " + when(j.Due)
	}
	if j.LockOwner != "" && j.LockUntil.After(w.clock.Now()) {
		text += " held by " + j.LockOwner
	}
	if j.Problem != "" {
		text += fmt.Sprintf(" (%d left: %s)", j.Retries, w.plain(j.Problem))
	}
	return text
}

func when(t time.Time) string { return strings.TrimSuffix(t.Format(time.RFC3339Nano), "Z") }

func (w *world) task(u *store.UserTask) string {
	text := "task" + words("of", u.Assignee, "owner", u.Owner, "users", strings.Join(u.Users, "+"), "groups", strings.Join(u.Groups, "+"),
		"form", u.FormKey, "category", u.Category, "named", u.Name, "about", u.Description, "delegation", u.Delegation)
	if u.Priority != 50 {
		text += fmt.Sprintf(" priority %d", u.Priority)
	}
	if !u.Due.IsZero() {
		text += " due " + when(u.Due)
	}
	return text
}

// words joins names with their values; those without a value are left out.
func words(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			b.WriteString(" " + pairs[i] + " " + pairs[i+1])
		}
	}
	return b.String()
}

// load reads an instance as the runtime does.
func (w *world) load(id string) *store.Process {
	w.t.Helper()
	return LoadInstance(w.t, w.st, id)
}

func (w *world) variables(owner string, all []store.Variable) string {
	var out []string
	for i := range all {
		if all[i].Owner != owner {
			continue
		}
		v, err := variable.Decode(all[i].Type, all[i].Data)
		require.NoError(w.t, err)
		out = append(out, all[i].Name+"="+string(v.JSON()))
	}
	if len(out) == 0 {
		return ""
	}
	return " {" + strings.Join(out, ", ") + "}"
}
