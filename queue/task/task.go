// Package task holds the vocabulary of Riverstones: what a task is, the
// methods asked of it, and the statuses it goes through. It knows neither
// queue nor store, and imports the standard library only. Everybody calls it.
package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Method is what is asked of a stone. REST calls it queueType.
type Method string

// The methods.
const (
	Start    Method = "start"    // begin the work
	Monitor  Method = "monitor"  // follow the work until it is done
	Rollback Method = "rollback" // undo the work of a process that failed
	Delete   Method = "delete"   // remove what a finished process made
	Cancel   Method = "cancel"   // stop running work
	Mock     Method = "mock"     // dry run
)

// Methods returns all methods in their usual order. The position of a method
// (counted from 1) is its number in databases: append, never reorder.
func Methods() []Method { return []Method{Start, Monitor, Rollback, Delete, Cancel, Mock} }

// ErrMethod is wrapped by [ParseMethod] for a text that is no method.
var ErrMethod = errors.New("unknown method")

// ParseMethod returns the method of this name.
func ParseMethod(name string) (Method, error) {
	if m := Method(name); m.Valid() {
		return m, nil
	}
	return "", fmt.Errorf("%w %q", ErrMethod, name)
}

// Valid reports whether m is one of the six.
func (m Method) Valid() bool { return m.Code() > 0 }

// Code returns the number of m in databases, 0 for no method.
func (m Method) Code() int { return slices.Index(Methods(), m) + 1 }

// MethodOf returns the method with this number, "" if there is none.
func MethodOf(code int) Method {
	if all := Methods(); code > 0 && code <= len(all) {
		return all[code-1]
	}
	return ""
}

// Begin, Success and Failed return the statuses of a method's phases. They
// are no status for an unknown method.
func (m Method) Begin() Status   { return m.phase("begin") }
func (m Method) Success() Status { return m.phase("success") }
func (m Method) Failed() Status  { return m.phase("failed") }

func (m Method) phase(p string) Status { return byName[string(m)+"."+p] }

// Names are the texts that name a task. Every command and event of a task
// carries the same ones; they are fixed when the task is published.
type Names struct {
	ID                string // the record's own id, a UUID in lower case
	TaskID            string // the orchestrator's id, unique
	ProcessInstanceID string // the orchestrator's process
	Name              string
	Namespace         string // scope of inputs and outputs within the process
	Stone             string // code of the stone that does the work
	BusinessKey       string // partition of the stone's queue, "" for none
}

// Task is a task as it stands now: what the recorded transitions say.
type Task struct {
	Names
	Method     Method // what a client last asked for; a worker's own monitor command leaves it
	Epoch      int    // number of the command on the task, from 1; REST calls it attempt
	Status     Status
	Final      bool      // with StartSuccess: no monitor follows
	CreateTime time.Time // when the task was published first
	UpdateTime time.Time // of the last recorded transition, by the recorder's clock
	EndTime    time.Time // zero while the task is not at an end
	Reason     string    // of a failure, "" for none
	Params     json.RawMessage
	Outputs    json.RawMessage
	Progress   *int      // percent, nil if the stone reported none
	Debug      bool      // the process is in debug mode
	NotBefore  time.Time // until when the task was held back, zero for not at all
}

// Ended reports whether the task is at an end.
func (t *Task) Ended() bool { return t.Status.End(t.Final) }
