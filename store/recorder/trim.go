package recorder

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
)

// trimDuty is the lease that one recorder at a time trims under.
const trimDuty = "trim"

// trim takes recorded and worked messages out of the streams now and then.
func (r *Recorder) trim(ctx context.Context) {
	for {
		pause(ctx, r.cfg.TrimEvery)
		if ctx.Err() != nil {
			break
		}
		if err := r.trimOnce(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("streams not trimmed", zap.Error(err))
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := r.store.Release(ctx, trimDuty, r.name); err != nil {
		r.log.Debug("lease not given back, it runs out by itself", zap.Error(err))
	}
}

func (r *Recorder) trimOnce(ctx context.Context) error {
	mine, err := r.store.Lease(ctx, trimDuty, r.name, 2*r.cfg.TrimEvery)
	if err != nil || !mine {
		return err
	}
	pos, err := r.store.Position(ctx)
	if err != nil {
		return err
	}
	js, err := jetstream.New(r.nc)
	if err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	report, err := queue.Trim(ctx, js, pos.Tasks, pos.Events, r.cfg.Keep)
	if err != nil {
		return fmt.Errorf("trim: %w", err)
	}
	r.log.Debug("streams trimmed", zap.Any("report", report))
	return nil
}
