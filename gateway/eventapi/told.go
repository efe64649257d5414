package eventapi

import (
	"context"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// factFrames tells what the store wrote by itself and a message points at.
func (c *checker) factFrames(ctx context.Context, m *message) ([]frame, error) {
	names, same, err := c.names(ctx, &m.fact.Names)
	if err != nil || !same {
		return nil, err
	}
	history, err := c.store.History(ctx, names.ID, false)
	if err != nil {
		return nil, gone(err)
	}
	f := fact{Names: names, kind: kindTransition, epoch: m.fact.Epoch}
	n := opening(history, m.fact.Epoch)
	switch m.fact.Kind {
	case queue.FactResumed:
		f.kind, n = kindResume, failure(history, m.fact.Epoch)
	case queue.FactEnded:
		n = failure(history, m.fact.Epoch)
	default:
	}
	if n == nil {
		return nil, nil
	}
	f.status, f.time, f.worker, f.reason = n.Status.String(), n.Time, n.Worker, n.Reason
	if f.kind == kindResume {
		f.time = m.time
	}
	if err := c.hide(ctx, &f); err != nil {
		return nil, err
	}
	return []frame{f.encode(1)}, nil
}

// opening returns the transition that an epoch began with in the store, nil if
// it is told otherwise: a message that turned out to be stored after all tells
// its produce.success, and produce.failed behind that would be out of order.
func opening(history []store.Note, epoch int) *store.Note {
	produced, failed := find(history, epoch, task.ProduceSuccess), find(history, epoch, task.ProduceFailed)
	switch {
	case produced != nil && failed != nil:
		return nil
	case failed != nil:
		return failed
	case produced != nil:
		return produced
	default:
		return find(history, epoch, task.Canceled)
	}
}

// failure returns the failed end of an epoch, nil if there is none.
func failure(history []store.Note, epoch int) *store.Note {
	for i := range history {
		if n := &history[i]; n.Epoch == epoch && n.Status.Failed() {
			return n
		}
	}
	return nil
}
