package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
)

// step is one part that was started.
type step struct {
	name string
	stop func(ctx context.Context) error
}

// stack remembers what was started, to stop it in the opposite order.
type stack struct {
	mu    sync.Mutex
	steps []step
}

func (s *stack) push(name string, stop func(ctx context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps = append(s.steps, step{name, stop})
}

func (s *stack) pop() (step, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.steps) == 0 {
		return step{}, false
	}
	last := s.steps[len(s.steps)-1]
	s.steps = s.steps[:len(s.steps)-1]
	return last, true
}

// unwind stops everything. A step that fails does not keep the others from
// being stopped.
func (s *stack) unwind(ctx context.Context, log *zap.Logger) error {
	var errs []error
	for {
		st, ok := s.pop()
		if !ok {
			return errors.Join(errs...)
		}
		begin := time.Now()
		if err := st.stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", st.name, err))
			log.Error("not stopped cleanly", zap.String("step", st.name), zap.Error(err))
			continue
		}
		log.Info("stopped", zap.String("step", st.name), zap.Duration("took", time.Since(begin)))
	}
}
