package task

import (
	"errors"
	"fmt"
)

// Status is a point in the life of a task, as clients see it.
// The 22 statuses and their meaning come from the task API (chapter 6.2 of
// the River & Stones manual). The zero value is no status.
type Status uint8

// The statuses. The numbers are kept in databases: append, never renumber.
const (
	ProduceSuccess  Status = iota + 1 // the message is durably taken and waits for a worker
	ProduceFailed                     // the queue refused the message or stayed silent
	StartBegin                        // a worker began the work
	StartFailed                       // start failed for good, its retries are used up
	StartSuccess                      // start returned; an end only when no monitor follows
	MonitorBegin                      // the work is being followed
	MonitorSuccess                    // the followed work is done
	MonitorFailed                     // the followed work failed
	RollbackBegin                     // the work is being undone
	RollbackSuccess                   // the work was undone
	RollbackFailed                    // undoing failed
	DeleteBegin                       // what a finished process made is being removed
	DeleteSuccess                     // it was removed
	DeleteFailed                      // removing failed
	CancelBegin                       // running work is being stopped
	CancelSuccess                     // it was stopped
	CancelFailed                      // stopping failed
	Canceled                          // cancelled before it began, or by a stone without a cancel
	MockBegin                         // the dry run began
	MockSuccess                       // the dry run succeeded
	MockPassed                        // the stone has no dry run, which counts as passed
	MockFailed                        // the dry run failed
)

// ending says when a status ends the attempt it belongs to.
type ending uint8

const (
	goesOn    ending = iota // never
	ends                    // always
	endsFinal               // only when the event says that no monitor follows
)

// The ordinals order the statuses of one attempt (reliability.md, section 4).
const (
	ordinalProduceFailed  = 5
	ordinalProduceSuccess = 10
	ordinalBegin          = 20
	ordinalStarted        = 30
	ordinalMonitoring     = 40
	ordinalEnd            = 50
)

// row is all that is known about a status.
type row struct {
	name    string
	method  Method
	ordinal int
	ending  ending
	failed  bool
}

// table is the one home of the statuses: name, the method that leads there
// (none for produce), order within an attempt, whether it is an end, and
// whether it counts as failed. produce.failed shows as an end although a
// produce.success may still follow it, when the message turns out to be stored.
var table = [...]row{
	ProduceSuccess:  {"produce.success", "", ordinalProduceSuccess, goesOn, false},
	ProduceFailed:   {"produce.failed", "", ordinalProduceFailed, ends, true},
	StartBegin:      {"start.begin", Start, ordinalBegin, goesOn, false},
	StartFailed:     {"start.failed", Start, ordinalEnd, ends, true},
	StartSuccess:    {"start.success", Start, ordinalStarted, endsFinal, false},
	MonitorBegin:    {"monitor.begin", Monitor, ordinalMonitoring, goesOn, false},
	MonitorSuccess:  {"monitor.success", Monitor, ordinalEnd, ends, false},
	MonitorFailed:   {"monitor.failed", Monitor, ordinalEnd, ends, true},
	RollbackBegin:   {"rollback.begin", Rollback, ordinalBegin, goesOn, false},
	RollbackSuccess: {"rollback.success", Rollback, ordinalEnd, ends, false},
	RollbackFailed:  {"rollback.failed", Rollback, ordinalEnd, ends, true},
	DeleteBegin:     {"delete.begin", Delete, ordinalBegin, goesOn, false},
	DeleteSuccess:   {"delete.success", Delete, ordinalEnd, ends, false},
	DeleteFailed:    {"delete.failed", Delete, ordinalEnd, ends, true},
	CancelBegin:     {"cancel.begin", Cancel, ordinalBegin, goesOn, false},
	CancelSuccess:   {"cancel.success", Cancel, ordinalEnd, ends, false},
	CancelFailed:    {"cancel.failed", Cancel, ordinalEnd, ends, true},
	Canceled:        {"canceled", Cancel, ordinalEnd, ends, false},
	MockBegin:       {"mock.begin", Mock, ordinalBegin, goesOn, false},
	MockSuccess:     {"mock.success", Mock, ordinalEnd, ends, false},
	MockPassed:      {"mock.passed", Mock, ordinalEnd, ends, false},
	MockFailed:      {"mock.failed", Mock, ordinalEnd, ends, true},
}

var byName = func() map[string]Status {
	m := make(map[string]Status, len(table))
	for _, s := range Statuses() {
		m[s.String()] = s
	}
	return m
}()

// Statuses returns all statuses in the order of the table.
func Statuses() []Status {
	all := make([]Status, 0, len(table)-1)
	for s := ProduceSuccess; int(s) < len(table); s++ {
		all = append(all, s)
	}
	return all
}

// ErrStatus is wrapped by [ParseStatus] for a text that is no status.
var ErrStatus = errors.New("unknown status")

// ParseStatus returns the status with this name, such as "start.begin".
func ParseStatus(name string) (Status, error) {
	if s, ok := byName[name]; ok {
		return s, nil
	}
	return 0, fmt.Errorf("%w %q", ErrStatus, name)
}

// Valid reports whether s is one of the 22.
func (s Status) Valid() bool { return s >= ProduceSuccess && int(s) < len(table) }

func (s Status) row() row {
	if !s.Valid() {
		return row{}
	}
	return table[s]
}

// String returns the name that clients see, "" for the zero value.
func (s Status) String() string { return s.row().name }

// Method returns the method that leads to s, "" for produce.* and no status.
func (s Status) Method() Method { return s.row().method }

// Failed reports whether s is one of the *.failed statuses.
func (s Status) Failed() bool { return s.row().failed }

// Produce reports whether s tells of the message rather than of the work.
func (s Status) Produce() bool { return s == ProduceSuccess || s == ProduceFailed }

// Begin reports whether s opens a phase of the work (*.begin).
func (s Status) Begin() bool {
	r := s.row()
	return r.ending == goesOn && r.method != ""
}

// End reports whether s ends its attempt. final is what the event of a
// start.success says: no monitor follows.
func (s Status) End(final bool) bool {
	switch s.row().ending {
	case ends:
		return true
	case endsFinal:
		return final
	default:
		return false
	}
}

// Ordinal orders the statuses of one attempt: among those recorded the
// greatest is the current one. It is 0 for no status.
func (s Status) Ordinal(final bool) int {
	r := s.row()
	if r.ending == endsFinal && final {
		return ordinalEnd
	}
	return r.ordinal
}

// Late reports whether s is recorded even when it is read after a later status
// of its attempt: it then stands at its place in the history and changes
// nothing else.
func (s Status) Late() bool { return s.Begin() || s == ProduceSuccess }

var (
	// ErrStale says that a status does not come after the current one.
	ErrStale = errors.New("status is not later than the current one")
	// ErrEnded says that the attempt has ended.
	ErrEnded = errors.New("attempt has ended")
)

// Check reports whether next may become the current status of an attempt that
// stands at s: nil, [ErrEnded] or [ErrStale]. final and nextFinal are the
// final marks of the two. From no status every status may follow.
func (s Status) Check(final bool, next Status, nextFinal bool) error {
	if s == ProduceFailed && next == ProduceSuccess {
		return nil
	}
	// produce.failed ends nothing for a message that was stored after all.
	if s != ProduceFailed && s.End(final) {
		return ErrEnded
	}
	if next.Ordinal(nextFinal) <= s.Ordinal(final) {
		return ErrStale
	}
	return nil
}

// MarshalText returns the name of s. It fails for no status.
func (s Status) MarshalText() ([]byte, error) {
	if !s.Valid() {
		return nil, fmt.Errorf("%w %d", ErrStatus, s)
	}
	return []byte(s.String()), nil
}

// UnmarshalText reads a name.
func (s *Status) UnmarshalText(b []byte) error {
	v, err := ParseStatus(string(b))
	if err != nil {
		return err
	}
	*s = v
	return nil
}
