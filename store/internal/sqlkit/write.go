package sqlkit

import (
	"bytes"
	"fmt"
	"math"
	"time"

	"github.com/riverstones/riverstones/store"
)

// Writer takes the values of rows, one after the other in the order of their
// columns.
type Writer interface {
	ID(ID)
	Int(int64)
	Bool(bool)
	Text(string)
	Raw([]byte) // also when nil
	Time(time.Time)
	Null()
}

const (
	// NewColumns are what [PutNew] writes.
	NewColumns = NameColumns + `, create_time, ` + MutableColumns
	// MutableColumns are those of a task that change.
	MutableColumns = `method, epoch, status, final, update_time, end_time,
  reason, outputs, progress, worker, seen, following, log_lines`
)

// PutNew writes [NewColumns] of a task.
func PutNew(w Writer, s *store.State) error {
	if err := putID(w, s.ID, s.Epoch, progress(s)); err != nil {
		return err
	}
	w.Text(s.TaskID)
	w.Text(s.ProcessInstanceID)
	w.Text(s.Name)
	w.Text(s.Namespace)
	w.Text(s.Stone)
	maybe(w, s.BusinessKey)
	w.Time(s.CreateTime)
	putMutable(w, s, false)
	return nil
}

// PutChanged returns a function that writes id, rev, kept, business_key,
// create_time and [MutableColumns] of a task that was read as in states. kept
// says that the outputs are as they were; they may be large, and are null then.
// business_key and create_time differ only where an event came before its command.
func PutChanged(states map[string]store.State) func(Writer, *store.State) error {
	return func(w Writer, s *store.State) error {
		if err := putID(w, s.ID, s.Epoch, progress(s)); err != nil {
			return err
		}
		was := states[s.ID].Outputs
		kept := bytes.Equal(s.Outputs, was) && (s.Outputs == nil) == (was == nil)
		w.Int(int64(s.Rev))
		w.Bool(kept)
		maybe(w, s.BusinessKey)
		w.Time(s.CreateTime)
		putMutable(w, s, kept)
		return nil
	}
}

func putMutable(w Writer, s *store.State, kept bool) {
	w.Int(int64(s.Method.Code()))
	w.Int(int64(s.Epoch))
	w.Int(int64(s.Status))
	w.Bool(s.Final)
	w.Time(s.UpdateTime)
	timeOrNull(w, s.EndTime)
	maybe(w, s.Reason)
	if kept || s.Outputs == nil {
		w.Null()
	} else {
		w.Raw(s.Outputs)
	}
	if s.Progress == nil {
		w.Null()
	} else {
		w.Int(int64(*s.Progress))
	}
	maybe(w, s.Worker)
	w.Int(int64(s.Seen))
	w.Bool(s.Following)
	w.Int(int64(s.LogLines))
}

// AttemptColumns are what [PutAttempt] writes.
const AttemptColumns = `id, epoch, method, create_time, deadline, max_attempts, backoff, sequence, params, outputs`

// StoredAttempt is what happens to an attempt that is known: nothing, unless
// its command was refused before (sequence 0) and is stored now.
const StoredAttempt = `on conflict (id, epoch) do update set create_time = excluded.create_time, deadline = excluded.deadline,
  max_attempts = excluded.max_attempts, backoff = excluded.backoff, sequence = excluded.sequence,
  params = excluded.params, outputs = excluded.outputs
where attempt.sequence = 0`

// PutAttempt writes an attempt.
func PutAttempt(w Writer, a *store.Attempt) error {
	if err := putID(w, a.ID, a.Epoch, maxAttempts(a)); err != nil {
		return err
	}
	w.Int(int64(a.Epoch))
	w.Int(int64(a.Method.Code()))
	w.Time(a.CreateTime)
	timeOrNull(w, a.Deadline)
	if a.Retry == nil {
		w.Null()
		w.Null()
	} else {
		w.Int(int64(a.Retry.MaxAttempts))
		w.Int(a.Retry.Backoff.Microseconds())
	}
	w.Int(int64(a.Sequence)) //nolint:gosec // sequences are far below 2^63
	for _, raw := range [][]byte{a.Params, a.Outputs} {
		if raw == nil {
			w.Null()
		} else {
			w.Raw(raw)
		}
	}
	return nil
}

// TransitionColumns are what [PutTransition] writes, NoteColumns what [PutNote] does.
const (
	TransitionColumns = `id, epoch, status, final, time, delivery, worker, reason`
	NoteColumns       = TransitionColumns + `, why`
)

// PutTransition writes a transition.
func PutTransition(w Writer, t *store.Transition) error {
	if err := putID(w, t.ID, t.Epoch, t.Delivery); err != nil {
		return err
	}
	w.Int(int64(t.Epoch))
	w.Int(int64(t.Status))
	w.Bool(t.Final)
	w.Time(t.Time)
	w.Int(int64(t.Delivery))
	maybe(w, t.Worker)
	maybe(w, t.Reason)
	return nil
}

// PutNote writes a note.
func PutNote(w Writer, n *store.Note) error {
	if err := PutTransition(w, &n.Transition); err != nil {
		return err
	}
	w.Text(Text(n.Why))
	return nil
}

// LogColumns are what [PutLog] writes.
const LogColumns = `id, n, epoch, time, level, line, worker`

// PutLog writes a log line.
func PutLog(w Writer, l *store.LogLine) error {
	if err := putID(w, l.ID, l.N, l.Epoch); err != nil {
		return err
	}
	w.Int(int64(l.N))
	w.Int(int64(l.Epoch))
	w.Time(l.Time)
	w.Text(Text(l.Level))
	w.Text(Text(l.Line))
	w.Text(Text(l.Worker))
	return nil
}

// Surplus returns those tasks of c whose log has got lines and is too long now.
func Surplus(c store.Changes) []store.State {
	if len(c.Log) == 0 {
		return nil
	}
	var out []store.State
	for _, rows := range [][]store.State{c.New, c.Changed} {
		for i := range rows {
			if rows[i].LogLines > store.MaxLogLines {
				out = append(out, rows[i])
			}
		}
	}
	return out
}

// PutSurplus writes the id of a task and the number of the last line to delete.
func PutSurplus(w Writer, s *store.State) error {
	if err := putID(w, s.ID); err != nil {
		return err
	}
	w.Int(int64(s.LogLines - store.MaxLogLines))
	return nil
}

// QuarantineColumns are what [PutQuarantined] writes.
const QuarantineColumns = `stream, sequence, idx, subject, time, reason, task_id, bytes`

// PutQuarantined writes a message that could not be recorded.
func PutQuarantined(w Writer, q *store.Quarantined) error {
	w.Text(Text(q.Stream))
	w.Int(int64(q.Sequence)) //nolint:gosec // sequences are far below 2^63
	w.Int(int64(q.Index))
	w.Text(Text(q.Subject))
	w.Time(q.Time)
	w.Text(Text(q.Reason))
	maybe(w, q.TaskID)
	w.Raw(q.Bytes)
	return nil
}

// putID writes the id that a row begins with, once it is sure that the row's
// numbers, which come from outside, can be kept.
func putID(w Writer, text string, numbers ...int) error {
	id, err := ParseID(text)
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrRejected, err)
	}
	for _, n := range numbers {
		if n < math.MinInt32 || n > math.MaxInt32 {
			return fmt.Errorf("%w: task %s: number %d is out of range", store.ErrRejected, text, n)
		}
	}
	w.ID(id)
	return nil
}

func progress(s *store.State) int {
	if s.Progress == nil {
		return 0
	}
	if *s.Progress < 0 || *s.Progress > 100 {
		return math.MaxInt // the column is narrower than its check
	}
	return *s.Progress
}

func maxAttempts(a *store.Attempt) int {
	if a.Retry == nil {
		return 0
	}
	return a.Retry.MaxAttempts
}

// maybe writes a text that people read, null for "".
func maybe(w Writer, s string) {
	if s == "" {
		w.Null()
		return
	}
	w.Text(Text(s))
}

// timeOrNull writes t, null for the zero time.
func timeOrNull(w Writer, t time.Time) {
	if t.IsZero() {
		w.Null()
		return
	}
	w.Time(t)
}
