// Package duty keeps background work with one process of all: whoever holds the
// lease in the store works, and another takes over when it is silent.
package duty

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/store"
)

// releaseTime bounds the giving back of a lease; it runs out by itself.
const releaseTime = time.Second

// Duty is work that one process of all does at a time.
type Duty struct {
	// Name is that of the lease, Holder that of this process, one of its own.
	Name, Holder string
	// Lease is how long the duty stays with a process that is silent. It is
	// renewed eight times as often, and given up at half of it, so that who
	// takes over does not meet who had it.
	Lease time.Duration
	Store store.Leases
	Log   *zap.Logger
}

// Run calls work each time this process gets the lease, until ctx ends. The
// context of work ends when the lease is lost; work returns soon after.
func (d *Duty) Run(ctx context.Context, work func(ctx context.Context)) {
	defer d.release(ctx)
	for ctx.Err() == nil {
		if d.take(ctx) {
			d.lead(ctx, work)
		}
		Pause(ctx, d.Lease/4)
	}
}

// take takes or renews the lease.
func (d *Duty) take(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, d.Lease/4)
	defer cancel()
	held, err := d.Store.Lease(ctx, d.Name, d.Holder, d.Lease)
	if err != nil && ctx.Err() == nil {
		d.Log.Warn("the database can not answer", zap.Error(err))
	}
	return err == nil && held
}

// lead works until the lease is lost.
func (d *Duty) lead(ctx context.Context, work func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		defer cancel()
		for last := time.Now(); ctx.Err() == nil && time.Since(last) < d.Lease/2; {
			Pause(ctx, d.Lease/8)
			if d.take(ctx) {
				last = time.Now()
			}
		}
	})
	work(ctx)
	cancel()
	renewing.Wait()
}

func (d *Duty) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	if err := d.Store.Release(ctx, d.Name, d.Holder); err != nil {
		d.Log.Debug("lease not released, it runs out", zap.Error(err))
	}
}

// Pause waits for wait or the end of ctx.
func Pause(ctx context.Context, wait time.Duration) {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
