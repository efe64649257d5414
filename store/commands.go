package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

// Commands changes recorded tasks: a command on a task is one transaction that
// checks the state, raises the epoch and leaves in the outbox what is to be
// sent (decision 3 of the design). The database so decides races between
// operators, the process runtime and late results.
type Commands interface {
	// Command hands the task with this taskId or else this id to decide, under
	// a lock, and writes the step that decide answers, all in one transaction,
	// and returns the task as it stands then. A nil step changes nothing. An
	// error of decide is returned as it is and nothing is written;
	// [ErrNotFound] for an unknown task; [ErrRejected] wraps what the step is at
	// fault for. decide may be called more than once.
	Command(ctx context.Context, key string, decide func(Standing) (*Step, error)) (task.Task, error)
	// Delay records new tasks whose commands are published later: each is
	// inserted with produce.success, its first attempt, NotBefore, and an
	// outbox row due then. It returns the ids of those that were new; a task
	// that is known already is left alone.
	Delay(ctx context.Context, commands []Delayed) (fresh map[string]bool, err error)
}

// Standing is a task as a command finds it.
type Standing struct {
	State
	Debug   bool    // the process is in debug mode
	Begun   bool    // a worker began any of its epochs
	Current Attempt // of the current epoch; without params for an attempt that is not recorded yet
}

// Step is what a command changes.
type Step struct {
	// State replaces the task's row, which keeps its names and create time.
	// Seen and Following are those of State's epoch; Rev and grants are the
	// store's business. A higher epoch takes back the task's Send rows of lower
	// ones that are still in the outbox: they become Withdraw rows.
	State State
	// Attempt is the new epoch's, nil if the epoch stays.
	Attempt     *Attempt
	Transitions []Transition
	Outbox      []Outgoing
	Debug       *bool // new debug mode of the process, nil for no change
}

// Delayed is a task that is held back.
type Delayed struct {
	Command   queue.Command
	NotBefore time.Time
	// Timeout runs from the publishing: the relay sets the command's deadline. 0 for none.
	Timeout time.Duration
}

// Kind says what is to be done with an outbox row.
type Kind int

// The kinds. They are numbers in databases: append, never reorder.
const (
	// Send publishes Command in RS_TASKS.
	Send Kind = iota + 1
	// Withdraw deletes message Sequence from RS_TASKS (if it is not 0 and the
	// message is this task's), then tells all workers of Command's stone to stop
	// what runs of the task below Command's epoch.
	Withdraw
	// Halt only tells the workers.
	Halt
	// Pursue commands the cancel of a task that was cancelled before its begin
	// and turns out to have been begun all the same. Names and epoch are those
	// of the cancelled attempt.
	Pursue
	// Tell tells those who follow the streams of the transition that Command's
	// epoch began with and that no message of a stream brings.
	Tell
	// TellResumed tells them that debugging of the failed task was given up.
	TellResumed
	// TellEnded tells them that the epoch was given up: it failed without its worker.
	TellEnded
)

// Outgoing is a row of the outbox: something that is to be sent, and that is
// tried until it was.
type Outgoing struct {
	Number   int64 // the store's; rows of one task are sent in this order
	Kind     Kind
	Command  queue.Command // for Withdraw and Halt names and epoch only
	Sequence uint64
	Timeout  time.Duration // Send: the deadline counts from the publishing, 0 for none
	Due      time.Time     // not before this time; zero for at once
	Since    time.Time     // when it was due first; set by the store
	Tries    int
}

// Sent says what became of an outbox row.
type Sent struct {
	Number   int64
	Sequence uint64    // of the stored message, written to its attempt; 0 for none
	Deadline time.Time // as sent, written to its attempt; zero for none
	// Again is when to try again, with Problem; zero if it is done, and the row goes.
	Again   time.Time
	Problem string
}

// OutgoingBytes is how many bytes of commands [Outbox.Outgoing] returns before
// it stops: one may have megabytes.
const OutgoingBytes = 16 << 20

// Outbox is read by the relay, of which one works at a time (a lease).
type Outbox interface {
	// Outgoing returns rows that are due at now, oldest first: at most limit, and
	// none behind those whose commands have [OutgoingBytes] together. A row behind
	// another one of the same task that is still there is not due. next is when
	// the earliest of those that are not due is, zero for none.
	Outgoing(ctx context.Context, now time.Time, limit int) (rows []Outgoing, next time.Time, err error)
	// Sent notes what became of rows. A row that is gone already is no error. A
	// Send row that was taken back while it was sent stays, as a Withdraw row of
	// the message that Sequence names. An attempt that has a sequence keeps it.
	Sent(ctx context.Context, done []Sent) error
	// Unsent returns those of these ids whose tasks have rows, each once.
	Unsent(ctx context.Context, ids []string) ([]string, error)
	// Waiting returns how many rows there are, and since when the oldest waits
	// that is or was due, zero if none is; tries do not put that time off.
	Waiting(ctx context.Context, now time.Time) (rows int, oldest time.Time, err error)
}

// Processes keeps what operators set for processes of orchestrators.
type Processes interface {
	// SetDebug sets the debug mode of a process; it need not have tasks yet.
	SetDebug(ctx context.Context, processInstanceID string, debug bool) error
	// Debug reports the debug mode of a process, false for an unknown one.
	Debug(ctx context.Context, processInstanceID string) (bool, error)
	// Debugged returns processes in debug mode: all if they are not more than
	// limit, else any limit of them.
	Debugged(ctx context.Context, limit int) ([]string, error)
}

// Attempts shows what was commanded.
type Attempts interface {
	// Attempts returns the commands of the task with this id, oldest first.
	Attempts(ctx context.Context, id string) ([]Attempt, error)
}

// Stones keeps what stones announced last, also of stones that no worker
// serves now.
type Stones interface {
	// PutStone keeps an announcement as the last one of its stone, unless a
	// later one is known.
	PutStone(ctx context.Context, code string, announcement json.RawMessage, at time.Time) error
	// Stones returns the announcements of all stones, by code.
	Stones(ctx context.Context) ([]KnownStone, error)
	// UsedStones returns the codes of all stones that tasks ever named, sorted.
	UsedStones(ctx context.Context) ([]string, error)
}

// KnownStone is a stone as it announced itself last.
type KnownStone struct {
	Code         string
	Announcement json.RawMessage
	Time         time.Time
}

// Quarantine shows the messages that could not be recorded.
type Quarantine interface {
	// Quarantine returns a page of them, the newest first. taskID selects those
	// of one task, "" all.
	Quarantine(ctx context.Context, taskID string, start, size int) ([]Quarantined, error)
}
