package callback

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/duty"
	"github.com/riverstones/riverstones/store"
)

const (
	// perProcess and pageSize bound what is read at once: more rows than all
	// processes that are told at once can have, so that one with many does not
	// hide the others.
	perProcess = 20
	pageSize   = 1000
)

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
			duty.Pause(ctx, s.cfg.Look)
			return
		}
	}
}
