package callbackapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/store"
)

const (
	maxSize     = 1000
	defaultSize = 50
	maxStart    = 1_000_000_000
)

// listRequest asks for a page of the deliveries of all tasks.
type listRequest struct{ filter store.DeliveryFilter }

// Bind reads the query.
func (l *listRequest) Bind(in *rest.Input) error {
	q, f := in.Query(), &l.filter
	f.TaskID, f.ProcessInstanceID = q.Text("taskId"), q.Text("processInstanceId")
	f.State = stateOf(q)
	f.Start = q.Int("start", 0, maxStart, 0)
	f.Size = q.Int("size", 1, maxSize, defaultSize)
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

// Header says how many match; past [store.CountLimit] they are not counted, and
// X-Total-Exact says so.
func (l listed) Header(h http.Header) {
	h.Set("X-Total-Count", strconv.Itoa(l.Total))
	if !l.Exact {
		h.Set("X-Total-Exact", "false")
	}
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
