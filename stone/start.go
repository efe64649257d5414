package stone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
)

const (
	startPatience = 60 * time.Second // of a start with the queue
	startTry      = 10 * time.Second // of one look at it
	startPause    = 100 * time.Millisecond
)

// ensure makes the stone's consumers. It waits for a queue that is not there yet,
// since nothing says who starts first, and for nothing else.
func (r *runner) ensure(ctx context.Context) error {
	var last error // what is waited for
	for {
		err := queue.Reached(r.w.nc)
		if err == nil {
			err = r.tryEnsure(ctx)
		}
		switch {
		case err == nil:
			return nil
		case absent(err):
			if last == nil {
				r.log.Warn("the queue is not ready, waiting for it", zap.Error(err))
			}
			last = err
		case last == nil || ctx.Err() == nil:
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the queue was not ready: %w", errors.Join(last, context.Cause(ctx)))
		case <-time.After(startPause):
		}
	}
}

func (r *runner) tryEnsure(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTry)
	defer cancel()
	_, err := (queue.Durables{AckWait: r.w.cfg.AckWait}).Ensure(ctx, r.w.js, r.spec.Code, r.spec.BusinessKey)
	return err
}

// absent reports whether an error tells of a server that is not connected, that
// does not serve JetStream yet, or that has no streams of ours yet.
func absent(err error) bool {
	for _, one := range []error{nats.ErrDisconnected, nats.ErrReconnectBufExceeded, nats.ErrConnectionReconnecting, nats.ErrNoResponders,
		jetstream.ErrNoStreamResponse, jetstream.ErrJetStreamNotEnabled, jetstream.ErrStreamNotFound} {
		if errors.Is(err, one) {
			return true
		}
	}
	var api *jetstream.APIError
	return errors.As(err, &api) && api.Code == 503 // it begins to serve
}
