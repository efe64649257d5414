package store

import (
	"context"
	"time"

	"github.com/riverstones/riverstones/queue/task"
)

// Upkeep is what the background duties of the recorder need: they publish
// commands again that came to nothing, and remove what nobody asks for any more.
type Upkeep interface {
	// Unfinished returns the states of those of these tasks that have not
	// ended, in no order and without Outputs and Grants. Unknown ids are left out.
	Unfinished(ctx context.Context, ids []string) ([]State, error)
	// Resends returns what was published again of the tasks with these ids.
	Resends(ctx context.Context, ids []string) ([]Resend, error)
	// Resend notes that a command was published again; the note of the same
	// command is replaced. [ErrRejected] for an id that is none.
	Resend(ctx context.Context, r Resend) error
	// Overdue looks at the commands whose deadline is not after until, in their
	// order (deadline, id, epoch), behind after and at most limit. It returns those
	// whose tasks have not ended and had no later command, and the last one it has
	// looked at, zero for none.
	Overdue(ctx context.Context, after Due, until time.Time, limit int) (open []Due, last Due, err error)
	// Forget removes deliveries that are over (told or given up) since before a
	// time, and notes of commands published again before it, at most limit of
	// each, the oldest first. It returns how many rows went.
	Forget(ctx context.Context, before time.Time, limit int) (int, error)
}

// Due is the command of an epoch that has a deadline.
type Due struct {
	Deadline time.Time
	ID       string
	Epoch    int
}

// Resend is a command that was published again.
type Resend struct {
	ID       string
	Epoch    int
	Method   task.Method
	Times    int    // how often so far
	Sequence uint64 // of the last message, in RS_TASKS
	Time     time.Time
}
