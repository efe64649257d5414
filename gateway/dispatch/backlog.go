package dispatch

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue"
)

const (
	countAge     = time.Second            // after which a count is taken again
	countTimeout = 500 * time.Millisecond // of one count
	maxGauges    = 10_000                 // stones and lanes that are remembered
)

// Backlog counts the commands of a stone's lane that wait in the queue or are
// being worked on, over all business keys.
type Backlog interface {
	Backlog(ctx context.Context, stone string, lane queue.Lane) (int, error)
}

// admission keeps a stone from filling the queue for all. The first count of a
// stone is waited for; later ones are taken beside the requests, and what is
// published in between is added, so that the limit holds without a question on
// the way of a request.
type admission struct {
	limit  int // 0 for none
	counts Backlog
	now    func() time.Time
	log    *zap.Logger

	mu     sync.Mutex
	gauges map[gaugeKey]*gauge
	closed bool
	runs   sync.WaitGroup
}

type gaugeKey struct {
	stone string
	lane  queue.Lane
}

// gauge is what is known about a lane. It is guarded by admission.mu.
type gauge struct {
	count    int           // at the last count
	added    int           // published since
	taken    time.Time     // zero before the first count
	counting chan struct{} // closed when the count under way is done, nil for none
}

func newAdmission(limit int, counts Backlog, now func() time.Time, log *zap.Logger) *admission {
	return &admission{limit: limit, counts: counts, now: now, log: log, gauges: map[gaugeKey]*gauge{}}
}

// admit reserves room for n commands, or returns a fault. Room that is not
// used comes back with the next count.
func (a *admission) admit(ctx context.Context, k gaugeKey, n int) error {
	if a.limit <= 0 {
		return nil
	}
	for recounted := false; ; recounted = true {
		a.mu.Lock()
		g := a.gauge(k)
		full, fresh := g.count+g.added+n > a.limit, !g.taken.IsZero() && a.now().Sub(g.taken) < countAge
		if a.closed {
			a.mu.Unlock()
			return givenUp(ctx)
		}
		if !fresh && g.counting == nil {
			g.counting = make(chan struct{})
			done := g.counting
			a.runs.Go(func() { a.count(context.WithoutCancel(ctx), k, g, done) })
		}
		if !g.taken.IsZero() && !full {
			g.added += n
			a.mu.Unlock()
			return nil
		}
		counting := g.counting
		a.mu.Unlock()
		if full && (fresh || recounted) {
			return fault.New(fault.TooMany, "stone %s has more than %d commands waiting: send again when its workers have caught up", k.stone, a.limit).After(countAge)
		}
		select {
		case <-counting:
		case <-ctx.Done():
			return givenUp(ctx)
		}
	}
}

// gauge returns that of k. Forgetting one costs a count.
func (a *admission) gauge(k gaugeKey) *gauge {
	g := a.gauges[k]
	if g == nil {
		for old, other := range a.gauges {
			if len(a.gauges) < maxGauges {
				break
			}
			if other.counting == nil {
				delete(a.gauges, old)
			}
		}
		g = &gauge{}
		a.gauges[k] = g
	}
	return g
}

// count takes a count. When that fails the last one stands, so that a queue
// that does not answer refuses nobody here.
func (a *admission) count(ctx context.Context, k gaugeKey, g *gauge, done chan struct{}) {
	a.mu.Lock()
	before := g.added
	a.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	n, err := a.counts.Backlog(ctx, k.stone, k.lane)
	cancel()
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		g.count = n
		g.added -= before
	} else {
		a.log.Debug("backlog can not be counted", zap.String("stone", k.stone), zap.Error(err))
	}
	g.taken, g.counting = a.now(), nil
	close(done)
}

// close returns when no count is under way. Nothing is admitted any more.
func (a *admission) close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.runs.Wait()
}
