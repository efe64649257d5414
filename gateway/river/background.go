package river

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/duty"
	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/store"
)

// bell wakes a loop; ringing it twice before it is heard is ringing it once.
type bell chan struct{}

func newBell() bell { return make(bell, 1) }

func (b bell) wake() {
	select {
	case b <- struct{}{}:
	default:
	}
}

// Wake says that tasks may have ended; it does not block.
func (r *Runtime) Wake() { r.ends.wake() }

// Start begins the background work: hearing the ends of tasks, timers and
// continuations.
func (r *Runtime) Start(ctx context.Context) {
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	d := &duty.Duty{Name: "river", Holder: r.cfg.Name, Lease: r.cfg.Lease, Store: r.store, Log: r.log}
	r.running.Go(func() { d.Run(ctx, r.lead) })
}

// Stop ends the background work and waits for it.
func (r *Runtime) Stop() {
	r.stop()
	r.running.Wait()
}

// lead works until the lease is lost.
func (r *Runtime) lead(ctx context.Context) {
	var loops sync.WaitGroup
	loops.Go(func() {
		r.loop(ctx, r.ends, func() (bool, time.Time) {
			n, err := r.hearAll(ctx)
			r.report(ctx, "ends of tasks can not be heard", err)
			return n == r.cfg.Batch && err == nil, time.Time{}
		})
	})
	loops.Go(func() {
		r.loop(ctx, r.jobs, func() (bool, time.Time) {
			n, next, err := r.runJobs(ctx)
			r.report(ctx, "timers can not be run", err)
			return n > 0 && err == nil, next
		})
	})
	loops.Go(func() { r.adoptAll(ctx) })
	loops.Go(func() { r.recoverTakes(ctx) })
	loops.Wait()
}

// adoptAll publishes the external jobs that wait for a stone each time that one
// announces itself for the first time.
func (r *Runtime) adoptAll(ctx context.Context) {
	known := map[string]bool{}
	for ctx.Err() == nil {
		for _, stone := range r.deps.Stones() {
			if known[stone] {
				continue
			}
			err := r.Adopt(ctx, stone)
			r.report(ctx, "external jobs can not be handed to their stone", err)
			known[stone] = err == nil
		}
		duty.Pause(ctx, r.cfg.Look)
	}
}

func (r *Runtime) report(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		r.log.Warn(what, zap.Error(err))
	}
}

// loop calls work when the bell rings, when work said so, and once in a while.
func (r *Runtime) loop(ctx context.Context, b bell, work func() (more bool, next time.Time)) {
	for ctx.Err() == nil {
		more, next := work()
		if more {
			continue
		}
		wait := r.cfg.Look
		if !next.IsZero() {
			wait = min(wait, max(next.Sub(r.cfg.Now()), time.Millisecond))
		}
		t := time.NewTimer(wait)
		select {
		case <-b:
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

// runJobs runs what is due, and says when the next is.
func (r *Runtime) runJobs(ctx context.Context) (int, time.Time, error) {
	due, next, err := r.store.DueJobs(ctx, r.now(), r.cfg.Batch)
	if err != nil {
		return 0, next, err
	}
	byRoot, order := map[string][]store.Job{}, []string(nil)
	for i := range due {
		if byRoot[due[i].Root] == nil {
			order = append(order, due[i].Root)
		}
		byRoot[due[i].Root] = append(byRoot[due[i].Root], due[i])
	}
	err = atOnce(ctx, r.cfg.Workers, order, func(root string) error {
		for i := range byRoot[root] {
			if err := r.tryJob(ctx, &byRoot[root][i]); err != nil {
				return err
			}
		}
		return nil
	})
	return len(due), next, err
}

// tryJob runs a job. What the model does not allow is tried again later, and
// fails the process in the end.
func (r *Runtime) tryJob(ctx context.Context, due *store.Job) error {
	run := func(f func(*step, *execution, *row[store.Job]) error) error {
		return r.step(ctx, func(s *step) error {
			e, j, err := s.openJob(due.ID)
			if err != nil || j == nil || !able(e.in) || j.v.Due.After(s.now) {
				return err
			}
			s.cause(e.in, causeOf(&j.v), attribute.String("riverstones.activity", j.v.Activity))
			return f(s, e, j)
		})
	}
	err := run(func(s *step, e *execution, j *row[store.Job]) error { return s.runJob(e, &j.v) })
	f := fault.Of(err)
	if err == nil || f.Kind == fault.Unavailable || f.Kind == fault.Internal {
		return err
	}
	return run(func(s *step, e *execution, j *row[store.Job]) error {
		if held, err := s.callerSuspended(e.in); err != nil || held {
			j.v.Due, j.dirty = s.now.Add(jobPause), true
			return err
		}
		j.v.Retries--
		j.v.Problem, j.v.Due, j.dirty = f.Detail, s.now.Add(jobPause), true
		if j.v.Retries > 0 {
			return nil
		}
		return s.fail(e.in, f.Detail)
	})
}
