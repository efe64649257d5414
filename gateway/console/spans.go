package console

import (
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/riverstones/riverstones/gateway/client"
)

// chart counts the tasks that were made in each of the last spans of time, and
// those of them that failed. The failed ones are counted from the newest span
// back while there is time; what is counted is kept, so that a page that is
// looked at has all of them soon.
func (c *console) chart(v *visit, now time.Time) (*chart, error) {
	end := now.Truncate(chartStep).Add(chartStep)
	made, failed := make([]client.Count, chartBars), make([]client.Count, chartBars)
	g, ctx := errgroup.WithContext(v.ctx())
	g.SetLimit(asked)
	for i := range chartBars {
		from := end.Add(time.Duration(i-chartBars) * chartStep)
		g.Go(func() (err error) {
			made[i], err = c.counts.span(ctx, v, client.Filter{CreatedAfter: from, CreatedBefore: from.Add(chartStep)}, now)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	counting := time.Now()
	out := newChart(made, end.Add(-chartBars*chartStep), chartStep, c.cfg.Zone)
	for i := chartBars - 1; i >= 0; i-- {
		if made[i].Total == 0 {
			continue
		}
		from := end.Add(time.Duration(i-chartBars) * chartStep)
		f := client.Filter{CreatedAfter: from, CreatedBefore: from.Add(chartStep), Statuses: []string{"failed"}}
		if time.Since(counting) > lookTime/2 && !c.counts.knows(v, f, now) {
			out.Unknown = true
			continue
		}
		var err error
		if failed[i], err = c.counts.span(v.ctx(), v, f, now); err != nil {
			return nil, err
		}
	}
	out.fail(failed)
	return out, nil
}
