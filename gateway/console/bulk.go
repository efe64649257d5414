package console

import (
	"context"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/riverstones/riverstones/gateway/client"
)

const (
	bulkMax  = 1000 // tasks at once: what the API lists at once
	bulkAt   = 8    // requests at once
	bulkShow = 100  // tasks, and failures, that are named
)

// bulkOrders are what can be done to several tasks at once.
var bulkOrders = []string{"reRun", "resume", "cancel"}

func (c *console) bulkRoutes() {
	c.get("/bulk", c.bulkCount)
	c.post("/bulk", c.bulk)
}

// bulkData is an order for several tasks: what it would do, or what it did.
type bulkData struct {
	Order   string
	Found   client.Count
	Back    time.Time     // how far back was looked, zero for all
	Looked  int           // tasks that were looked at
	Able    []client.Task // that take the order
	Others  int           // that do not
	Methods []string
	BackURL string

	Done    bool
	Worked  int
	Refused []refusal
}

// Shown are the tasks that are named.
func (d bulkData) Shown() []client.Task { return d.Able[:min(len(d.Able), bulkShow)] }

// Limited reports whether more are found than are taken at once.
func (d bulkData) Limited() bool {
	return d.Found.Total > d.Looked || d.Looked == bulkMax && !d.Found.Exact
}

// refusal is a task that did not take the order.
type refusal struct{ TaskID, Why string }

// RefusedShown are the refusals that are named.
func (d bulkData) RefusedShown() []refusal { return d.Refused[:min(len(d.Refused), bulkShow)] }

// bulkCount tells how many tasks an order would be for. It does nothing.
func (c *console) bulkCount(v *visit) (page, error) {
	q := v.URL.Query()
	d := bulkData{Order: q.Get("do"), Methods: reRunMethods, BackURL: Root + "/tasks"}
	if !slices.Contains(bulkOrders, d.Order) {
		return page{}, formError("do must be one of reRun, resume, cancel")
	}
	var all []client.Task
	var err error
	if ticked := q["task"]; len(ticked) > 0 {
		all, err = c.ticked(v, ticked)
		d.Found = client.Count{Total: len(all), Exact: true}
	} else {
		all, err = c.searched(v, &d)
	}
	if err != nil {
		return page{}, err
	}
	d.Looked = len(all)
	for _, t := range all {
		if allowed(d.Order, &t) {
			d.Able = append(d.Able, t)
		}
	}
	d.Others = d.Looked - len(d.Able)
	return c.bulkPage(v, d), nil
}

func (c *console) bulkPage(v *visit, d bulkData) page {
	return page{
		Name: "bulk", Nav: "tasks", Title: v.text("bulk.title", v.text("order."+d.Order)),
		Crumb: []link{{d.BackURL, v.text("nav.tasks")}}, Data: d,
	}
}

// ticked reads the tasks that were ticked.
func (c *console) ticked(v *visit, keys []string) ([]client.Task, error) {
	if len(keys) > bulkMax {
		return nil, formError("task may be given %d times", bulkMax)
	}
	out := make([]client.Task, len(keys))
	g, ctx := errgroup.WithContext(v.ctx())
	g.SetLimit(bulkAt)
	for i, key := range keys {
		g.Go(func() (err error) { out[i], err = v.api.Get(ctx, key); return err })
	}
	return out, g.Wait()
}

// searched finds the tasks of a search, as many as are listed at once: those
// that the order is for if the search does not say which statuses.
func (c *console) searched(v *visit, d *bulkData) ([]client.Task, error) {
	q, err := url.ParseQuery(v.URL.Query().Get("search"))
	if err != nil {
		return nil, formError("search must be the parameters of a search")
	}
	s := searchOf(q)
	s.Start = 0
	d.BackURL = s.url()
	f, err := s.filter(c.cfg.Zone)
	if err != nil {
		return nil, err
	}
	if f.Size = bulkMax; len(f.Statuses) == 0 && d.Order != "cancel" {
		f.Statuses = []string{"failed"} // no others take it
	}
	all, err := lookBack(v.ctx(), v.api, f, time.Time{})
	d.Found, d.Back = all.Count, all.Back
	return all.Tasks, err
}

// bulk gives the order to the tasks that were counted, and tells how it went.
func (c *console) bulk(v *visit) (page, error) {
	d := bulkData{Order: v.PostForm.Get("do"), Done: true, BackURL: here(v.PostForm.Get("back"))}
	keys := v.PostForm["task"]
	do := bulkOrder(v, d.Order)
	if do == nil || len(keys) == 0 || len(keys) > bulkMax {
		return page{}, formError("do must be one of reRun, resume, cancel, and task stand 1 to %d times", bulkMax)
	}
	var g errgroup.Group
	var mu sync.Mutex
	g.SetLimit(bulkAt)
	for _, key := range keys {
		g.Go(func() error {
			err := do(v.ctx(), key)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				d.Worked++
			} else {
				d.Refused = append(d.Refused, refusal{key, problem(v, err).Sentence})
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return page{}, err
	}
	return c.bulkPage(v, d), nil
}

func bulkOrder(v *visit, order string) func(ctx context.Context, key string) error {
	switch order {
	case "reRun":
		method := v.PostForm.Get("queueType")
		return func(ctx context.Context, key string) error {
			_, err := v.api.ReRun(ctx, key, client.ReRun{QueueType: method})
			return err
		}
	case "resume", "cancel":
		return func(ctx context.Context, key string) error {
			_, err := orders[order](v.api, ctx, key)
			return err
		}
	default:
		return nil
	}
}
