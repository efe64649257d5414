package dispatch

import (
	"context"
	"sync"
)

// coalescer joins calls into one: while a run is under way, what comes in
// waits, and goes into the next run together. There is no timer: a call that
// comes alone runs at once.
type coalescer[K, V any] struct {
	// run answers keys, in their order.
	run func(ctx context.Context, keys []K) ([]V, error)
	max int // keys in one run

	mu      sync.Mutex
	waiting []*call[K, V]
	running bool
	closed  bool
	runs    sync.WaitGroup
}

type call[K, V any] struct {
	key   K
	value V
	err   error
	done  chan struct{}
}

// do returns the answer to key. ctx bounds the wait, not the run, which serves
// others too.
func (c *coalescer[K, V]) do(ctx context.Context, key K) (V, error) {
	own := &call[K, V]{key: key, done: make(chan struct{})}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		var none V
		return none, context.Canceled
	}
	c.waiting = append(c.waiting, own)
	if !c.running {
		c.running = true
		c.runs.Go(func() { c.loop(context.WithoutCancel(ctx)) })
	}
	c.mu.Unlock()
	select {
	case <-own.done:
		return own.value, own.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

// loop runs until nothing waits.
func (c *coalescer[K, V]) loop(ctx context.Context) {
	for {
		calls := c.next()
		if len(calls) == 0 {
			return
		}
		keys := make([]K, len(calls))
		for i, one := range calls {
			keys[i] = one.key
		}
		values, err := c.run(ctx, keys)
		for i, one := range calls {
			if one.err = err; err == nil {
				one.value = values[i]
			}
			close(one.done)
		}
	}
}

func (c *coalescer[K, V]) next() []*call[K, V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.waiting), c.max)
	calls := c.waiting[:n:n]
	if c.waiting = c.waiting[n:]; n == 0 {
		c.waiting, c.running = nil, false
	}
	return calls
}

// close returns when no run is under way. What is asked from now on is
// canceled.
func (c *coalescer[K, V]) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.runs.Wait()
}
