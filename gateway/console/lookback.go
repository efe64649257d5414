package console

import (
	"context"
	"reflect"
	"time"

	"github.com/riverstones/riverstones/gateway/client"
)

const (
	// lookTime is for how long a page looks for tasks or processes. Few filters
	// have an index in every store, so that a search for what is rare reads what
	// is not: it looks back as far as this lets it, and the page says how far.
	lookTime = 150 * time.Millisecond
	// firstLook is how far back the first look goes, and each further one goes
	// lookFactor times as far. Only the first one may take as long as it takes:
	// it is short for that.
	firstLook  = 10 * time.Second
	lookFactor = 4
)

// found is what a search has found.
type found struct {
	client.Count

	Tasks []client.Task
	// Back is how far back was looked, zero for all.
	Back time.Time
}

// lookBack lists the newest tasks that match, from now or the filter's
// CreatedBefore on back to oldest, zero for all there are. Filters that say
// where to begin, or that the stores find by index, and those for the oldest
// tasks, are asked for as they are.
func lookBack(ctx context.Context, api *client.Client, f client.Filter, oldest time.Time) (found, error) {
	if !f.Descending || !f.CreatedAfter.IsZero() || f.TaskID != "" || f.ProcessInstanceID != "" {
		tasks, n, err := api.ListCount(ctx, f)
		return found{Count: n, Tasks: tasks}, err
	}
	tasks, n, back, err := look(ctx, f.Size, f.CreatedBefore, oldest, func(ctx context.Context, after time.Time) ([]client.Task, client.Count, error) {
		f.CreatedAfter = after
		return api.ListCount(ctx, f)
	})
	return found{n, tasks, back}, err
}

// lookBackProcesses is lookBack for processes, back to all there are; the last
// value is how far back was looked, zero for all. The newest of all need no look
// back.
func lookBackProcesses(ctx context.Context, api *client.Client, f client.ProcessFilter) ([]client.ProcessInstance, client.Count, time.Time, error) {
	whole := client.ProcessFilter{Start: f.Start, Size: f.Size, StartedBefore: f.StartedBefore}
	if reflect.DeepEqual(f, whole) || f.Ascending || !f.StartedAfter.IsZero() || f.ProcessInstanceID != "" || f.BusinessKey != "" || f.SuperProcessInstanceID != "" {
		all, n, err := api.ProcessesCount(ctx, f)
		return all, n, time.Time{}, err
	}
	return look(ctx, f.Size, f.StartedBefore, time.Time{}, func(ctx context.Context, after time.Time) ([]client.ProcessInstance, client.Count, error) {
		f.StartedAfter = after
		return api.ProcessesCount(ctx, f)
	})
}

// lister lists the newest of what was made after a time.
type lister[T any] func(ctx context.Context, after time.Time) ([]T, client.Count, error)

// look lists the newest of what was made from some time on, back to oldest:
// first those of the last seconds, then further back, until the page is full or
// the time is over. A zero from is now, and a zero oldest all there are.
func look[T any](ctx context.Context, size int, from, oldest time.Time, list lister[T]) (page []T, n client.Count, back time.Time, err error) {
	begin := time.Now()
	if from.IsZero() {
		from = begin
	}
	first := time.Unix(0, 0).UTC()
	if oldest.After(first) {
		first = oldest
	}
	var before time.Duration // that the last look took
	for span := firstLook; ; span *= lookFactor {
		after := from.Add(-span)
		last := after.Before(first) || span > time.Since(time.Unix(0, 0))
		if last {
			after = first
		}
		looked := time.Now()
		more, m, broken, err := list.until(ctx, begin.Add(lookTime), span == firstLook, after)
		switch {
		case err != nil:
			return nil, n, back, err
		case broken: // where the last look went is how far was looked
			return page, n, back, nil
		case last:
			return more, m, time.Time{}, nil
		}
		page, n, back = more, client.Count{Total: m.Total}, after
		if len(page) == size {
			return page, n, time.Time{}, nil
		}
		took := time.Since(looked)
		if time.Since(begin)+next(took, before) > lookTime {
			return page, n, back, nil
		}
		before = took
	}
}

// until lists, but breaks off at the deadline unless it is patient: how much
// was made in a time is not known before, and after a quiet time may come a
// million.
func (l lister[T]) until(ctx context.Context, deadline time.Time, patient bool, after time.Time) (page []T, n client.Count, broken bool, err error) {
	limited, stop := context.WithCancel(ctx) // not a timeout, which the API takes for a failure of its own
	defer stop()
	if !patient {
		defer time.AfterFunc(time.Until(deadline), stop).Stop()
	}
	page, n, err = l(limited, after)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return nil, n, true, nil
	}
	return page, n, false, err
}

// next is how long the next look will take, by how much longer the last one
// took than the one before: where there is little to look at all take the same.
func next(took, before time.Duration) time.Duration {
	if before == 0 {
		return took
	}
	growth := float64(took) / float64(before)
	return time.Duration(min(max(growth, 1), lookFactor) * float64(took))
}
