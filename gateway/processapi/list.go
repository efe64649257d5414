package processapi

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

// listRequest asks for the processes that match, the newest first.
type listRequest struct{ filter store.InstanceFilter }

// Bind reads the query.
func (l *listRequest) Bind(in *rest.Input) error {
	q, f := in.Query(), &l.filter
	f.ID, f.Key, f.Definition = q.Text("processInstanceId"), q.Text("modelKey"), q.Text("modelId")
	f.Name, f.BusinessKey, f.SuperInstance = q.Text("name"), q.Text("businessKey"), q.Text("superProcessInstanceId")
	f.Statuses, f.Kinds = many(q, "status", statusWords), many(q, "type", typeWords)
	f.StartedAfter, f.StartedBefore = q.Time("startedAfter"), q.Time("startedBefore")
	if tenant := q.Text("tenantId"); tenant != "" {
		f.Tenant = &tenant
	}
	f.Start = q.Int("start", 0, maxStart, 0)
	f.Size = q.Int("size", 1, maxSize, defaultSize)
	f.CountTo = store.CountLimit + 1
	f.Sort, f.Descending = "start", q.OneOf("order", "desc", "asc") == "desc"
	return q.Err()
}

// many reads the words of a parameter that may be given several times.
func many[K comparable](q *rest.Query, name string, words map[K]string) []K {
	var out []K
	for _, word := range q.Texts(name) {
		k, ok := ofWord(words, word)
		if !ok {
			q.Problem("%s must be one of %s", name, listed(words))
			continue
		}
		out = append(out, k)
	}
	return out
}

// page is one page of a list.
type page struct {
	all   []process
	total int
}

func (a *api) list(ctx context.Context, r listRequest) (page, error) {
	rows, total, err := a.Store.Instances(ctx, r.filter)
	if err != nil {
		return page{}, unread(err)
	}
	p := page{all: make([]process, len(rows)), total: total}
	for i := range rows {
		if p.all[i], err = a.show(ctx, http.StatusOK, rows[i], false); err != nil {
			return page{}, err
		}
	}
	return p, nil
}

// Status is 200.
func (p page) Status() int { return http.StatusOK }

// Header says how many processes match, as the list of tasks does: past
// [store.CountLimit] they are not counted.
func (p page) Header(h http.Header) {
	h.Set("X-Total-Count", strconv.Itoa(min(p.total, store.CountLimit)))
	if p.total > store.CountLimit {
		h.Set("X-Total-Exact", "false")
	}
}

// AppendJSON appends the array.
func (p page) AppendJSON(dst []byte) []byte {
	return rest.AppendArray(dst, len(p.all), func(dst []byte, i int) []byte { return p.all[i].AppendJSON(dst) })
}
