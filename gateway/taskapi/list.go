package taskapi

import (
	"context"
	"net/http"
	"slices"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// listRequest asks for the tasks that match.
type listRequest struct{ filter store.Filter }

// Bind reads the query.
func (l *listRequest) Bind(in *rest.Input) error {
	q, f := in.Query(), &l.filter
	f.ProcessInstanceID, f.TaskID, f.Name = q.Text("processInstanceId"), q.Text("taskId"), q.Text("name")
	f.Namespace, f.Stone, f.BusinessKey = q.Text("namespace"), q.Text("stone"), q.Text("businessKey")
	f.Statuses = statuses(q)
	f.CreatedAfter, f.CreatedBefore = q.Time("createdAfter"), q.Time("createdBefore")
	f.Start, f.Size = q.Page(0)
	q.OneOf("sort", "createTime")
	f.Descending = q.OneOf("order", "asc", "desc") == "desc"
	if err := q.Err(); err != nil {
		return err
	}
	if f.ProcessInstanceID == "" {
		if f.TaskID+f.Name+f.Namespace+f.Stone+f.BusinessKey == "" && len(f.Statuses) == 0 && f.CreatedAfter.IsZero() && f.CreatedBefore.IsZero() {
			return fault.New(fault.Invalid, "processInstanceId is missing: give it, or another filter")
		}
		if f.Size == 0 {
			f.Size = rest.DefaultSize
		}
	}
	return nil
}

// statuses reads the statuses asked for; failed stands for all that failed.
func statuses(q *rest.Query) []task.Status {
	var out []task.Status
	for _, name := range q.Texts("status") {
		if name == "failed" {
			for _, s := range task.Statuses() {
				if s.Failed() {
					out = append(out, s)
				}
			}
			continue
		}
		s, err := task.ParseStatus(name)
		if err != nil {
			q.Problem("status must be one of the 22, such as start.begin, or failed")
			continue
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// listed is one page.
type listed struct {
	page  store.Page
	tasks rest.Tasks
}

func (a *api) list(ctx context.Context, r listRequest) (listed, error) {
	page, err := a.reader.List(ctx, r.filter)
	if err != nil {
		return listed{}, unread(err, "")
	}
	return listed{page, a.tasks}, nil
}

// Status is 200.
func (l listed) Status() int { return http.StatusOK }

// Header says how many tasks match.
func (l listed) Header(h http.Header) {
	rest.SetTotal(h, l.page.Total, l.page.Exact)
}

// AppendJSON appends the array.
func (l listed) AppendJSON(dst []byte) []byte { return l.tasks.AppendAll(dst, l.page.Tasks) }
