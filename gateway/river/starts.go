package river

import (
	"context"
	"errors"
	"slices"
	"sync"
)

const (
	// maxStarted is how many instances one step starts at most.
	maxStarted = 64
	// maxStarting is how many steps start instances at once: calls that come
	// meanwhile wait, and share the next one.
	maxStarting = 2
)

// starts lets calls that come at once share a step, since a transaction costs
// more than the rows of one instance. A call that finds a place free goes ahead
// without waiting for others; it takes along those that wait, and hands its
// place on.
type starts struct {
	mu      sync.Mutex
	waiting []*starting
	leaders int
}

// starting is a call that starts an instance.
type starting struct {
	ctx  context.Context //nolint:containedctx // the call's own, for its span and its step alone
	do   func(s *step) error
	err  error
	turn chan turn // has room for its one message
}

// turn says how a call that waited goes on.
type turn int

const (
	lead  turn = iota // it takes the place, and those that wait
	alone             // not together with others: one of them can not start
	done              // its instance is started
)

// start has do start an instance in a step that others may share. What do keeps
// outside must be overwritten when it is called again.
func (r *Runtime) start(ctx context.Context, do func(s *step) error) error {
	c := &starting{ctx: ctx, do: do, turn: make(chan turn, 1)}
	mine := lead
	if !r.starts.enter(c) {
		select {
		case mine = <-c.turn:
		case <-ctx.Done():
			if r.starts.leave(c) {
				return r.explain(ctx.Err())
			}
			mine = <-c.turn
		}
	}
	switch mine {
	case done:
		return c.err
	case alone:
		return r.startAlone(c)
	default:
		return r.startTogether(c)
	}
}

func (r *Runtime) startAlone(c *starting) error {
	return r.step(c.ctx, func(s *step) error {
		if err := c.do(s); err != nil {
			return err
		}
		return s.run()
	})
}

// startTogether starts the instances of those that wait along with that of c.
func (r *Runtime) startTogether(c *starting) error {
	others := r.starts.take(maxStarted - 1)
	defer r.starts.pass()
	if len(others) > 0 && r.startAll(append(others, c)) {
		return c.err
	}
	return r.startAlone(c)
}

// startAll starts all in one step, and tells all but the last, whose step it is,
// how they go on. It reports whether the step was taken: each call has its error then.
func (r *Runtime) startAll(all []*starting) bool {
	own := len(all) - 1
	next := alone
	defer func() {
		for _, c := range all[:own] {
			c.turn <- next
		}
	}()
	traces, spans := make([]string, len(all)), make([]*watch, own)
	for i, c := range all[:own] {
		spans[i] = r.watch(c.ctx)
		traces[i] = spans[i].traceparent(c.ctx)
	}
	err := r.step(all[own].ctx, func(s *step) error {
		traces[own] = s.trace
		for i, c := range all {
			s.trace = traces[i]
			before := len(s.order) + len(s.agenda)
			c.err = r.explained(c.do(s))
			if c.err != nil && len(s.order)+len(s.agenda) != before {
				return c.err // it has left something behind
			}
		}
		s.trace = "" // each instance knows its own
		return s.run()
	})
	for i, w := range spans {
		w.end(errors.Join(err, all[i].err))
	}
	if err == nil {
		next = done
	}
	return err == nil
}

// enter reports whether c may go ahead; else it waits for its turn.
func (q *starts) enter(c *starting) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.leaders < maxStarting {
		q.leaders++
		return true
	}
	q.waiting = append(q.waiting, c)
	return false
}

// leave takes a call out of the queue, if its turn has not come.
func (q *starts) leave(c *starting) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, c)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	return i >= 0
}

// take takes up to n calls out of the queue.
func (q *starts) take(n int) []*starting {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(n, len(q.waiting))
	taken := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	return taken
}

// pass hands the place to the first that waits, and gives it up if nobody does.
func (q *starts) pass() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.leaders--
		return
	}
	q.waiting[0].turn <- lead
	q.waiting = slices.Delete(q.waiting, 0, 1)
}
