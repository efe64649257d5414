package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// way is what every task must have gone through, in this order.
var way = []task.Status{task.ProduceSuccess, task.StartBegin, task.StartSuccess, task.MonitorBegin, task.MonitorSuccess}

// ErrCount says that the store does not hold what was counted.
var ErrCount = errors.New("the store does not hold what was counted")

// verifyChunk is how many tasks are looked up at once.
const verifyChunk = 500

// verify reads every task of a phase back, with its history, and returns how
// many are as they must be: there once, ended, five transitions in order.
func (r *run) verify(ctx context.Context, w *watch) (int, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next, good atomic.Int64
	var wg sync.WaitGroup
	for range 2 * runtime.NumCPU() {
		wg.Go(func() {
			for ctx.Err() == nil {
				first := int(next.Add(verifyChunk)) - verifyChunk
				if first >= len(w.ends) {
					return
				}
				n, err := verifyTasks(ctx, r.app.Store(), w.prefix, first, min(first+verifyChunk, len(w.ends)))
				good.Add(int64(n))
				if err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return int(good.Load()), context.Cause(ctx)
}

// verifyTasks checks the tasks with the numbers from first up to end.
func verifyTasks(ctx context.Context, st store.Store, prefix string, first, end int) (int, error) {
	ids := make([]string, 0, end-first)
	for i := first; i < end; i++ {
		ids = append(ids, fmt.Sprintf("%s%0*d", prefix, digits, i))
	}
	found, err := st.Lookup(ctx, ids, nil)
	if err != nil {
		return 0, err
	}
	if len(found) != len(ids) {
		return 0, fmt.Errorf("%w: %d of %d tasks are there", ErrCount, len(found), len(ids))
	}
	for i := range found {
		t := &found[i].Task
		history, err := st.History(ctx, t.ID, false)
		if err != nil {
			return i, err
		}
		if err := checkWay(t, history); err != nil {
			return i, err
		}
	}
	return len(found), nil
}

func checkWay(t *task.Task, history []store.Note) error {
	if t.Status != task.MonitorSuccess || t.Epoch != 1 {
		return fmt.Errorf("%w: task %s stands at %s, attempt %d", ErrCount, t.TaskID, t.Status, t.Epoch)
	}
	if len(history) != len(way) {
		return fmt.Errorf("%w: task %s has %d transitions", ErrCount, t.TaskID, len(history))
	}
	for i, s := range way {
		if history[i].Status != s {
			return fmt.Errorf("%w: transition %d of task %s is %s, not %s", ErrCount, i+1, t.TaskID, history[i].Status, s)
		}
	}
	return nil
}
