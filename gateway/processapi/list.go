package processapi

import (
	"context"
	"net/http"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/store"
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
	f.Start, f.Size = q.Page(rest.DefaultSize)
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

// Header says how many processes match.
func (p page) Header(h http.Header) {
	rest.SetTotal(h, min(p.total, store.CountLimit), p.total <= store.CountLimit)
}

// AppendJSON appends the array.
func (p page) AppendJSON(dst []byte) []byte {
	return rest.AppendArray(dst, len(p.all), func(dst []byte, i int) []byte { return p.all[i].AppendJSON(dst) })
}
