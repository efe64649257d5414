package recorder

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
)

// upkeepDuty is the lease that one recorder at a time sweeps, trims and forgets
// under: a command must be looked at before it goes.
const upkeepDuty = "trim"

// upkeepTime is how long one turn may take until another recorder takes over.
const upkeepTime = 10 * time.Second

// forgetPart is how many rows go at once, and forgetParts how often in a turn.
const (
	forgetPart  = 1000
	forgetParts = 20
)

// upkeep does the background duties now and then.
func (r *Recorder) upkeep(ctx context.Context) {
	var w *sweeper // while the lease is held
	for {
		pause(ctx, r.cfg.TrimEvery)
		if ctx.Err() != nil {
			break
		}
		mine, err := r.store.Lease(ctx, upkeepDuty, r.name, 2*r.cfg.TrimEvery+upkeepTime)
		if err == nil && mine {
			if w == nil {
				w, err = r.newSweeper()
			}
			if err == nil {
				err = r.upkeepOnce(ctx, w)
			}
		} else {
			w = nil
		}
		if err != nil && ctx.Err() == nil {
			r.log.Warn("upkeep not done, it is tried again", zap.Error(err))
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := r.store.Release(ctx, upkeepDuty, r.name); err != nil {
		r.log.Debug("lease not given back, it runs out by itself", zap.Error(err))
	}
}

func (r *Recorder) newSweeper() (*sweeper, error) {
	js, err := jetstream.New(r.nc)
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	pub, err := queue.NewPublisher(r.nc, queue.PublisherConfig{})
	if err != nil {
		return nil, err
	}
	return &sweeper{store: r.store, js: js, blobs: queue.NewBlobs(js), pub: pub, quiet: r.cfg.Quiet, late: r.cfg.Overdue, log: r.log.Named("sweeper"), upTo: map[place]uint64{}}, nil
}

// upkeepOnce publishes again what was lost, ends what is overdue, takes recorded and worked messages
// out of the streams, and removes old rows. What one fails in does not keep the
// others from being done.
func (r *Recorder) upkeepOnce(ctx context.Context, w *sweeper) error {
	worked, err := w.sweep(ctx)
	if err != nil {
		err = fmt.Errorf("sweep: %w", err)
	}
	late := w.endOverdue(ctx)
	if late != nil {
		late = fmt.Errorf("end what is overdue: %w", late)
	}
	return errors.Join(err, late, r.trim(ctx, w.js, worked), r.forget(ctx))
}

func (r *Recorder) trim(ctx context.Context, js jetstream.JetStream, worked queue.Worked) error {
	pos, err := r.store.Position(ctx)
	if err != nil {
		return err
	}
	report, err := queue.TrimBelow(ctx, js, worked, pos.Tasks, pos.Events, r.cfg.Keep)
	if err != nil {
		return fmt.Errorf("trim: %w", err)
	}
	r.log.Debug("streams trimmed", zap.Any("report", report))
	return nil
}

// forget removes rows in small parts, so that no transaction lasts long.
func (r *Recorder) forget(ctx context.Context) error {
	before := time.Now().Add(-r.cfg.KeepDeliveries)
	for range forgetParts {
		gone, err := r.store.Forget(ctx, before, forgetPart)
		if err != nil || gone < forgetPart {
			return err
		}
	}
	return nil
}
