package store

import (
	"context"
	"time"

	"github.com/riverstones/riverstones/queue/task"
)

// Callbacks keeps who wants to be told when tasks end, and what is to be told.
// A delivery is written in the transaction that records the end, whoever
// records it, once for each status of an epoch.
type Callbacks interface {
	// Want notes whom to tell of each task's ends. It comes before the command
	// is published, and another one for the same id replaces the first.
	// [ErrRejected] for an id that is none.
	Want(ctx context.Context, all []Callback) error
	// Deliveries returns what is and was to be told of the task with this id,
	// oldest first.
	Deliveries(ctx context.Context, id string) ([]Delivery, error)
	// ListDeliveries returns one page of the deliveries that match f, the newest
	// first, each with its task.
	ListDeliveries(ctx context.Context, f DeliveryFilter) (DeliveryPage, error)
	// DueDeliveries returns deliveries that are due at now, the earliest first,
	// at most perProcess of one process and limit in all. One behind another of
	// the same task that is still open is not due.
	DueDeliveries(ctx context.Context, now time.Time, perProcess, limit int) ([]Delivery, error)
	// Told notes what became of deliveries. One that was replayed since it was
	// read stays as it is.
	Told(ctx context.Context, all []Told) error
	// Replay makes all deliveries of the task with this id due at once, as new
	// ones, and returns how many there are.
	Replay(ctx context.Context, id string, now time.Time) (int, error)
}

// CallbackKind says in which words somebody is told.
type CallbackKind int

// The kinds. They are numbers in databases: append, never reorder.
const (
	Webhook CallbackKind = iota + 1
	Flowable
	// ToRuntime is the process runtime itself: it has no deliveries but
	// [Runtime].Ends.
	ToRuntime
)

// Callback is whom to tell of a task's ends.
type Callback struct {
	ID                string // the task's
	ProcessInstanceID string // of one process one is told at a time
	Kind              CallbackKind
	URL               string
}

// Occasion is what a delivery tells of.
type Occasion int

// The occasions. They are numbers in databases: append, never reorder.
const (
	Ended   Occasion = iota + 1
	Resumed          // an operator gave up debugging the failed task
)

// DeliveryState says how a delivery stands.
type DeliveryState int

// The states. They are numbers in databases: append, never reorder; those up to
// Parked are open.
const (
	DeliveryDue     DeliveryState = iota + 1
	DeliveryParked                // the receiver does not wait for it yet
	DeliveryDone                  //
	DeliveryGivenUp               //
)

// Open reports whether it is still to be told.
func (s DeliveryState) Open() bool { return s == DeliveryDue || s == DeliveryParked }

// Delivery is one thing that is to be told to one receiver.
type Delivery struct {
	Callback

	Number   int64
	Occasion Occasion
	Epoch    int
	Status   task.Status // that the epoch ended with
	Time     time.Time   // of the end
	State    DeliveryState
	Since    time.Time // when it was written, or replayed last
	Due      time.Time // not before this time; zero for at once
	Tries    int       // since Since
	Problem  string    // of the last try, "" for none
}

// DeliveryFilter selects deliveries. Empty fields select nothing away.
type DeliveryFilter struct {
	TaskID, ProcessInstanceID string // of the task

	State DeliveryState
	Start int // offset
	Size  int // page size, 0 for all
}

// DeliveryPage is a part of a list of deliveries.
type DeliveryPage struct {
	Deliveries []TaskDelivery
	Total      int  // how many match, at most [CountLimit]
	Exact      bool // whether Total is all
}

// TaskDelivery is a delivery, and the task whose end it tells of.
type TaskDelivery struct {
	Delivery

	Task task.Names
}

// Told is what became of one try of a delivery.
type Told struct {
	Number  int64
	Since   time.Time // as read: tells whether it was replayed in between
	State   DeliveryState
	Due     time.Time // of the next try, for an open one
	Problem string
}
