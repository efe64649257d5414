package console

import (
	"context"
	"time"

	"github.com/riverstones/riverstones/gateway/client"
)

const (
	// lookTime is for how long a page looks for tasks. Few filters have an
	// index in every store, so that a search for what is rare reads what is
	// not: it looks back as far as this lets it, and the page says how far.
	lookTime = 150 * time.Millisecond
	// firstLook is how far back the first look goes, and each further one goes
	// lookFactor times as far.
	firstLook  = 10 * time.Minute
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
// CreatedBefore on back to oldest, zero for all there are: first those of the
// last minutes, then further back, until the page is full or the time is over.
// Filters that say where to begin, or that the stores find by index, and those
// for the oldest tasks, are asked for as they are.
func lookBack(ctx context.Context, api *client.Client, f client.Filter, oldest time.Time) (found, error) {
	if !f.Descending || !f.CreatedAfter.IsZero() || f.TaskID != "" || f.ProcessInstanceID != "" {
		tasks, n, err := api.ListCount(ctx, f)
		return found{Count: n, Tasks: tasks}, err
	}
	begin := time.Now()
	from := f.CreatedBefore
	if from.IsZero() {
		from = begin
	}
	first := time.Unix(0, 0).UTC()
	if oldest.After(first) {
		first = oldest
	}
	var before time.Duration // that the last look took
	for span := firstLook; ; span *= lookFactor {
		back := from.Add(-span)
		last := back.Before(first) || span > time.Since(time.Unix(0, 0))
		if last {
			back = first
		}
		f.CreatedAfter = back
		looked := time.Now()
		tasks, n, err := api.ListCount(ctx, f)
		if err != nil {
			return found{}, err
		}
		out := found{Count: n, Tasks: tasks}
		if last {
			return out, nil
		}
		out.Exact = false
		if len(tasks) == f.Size {
			return out, nil
		}
		took := time.Since(looked)
		if time.Since(begin)+next(took, before) > lookTime {
			out.Back = back
			return out, nil
		}
		before = took
	}
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
