package console

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue/task"
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
	Running, Failed, Letters *client.Count
	Waiting, Live            *int // commands, and workers
	Silent                   int  // workers that are gone
	Oldest                   *time.Time
	Busiest                  []client.Stone
	Failures                 []client.Task
	FailedURL, RunningURL    string
	Chart                    *chart
	Checks                   []check
	Ready                    bool
	Troubles                 []trouble
}

// check is a part of the system and what is wrong with it, "" for nothing.
type check struct{ Name, Problem string }

// running are the statuses of tasks that somebody works at.
func running() []string {
	var out []string
	for _, s := range task.Statuses() {
		if kindOf(s.String()) == "running" {
			out = append(out, s.String())
		}
	}
	return out
}

func (c *console) overview(v *visit) (page, error) {
	now := time.Now()
	d := &overviewData{}
	var stones []client.Stone
	since := now.Add(-recent).Truncate(time.Minute)
	g := &gatherer{}
	g.group.SetLimit(asked)
	g.ask(func() (err error) { stones, err = v.api.Stones(v.ctx()); return err })
	g.ask(func() error { return count(v, client.Filter{Statuses: running(), Size: 1}, &d.Running) })
	g.ask(func() error { return letterCount(v, &d.Letters) })
	g.ask(func() error {
		all, n, err := v.api.ListCount(v.ctx(), client.Filter{Statuses: []string{"failed"}, CreatedAfter: since, Size: overviewFailures, Descending: true})
		if err == nil {
			d.Failures, d.Failed = all, &n
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
	d.RunningURL = search{Statuses: running()}.url()
	return page{Name: "overview", Nav: "overview", Title: v.text("nav.overview"), Live: live{Every: overviewEvery}, Data: d}, nil
}

func count(v *visit, f client.Filter, out **client.Count) error {
	_, n, err := v.api.ListCount(v.ctx(), f)
	if err == nil {
		*out = &n
	}
	return err
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
	r, err := http.NewRequestWithContext(v.ctx(), http.MethodGet, local+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := c.api.transport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	var said struct {
		Status string            `json:"status"`
		Checks map[string]string `json:"checks"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil || said.Checks == nil {
		return nil // an API without probes has nothing to tell
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

// chart counts the tasks that were made in each of the last spans of time, and
// those of them that failed.
func (c *console) chart(v *visit, now time.Time) (*chart, error) {
	end := now.Truncate(chartStep).Add(chartStep)
	made, failed := make([]int, chartBars), make([]int, chartBars)
	g, ctx := errgroup.WithContext(v.ctx())
	g.SetLimit(asked)
	for i := range chartBars {
		from := end.Add(time.Duration(i-chartBars) * chartStep)
		g.Go(func() (err error) {
			made[i], failed[i], err = c.counts.span(ctx, v, from, now)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return newChart(made, failed, end.Add(-chartBars*chartStep), chartStep, c.cfg.Zone), nil
}

// spanCount counts the tasks made within one step from a time on, and those of
// them that failed.
func spanCount(ctx context.Context, v *visit, from time.Time) (made, failed int, err error) {
	f := client.Filter{CreatedAfter: from, CreatedBefore: from.Add(chartStep), Size: 1}
	if _, made, err = v.api.List(ctx, f); err != nil {
		return 0, 0, err
	}
	f.Statuses = []string{"failed"}
	_, failed, err = v.api.List(ctx, f)
	return made, failed, err
}
