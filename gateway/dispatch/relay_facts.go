package dispatch

import (
	"context"
	"errors"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// announce tells those who follow the streams what the store has written by
// itself, before anything comes of it, and returns the errors of the rows whose
// fact is not stored: they stay as they are.
func (r *Relay) announce(ctx context.Context, rows []store.Outgoing) []error {
	errs := make([]error, len(rows))
	var facts []queue.Fact
	var at []int
	for i := range rows {
		f, ok, err := r.announcement(ctx, &rows[i])
		if errs[i] = err; ok && err == nil {
			facts, at = append(facts, f), append(at, i)
		}
	}
	if len(facts) == 0 {
		return errs
	}
	for k, ack := range r.facts.PublishFacts(context.WithoutCancel(ctx), facts) {
		if kind := rows[at[k]].Kind; errors.Is(ack.Err, queue.ErrFull) && (kind == store.Send || kind == store.Withdraw) {
			continue // a command does not wait for room that only others need
		}
		errs[at[k]] = ack.Err
	}
	return errs
}

// announcement is what a row of the outbox lets others know. A task's first
// command needs none where it goes out at once, since the message itself tells;
// a copy of it does not.
func (r *Relay) announcement(ctx context.Context, row *store.Outgoing) (f queue.Fact, ok bool, err error) {
	f = queue.Fact{Names: row.Command.Names, Epoch: row.Command.Epoch, Kind: queue.FactBegun}
	switch row.Kind {
	case store.Send:
		if f.Epoch == 1 && r.late(row) {
			ok, err = r.untold(ctx, f.ID)
			return f, ok, err
		}
		return f, f.Epoch > 1, nil
	case store.Withdraw:
		// A command that was taken back may never have been sent, nor been told of.
		if f.Epoch--; f.Epoch == 1 && row.Sequence == 0 {
			ok, err = r.untold(ctx, f.ID)
			return f, ok, err
		}
		return f, row.Sequence == 0, nil
	case store.Tell:
		return f, true, nil
	case store.TellResumed:
		f.Kind, f.Number = queue.FactResumed, row.Number
		return f, true, nil
	case store.TellEnded:
		f.Kind, f.Number = queue.FactEnded, row.Number
		return f, true, nil
	default:
		return f, false, nil
	}
}

// untold reports whether the store began a task whose message was to tell of it:
// not one that was held back, nor one whose message the queue did not take.
func (r *Relay) untold(ctx context.Context, id string) (bool, error) {
	t, err := r.store.Task(ctx, id)
	if err != nil || !t.NotBefore.IsZero() {
		return false, err
	}
	history, err := r.store.History(ctx, id, false)
	return len(history) > 0 && history[0].Status == task.ProduceSuccess, err
}
