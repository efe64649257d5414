package callbackapi

import (
	"context"
	"net/http"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/store"
)

// listRequest asks for a page of the deliveries of all tasks.
type listRequest struct{ filter store.DeliveryFilter }

// Bind reads the query.
func (l *listRequest) Bind(in *rest.Input) error {
	q, f := in.Query(), &l.filter
	f.TaskID, f.ProcessInstanceID = q.Text("taskId"), q.Text("processInstanceId")
	f.State = stateOf(q)
	f.Start, f.Size = q.Page(rest.DefaultSize)
	return q.Err()
}

// stateOf reads the state asked for, 0 for any.
func stateOf(q *rest.Query) store.DeliveryState {
	word := q.Text("state")
	if word == "" {
		return 0
	}
	for state, name := range states {
		if name == word {
			return state
		}
	}
	q.Problem("state must be one of due, parked, done, givenUp")
	return 0
}

func (a *api) all(ctx context.Context, r listRequest) (listed, error) {
	page, err := a.store.ListDeliveries(ctx, r.filter)
	return listed(page), unread(err, "")
}

// listed is one page.
type listed store.DeliveryPage

// Status is 200.
func (l listed) Status() int { return http.StatusOK }

// Header says how many match.
func (l listed) Header(h http.Header) {
	rest.SetTotal(h, l.Total, l.Exact)
}

// AppendJSON appends the array.
func (l listed) AppendJSON(dst []byte) []byte {
	return rest.AppendArray(dst, len(l.Deliveries), func(dst []byte, i int) []byte { return appendOfTask(dst, &l.Deliveries[i]) })
}

// appendOfTask appends a delivery that says of which task it is.
func appendOfTask(dst []byte, d *store.TaskDelivery) []byte {
	dst = rest.AppendString(append(dst, `{"id":`...), d.Task.ID)
	dst = rest.AppendString(append(dst, `,"taskId":`...), d.Task.TaskID)
	dst = rest.AppendString(append(dst, `,"processInstanceId":`...), d.Task.ProcessInstanceID)
	dst = rest.AppendString(append(dst, `,"name":`...), d.Task.Name)
	dst = rest.AppendString(append(dst, `,"stone":`...), d.Task.Stone)
	return append(appendMembers(append(dst, ','), &d.Delivery), '}')
}
