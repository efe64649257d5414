package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue/task"
)

const (
	pageSize = 50
	// maxDeep is how far pages go: the store has to step over all before.
	maxDeep    = 10_000
	tasksEvery = 5 // seconds, where there is no filter that events know

	everAfter = "1970-01-01T00:00:00Z" // is before all there is
)

func (c *console) taskRoutes() {
	c.get("/tasks", c.tasks)
	c.get("/tasks/{task}", c.task)
	c.get("/tasks/{task}/{document}", c.document)
	c.get("/tasks/{task}/reRun", c.reRunSheet)
	c.post("/tasks/{task}/reRun", c.reRun)
	c.post("/tasks/{task}/compare", c.compare)
	c.post("/tasks/{task}/debug", c.debug)
	for order := range orders {
		c.get("/tasks/{task}/"+order, c.orderSheet(order))
		c.post("/tasks/{task}/"+order, c.order(order))
	}
}

// search is what tasks are looked for by, as the page's address says.
type search struct {
	Task, Process, Name, Namespace, Stone, Key string

	Statuses      []string
	After, Before string // RFC 3339, or as a browser's field gives it
	Start         int
	Ascending     bool
}

func searchOf(q url.Values) search {
	s := search{
		Task: trim(q, "taskId"), Process: trim(q, "processInstanceId"), Name: trim(q, "name"), Namespace: trim(q, "namespace"),
		Stone: trim(q, "stone"), Key: trim(q, "businessKey"), After: trim(q, "createdAfter"), Before: trim(q, "createdBefore"),
		Ascending: q.Get("order") == "asc",
	}
	for _, one := range q["status"] {
		if one = strings.TrimSpace(one); one != "" {
			s.Statuses = append(s.Statuses, one)
		}
	}
	s.Start, _ = strconv.Atoi(q.Get("start")) // 0 for what is no number
	s.Start = min(max(s.Start, 0), maxDeep)
	return s
}

func trim(q url.Values, name string) string { return strings.TrimSpace(q.Get(name)) }

// Query is the search as parameters, without where a page begins.
func (s search) Query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"taskId": s.Task, "processInstanceId": s.Process, "name": s.Name, "namespace": s.Namespace, "stone": s.Stone,
		"businessKey": s.Key, "createdAfter": s.After, "createdBefore": s.Before,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	q["status"] = s.Statuses
	if s.Ascending {
		q.Set("order", "asc")
	}
	return q
}

// url is the page that shows what is found.
func (s search) url() string { return s.address("/tasks", s.Start) }

func (s search) address(path string, start int) string {
	q := s.Query()
	if start > 0 {
		q.Set("start", strconv.Itoa(start))
	}
	if text := q.Encode(); text != "" {
		path += "?" + text
	}
	return Root + path
}

// narrow reports whether anything but the time is searched for.
func (s search) narrow() bool {
	return s.Task+s.Process+s.Name+s.Namespace+s.Stone+s.Key != "" || len(s.Statuses) > 0
}

// Advanced reports whether one of the rarer filters is set.
func (s search) Advanced() bool { return s.Namespace+s.Key+s.After+s.Before != "" || s.Ascending }

// Has reports whether a status is searched for.
func (s search) Has(status string) bool { return slices.Contains(s.Statuses, status) }

// filter is the search as the API takes it. A time that is none is an error
// that names its field.
func (s search) filter(zone *time.Location) (f client.Filter, err error) {
	f = client.Filter{
		TaskID: s.Task, ProcessInstanceID: s.Process, Name: s.Name, Namespace: s.Namespace, Stone: s.Stone, BusinessKey: s.Key,
		Statuses: s.Statuses, Start: s.Start, Size: pageSize, Descending: !s.Ascending,
	}
	if f.CreatedAfter, err = timeOf("createdAfter", s.After, zone); err != nil {
		return f, err
	}
	if f.CreatedBefore, err = timeOf("createdBefore", s.Before, zone); err != nil {
		return f, err
	}
	if !s.narrow() && f.CreatedAfter.IsZero() {
		f.CreatedAfter = time.Unix(0, 0).UTC() // the API wants a filter: this one takes all
	}
	return f, nil
}

// timeForms are how times may be written: as the API does, as a browser's
// field does, and as we show them.
var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, time.DateOnly}

func timeOf(name, text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range timeForms {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, formError("%s must be a time such as 2026-11-21T09:00:00", name)
}

// events is the filter of the search that /events knows, "" for none.
func (s search) events() string {
	q := url.Values{}
	for name, value := range map[string]string{"processInstanceId": s.Process, "taskId": s.Task, "stone": s.Stone} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q.Encode()
}

// tasksData is a page of tasks.
type tasksData struct {
	found

	Search   search
	Statuses []string // to choose from
	AllURL   string   // looks through all, however long it takes
	Pager    pager
	BulkURL  string
	Problem  *trouble // of the search
	Orders   []string // of bulk
}

func (c *console) tasks(v *visit) (page, error) {
	d := tasksData{Search: searchOf(v.URL.Query()), Statuses: statusChoices(), Orders: bulkOrders, BulkURL: Root + "/bulk"}
	p := page{Name: "tasks", Nav: "tasks", Title: v.text("nav.tasks")}
	f, err := d.Search.filter(c.cfg.Zone)
	if err == nil {
		d.found, err = lookBack(v.ctx(), v.api, f, time.Time{})
	}
	if err != nil {
		t := problem(v, err)
		if t.Status != 400 { // what is searched for stays in the form to be mended
			return page{}, err
		}
		d.Problem, p.Status = &t, t.Status
		p.Data = d
		return p, nil
	}
	if all := d.Search; !d.Back.IsZero() {
		all.After = everAfter
		d.AllURL = all.url()
	}
	d.Pager = pagerOf(d.Count, d.Search.Start, len(d.Tasks), func(start int) string { return d.Search.address("/tasks", start) })
	if p.Live.Events = d.Search.events(); p.Live.Events == "" {
		p.Live.Every = tasksEvery
	}
	p.Data = d
	return p, nil
}

// statusChoices are the words that a search takes: failed, then each status.
func statusChoices() []string {
	out := []string{"failed"}
	for _, s := range task.Statuses() {
		out = append(out, s.String())
	}
	return out
}

// pager leads to the pages around one.
type pager struct {
	client.Count

	Shown, First, Last int
	Newer, Older       string
	Deep               bool // there are more, but no page for them
}

func pagerOf(n client.Count, start, shown int, address func(start int) string) pager {
	p := pager{Count: n, Shown: shown, First: start + 1, Last: start + shown}
	if start > 0 {
		p.Newer = address(max(0, start-pageSize))
	}
	if more := shown == pageSize && !n.Exact || p.Last < n.Total; more {
		if p.Last < maxDeep {
			p.Older = address(p.Last)
		} else {
			p.Deep = true
		}
	}
	return p
}
