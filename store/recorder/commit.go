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

// tries is how often a batch is written before it is taken apart to find the
// message that can not be.
const tries = 3

// commit writes a batch behind pos and returns the new position. A database
// that is out of reach is waited for; a batch it refuses is halved until the
// message at fault stands alone, which then goes to quarantine.
func (r *Recorder) commit(ctx context.Context, pos store.Position, batch []*entry) (store.Position, error) {
	var err error
	for n := 1; n <= tries; n++ {
		var to store.Position
		if to, err = r.write(ctx, pos, batch); err == nil || errors.Is(err, store.ErrStale) || ctx.Err() != nil {
			return to, err
		}
		r.log.Warn("batch not recorded", zap.Int("messages", len(batch)), zap.Int("try", n), zap.Error(err))
		if err := r.awaitStore(ctx, err); err != nil {
			return pos, err
		}
	}
	if len(batch) == 1 {
		r.log.Error("message goes to quarantine", zap.String("stream", batch[0].stream), zap.Uint64("sequence", batch[0].sequence), zap.Error(err))
		batch[0].err = err
		batch[0].command, batch[0].events = nil, nil
		return r.commit(ctx, pos, batch)
	}
	for half := range halves(batch) {
		if pos, err = r.commit(ctx, pos, half); err != nil {
			return pos, err
		}
	}
	return pos, nil
}

func halves(batch []*entry) func(yield func([]*entry) bool) {
	return func(yield func([]*entry) bool) {
		m := len(batch) / 2
		_ = yield(batch[:m]) && yield(batch[m:])
	}
}

// awaitStore returns when the database answers again.
func (r *Recorder) awaitStore(ctx context.Context, cause error) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		pause(ctx, wait)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if r.store.Ping(ctx) == nil {
			return nil
		}
		r.fail(cause)
	}
}

// write records a batch in one transaction and tells of it.
func (r *Recorder) write(ctx context.Context, pos store.Position, batch []*entry) (store.Position, error) {
	b := store.Batch{From: pos, To: pos}
	seen := make(map[string]struct{}, len(batch))
	rows := 0
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
	}
	b.Fold = func(states map[string]store.State) store.Changes { return fold(states, batch, time.Now()) }
	if err := r.store.Record(ctx, b); err != nil {
		return pos, err
	}
	r.advance(b.To)
	r.announce(pos, b.To)
	r.observe(b.To, rows, batch)
	return b.To, nil
}

func (r *Recorder) observe(to store.Position, rows int, batch []*entry) {
	if r.cfg.OnCommit == nil {
		return
	}
	now := time.Now()
	c := Commit{Position: to, Rows: rows, Lags: make([]time.Duration, len(batch))}
	for i, e := range batch {
		c.Lags[i] = now.Sub(e.time)
	}
	r.cfg.OnCommit(c)
}
