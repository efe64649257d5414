package stone

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
)

const (
	// quiet is how long a method may run before its begin is told: until then
	// begin and end share a message.
	quiet = 5 * time.Millisecond
	// throttle is how often progress and log lines of running methods are told.
	throttle = 200 * time.Millisecond
	// again is the wait before events are published again.
	again = 200 * time.Millisecond
)

// report is an event, and what to do once it is stored. apart says that this
// takes a while, and must not hold up other reports.
type report struct {
	job   *job
	event queue.Event
	then  func()
	apart bool
}

// reporter publishes the events of one stone. Whatever waits goes out as one
// message, so that the cost of a message is shared under load, and nothing
// waits for a timer when there is none.
type reporter struct {
	r    *runner
	wake chan struct{}

	mu      sync.Mutex
	waiting []report
	busy    bool
	idle    *sync.Cond // busy is false and nothing waits
	youngs  []*job     // running, begin not told, in the order they began
	dirties map[*job]struct{}
	since   time.Time // when the first of dirties came

	apart sync.WaitGroup
}

func newReporter(r *runner) *reporter {
	p := &reporter{r: r, wake: make(chan struct{}, 1), dirties: map[*job]struct{}{}}
	p.idle = sync.NewCond(&p.mu)
	return p
}

func (p *reporter) add(x report) {
	p.mu.Lock()
	p.waiting = append(p.waiting, x)
	p.mu.Unlock()
	p.kick()
}

// young notes a job that has just begun.
func (p *reporter) young(j *job) {
	p.mu.Lock()
	first := len(p.youngs) == 0
	p.youngs = append(p.youngs, j)
	p.mu.Unlock()
	if first {
		p.kick()
	}
}

// dirty notes a running job that has progress or log lines to tell.
func (p *reporter) dirty(j *job) {
	p.mu.Lock()
	first := len(p.dirties) == 0
	if first {
		p.since = time.Now()
	}
	p.dirties[j] = struct{}{}
	p.mu.Unlock()
	if first {
		p.kick()
	}
}

func (p *reporter) kick() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run publishes until ctx ends; drain before that.
func (p *reporter) run(ctx context.Context) {
	begins, rest := time.NewTimer(time.Hour), time.NewTimer(time.Hour)
	defer begins.Stop()
	defer rest.Stop()
	for {
		p.arm(begins, rest)
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-begins.C:
			p.tellBegins()
		case <-rest.C:
			p.tellDirty()
		}
		p.flush(ctx)
	}
}

// arm sets the timers to when something is due, if anything.
func (p *reporter) arm(begins, rest *time.Timer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.youngs) > 0 {
		begins.Reset(max(quiet-time.Since(p.youngs[0].began), time.Millisecond))
	}
	if len(p.dirties) > 0 {
		rest.Reset(max(throttle-time.Since(p.since), time.Millisecond))
	}
}

// tellBegins reports the begin of every method that has run for a while.
func (p *reporter) tellBegins() {
	p.mu.Lock()
	n := 0
	for n < len(p.youngs) && time.Since(p.youngs[n].began) >= quiet {
		n++
	}
	due := append([]*job(nil), p.youngs[:n]...)
	if p.youngs = p.youngs[n:]; len(p.youngs) == 0 {
		p.youngs = nil
	}
	p.mu.Unlock()
	p.tell(due)
}

func (p *reporter) tellDirty() {
	p.mu.Lock()
	due := make([]*job, 0, len(p.dirties))
	for j := range p.dirties {
		due = append(due, j)
	}
	clear(p.dirties)
	p.mu.Unlock()
	p.tell(due)
}

func (p *reporter) tell(due []*job) {
	for _, j := range due {
		j.tell()
	}
}

// flush publishes until nothing waits.
func (p *reporter) flush(ctx context.Context) {
	for {
		p.mu.Lock()
		batch := p.waiting
		p.waiting, p.busy = nil, len(batch) > 0
		if !p.busy {
			p.idle.Broadcast()
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		p.publish(ctx, batch)
	}
}

// publish stores a batch, trying until it is stored or the leases are lost.
func (p *reporter) publish(ctx context.Context, batch []report) {
	for len(batch) > 0 {
		events := make([]queue.Event, 0, len(batch))
		for i := range batch {
			if !silent(&batch[i].event) {
				events = append(events, batch[i].event)
			}
		}
		err := p.r.w.pub.PublishEvents(ctx, p.r.spec.Code, events)
		if err == nil {
			break
		}
		p.r.log.Warn("events not stored, trying again", zap.Int("events", len(batch)), zap.Error(err))
		select {
		case <-ctx.Done():
		case <-time.After(again): // the queue may have refused at once
		}
		batch = p.keep(ctx, batch)
	}
	for _, x := range batch {
		switch {
		case x.then == nil:
		case x.apart:
			p.apart.Go(x.then)
		default:
			x.then()
		}
	}
}

// silent reports whether an event tells nothing, as that of a look that found
// nothing new.
func silent(e *queue.Event) bool {
	return len(e.Transitions) == 0 && len(e.Outputs) == 0 && e.Blob == "" && e.Progress == nil && len(e.Log) == 0
}

// keep drops the reports of jobs that are not this worker's any more: they
// will be run again by whoever gets the command.
func (p *reporter) keep(ctx context.Context, batch []report) []report {
	kept := batch[:0]
	for _, x := range batch {
		if ctx.Err() != nil || x.job.lost() {
			if x.then != nil {
				x.job.lane.r.let(x.job)
			}
			continue
		}
		kept = append(kept, x)
	}
	return kept
}

// drain waits until everything is published.
func (p *reporter) drain() {
	p.kick()
	p.mu.Lock()
	for p.busy || len(p.waiting) > 0 {
		p.idle.Wait()
	}
	p.mu.Unlock()
	p.apart.Wait()
}
