package processapi

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// step is an element that a process has come to: what is done in the order it
// was finished, then what is not in the order it was begun.
type step struct {
	element, kind, name, parent string
	execution                   string
	status                      string
	task                        *task.Task // of a stone, nil for none
	userTask                    string
	called                      string // process of a call activity
	reason                      string
	start, end                  time.Time
}

// steps are those of a process.
type steps struct {
	zone *time.Location
	all  []step
}

func (a *api) steps(ctx context.Context, i id) (steps, error) {
	in, err := a.one(ctx, string(i))
	if err != nil {
		return steps{}, err
	}
	m, err := a.Runtime.Model(ctx, in.Definition)
	if err != nil {
		return steps{}, err
	}
	w := walk{api: a, id: in.ID, model: m, ended: map[place]time.Time{}}
	if err := w.read(ctx); err != nil {
		return steps{}, unread(err)
	}
	return steps{a.zone, w.all}, nil
}

// walk collects the steps of one process.
type walk struct {
	*api

	id    string
	model *bpmn.Process
	tasks map[string]*task.Task // by id
	ended map[place]time.Time   // when what finished there had begun
	all   []step
}

// place is an execution at an element.
type place struct{ execution, element string }

// maxUnder bounds what waits at the executions of one process.
const maxUnder = 100_000

func (w *walk) read(ctx context.Context) error {
	page, err := w.Store.List(ctx, store.Filter{ProcessInstanceID: w.id})
	if err != nil {
		return err
	}
	w.tasks = make(map[string]*task.Task, len(page.Tasks))
	for i := range page.Tasks {
		w.tasks[page.Tasks[i].ID] = &page.Tasks[i]
	}
	// In this order what finishes between the reads is not missed.
	live, err := w.Store.Tree(ctx, w.id)
	if err != nil {
		return err
	}
	waits, err := w.waits(ctx, len(live))
	if err != nil {
		return err
	}
	done, err := w.Store.Activities(ctx, w.id)
	if err != nil {
		return err
	}
	for i := range done {
		w.done(&done[i])
	}
	for i := range live {
		w.live(&live[i], waits[live[i].ID])
	}
	return nil
}

// waits returns the job or user task that each execution waits for.
func (w *walk) waits(ctx context.Context, executions int) (map[string]string, error) {
	if executions == 0 {
		return nil, nil //nolint:nilnil // nothing waits
	}
	out := map[string]string{}
	paging := store.Paging{Size: maxUnder}
	jobs, _, err := w.Store.Jobs(ctx, store.JobFilter{Instance: w.id, Kinds: []store.JobKind{store.StoneJob, store.ExternalJob}, Paging: paging})
	if err != nil {
		return nil, err
	}
	for i := range jobs {
		out[jobs[i].Execution] = jobs[i].ID
	}
	users, _, err := w.Store.UserTasks(ctx, store.UserTaskFilter{Instance: w.id, Paging: paging})
	for i := range users {
		out[users[i].Execution] = users[i].ID
	}
	return out, err
}

func (w *walk) done(a *store.Activity) {
	s := step{
		element: a.Activity, kind: a.Type, name: a.Name, execution: a.Execution, called: a.Called, reason: a.Reason,
		status: "completed", start: a.Start, end: a.End,
	}
	if a.Reason != "" {
		s.status = "canceled"
	}
	w.ended[place{a.Execution, a.Activity}] = a.Start
	w.add(&s, a.Task)
}

func (w *walk) live(e *store.Execution, waits string) {
	if e.Kind == store.RootExecution || e.Kind == store.BoundaryExecution {
		return // the process itself, and what only listens
	}
	if begun, ended := w.ended[place{e.ID, e.Activity}]; ended && !begun.Before(e.Entered) {
		return // it finished between the reads
	}
	s := step{element: e.Activity, execution: e.ID, status: "running", start: e.Entered}
	if !e.Active && e.Kind == store.Token { // at a join
		s.status = "waiting"
	}
	if n := w.model.Node(e.Activity); n != nil {
		s.kind, s.name = n.Kind().String(), n.Name
	}
	w.add(&s, waits)
}

// add completes a step by its task.
func (w *walk) add(s *step, taskID string) {
	if t := w.tasks[taskID]; t != nil {
		s.task, s.status = t, t.Status.String()
		s.reason = cmp.Or(s.reason, t.Reason)
	} else {
		s.userTask = taskID
	}
	if n := w.model.Node(s.element); n != nil && n.Scope.Owner != nil {
		s.parent = n.Scope.Owner.ID
	}
	w.all = append(w.all, *s)
}

// Status is 200.
func (s steps) Status() int { return http.StatusOK }

// AppendJSON appends the array.
func (s steps) AppendJSON(dst []byte) []byte {
	return rest.AppendArray(dst, len(s.all), func(dst []byte, i int) []byte {
		one := &s.all[i]
		dst = strconv.AppendInt(append(dst, `{"order":`...), int64(i+1), 10)
		dst = rest.AppendString(append(dst, `,"elementId":`...), one.element)
		dst = rest.AppendString(append(dst, `,"elementType":`...), one.kind)
		dst = rest.AppendText(append(dst, `,"elementName":`...), one.name)
		dst = rest.AppendText(append(dst, `,"parentElementId":`...), one.parent)
		dst = rest.AppendString(append(dst, `,"executionId":`...), one.execution)
		dst = rest.AppendString(append(dst, `,"status":`...), one.status)
		dst = one.appendTask(dst)
		dst = rest.AppendText(append(dst, `,"calledProcessInstanceId":`...), one.called)
		dst = rest.AppendSeedTime(append(dst, `,"startTime":`...), one.start, s.zone)
		dst = rest.AppendSeedTime(append(dst, `,"endTime":`...), one.end, s.zone)
		return append(rest.AppendText(append(dst, `,"reason":`...), task.RedactText(one.reason)), '}')
	})
}

// appendTask appends what the step's task says, null where there is none.
func (s *step) appendTask(dst []byte) []byte {
	id, t := s.userTask, s.task
	if t == nil {
		t = &task.Task{}
	} else {
		id = t.TaskID
	}
	dst = rest.AppendText(append(dst, `,"taskId":`...), id)
	dst = rest.AppendText(append(dst, `,"stone":`...), t.Stone)
	dst = rest.AppendText(append(dst, `,"namespace":`...), t.Namespace)
	dst = append(dst, `,"attempt":`...)
	if s.task == nil {
		dst = append(dst, "null"...)
	} else {
		dst = strconv.AppendInt(dst, int64(t.Epoch), 10)
	}
	if t.Progress == nil {
		return append(dst, `,"progress":null`...)
	}
	return strconv.AppendInt(append(dst, `,"progress":`...), int64(*t.Progress), 10)
}
