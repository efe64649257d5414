package recorder

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// commit writes a batch behind pos and returns the new position. A database
// that is out of reach or out of space is waited for; a batch whose rows it
// refuses is halved until the message at fault stands alone, which then goes
// to quarantine.
func (r *Recorder) commit(ctx context.Context, pos store.Position, batch []*entry) (store.Position, error) {
	began := time.Now()
	b, rows := r.batch(pos, batch)
	var wrote store.Changes // by the last call, which is the one that holds
	if pure := b.Fold; r.cfg.OnCommit != nil {
		b.Fold = func(states map[string]store.State) store.Changes { wrote = pure(states); return wrote }
	}
	for wait := minPause; ; wait = min(2*wait, maxPause) {
		err := r.store.Record(ctx, b)
		if errors.Is(err, store.ErrStale) && wait > minPause {
			err = r.ours(ctx, b.To)
		}
		switch {
		case err == nil:
			r.advance(b.To)
			r.announce(pos, b.To)
			r.observe(Commit{Position: b.To, Rows: rows, Took: time.Since(began), Changes: &wrote}, batch)
			return b.To, nil
		case errors.Is(err, store.ErrStale):
			return pos, err
		case errors.Is(err, store.ErrRejected):
			return r.takeApart(ctx, pos, batch, err)
		}
		r.log.Warn("batch not recorded, trying again", zap.Int("messages", len(batch)), zap.Duration("in", wait), zap.Error(err))
		r.fail(err)
		if pause(ctx, wait); ctx.Err() != nil {
			return pos, ctx.Err()
		}
	}
}

const (
	minPause = 50 * time.Millisecond
	maxPause = 2 * time.Second
)

// ours returns nil if the checkpoint stands where this recorder's own batch would
// have put it: an earlier try was committed after all, only its answer was lost.
func (r *Recorder) ours(ctx context.Context, to store.Position) error {
	pos, err := r.store.Position(ctx)
	if err == nil && pos != to {
		err = store.ErrStale
	}
	return err
}

// takeApart commits a refused batch by halves; a message alone is put away.
func (r *Recorder) takeApart(ctx context.Context, pos store.Position, batch []*entry, cause error) (store.Position, error) {
	if len(batch) > 1 {
		for half := range halves(batch) {
			var err error
			if pos, err = r.commit(ctx, pos, half); err != nil {
				return pos, err
			}
		}
		return pos, nil
	}
	e := batch[0]
	if e.err != nil { // it is put away already, and that was refused
		return pos, cause
	}
	r.log.Error("message goes to quarantine", zap.String("stream", e.stream), zap.Uint64("sequence", e.sequence), zap.Error(cause))
	e.err, e.command, e.events = cause, nil, nil
	return r.commit(ctx, pos, batch)
}

func halves(batch []*entry) func(yield func([]*entry) bool) {
	return func(yield func([]*entry) bool) {
		m := len(batch) / 2
		_ = yield(batch[:m]) && yield(batch[m:])
	}
}

// batch is what the store needs of the messages, and about how many rows they make.
func (r *Recorder) batch(pos store.Position, batch []*entry) (b store.Batch, rows int) {
	b = store.Batch{From: pos, To: pos}
	seen := make(map[string]struct{}, len(batch))
	for _, e := range batch {
		rows += e.weight
		if e.stream == queue.StreamTasks {
			b.To.Tasks = e.sequence
		} else {
			b.To.Events = e.sequence
		}
		e.tasks(func(n *task.Names) {
			if _, ok := seen[n.ID]; !ok {
				seen[n.ID] = struct{}{}
				b.IDs, b.TaskIDs = append(b.IDs, n.ID), append(b.TaskIDs, n.TaskID)
			}
		})
		e.texts(&b)
	}
	b.Fold = func(states map[string]store.State) store.Changes { return fold(states, batch, time.Now()) }
	return b, rows
}

// texts notes the tasks of which a message brings reasons or log lines.
func (e *entry) texts(b *store.Batch) {
	for i := range e.events {
		ev := &e.events[i].Event
		speaks := len(ev.Log) > 0
		for j := range ev.Transitions {
			speaks = speaks || ev.Transitions[j].Reason != ""
		}
		if !speaks || e.events[i].Err != nil {
			continue
		}
		if b.Texts == nil {
			b.Texts = map[string]int{}
		}
		b.Texts[ev.ID] = max(b.Texts[ev.ID], ev.Epoch)
	}
}

func (r *Recorder) observe(c Commit, batch []*entry) {
	if r.cfg.OnCommit == nil {
		return
	}
	now := time.Now()
	c.Lags = make([]time.Duration, len(batch))
	for i, e := range batch {
		c.Lags[i] = now.Sub(e.time)
	}
	c.Messages = func(yield func(Message) bool) {
		for _, e := range batch {
			if !yield(Message{Stored: e.time, Command: e.command, Events: e.events}) {
				return
			}
		}
	}
	r.cfg.OnCommit(c)
}
