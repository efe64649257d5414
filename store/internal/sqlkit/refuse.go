package sqlkit

import (
	"slices"
	"time"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Refused returns the rows of [store.Tasks.Refuse], sorted.
func Refused(commands []*queue.Command, reason string, at time.Time) store.Changes {
	var out store.Changes
	for _, c := range commands {
		out.New = append(out.New, store.State{
			Names: c.Names, Method: c.Method, Epoch: c.Epoch, Status: task.ProduceFailed,
			CreateTime: c.CreateTime, UpdateTime: at, EndTime: at, Reason: reason, Outputs: c.Outputs,
			Seen: 1 << task.ProduceFailed,
		})
		out.Attempts = append(out.Attempts, store.Attempt{
			ID: c.ID, Epoch: c.Epoch, Method: c.Method, Params: c.Params, Outputs: c.Outputs,
			CreateTime: c.CreateTime, Deadline: c.Deadline, Retry: c.Retry,
		})
		out.Transitions = append(out.Transitions, store.Transition{
			ID: c.ID, Epoch: c.Epoch, Status: task.ProduceFailed, Time: at, Reason: reason,
		})
		// Due only now, so that commands go first when the queue is back.
		out.Outbox = append(out.Outbox, store.Outgoing{Kind: store.Tell, Command: *c, Due: at})
	}
	Sort(&out)
	return out
}

// Only returns what of c belongs to fresh tasks, but for the tasks themselves.
func Only(c store.Changes, fresh map[string]bool) store.Changes {
	return store.Changes{
		Attempts: slices.DeleteFunc(slices.Clone(c.Attempts), func(a store.Attempt) bool { return !fresh[a.ID] }),
		Transitions: slices.DeleteFunc(slices.Clone(c.Transitions), func(t store.Transition) bool {
			return !fresh[t.ID]
		}),
		Outbox: slices.DeleteFunc(slices.Clone(c.Outbox), func(o store.Outgoing) bool { return !fresh[o.Command.ID] }),
	}
}

// Fresh returns the tasks of rows that are fresh.
func Fresh(rows []store.State, fresh map[string]bool) []store.State {
	return slices.DeleteFunc(slices.Clone(rows), func(s store.State) bool { return !fresh[s.ID] })
}
