package queue

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/riverstones/riverstones/queue/task"
)

// Limits of the messages, in bytes unless said otherwise.
const (
	MaxMessage = 256 << 10 // one message, headers included
	MaxInline  = 128 << 10 // params and outputs of one command, or outputs of one event
	MaxBatch   = 1000      // events in one message
	maxDepth   = 64        // nesting of params and outputs
)

// Schema is the version of the messages, in the header Rs-Schema.
const Schema = "1"

// The headers of commands and events.
const (
	HeaderTask   = "Rs-Task"
	HeaderEpoch  = "Rs-Epoch"
	HeaderMethod = "Rs-Method"
	HeaderSchema = "Rs-Schema"
	HeaderBlob   = "Rs-Blob"
	HeaderTrace  = "traceparent"
	HeaderReason = "Rs-Reason" // of a message in RS_DLQ
	HeaderStatus = "Rs-Status" // of an answer on rs.pub: the HTTP status
)

// ErrMessage is wrapped by every error about a payload that breaks the protocol.
var ErrMessage = errors.New("malformed message")

// Retry says how often a command is tried, and how long to wait in between.
type Retry struct {
	MaxAttempts int           // 0: as the stone's own
	Backoff     time.Duration // 0: as the stone's own
}

// Command asks a stone for one method on one task. The first command of a task
// is its acceptance: once it is stored the task stands at produce.success.
type Command struct {
	task.Names
	Method     task.Method
	Epoch      int
	Params     json.RawMessage // an object
	Outputs    json.RawMessage // an object: the outputs so far
	CreateTime time.Time
	Deadline   time.Time // of the work, zero for none
	Retry      *Retry    // over the stone's own, nil for none
	Trace      string    // W3C traceparent, travels as a header, "" for none
	// Blob names the object that has params and outputs, which are empty here
	// then; it travels as a header, "" for none. See [Blobs.Command].
	Blob string
	// Copy tells a message that was published once more, such as "r1", from the
	// first one, "". It stands behind the message id; whoever gets a copy asks
	// before it runs it, also on a first delivery.
	Copy string
}

// MsgID is the Nats-Msg-Id of the command.
func (c *Command) MsgID() string {
	id := c.ID + "." + strconv.Itoa(c.Epoch) + "." + string(c.Method)
	if c.Copy != "" {
		id += "." + c.Copy
	}
	return id
}

// Subject is where the command goes.
func (c *Command) Subject() string { return TaskSubject(c.Stone, c.BusinessKey, c.Method) }

// Transition is a change of status as a worker reports it.
type Transition struct {
	Status task.Status
	Time   time.Time
	Reason string // of a failure
	Final  bool   // with start.success: no monitor follows
}

// LogLine is a line that a stone wrote about a task.
type LogLine struct {
	Time  time.Time
	Level string // debug, info, warn, error
	Line  string
}

// Event tells what happened to one task under one command. It may carry
// transitions in their order, outputs to be merged by top-level key, a
// progress, log lines, or several of these.
type Event struct {
	task.Names
	Method      task.Method // of the command at work
	Epoch       int
	Delivery    int // the grant's number; 1 if the worker never asked
	Worker      string
	Transitions []Transition
	Outputs     json.RawMessage // an object, nil for none
	Progress    *int            // percent
	Log         []LogLine
	Trace       string // W3C traceparent, "" for none; of one that travels alone it is in the header, too
	Blob        string // names the object that has the outputs, as in [Command]
}

// MsgID is the Nats-Msg-Id of an event that travels alone: "" without a
// transition, since such events are never retried under an id.
func (e *Event) MsgID() string {
	if len(e.Transitions) == 0 {
		return ""
	}
	last := e.Transitions[len(e.Transitions)-1].Status
	return e.ID + "." + strconv.Itoa(e.Epoch) + "." + strconv.Itoa(e.Delivery) + "." + last.String()
}

// Question is what a worker asks before it runs a command.
type Question struct {
	ID       string      `json:"id"`
	Epoch    int         `json:"epoch"`
	Method   task.Method `json:"method"`
	Delivery int         `json:"delivery"` // the message's delivery count
	Worker   string      `json:"worker"`
	// Time is when the question was asked, by the worker's clock; optional. One
	// that comes late, through a lost connection perhaps, gets no grant over a
	// later one.
	Time time.Time `json:"time,omitzero"`
	// Release gives a command back unfinished, when a worker stops: its last
	// grant is not counted as a try. The answer is "done".
	Release bool `json:"release,omitzero"`
}

// Verdict is what a worker is told to do with a command.
type Verdict string

// The verdicts.
const (
	Run        Verdict = "run"        // run it: a grant
	ToMonitor  Verdict = "monitor"    // start is done: publish the monitor command, ack
	Done       Verdict = "done"       // ack, do nothing
	Superseded Verdict = "superseded" // a later command took over: ack, do nothing
	Later      Verdict = "later"      // NAK with a delay of After
	Leave      Verdict = "leave"      // another worker holds the grant: neither ack nor NAK
)

// Answer is the recorder's answer to a [Question].
type Answer struct {
	Answer   Verdict `json:"answer"`
	Delivery int     `json:"delivery,omitzero"` // with run: the grant's number, for the worker's events
	Try      int     `json:"try,omitzero"`      // with run: 1, 2, …
	After    string  `json:"after,omitzero"`    // with later: a Go duration
}

// Halt is what rs.ctl.<stone> carries: stop running anything of this task
// below this epoch.
type Halt struct {
	ID    string `json:"id"`
	Epoch int    `json:"epoch"`
}
