package stone

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/riverstones/riverstones/queue"
)

var errNotStarted = errors.New("worker is not started")

// Ready returns nil while the worker can take commands: it is started and
// connected, and the consumers of all its stones are there. It asks the server
// about each of them, so it is for probes. Call it after Start.
func (w *Worker) Ready(ctx context.Context) error {
	w.mu.Lock()
	started := w.started
	w.mu.Unlock()
	if !started {
		return errNotStarted
	}
	if s := w.nc.Status(); s != nats.CONNECTED {
		return fmt.Errorf("%w: connection is %s", nats.ErrDisconnected, s)
	}
	for _, r := range w.stones {
		for _, l := range queue.Lanes() {
			name := l.Durable(r.spec.Code, r.spec.BusinessKey)
			if _, err := w.js.Consumer(ctx, queue.StreamTasks, name); err != nil {
				return fmt.Errorf("consumer %s: %w", name, err)
			}
		}
	}
	return nil
}
