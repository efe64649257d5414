// Package store is the contract of what Riverstones keeps: tasks with their
// attempts and transitions, and what the recorder and background duties need.
// It holds small interfaces by aggregate and the types that cross them, and no
// driver: packages postgres and sqlite implement it, and storetest is the
// definition both are held to.
//
// Every method is one transaction. Where logic must run inside one, the caller
// passes a pure function of the old state; it may be called more than once.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

var (
	// ErrNotFound says that there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrStale says that another recorder has moved the checkpoint: nothing
	// was written, and the caller must read its position again.
	ErrStale = errors.New("checkpoint was moved by another recorder")
	// ErrRejected says that the database refuses the rows themselves: writing
	// the same ones again can not help. Other errors of Record may pass.
	ErrRejected = errors.New("rows were refused")
)

// Store is everything. Callers ask for the part they need.
type Store interface { //nolint:interfacebloat // the sum of small ones
	Tasks
	Commands
	Outbox
	Processes
	Callbacks
	Runtime
	Attempts
	Stones
	Quarantine
	Recording
	Grants
	Leases
	Upkeep
	Gauges
	// Ping reports whether the database can answer.
	Ping(ctx context.Context) error
	// Close waits for running calls and gives the connections back.
	Close() error
}

// Tasks is the query side, and the one status a gateway writes itself.
type Tasks interface {
	// Task returns the task with this taskId or else this id; [ErrNotFound].
	Task(ctx context.Context, key string) (task.Task, error)
	// Lookup returns the tasks that have one of these taskIds or one of these
	// ids, in no order, each once.
	Lookup(ctx context.Context, taskIDs, ids []string) ([]Known, error)
	// List returns one page of the tasks that match f.
	List(ctx context.Context, f Filter) (Page, error)
	// History returns the transitions of the task with this id, oldest first,
	// that is by epoch and ordinal; with notes also what was kept but changed
	// nothing, each behind the transition of the same epoch and status or else
	// at the end of its epoch.
	History(ctx context.Context, id string, notes bool) ([]Note, error)
	// Log returns kept log lines of the task with this id, oldest first; a
	// negative start counts from behind the last one.
	Log(ctx context.Context, id string, start, size int) ([]LogLine, error)
	// Refuse records produce.failed with its reason for commands of epoch 1
	// that the queue did not take. A task that is known already is left alone.
	Refuse(ctx context.Context, commands []*queue.Command, reason string, at time.Time) error
}

// Known is a task with its first command, to compare a repeated POST with.
type Known struct {
	Task task.Task
	// First has the deadline that its timeout gives when it counts from
	// CreateTime, also if the task was held back and it counts from a publishing
	// that may be still to come.
	First queue.Command
}

// Filter selects tasks. Empty fields select nothing away.
type Filter struct {
	TaskID, ProcessInstanceID, Name, Namespace, Stone, BusinessKey string

	Statuses      []task.Status // any of these
	CreatedAfter  time.Time     // exclusive
	CreatedBefore time.Time     // exclusive
	Start         int           // offset
	Size          int           // page size, 0 for all
	Descending    bool          // newest createTime first
}

// CountLimit is how many matches [Page] and [DeliveryPage] count at most, so
// that no list scans a whole table to count.
const CountLimit = 100_000

// Page is a part of a list.
type Page struct {
	Tasks []task.Task
	Total int  // how many match, at most CountLimit
	Exact bool // whether Total is all
}

// Position says how far both streams are recorded: the last sequence committed.
type Position struct {
	Tasks  uint64
	Events uint64
}

// Recording is what the recorder writes through.
type Recording interface {
	// Position returns the checkpoint, zero in an empty database.
	Position(ctx context.Context) (Position, error)
	// Record commits one batch: it moves the checkpoint from b.From to b.To
	// ([ErrStale] if it is not at From; [ErrRejected] wraps what the rows are at
	// fault for), hands the states of the tasks in
	// b.IDs to b.Fold, and writes what Fold answers, all in one transaction.
	// Fold may be called again when somebody else changed one of the tasks.
	Record(ctx context.Context, b Batch) error
}

// Batch is one unit of recording.
type Batch struct {
	From, To Position
	IDs      []string // tasks the batch speaks of, each once
	// TaskIDs are the orchestrators' ids of the same tasks, in the order of
	// IDs. A new task whose taskId is taken by another id is handed to Fold
	// as State.Clash on the second call.
	TaskIDs []string
	// Texts are the tasks, by id, of which the batch brings reasons or log lines,
	// with the greatest epoch these are of: their secrets may have to be looked up.
	Texts map[string]int
	// Fold is a pure function: the states of the known tasks among IDs to the
	// rows to write.
	Fold func(states map[string]State) Changes
}

// State is the row of a task as the recorder sees it.
type State struct {
	task.Names
	Method     task.Method // of the epoch's command
	Epoch      int
	Status     task.Status
	Final      bool
	CreateTime time.Time
	UpdateTime time.Time
	EndTime    time.Time
	Reason     string
	Outputs    json.RawMessage // merged so far; nil in a row that is new
	Progress   *int
	Worker     string // that reported last, "" for none
	// Seen has bit 1<<status set for each status recorded in this epoch.
	Seen uint32
	// Following says that the worker's monitor command of this epoch is recorded.
	Following bool
	// LogLines counts all lines ever kept for the task.
	LogLines int
	// Rev is raised by every writer but the recorder; it guards its updates.
	Rev int
	// NotBefore is until when the task was held back, zero for not at all.
	NotBefore time.Time
	// Grants has the last grant's number of each method in this epoch. It is
	// nil for a task that nobody asked about.
	Grants map[task.Method]int
	// Clash says that the id in the map's key is unknown but its taskId
	// belongs to the task of these Names. Nothing else is set then.
	Clash bool
}

// Changes is what one batch writes. No row is written twice.
type Changes struct {
	New         []State // inserted
	Changed     []State // updated if still at the Rev they were read with
	Attempts    []Attempt
	Published   []Published  // of attempts that are known already
	Transitions []Transition // new ones; repeats are ignored
	Notes       []Note
	Log         []LogLine
	Quarantine  []Quarantined
	Outbox      []Outgoing
}

// Attempt is a command as recorded, one for each epoch of a task.
type Attempt struct {
	ID         string
	Epoch      int
	Method     task.Method
	Params     json.RawMessage
	Outputs    json.RawMessage // as sent with the command
	CreateTime time.Time
	Deadline   time.Time    // zero for none
	Retry      *queue.Retry // nil for none
	Sequence   uint64       // of the message in RS_TASKS, 0 if it was never stored
}

// Published is the message of an attempt that the store knew before it was
// published. An attempt that has a sequence keeps what it has.
type Published struct {
	ID       string
	Epoch    int
	Sequence uint64
	Deadline time.Time // zero leaves that of the attempt
}

// Transition is a recorded change of status. (ID, Epoch, Status) is unique.
type Transition struct {
	ID       string
	Epoch    int
	Status   task.Status
	Final    bool
	Time     time.Time
	Delivery int    // 0 for produce.*
	Worker   string // "" for produce.*
	Reason   string
}

// Note is a transition with the reason why it changed nothing; Why is empty
// for one that is not a note.
type Note struct {
	Transition
	Why string
}

// Reasons of notes.
const (
	NoteRetry  = "retry"         // the phase was begun again by a later delivery
	NoteRepeat = "repeat"        // the status is recorded already
	NoteLate   = "late result"   // it came after the end, or from a worker that lost its grant
	NoteOlder  = "older attempt" // a later command has taken over
)

// MaxLogLines is how many log lines of a task are kept; older ones go first.
const MaxLogLines = 10_000

// LogLine is a line a stone wrote. N counts the lines of a task from 1.
type LogLine struct {
	queue.LogLine
	ID     string
	N      int
	Epoch  int
	Worker string
}

// Quarantined is a message, or one event of a batch, that could not be
// recorded. It blocks nobody and keeps its bytes.
type Quarantined struct {
	Stream   string
	Sequence uint64
	Index    int // within a message of several events
	Subject  string
	Time     time.Time
	Reason   string
	TaskID   string // "" if unknown
	Bytes    []byte
}

// Grants keeps who may run what.
type Grants interface {
	// Grant hands the state of the task with this id and the last grant of its
	// current epoch for the method (nil for none) to decide, under a lock, and
	// writes the grant that decide answers, if any. now is the database's clock,
	// one for all who ask. [ErrNotFound] for an unknown task.
	Grant(ctx context.Context, id string, m task.Method, decide Decide) error
}

// Decide answers the next grant, nil for none.
type Decide func(s State, last *Grant, now time.Time) *Grant

// Grant is the right to run one method of one epoch of a task.
type Grant struct {
	ID       string
	Epoch    int
	Method   task.Method
	Number   int    // rises with every grant; workers put it into their events
	Asked    int    // the delivery count the worker asked with
	Worker   string //
	Try      int    // 1, 2, …
	Released bool   // given back unfinished: the next grant does not count it
	Time     time.Time
}

// Leases lets one of many do a background duty.
type Leases interface {
	// Lease takes or renews the lease of a duty for ttl by the database's
	// clock, and reports whether holder has it now.
	Lease(ctx context.Context, duty, holder string, ttl time.Duration) (bool, error)
	// Release gives a lease back; one that is not held is no error.
	Release(ctx context.Context, duty, holder string) error
}
