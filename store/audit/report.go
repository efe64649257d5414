package audit

import (
	"time"

	"github.com/riverstones/riverstones/store"
)

// Kind says what is wrong with a task.
type Kind string

// The kinds of findings.
const (
	// Lost: a message or a transition that should be recorded is not.
	Lost Kind = "lost"
	// Doubled: a status is recorded twice in one attempt, or an attempt has ended twice.
	Doubled Kind = "doubled"
	// Orphaned: the task has not ended, and no command of it waits anywhere.
	Orphaned Kind = "orphaned"
	// OutOfOrder: the current state is not what the history says, or the history
	// is not one that can have happened.
	OutOfOrder Kind = "out of order"
)

// Kinds returns all kinds in the order of a report.
func Kinds() []Kind { return []Kind{Lost, Doubled, Orphaned, OutOfOrder} }

// Finding is something that is wrong.
type Finding struct {
	Kind   Kind   `json:"kind"`
	TaskID string `json:"taskId"` // the orchestrator's, "" if unknown
	ID     string `json:"id"`     // the record's, "" if unknown
	Detail string `json:"detail"`

	// unread says that a message on its way may explain it.
	unread bool
}

// Report is what an audit has seen.
type Report struct {
	// Checkpoint is up to where the messages of both streams were compared.
	Checkpoint store.Position
	// Tasks, Commands and Events count what was compared; Commands and Events are messages.
	Tasks, Commands, Events int
	// Quarantined counts the messages, and single events, that are put away.
	Quarantined int
	// Undecided counts tasks that looked wrong and could not be looked at again,
	// because the recorder did not keep up or the task went on changing.
	Undecided int
	// Totals counts all findings, Findings has the first of them.
	Totals   map[Kind]int
	Findings []Finding
	// Reached is the createTime up to which all tasks are compared, zero if none.
	Reached time.Time
}

// Clean reports whether nothing was found.
func (r *Report) Clean() bool { return r.Total() == 0 }

// Total counts all findings.
func (r *Report) Total() int {
	n := 0
	for _, one := range r.Totals {
		n += one
	}
	return n
}

func (a *auditor) found(all ...Finding) {
	for _, f := range all {
		a.report.Totals[f.Kind]++
		f.unread = false
		if len(a.report.Findings) < a.cfg.Keep {
			a.report.Findings = append(a.report.Findings, f)
		}
	}
}
