package bench

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riverstones/riverstones/store"
)

// maxLags is how many lags are kept; of more, a fair sample.
const maxLags = 200_000

// watch keeps the times of one phase's tasks, by their number.
type watch struct {
	prefix string
	starts []atomic.Int64 // of the POST, in ns since 1970
	ends   []atomic.Int64 // of the commit of the last transition
	ended  atomic.Int64
	all    chan struct{} // closed when all have ended

	mu   sync.Mutex
	lag  []time.Duration
	lagN int
}

func newWatch(tag string, n int) *watch {
	return &watch{prefix: taskPrefix(tag), starts: make([]atomic.Int64, n), ends: make([]atomic.Int64, n), all: make(chan struct{})}
}

// finish notes that the end of a task is committed.
func (w *watch) finish(taskID string, at int64) {
	digits, ok := strings.CutPrefix(taskID, w.prefix)
	if !ok {
		return // of another phase or run
	}
	i, err := strconv.Atoi(digits)
	if err != nil || i >= len(w.ends) || !w.ends[i].CompareAndSwap(0, at) {
		return
	}
	if w.ended.Add(1) == int64(len(w.ends)) {
		close(w.all)
	}
}

func (w *watch) lagged(lags []time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range lags {
		w.lagN++
		if len(w.lag) < maxLags {
			w.lag = append(w.lag, d)
		} else if i := rand.IntN(w.lagN); i < maxLags {
			w.lag[i] = d
		}
	}
}

// latencies are the times from POST to the commit of the end.
func (w *watch) latencies() []time.Duration {
	all := make([]time.Duration, len(w.ends))
	for i := range all {
		all[i] = time.Duration(w.ends[i].Load() - w.starts[i].Load())
	}
	return all
}

// last is when the last end was committed.
func (w *watch) last() time.Time {
	var last int64
	for i := range w.ends {
		last = max(last, w.ends[i].Load())
	}
	return time.Unix(0, last)
}

// watched is a store that tells which ends are committed. It sees what the
// recorder writes, so that nobody has to ask the database.
type watched struct {
	store.Store
	run *run
}

// whole has the bit of every status of [way]: an event may overtake its command.
var whole = func() (bits uint32) {
	for _, s := range way {
		bits |= 1 << s
	}
	return bits
}()

// Record commits a batch and notes the ends in it.
func (s *watched) Record(ctx context.Context, b store.Batch) error {
	var last store.Changes
	fold := b.Fold
	b.Fold = func(states map[string]store.State) store.Changes {
		last = fold(states)
		return last
	}
	if err := s.Store.Record(ctx, b); err != nil {
		return err
	}
	now, w := time.Now().UnixNano(), s.run.watch.Load()
	for _, rows := range [][]store.State{last.New, last.Changed} {
		for i := range rows {
			if rows[i].Seen&whole == whole {
				w.finish(rows[i].TaskID, now)
			}
		}
	}
	return nil
}

// Step notes the instances that have ended when the step is committed.
func (s *watched) Step(ctx context.Context, f func(context.Context, store.RuntimeTx) error) error {
	var ended []string
	err := s.Store.Step(ctx, func(ctx context.Context, tx store.RuntimeTx) error {
		ended = ended[:0]
		return f(ctx, &watchedTx{RuntimeTx: tx, ended: &ended})
	})
	if err != nil {
		return err
	}
	now, w := time.Now().UnixNano(), s.run.watch.Load()
	for _, key := range ended {
		w.finish(key, now)
	}
	return nil
}

type watchedTx struct {
	store.RuntimeTx

	ended *[]string // business keys
}

// Write looks for instances that end.
func (tx *watchedTx) Write(ctx context.Context, c *store.RuntimeChanges) error {
	for i := range c.Instances {
		if c.Instances[i].Ended() {
			*tx.ended = append(*tx.ended, c.Instances[i].BusinessKey)
		}
	}
	return tx.RuntimeTx.Write(ctx, c)
}
