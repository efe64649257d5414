package dispatch

import (
	"context"
	"errors"

	"github.com/riverstones/riverstones/queue"
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
		if f, ok := announcement(&rows[i]); ok {
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
// command needs none where it goes out at once, since the message itself tells.
func announcement(row *store.Outgoing) (f queue.Fact, ok bool) {
	f = queue.Fact{Names: row.Command.Names, Epoch: row.Command.Epoch, Kind: queue.FactBegun}
	switch row.Kind {
	case store.Send:
		return f, f.Epoch > 1
	case store.Withdraw:
		// A command that was taken back may never have been sent, nor been told of.
		f.Epoch--
		return f, f.Epoch > 1 && row.Sequence == 0
	case store.Tell:
		return f, true
	case store.TellResumed:
		f.Kind, f.Number = queue.FactResumed, row.Number
		return f, true
	case store.TellEnded:
		f.Kind, f.Number = queue.FactEnded, row.Number
		return f, true
	default:
		return f, false
	}
}
