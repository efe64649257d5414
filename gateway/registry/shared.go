package registry

import (
	"context"
	"sync"
	"time"
)

// callTimeout bounds one call to queue or store.
const callTimeout = 3 * time.Second

// shared makes a call for all who ask at the same time, and keeps its answer:
// however many ask, one call is under way at most.
type shared[T any] struct {
	run  func(ctx context.Context) (T, error)
	runs *sync.WaitGroup // of whoever waits for the calls

	mu    sync.Mutex
	last  *call[T] // that succeeded, nil for none
	under *call[T] // under way, nil for none
}

type call[T any] struct {
	begun time.Time
	done  chan struct{}
	value T
	err   error
}

// get returns an answer to a question that was put at since or later.
func (s *shared[T]) get(ctx context.Context, since time.Time) (T, error) {
	for {
		c := s.join(ctx, since)
		select {
		case <-c.done:
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
		if c.err != nil || !c.begun.Before(since) {
			return c.value, c.err
		}
	}
}

// join returns a call that may answer: a kept one, that under way, or a new one.
func (s *shared[T]) join(ctx context.Context, since time.Time) *call[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil && !s.last.begun.Before(since) {
		return s.last
	}
	if s.under == nil {
		c := &call[T]{begun: time.Now(), done: make(chan struct{})}
		s.under = c
		s.runs.Go(func() { s.make(context.WithoutCancel(ctx), c) })
	}
	return s.under
}

func (s *shared[T]) make(ctx context.Context, c *call[T]) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	c.value, c.err = s.run(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.under = nil; c.err == nil {
		s.last = c
	}
	close(c.done)
}
