package recorder

import (
	"fmt"
	"slices"
	"time"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// fold applies messages to the states of their tasks and says what to write.
// It is a pure function of its arguments, so that a batch can be folded again
// when the states changed in the meantime. The states it is handed are not
// changed.
func fold(states map[string]store.State, entries []*entry, now time.Time) store.Changes {
	f := &folder{known: states, rows: make(map[string]*row, len(states)), told: transitions(entries), now: now.UTC().Truncate(time.Microsecond)}
	for _, e := range entries {
		switch {
		case e.err != nil:
			f.quarantine(e, 0, "", e.data, e.err.Error())
		case e.command != nil:
			f.command(e)
		default:
			for i := range e.events {
				f.parsed(e, i)
			}
		}
	}
	return f.finish()
}

// transitions is about how many transitions the messages tell of.
func transitions(entries []*entry) (n int) {
	for _, e := range entries {
		if e.command != nil {
			n++
		}
		for i := range e.events {
			n += len(e.events[i].Event.Transitions)
		}
	}
	return n
}

// row is a state under way.
type row struct {
	store.State
	fresh   bool // not in the database
	changed bool
}

type folder struct {
	known map[string]store.State
	rows  map[string]*row
	order []*row
	told  int // transitions, about
	now   time.Time
	out   store.Changes
}

func (f *folder) finish() store.Changes {
	fresh, changed := 0, 0
	for _, r := range f.order {
		if r.fresh {
			fresh++
		} else if r.changed {
			changed++
		}
	}
	f.out.New, f.out.Changed = slices.Grow(f.out.New, fresh), slices.Grow(f.out.Changed, changed)
	for _, r := range f.order {
		if r.fresh {
			f.out.New = append(f.out.New, r.State)
		} else if r.changed {
			f.out.Changed = append(f.out.Changed, r.State)
		}
	}
	return f.out
}

// row returns the row of a task, nil if it is unknown.
func (f *folder) row(id string) *row {
	if r, ok := f.rows[id]; ok {
		return r
	}
	s, ok := f.known[id]
	if !ok {
		return nil
	}
	return f.add(&row{State: s})
}

func (f *folder) add(r *row) *row {
	f.rows[r.ID] = r
	f.order = append(f.order, r)
	return r
}

func (f *folder) clash(id string) (task.Names, bool) {
	s, ok := f.known[id]
	return s.Names, ok && s.Clash
}

func (f *folder) quarantine(e *entry, index int, taskID string, raw []byte, reason string) {
	f.out.Quarantine = append(f.out.Quarantine, store.Quarantined{Stream: e.stream, Sequence: e.sequence, Index: index,
		Subject: e.subject, Time: e.time, Reason: reason, TaskID: taskID, Bytes: raw})
}

// command records a stored command: the first of a task makes it, and a stored
// command is produce.success.
func (f *folder) command(e *entry) {
	c := e.command
	if other, ok := f.clash(c.ID); ok {
		f.quarantine(e, 0, c.TaskID, e.data, fmt.Sprintf("taskId belongs to task %s already", other.ID))
		return
	}
	r := f.row(c.ID)
	if r == nil {
		if c.Epoch != 1 {
			f.quarantine(e, 0, c.TaskID, e.data, fmt.Sprintf("epoch %d of an unknown task", c.Epoch))
			return
		}
		r = f.add(&row{fresh: true, State: store.State{Names: c.Names, Epoch: 1, Method: c.Method, CreateTime: c.CreateTime}})
		f.accept(e, r)
		return
	}
	if why := f.foreign(r, &c.Names, c.Epoch); why != "" {
		f.quarantine(e, 0, c.TaskID, e.data, why)
		return
	}
	switch {
	case c.Epoch < r.Epoch: // an older command that was stored once more
	case c.Method == task.Monitor && r.Method != task.Monitor:
		if !r.Following && !ended(&r.State) { // the sweeper asks for it
			r.Following, r.changed = true, true
		}
	case r.Seen&bit(task.ProduceSuccess) == 0:
		f.accept(e, r)
	case c.Epoch > 1 || !r.NotBefore.IsZero():
		// The attempt came first; the relay may have died before it noted this.
		f.out.Published = append(f.out.Published, store.Published{ID: c.ID, Epoch: c.Epoch, Sequence: e.sequence, Deadline: c.Deadline})
	}
}

// accept records produce.success of the epoch's command.
func (f *folder) accept(e *entry, r *row) {
	c := e.command
	// An event may have come first and made the row: the command knows better.
	r.BusinessKey, r.Method, r.CreateTime = c.BusinessKey, c.Method, c.CreateTime
	if r.CreateTime.IsZero() {
		r.CreateTime = e.time
	}
	if len(c.Outputs) > 2 {
		// What was told already is newer.
		if merged, err := queue.Merge(c.Outputs, r.Outputs); err == nil {
			r.Outputs = merged
		}
	}
	f.out.Attempts = append(f.out.Attempts, store.Attempt{ID: c.ID, Epoch: c.Epoch, Method: c.Method, Params: c.Params, Outputs: c.Outputs,
		CreateTime: r.CreateTime, Deadline: c.Deadline, Retry: c.Retry, Sequence: e.sequence})
	f.put(r, store.Transition{ID: c.ID, Epoch: c.Epoch, Status: task.ProduceSuccess, Time: e.time})
}

// put writes a transition of the row's epoch, and makes it the current state
// if it comes after it.
func (f *folder) put(r *row, t store.Transition) {
	if f.out.Transitions == nil {
		f.out.Transitions = make([]store.Transition, 0, f.told)
	}
	f.out.Transitions = append(f.out.Transitions, t)
	r.changed = true
	r.UpdateTime = f.now
	Advance(&r.State, t)
}

// Advance notes that t, a transition of s's epoch, is recorded, and makes it
// the current one if it comes after that: the greatest ordinal holds, whatever
// order they come in. It is pure but for s, and the one home of the rule, so
// that who audits a history arrives where the recorder did.
func Advance(s *store.State, t store.Transition) {
	s.Seen |= bit(t.Status)
	if s.Status != 0 && t.Status.Ordinal(t.Final) <= s.Status.Ordinal(s.Final) {
		return
	}
	s.Status, s.Final, s.Reason, s.EndTime = t.Status, t.Final, t.Reason, time.Time{}
	if t.Worker != "" {
		s.Worker = t.Worker
	}
	if t.Status.End(t.Final) {
		s.EndTime = t.Time
	}
}

// foreign says why a message can not be of this task: "" if it can.
func (f *folder) foreign(r *row, n *task.Names, epoch int) string {
	if n.TaskID != r.TaskID || n.ProcessInstanceID != r.ProcessInstanceID || n.Name != r.Name || n.Namespace != r.Namespace || n.Stone != r.Stone {
		return "names differ from those the task was published with"
	}
	if epoch > r.Epoch {
		return fmt.Sprintf("epoch %d was never commanded, the task is at %d", epoch, r.Epoch)
	}
	return ""
}

func (f *folder) parsed(e *entry, i int) {
	p := &e.events[i]
	raw := p.Raw
	if raw == nil {
		raw = p.Event.Append(nil)
	}
	if p.Err != nil {
		f.quarantine(e, i, p.Event.TaskID, raw, p.Err.Error())
		return
	}
	if why := f.event(e, &p.Event); why != "" {
		f.quarantine(e, i, p.Event.TaskID, raw, why)
	}
}

// event records one event, or says why it can not.
func (f *folder) event(e *entry, ev *queue.Event) string {
	if ev.Stone != e.stone || e.method != "" && ev.Method != e.method {
		return "stone or method differ from the subject's"
	}
	for _, t := range ev.Transitions {
		if m := t.Status.Method(); m != ev.Method && (m != task.Monitor || ev.Method != task.Start) {
			return fmt.Sprintf("%s does not belong to method %s", t.Status, ev.Method)
		}
	}
	if other, ok := f.clash(ev.ID); ok {
		return fmt.Sprintf("taskId belongs to task %s already", other.ID)
	}
	r := f.row(ev.ID)
	if r == nil {
		if ev.Epoch != 1 {
			return fmt.Sprintf("epoch %d of an unknown task", ev.Epoch)
		}
		// Its command must be stored, and will be read: until then the row
		// stands where that command puts it.
		r = f.add(&row{fresh: true, State: store.State{Names: ev.Names, Epoch: 1, Method: started(ev.Method), Status: task.ProduceSuccess,
			CreateTime: e.time, UpdateTime: f.now}})
	} else if why := f.foreign(r, &ev.Names, ev.Epoch); why != "" {
		return why
	}
	f.lines(r, ev)
	if ev.Epoch < r.Epoch {
		f.older(r, ev)
		return ""
	}
	f.current(r, ev)
	return ""
}

// started returns the method a task was commanded with whose event says m: a
// monitor that a client did not ask for follows a start.
func started(m task.Method) task.Method {
	if m == task.Monitor {
		return task.Start
	}
	return m
}

// older records an event of an epoch that a later command has taken over. A
// task that was cancelled since nobody had begun it, and was begun all the
// same, gets the cancel command that it was spared. Whatever a worker tells of
// it says so: its begin may have been lost on the way.
func (f *folder) older(r *row, ev *queue.Event) {
	if ev.Epoch == r.Epoch-1 && spared(&r.State) {
		f.outputs(r, ev) // of which the cancel has to know
		f.out.Outbox = append(f.out.Outbox, store.Outgoing{Kind: store.Pursue, Command: queue.Command{Names: r.Names, Method: task.Cancel, Epoch: r.Epoch}})
	}
	for i := range ev.Transitions {
		t := transition(ev, i)
		if t.Status.Late() {
			f.out.Transitions = append(f.out.Transitions, t)
		} else {
			f.note(t, store.NoteOlder)
		}
	}
}

// spared reports whether a cancel was recorded without a command.
func spared(s *store.State) bool {
	return s.Status == task.Canceled && s.Seen&bit(task.ProduceSuccess) == 0
}

// current records an event of the epoch at work.
func (f *folder) current(r *row, ev *queue.Event) {
	fenced := ev.Delivery < r.Grants[ev.Method]
	open := !ended(&r.State) && !fenced
	if open {
		f.report(r, ev)
	}
	for i := range ev.Transitions {
		t := transition(ev, i)
		if why := refuse(&r.State, t, fenced); why != "" {
			f.note(t, why)
			continue
		}
		f.put(r, t)
	}
}

// refuse says why a transition of the current epoch changes nothing: "" if it
// is to be recorded.
func refuse(s *store.State, t store.Transition, fenced bool) string {
	seen := s.Seen&bit(t.Status) != 0
	switch {
	case seen && t.Status.Begin() && t.Delivery > 1:
		return store.NoteRetry
	case seen:
		return store.NoteRepeat
	case fenced, ended(s) && !t.Status.Late():
		return store.NoteLate
	default:
		return ""
	}
}

// ended reports whether the state's epoch is over. A produce.failed is not: the
// message may turn out to be stored.
func ended(s *store.State) bool { return s.Status != task.ProduceFailed && s.Status.End(s.Final) }

// report takes over outputs and progress.
func (f *folder) report(r *row, ev *queue.Event) {
	if ev.Progress != nil {
		r.Progress, r.changed, r.UpdateTime = ev.Progress, true, f.now
	}
	f.outputs(r, ev)
}

func (f *folder) outputs(r *row, ev *queue.Event) {
	if len(ev.Outputs) > 2 {
		// Both were checked when they came in: a failure leaves what there was.
		if merged, err := queue.Merge(r.Outputs, ev.Outputs); err == nil {
			r.Outputs, r.changed, r.UpdateTime = merged, true, f.now
		}
	}
}

func (f *folder) lines(r *row, ev *queue.Event) {
	for _, l := range ev.Log {
		r.LogLines++
		r.changed = true
		f.out.Log = append(f.out.Log, store.LogLine{LogLine: l, ID: ev.ID, N: r.LogLines, Epoch: ev.Epoch, Worker: ev.Worker})
	}
}

func (f *folder) note(t store.Transition, why string) {
	f.out.Notes = append(f.out.Notes, store.Note{Transition: t, Why: why})
}

func transition(ev *queue.Event, i int) store.Transition {
	t := &ev.Transitions[i]
	return store.Transition{ID: ev.ID, Epoch: ev.Epoch, Status: t.Status, Final: t.Final, Time: t.Time.UTC().Truncate(time.Microsecond),
		Delivery: ev.Delivery, Worker: ev.Worker, Reason: t.Reason}
}

func bit(s task.Status) uint32 { return 1 << s }
