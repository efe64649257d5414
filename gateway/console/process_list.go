package console

import (
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/riverstones/riverstones/gateway/client"
)

// processStatuses and processTypes are the words that the API takes.
var (
	processStatuses = []string{"running", "debug", "rollback", "rollback.failed", "failed", "completed", "canceling", "canceled", "deleting", "delete.failed", "deleted"}
	processTypes    = []string{"start", "rollback", "cancel", "delete"}
)

// processSearch is what processes are looked for by, as the page's address says.
type processSearch struct {
	ID, Key, Model, Name, Business, Super, Tenant string

	Type, Status  string
	After, Before string // as of a search for tasks
	Start         int
	Ascending     bool
}

func processSearchOf(q url.Values) processSearch {
	s := processSearch{
		ID: trim(q, "processInstanceId"), Key: trim(q, "modelKey"), Model: trim(q, "modelId"), Name: trim(q, "name"),
		Business: trim(q, "businessKey"), Super: trim(q, "superProcessInstanceId"), Tenant: trim(q, "tenantId"),
		Type: trim(q, "type"), Status: trim(q, "status"), After: trim(q, "startedAfter"), Before: trim(q, "startedBefore"),
		Ascending: q.Get("order") == "asc",
	}
	s.Start, _ = strconv.Atoi(q.Get("start")) // 0 for what is no number
	s.Start = min(max(s.Start, 0), maxDeep)
	return s
}

// address is the page that shows what is found from a row on.
func (s processSearch) address(start int) string {
	q := url.Values{}
	for name, value := range map[string]string{
		"processInstanceId": s.ID, "modelKey": s.Key, "modelId": s.Model, "name": s.Name, "businessKey": s.Business,
		"superProcessInstanceId": s.Super, "tenantId": s.Tenant, "type": s.Type, "status": s.Status,
		"startedAfter": s.After, "startedBefore": s.Before,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if s.Ascending {
		q.Set("order", "asc")
	}
	if start > 0 {
		q.Set("start", strconv.Itoa(start))
	}
	path := Root + "/processes"
	if text := q.Encode(); text != "" {
		path += "?" + text
	}
	return path
}

// Advanced reports whether one of the rarer filters is set.
func (s processSearch) Advanced() bool {
	return s.Model+s.Super+s.Tenant+s.After+s.Before+s.Type != "" || s.Ascending
}

// filter is the search as the API takes it.
func (s processSearch) filter(zone *time.Location) (f client.ProcessFilter, err error) {
	f = client.ProcessFilter{
		ProcessInstanceID: s.ID, ModelID: s.Model, ModelKey: s.Key, Name: s.Name, BusinessKey: s.Business, TenantID: s.Tenant,
		SuperProcessInstanceID: s.Super, Start: s.Start, Size: pageSize, Ascending: s.Ascending,
	}
	if s.Type != "" {
		f.Types = []string{s.Type}
	}
	if s.Status != "" {
		f.Statuses = []string{s.Status}
	}
	if f.StartedAfter, err = timeOf("startedAfter", s.After, zone); err != nil {
		return f, err
	}
	f.StartedBefore, err = timeOf("startedBefore", s.Before, zone)
	return f, err
}

// processesData is a page of processes.
type processesData struct {
	Tabs            []tab
	Search          processSearch
	Statuses, Types []string // to choose from
	Processes       []client.ProcessInstance
	Pager           pager
	Back            time.Time // how far back was looked, zero for all
	AllURL          string    // looks through all, however long it takes
	Problem         *trouble  // of the search
}

// tab is one of the pages about processes.
type tab struct {
	URL, Text string
	Here      bool
}

func processTabs(v *visit, here string) []tab {
	all := []tab{
		{URL: Root + "/processes", Text: v.text("process.all")}, {URL: Root + "/models", Text: v.text("process.models")},
		{URL: Root + "/deployments", Text: v.text("process.deployments")},
	}
	i := slices.IndexFunc(all, func(t tab) bool { return t.URL == Root+here })
	all[i].Here = true
	return all
}

func (c *console) processes(v *visit) (page, error) {
	d := processesData{Tabs: processTabs(v, "/processes"), Search: processSearchOf(v.URL.Query()), Statuses: processStatuses, Types: processTypes}
	p := page{Name: "processes", Nav: "processes", Title: v.text("nav.processes")}
	f, err := d.Search.filter(c.cfg.Zone)
	var n client.Count
	if err == nil {
		d.Processes, n, d.Back, err = lookBackProcesses(v.ctx(), v.api, f)
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
		d.AllURL = all.address(all.Start)
	}
	d.Pager = pagerOf(n, d.Search.Start, len(d.Processes), d.Search.address)
	p.Live.Every = tasksEvery
	p.Data = d
	return p, nil
}
