package sqlkit

import (
	"cmp"
	"slices"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Sort puts the rows of c into the order of their keys, so that two writers
// lock rows in the same order and pages are written one after the other.
func Sort(c *store.Changes) {
	byID := func(a, b store.State) int { return cmp.Compare(a.ID, b.ID) }
	slices.SortFunc(c.New, byID)
	slices.SortFunc(c.Changed, byID)
	slices.SortFunc(c.Attempts, func(a, b store.Attempt) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Epoch, b.Epoch))
	})
	slices.SortFunc(c.Published, func(a, b store.Published) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Epoch, b.Epoch))
	})
	slices.SortFunc(c.Transitions, func(a, b store.Transition) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Status, b.Status))
	})
	slices.SortFunc(c.Log, func(a, b store.LogLine) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.N, b.N))
	})
}

// History puts the transitions and notes of one task, as read in the order of
// recording, into the order of [store.Tasks.History].
func History(all []store.Note) []store.Note {
	recorded := map[place]int{} // ordinal of what is recorded
	for _, n := range all {
		if n.Why == "" {
			recorded[at(n)] = n.Status.Ordinal(n.Final)
		}
	}
	const endOfEpoch = 1 << 10 // above every ordinal
	rank := func(n store.Note) int {
		if ordinal, ok := recorded[at(n)]; ok {
			return ordinal
		}
		return endOfEpoch
	}
	slices.SortStableFunc(all, func(a, b store.Note) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(rank(a), rank(b)),
			cmp.Compare(group(a, recorded), group(b, recorded)), cmp.Compare(behind(a), behind(b)))
	})
	return all
}

// place is where a status stands in a history.
type place struct {
	epoch  int
	status task.Status
}

func at(n store.Note) place { return place{n.Epoch, n.Status} }

// group keeps a recorded status and its notes together should two statuses
// have one ordinal; the notes at the end of an epoch stay as they came.
func group(n store.Note, recorded map[place]int) task.Status {
	if _, ok := recorded[at(n)]; ok {
		return n.Status
	}
	return 0
}

func behind(n store.Note) int {
	if n.Why == "" {
		return 0
	}
	return 1
}
