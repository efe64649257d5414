package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// ErrInjected is what a [Faulty] store fails with.
var ErrInjected = errors.New("injected fault")

// Faults are the rates, from 0 to 1, at which a [Faulty] store makes things go
// wrong.
type Faults struct {
	Fail     float64 // nothing is done, and an error is returned
	Doubt    float64 // it is done, and an error is returned
	Conflict float64 // Record finds the checkpoint moved by another recorder
	Delay    float64 // it takes up to Pause longer
	Pause    time.Duration
	// Conflicts bounds their number: each makes a recorder stand by for seconds. 0 for no bound.
	Conflicts int
}

// Faulty is a real store whose calls go wrong: those of a recorder, those with
// which a gateway publishes, and the steps of the process runtime with what it
// waits for. Other reads are left alone.
type Faulty struct {
	store.Store

	faults Faults
	chance *queuetest.Chance

	mu   sync.Mutex
	done map[string]int
}

// NewFaulty puts faults around a store.
func NewFaulty(t testing.TB, s store.Store, chance *queuetest.Chance, faults Faults) *Faulty {
	t.Helper()
	f := &Faulty{Store: s, faults: faults, chance: chance, done: map[string]int{}}
	t.Cleanup(func() { t.Logf("faults of the store: %v", f.Done()) })
	return f
}

// Done counts the faults that were made, by their names.
func (f *Faulty) Done() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.done)
}

func (f *Faulty) hit(name string, rate float64, most int) bool {
	if !f.chance.In(rate) {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if most > 0 && f.done[name] >= most {
		return false
	}
	f.done[name]++
	return true
}

// around puts faults around one call.
func (f *Faulty) around(ctx context.Context, do func() error) error {
	if f.hit("delay", f.faults.Delay, 0) {
		select {
		case <-time.After(f.chance.Up(f.faults.Pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if f.hit("fail", f.faults.Fail, 0) {
		return ErrInjected
	}
	err := do()
	if err == nil && f.hit("doubt", f.faults.Doubt, 0) {
		return fmt.Errorf("%w: %w", ErrInjected, context.DeadlineExceeded)
	}
	return err
}

// Position implements [store.Recording].
func (f *Faulty) Position(ctx context.Context) (p store.Position, err error) {
	err = f.around(ctx, func() error {
		p, err = f.Store.Position(ctx)
		return err
	})
	return p, err
}

// Record implements [store.Recording].
func (f *Faulty) Record(ctx context.Context, b store.Batch) error {
	if f.hit("conflict", f.faults.Conflict, f.faults.Conflicts) {
		return store.ErrStale
	}
	return f.around(ctx, func() error { return f.Store.Record(ctx, b) })
}

// Grant implements [store.Grants].
func (f *Faulty) Grant(ctx context.Context, id string, m task.Method, decide store.Decide) error {
	return f.around(ctx, func() error { return f.Store.Grant(ctx, id, m, decide) })
}

// Lease implements [store.Leases].
func (f *Faulty) Lease(ctx context.Context, duty, holder string, ttl time.Duration) (held bool, err error) {
	err = f.around(ctx, func() error {
		held, err = f.Store.Lease(ctx, duty, holder, ttl)
		return err
	})
	return held && err == nil, err
}

// Lookup implements [store.Tasks].
func (f *Faulty) Lookup(ctx context.Context, taskIDs, ids []string) (known []store.Known, err error) {
	err = f.around(ctx, func() error {
		known, err = f.Store.Lookup(ctx, taskIDs, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	return known, nil
}

// Outgoing implements [store.Outbox].
func (f *Faulty) Outgoing(ctx context.Context, now time.Time, limit int) (rows []store.Outgoing, next time.Time, err error) {
	err = f.around(ctx, func() error {
		rows, next, err = f.Store.Outgoing(ctx, now, limit)
		return err
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return rows, next, nil
}

// Sent implements [store.Outbox].
func (f *Faulty) Sent(ctx context.Context, done []store.Sent) error {
	return f.around(ctx, func() error { return f.Store.Sent(ctx, done) })
}

// Step implements [store.Runtime].
func (f *Faulty) Step(ctx context.Context, do func(context.Context, store.RuntimeTx) error) error {
	return f.around(ctx, func() error { return f.Store.Step(ctx, do) })
}

// Ends implements [store.Runtime].
func (f *Faulty) Ends(ctx context.Context, limit int) (ends []store.TaskEnd, err error) {
	err = f.around(ctx, func() error {
		ends, err = f.Store.Ends(ctx, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ends, nil
}

// DueJobs implements [store.Runtime].
func (f *Faulty) DueJobs(ctx context.Context, now time.Time, limit int) (due []store.Job, next time.Time, err error) {
	err = f.around(ctx, func() error {
		due, next, err = f.Store.DueJobs(ctx, now, limit)
		return err
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return due, next, nil
}
