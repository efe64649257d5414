package river

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/riverstones/riverstones/store"
)

// maxHeard is how many instances move in one step. What a transaction costs
// beside its rows is shared by all of them, and clients that act on one of them
// wait for all.
const maxHeard = 64

// hearAll takes ends that have come, those of one instance in their order. It
// returns how many there were.
func (r *Runtime) hearAll(ctx context.Context) (int, error) {
	ends, err := r.store.Ends(ctx, r.cfg.Batch)
	if err != nil {
		return 0, err
	}
	var parts [][][]store.TaskEnd
	for part := range slices.Chunk(byInstance(ends), maxHeard) {
		parts = append(parts, part)
	}
	return len(ends), atOnce(ctx, r.cfg.Workers, parts, func(part [][]store.TaskEnd) error {
		if r.hearTogether(ctx, part) == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		// One of them can not go on: it must not keep the others back.
		return atOnce(ctx, r.cfg.Workers, part, func(ends []store.TaskEnd) error { return r.hearEach(ctx, ends) })
	})
}

// byInstance keeps the order of ends.
func byInstance(ends []store.TaskEnd) (all [][]store.TaskEnd) {
	at := map[string]int{}
	for i := range ends {
		n, known := at[ends[i].Instance]
		if !known {
			n = len(all)
			at[ends[i].Instance], all = n, append(all, nil)
		}
		all[n] = append(all[n], ends[i])
	}
	return all
}

// hearTogether takes ends of several instances in one step. It fails if one of
// them can not be taken.
func (r *Runtime) hearTogether(ctx context.Context, part [][]store.TaskEnd) error {
	return r.step(ctx, func(s *step) error {
		if err := s.lookAll(part); err != nil {
			return err
		}
		for n, some := 0, true; some; n++ { // the first ends of all, then the second ones
			some = false
			for _, ends := range part {
				if n >= len(ends) {
					continue
				}
				some = true
				if err := s.hear(&ends[n]); err != nil {
					return err
				}
			}
			if err := s.run(); err != nil {
				return err
			}
		}
		return nil
	})
}

// hearEach takes ends of one instance, each in a step of its own.
func (r *Runtime) hearEach(ctx context.Context, ends []store.TaskEnd) error {
	for i := range ends {
		if err := r.hear(ctx, ends[i]); err != nil {
			return fmt.Errorf("hear the end of task %s: %w", ends[i].Task, err)
		}
	}
	return nil
}

// lookAll loads the instances, and how their tasks stand.
func (s *step) lookAll(part [][]store.TaskEnd) (err error) {
	var instances, tasks []string
	for _, ends := range part {
		instances = append(instances, ends[0].Instance)
		for i := range ends {
			tasks = append(tasks, ends[i].Task)
		}
	}
	if err := s.openAll(instances...); err != nil {
		return err
	}
	s.tasks, err = s.tx.Tasks(s.ctx, tasks...)
	return err
}

// look returns how a task stands.
func (s *step) look(id string) (store.Standing, error) {
	if st, ok := s.tasks[id]; ok {
		return st, nil
	}
	all, err := s.tx.Tasks(s.ctx, id)
	if err != nil {
		return store.Standing{}, err
	}
	st, ok := all[id]
	if !ok {
		return st, store.ErrNotFound
	}
	return st, nil
}

// atOnce calls f for all, as many at once as there are workers.
func atOnce[T any](ctx context.Context, workers int, all []T, f func(T) error) error {
	var running sync.WaitGroup
	errs := make([]error, len(all))
	slots := make(chan struct{}, workers)
	for i, one := range all {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			if ctx.Err() == nil {
				errs[i] = f(one)
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}
