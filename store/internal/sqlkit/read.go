package sqlkit

import (
	"encoding/json"
	"time"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Row reads the columns of one row in their order. Null is the zero value.
// What it returns is the caller's own.
type Row interface {
	ID() string
	Int() int
	IntOrNil() *int
	Bool() bool
	Text() string
	Raw() json.RawMessage
	Time() time.Time
}

// NameColumns are what [Names] reads.
const NameColumns = `id, task_id, process_id, name, namespace, stone, business_key`

// Names reads the names of a task.
func Names(r Row) task.Names {
	return task.Names{ID: r.ID(), TaskID: r.Text(), ProcessInstanceID: r.Text(),
		Name: r.Text(), Namespace: r.Text(), Stone: r.Text(), BusinessKey: r.Text()}
}

// StateColumns are what [State] reads, of table task.
const StateColumns = NameColumns + `, method, epoch, status, final, create_time, update_time, end_time,
  reason, outputs, progress, worker, seen, following, log_lines, rev, not_before, granted`

// State reads the state of a task. Its Grants are nil if nobody asked about
// it, or else empty and to be filled.
func State(r Row) store.State {
	s := store.State{Names: Names(r)}
	s.Method, s.Epoch = task.MethodOf(r.Int()), r.Int()
	s.Status, s.Final = status(r), r.Bool()
	s.CreateTime, s.UpdateTime, s.EndTime = r.Time(), r.Time(), r.Time()
	s.Reason, s.Outputs = r.Text(), r.Raw()
	s.Progress, s.Worker = r.IntOrNil(), r.Text()
	s.Seen, s.Following = uint32(r.Int()), r.Bool() //nolint:gosec // 23 bits
	s.LogLines, s.Rev, s.NotBefore = r.Int(), r.Int(), r.Time()
	if r.Bool() {
		s.Grants = map[task.Method]int{}
	}
	return s
}

func status(r Row) task.Status { return task.Status(r.Int()) } //nolint:gosec // checked to be 0 to 22

// TaskColumns are what [Task] reads: task t, the attempt a of its epoch, and
// its process p, which [TaskJoins] joins.
const TaskColumns = `t.id, t.task_id, t.process_id, t.name, t.namespace, t.stone, t.business_key,
  t.method, t.epoch, t.status, t.final, t.create_time, t.update_time, t.end_time, t.reason,
  a.params, t.outputs, t.progress, p.debug, t.not_before`

// TaskJoins joins what [TaskColumns] needs to task t.
const TaskJoins = ` left join attempt a on a.id = t.id and a.epoch = t.epoch left join process p on p.id = t.process_id `

// Task reads a task.
func Task(r Row) task.Task {
	t := task.Task{Names: Names(r)}
	t.Method, t.Epoch = task.MethodOf(r.Int()), r.Int()
	t.Status, t.Final = status(r), r.Bool()
	t.CreateTime, t.UpdateTime, t.EndTime, t.Reason = r.Time(), r.Time(), r.Time(), r.Text()
	t.Params, t.Outputs, t.Progress = object(r.Raw()), object(r.Raw()), r.IntOrNil()
	t.Debug, t.NotBefore = r.Bool(), r.Time()
	return t
}

// object returns raw, or the empty object if there is none.
func object(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("{}")
	}
	return raw
}

// KnownColumns are what [Known] reads: those of a task, and the attempt f of
// epoch 1.
const KnownColumns = TaskColumns + `,
  f.epoch, f.method, f.params, f.outputs, f.create_time, f.deadline, f.max_attempts, f.backoff, t.timeout`

// Known reads a task with its first command. Of a command that is not recorded
// yet there are only the names.
func Known(r Row) store.Known {
	t := Task(r)
	c := queue.Command{Names: t.Names, Epoch: r.Int(), Method: task.MethodOf(r.Int()), Params: r.Raw(), Outputs: r.Raw(),
		CreateTime: r.Time(), Deadline: r.Time()}
	if most, backoff := r.IntOrNil(), r.Int(); most != nil {
		c.Retry = &queue.Retry{MaxAttempts: *most, Backoff: time.Duration(backoff) * time.Microsecond}
	}
	timeout := r.IntOrNil()
	if !t.NotBefore.IsZero() {
		c.Deadline = time.Time{}
		if timeout != nil {
			c.Deadline = c.CreateTime.Add(time.Duration(*timeout) * time.Microsecond)
		}
	}
	return store.Known{Task: t, First: c}
}

// Note reads a transition of the task with this id: epoch, status,
// final, time, delivery, worker, reason, why.
func Note(id string, r Row) store.Note {
	t := store.Transition{ID: id, Epoch: r.Int(), Status: status(r), Final: r.Bool(), Time: r.Time(),
		Delivery: r.Int(), Worker: r.Text(), Reason: r.Text()}
	return store.Note{Transition: t, Why: r.Text()}
}

// LogLine reads a line of the task with this id: n, epoch, time, level, line, worker.
func LogLine(id string, r Row) store.LogLine {
	l := store.LogLine{ID: id, N: r.Int(), Epoch: r.Int()}
	l.Time, l.Level, l.Line, l.Worker = r.Time(), r.Text(), r.Text(), r.Text()
	return l
}

// Grant reads a grant of st's epoch: method, number, asked, worker, try,
// released, time.
func Grant(st *store.State, r Row) *store.Grant {
	return &store.Grant{ID: st.ID, Epoch: st.Epoch, Method: task.MethodOf(r.Int()), Number: r.Int(), Asked: r.Int(),
		Worker: r.Text(), Try: r.Int(), Released: r.Bool(), Time: r.Time()}
}

// AttemptFields are what [Attempt] reads, of table attempt.
const AttemptFields = `epoch, method, create_time, deadline, max_attempts, backoff, sequence, params, outputs`

// Attempt reads an attempt of the task with this id.
func Attempt(id string, r Row) store.Attempt {
	a := store.Attempt{ID: id, Epoch: r.Int(), Method: task.MethodOf(r.Int()), CreateTime: r.Time(), Deadline: r.Time()}
	if most, backoff := r.IntOrNil(), r.Int(); most != nil {
		a.Retry = &queue.Retry{MaxAttempts: *most, Backoff: time.Duration(backoff) * time.Microsecond}
	}
	a.Sequence = uint64(r.Int()) //nolint:gosec // written from an uint64
	a.Params, a.Outputs = r.Raw(), r.Raw()
	return a
}

// Quarantined reads [QuarantineColumns].
func Quarantined(r Row) store.Quarantined {
	return store.Quarantined{Stream: r.Text(), Sequence: uint64(r.Int()), Index: r.Int(), Subject: r.Text(), //nolint:gosec // written from an uint64
		Time: r.Time(), Reason: r.Text(), TaskID: r.Text(), Bytes: r.Raw()}
}

// KnownStone reads code, time and announcement of a stone.
func KnownStone(r Row) store.KnownStone {
	return store.KnownStone{Code: r.Text(), Time: r.Time(), Announcement: r.Raw()}
}

// Position reads one stream, sequence into p.
func Position(p *store.Position, r Row) {
	switch stream, sequence := r.Text(), uint64(r.Int()); stream { //nolint:gosec // written from an uint64
	case queue.StreamTasks:
		p.Tasks = sequence
	case queue.StreamEvents:
		p.Events = sequence
	}
}
