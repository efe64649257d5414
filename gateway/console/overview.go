package console

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/riverstones/riverstones/gateway/client"
)

const (
	overviewFailures = 10             // that are listed
	overviewStones   = 10             // likewise, those with the most waiting
	recent           = 24 * time.Hour // of the failures that are counted
	chartBars        = 12
	chartStep        = 5 * time.Minute
	overviewEvery    = 5 // seconds
	asked            = 6 // requests at once
)

// overviewData is what the overview shows. What could not be asked is nil, and
// Troubles say why: the page is wanted most when something is away.
type overviewData struct {
	Failed, Letters *client.Count
	Running, Behind *int // commands that workers have, and messages that are not recorded
	Waiting, Live   *int // commands, and workers
	Silent          int  // workers that are gone
	Oldest          *time.Time
	Busiest         []client.Stone
	Failures        []client.Task
	Back            time.Time // how far back failures were looked for, zero for all
	FailedURL       string
	Chart           *chart
	Checks          []check
	Ready           bool
	Troubles        []trouble
}

// check is a part of the system and what is wrong with it, "" for nothing.
type check struct{ Name, Problem string }

func (c *console) overview(v *visit) (page, error) {
	now := time.Now()
	d := &overviewData{}
	var stones []client.Stone
	since := now.Add(-recent).Truncate(time.Minute)
	g := &gatherer{}
	g.group.SetLimit(asked)
	g.ask(func() (err error) { stones, err = v.api.Stones(v.ctx()); return err })
	g.ask(func() error { return c.measure(v, d) })
	g.ask(func() error { return letterCount(v, &d.Letters) })
	g.ask(func() error {
		all, err := lookBack(v.ctx(), v.api, client.Filter{Statuses: []string{"failed"}, Size: overviewFailures, Descending: true}, since)
		if err == nil {
			d.Failures, d.Failed, d.Back = all.Tasks, &all.Count, all.Back
		}
		return err
	})
	g.ask(func() error { return c.health(v, d) })
	g.ask(func() (err error) { d.Chart, err = c.chart(v, now); return err })
	d.Troubles = g.wait(v)
	if stones != nil {
		d.survey(stones)
	}
	d.FailedURL = search{Statuses: []string{"failed"}, After: since.UTC().Format(time.RFC3339)}.url()
	return page{Name: "overview", Nav: "overview", Title: v.text("nav.overview"), Live: live{Every: overviewEvery}, Data: d}, nil
}

func letterCount(v *visit, out **client.Count) error {
	_, n, err := v.api.DeadLettersCount(v.ctx(), client.LetterFilter{Size: 1})
	if err == nil {
		*out = &n
	}
	return err
}

// survey sums the stones up.
func (d *overviewData) survey(stones []client.Stone) {
	waiting, live, silent := 0, 0, 0
	seen := map[string]bool{} // a worker may serve several stones
	for i := range stones {
		s := &stones[i]
		waiting += total(s.Backlog)
		if s.OldestWaiting != nil && (d.Oldest == nil || s.OldestWaiting.Before(*d.Oldest)) {
			d.Oldest = s.OldestWaiting
		}
		for _, w := range s.Workers {
			if seen[w.Worker] {
				continue
			}
			if seen[w.Worker] = true; w.Live {
				live++
			} else {
				silent++
			}
		}
	}
	d.Waiting, d.Live, d.Silent = &waiting, &live, silent
	slices.SortStableFunc(stones, func(a, b client.Stone) int { return total(b.Backlog) - total(a.Backlog) })
	d.Busiest = stones[:min(len(stones), overviewStones)]
}

func total(backlog map[string]int) (n int) {
	for _, one := range backlog {
		n += one
	}
	return n
}

// health asks /readyz, whose answer is the same good or bad.
func (c *console) health(v *visit, d *overviewData) error {
	body, err := c.api.raw(v.ctx(), "/readyz")
	if err != nil {
		return err
	}
	var said struct {
		Status string            `json:"status"`
		Checks map[string]string `json:"checks"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return err
	}
	d.Ready = said.Status == "ok"
	for name, problem := range said.Checks {
		if problem == "ok" {
			problem = ""
		}
		d.Checks = append(d.Checks, check{name, problem})
	}
	slices.SortFunc(d.Checks, func(a, b check) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// The metrics that the overview shows, each the sum of its series.
const (
	metricHeld   = "riverstones_held_commands"
	metricBehind = "riverstones_recorder_behind_messages"
)

// measure asks /metrics, which not every gateway serves.
func (c *console) measure(v *visit, d *overviewData) error {
	body, err := c.api.raw(v.ctx(), "/metrics")
	if err != nil {
		return err
	}
	d.Running, d.Behind = sum(body, metricHeld), sum(body, metricBehind)
	return nil
}

// sum adds the series of a metric up, nil if there is none.
func sum(text []byte, metric string) *int {
	total, found := 0.0, false
	for line := range strings.Lines(string(text)) {
		rest, is := strings.CutPrefix(line, metric)
		if !is || rest == "" || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		fields := strings.Fields(rest[strings.LastIndexByte(rest, '}')+1:])
		if len(fields) == 0 {
			continue
		}
		if n, err := strconv.ParseFloat(fields[0], 64); err == nil {
			total, found = total+n, true
		}
	}
	if !found {
		return nil
	}
	n := int(total)
	return &n
}

// gatherer asks several things at once, and keeps what goes wrong with each.
type gatherer struct {
	group  errgroup.Group
	mu     sync.Mutex
	errors []error
}

func (g *gatherer) ask(f func() error) {
	g.group.Go(func() error {
		if err := f(); err != nil {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.errors = append(g.errors, err)
		}
		return nil
	})
}

// wait returns what went wrong, each sentence once.
func (g *gatherer) wait(v *visit) (out []trouble) {
	_ = g.group.Wait() // what goes wrong is kept
	for _, err := range g.errors {
		t := problem(v, err)
		if !slices.ContainsFunc(out, func(o trouble) bool { return o.Sentence == t.Sentence }) {
			out = append(out, t)
		}
	}
	return out
}
