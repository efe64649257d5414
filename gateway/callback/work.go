package callback

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/store"
)

const (
	duty = "callback"
	// perProcess and pageSize bound what is read at once: more rows than all
	// processes that are told at once can have, so that one with many does not
	// hide the others.
	perProcess = 20
	pageSize   = 1000
)

// run works while this process holds the lease.
func (s *Service) run(ctx context.Context) {
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if err := s.store.Release(ctx, duty, s.name); err != nil {
			s.log.Debug("lease not released, it runs out", zap.Error(err))
		}
	}()
	for ctx.Err() == nil {
		if s.lease(ctx) {
			s.lead(ctx)
		}
		pause(ctx, s.cfg.Lease/4)
	}
}

// lease takes or renews the lease.
func (s *Service) lease(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Lease/4)
	defer cancel()
	held, err := s.store.Lease(ctx, duty, s.name, s.cfg.Lease)
	if err != nil && ctx.Err() == nil {
		s.log.Warn("the database can not answer", zap.Error(err))
	}
	return err == nil && held
}

// lead tells until the lease is lost.
func (s *Service) lead(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		defer cancel()
		for last := time.Now(); ctx.Err() == nil && time.Since(last) < s.cfg.Lease/2; {
			pause(ctx, s.cfg.Lease/8)
			if s.lease(ctx) {
				last = time.Now()
			}
		}
	})
	s.tell(ctx)
	cancel()
	renewing.Wait()
}

// tell hands what is due to one goroutine for each process.
func (s *Service) tell(ctx context.Context) {
	var telling sync.WaitGroup
	defer telling.Wait()
	busy, finished := map[string]bool{}, make(chan string, s.cfg.Processes)
	look := time.NewTicker(s.cfg.Look)
	defer look.Stop()
	for ctx.Err() == nil {
		if len(busy) < s.cfg.Processes {
			for process, rows := range s.due(ctx) {
				if busy[process] || len(busy) == s.cfg.Processes {
					continue
				}
				busy[process] = true
				telling.Go(func() {
					s.process(ctx, rows)
					finished <- process
				})
			}
		}
		select {
		case process := <-finished:
			delete(busy, process)
		case <-look.C:
		case <-ctx.Done():
		}
	}
}

// due returns what is to be told now, by processes.
func (s *Service) due(ctx context.Context) map[string][]store.Delivery {
	rows, err := s.store.DueDeliveries(ctx, s.cfg.Now(), perProcess, pageSize)
	if err != nil && ctx.Err() == nil {
		s.log.Warn("the database can not answer", zap.Error(err))
	}
	var out map[string][]store.Delivery
	for _, d := range rows {
		if out == nil {
			out = map[string][]store.Delivery{}
		}
		out[d.ProcessInstanceID] = append(out[d.ProcessInstanceID], d)
	}
	return out
}

// process tells what one process has to hear, one after the other. What could
// not be noted is told again.
func (s *Service) process(ctx context.Context, rows []store.Delivery) {
	for i := range rows {
		told := s.one(ctx, &rows[i])
		if ctx.Err() != nil {
			return
		}
		if err := s.store.Told(ctx, []store.Told{told}); err != nil {
			s.log.Warn("a delivery can not be noted, it will be repeated", zap.String("task", rows[i].ID), zap.Error(err))
			pause(ctx, s.cfg.Look)
			return
		}
	}
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
