package audit

import (
	"context"
	"sync"
	"time"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// readers is how many histories are read at a time: a live system has other
// things to do.
const readers = 4

// tasks compares every task with its history, page by page in the order of
// createTime. Tasks of one createTime are told apart by counting them, since a
// page begins at a time.
func (a *auditor) tasks(ctx context.Context) error {
	after, skip := a.cfg.After, 0
	for {
		f := store.Filter{CreatedAfter: after, CreatedBefore: a.begin, Start: skip, Size: a.cfg.Page}
		page, err := a.store.List(ctx, f)
		if err != nil {
			return err
		}
		if err := a.page(ctx, page.Tasks); err != nil {
			return err
		}
		if len(page.Tasks) < a.cfg.Page {
			a.report.Reached = a.begin
			return nil
		}
		after, skip = next(after, skip, page.Tasks)
		// The tasks of the last time may go on in the next page.
		a.report.Reached = after
		a.progress()
		if len(a.open) >= a.cfg.Open {
			if err := a.orphans(ctx); err != nil {
				return err
			}
		}
	}
}

// next says where the page behind this one begins: just before the last
// createTime, behind those tasks of it that have been seen.
func next(after time.Time, skip int, page []task.Task) (time.Time, int) {
	last := page[len(page)-1].CreateTime
	n := 0
	for n < len(page) && page[len(page)-1-n].CreateTime.Equal(last) {
		n++
	}
	before := last.Add(-time.Microsecond)
	if n == len(page) && before.Equal(after) {
		return after, skip + n
	}
	return before, n
}

// page compares tasks, and looks again at those that look wrong.
func (a *auditor) page(ctx context.Context, page []task.Task) error {
	wrong := make([]bool, len(page))
	err := each(ctx, len(page), func(ctx context.Context, i int) error {
		history, err := a.store.History(ctx, page[i].ID, false)
		wrong[i] = len(Check(&page[i], history)) > 0
		return err
	})
	if err != nil {
		return err
	}
	var again []string
	for i := range page {
		t := &page[i]
		if wrong[i] {
			again = append(again, t.ID)
		}
		if !t.Ended() && t.NotBefore.Before(a.begin) {
			a.open[t.ID] = under{t.TaskID, t.Epoch}
		}
	}
	a.report.Tasks += len(page)
	return a.again(ctx, again)
}

// again looks a second time at tasks that looked wrong, when the recorder has
// read what was on its way, and reports what is.
func (a *auditor) again(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	settled, err := a.settle(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		all, sure, err := a.lookAgain(ctx, id)
		if err != nil {
			return err
		}
		for _, f := range all {
			if f.unread && !settled {
				sure = false
				continue
			}
			a.found(f)
			delete(a.open, id) // where it stands is not to be believed
		}
		if !sure {
			a.report.Undecided++
		}
	}
	return nil
}

// looks is how often a task is read that changes while it is read.
const looks = 5

// lookAgain checks one task that did not change while it was read; sure is
// false if it always does.
func (a *auditor) lookAgain(ctx context.Context, id string) (all []Finding, sure bool, err error) {
	for range looks {
		before, err := a.byID(ctx, []string{id})
		if err != nil || before[id] == nil {
			return nil, false, err
		}
		history, err := a.store.History(ctx, id, false)
		if err != nil {
			return nil, false, err
		}
		after, err := a.byID(ctx, []string{id})
		if err != nil || after[id] == nil {
			return nil, false, err
		}
		if same(before[id], after[id]) {
			return Check(after[id], history), true, nil
		}
		if err := pause(ctx, settlePause); err != nil {
			return nil, false, err
		}
	}
	return nil, false, nil
}

func same(a, b *task.Task) bool {
	return a.Epoch == b.Epoch && a.Status == b.Status && a.Final == b.Final && a.UpdateTime.Equal(b.UpdateTime)
}

// each calls do for 0 to n-1, a few at a time, until one fails.
func each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	numbers := make(chan int)
	var wg sync.WaitGroup
	for range min(readers, n) {
		wg.Go(func() {
			for i := range numbers {
				if ctx.Err() == nil {
					if err := do(ctx, i); err != nil {
						cancel(err)
					}
				}
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	wg.Wait()
	return context.Cause(ctx)
}
