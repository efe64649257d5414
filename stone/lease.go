package stone

import (
	"context"
	"sync"
	"time"
)

// keepLeases renews the lease of everything held each third of AckWait, and
// ends what could not be renewed for two thirds: before anybody else may have
// it, by this process's own clock.
func (r *runner) keepLeases(ctx context.Context) {
	tick := time.NewTicker(r.w.cfg.AckWait / 30)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.renewAll(ctx)
		}
	}
}

// renewers is how many leases are renewed at a time.
const renewers = 32

func (r *runner) renewAll(ctx context.Context) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, renewers)
	for _, j := range r.holding() {
		switch {
		case j.late():
			j.cancel(errLeaseLost)
		case j.leaseAge() >= r.w.cfg.AckWait/3:
			slots <- struct{}{}
			wg.Go(func() { defer func() { <-slots }(); j.renew(ctx) })
		}
	}
	wg.Wait()
}

// late reports whether the lease may run out before it is renewed.
func (j *job) late() bool { return j.leaseAge() >= 2*j.lane.r.w.cfg.AckWait/3 }

func (j *job) leaseAge() time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return time.Since(j.renewed)
}

func (j *job) renew(ctx context.Context) {
	now := time.Now()
	ctx, cancel := context.WithTimeout(ctx, j.lane.r.w.cfg.AckWait/10)
	defer cancel()
	if j.delivery.Renew(ctx) != nil {
		return // tried again at the next tick, as long as the lease can hold
	}
	j.mu.Lock()
	j.renewed = now
	j.mu.Unlock()
}
