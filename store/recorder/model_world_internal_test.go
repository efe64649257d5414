package recorder

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// world is one task with all that acts on it. Store, folding, answers to
// questions and commands of clients are the real ones; streams, deliveries and
// workers are played, so that a schedule is a few milliseconds.
type world struct {
	*rapid.T

	st    store.Store
	desk  *dispatch.Commander
	names task.Names
	clock time.Time

	position, ends store.Position
	ids            map[string]*message // by Nats-Msg-Id: the duplicate window
	queue          []*message
	commands       []*entry // stored, not recorded
	events         []*entry
	flights        []*flight
	workers        []*worker
	jobs           []*job
	ran            []*job // all that ever ran
	acked          *queue.Command
	resends        int

	monitors, cancels bool // whether the stone has these methods
	serial            int
	byTime            map[int64]*job // who reported the transition of this time
	grants            map[string]int // by run: the last that was granted
	history           map[string]store.Transition
	state             store.State
}

// message is a stored command and its delivery.
type message struct {
	command *queue.Command
	seq     uint64
	count   int
	held    bool
}

// flight is an event that a worker has sent, and what it does once that is stored.
type flight struct {
	event queue.Event
	job   *job
	then  func()
}

func newWorld(t *rapid.T, st store.Store) *world {
	w := &world{T: t, st: st, clock: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), ids: map[string]*message{},
		byTime: map[int64]*job{}, grants: map[string]int{}, history: map[string]store.Transition{}}
	id := uuid.NewString()
	w.names = task.Names{ID: id, TaskID: "t-" + id, ProcessInstanceID: "p-" + id, Name: "n", Namespace: "ns", Stone: "S"}
	w.desk = &dispatch.Commander{Store: book{st, w}, Now: func() time.Time { return w.clock }}
	var err error
	w.position, err = st.Position(context.Background())
	w.ok(err)
	w.ends = w.position
	w.monitors, w.cancels = w.chance("monitors", 2), w.chance("cancels", 2)
	for i := range 3 {
		w.workers = append(w.workers, &worker{name: fmt.Sprint("w", i), looks: map[int]look{}})
	}
	return w
}

func (w *world) ok(err error) {
	if err != nil {
		w.Fatal(err)
	}
}

// chance is true in one of n cases; a shrunk schedule has few of them.
func (w *world) chance(what string, n int) bool { return rapid.IntRange(0, n-1).Draw(w.T, what) == n-1 }

// pick returns one of all, the first when shrunk.
func pick[T any](w *world, what string, all []T) T {
	return all[rapid.IntRange(0, len(all)-1).Draw(w.T, what)]
}

// now is a time that no other transition has.
func (w *world) now(j *job) time.Time {
	w.serial++
	at := w.clock.Add(time.Duration(w.serial) * time.Microsecond)
	w.byTime[at.UnixMicro()] = j
	return at
}

// publish takes the task as a gateway does: sent at once, held back, or
// refused by a queue that has stored it all the same.
func (w *world) publish() {
	c := &queue.Command{Names: w.names, Method: pick(w, "method", []task.Method{task.Start, task.Start, task.Mock}), Epoch: 1,
		Params: []byte(`{"a":1}`), Outputs: []byte("{}"), CreateTime: w.clock}
	if w.chance("attempts", 2) {
		c.Retry = &queue.Retry{MaxAttempts: 2}
	}
	ctx := context.Background()
	switch rapid.IntRange(0, 3).Draw(w.T, "publish") {
	case 2:
		_, err := w.st.Delay(ctx, []store.Delayed{{Command: *c, NotBefore: w.clock.Add(time.Minute)}})
		w.ok(err)
		w.look()
	case 3:
		w.ok(w.st.Refuse(ctx, []*queue.Command{c}, "no answer", w.clock))
		w.look()
		w.stream(c)
	default:
		w.stream(c)
	}
	w.ok(w.desk.SetDebug(ctx, w.names.ProcessInstanceID, true))
}

// look takes over what the store has of the task.
func (w *world) look() {
	ctx := context.Background()
	w.ok(w.st.Grant(ctx, w.names.ID, task.Start, func(s store.State, _ *store.Grant, _ time.Time) *store.Grant { w.state = s; return nil }))
	all, err := w.st.History(ctx, w.names.ID, false)
	w.ok(err)
	for _, n := range all {
		w.history[position(&n.Transition)] = n.Transition
	}
}

// stream stores a command, once for each message id as long as the window lasts.
func (w *world) stream(c *queue.Command) uint64 {
	if m := w.ids[c.MsgID()]; m != nil && !w.chance("window is over", 8) {
		return m.seq
	}
	w.ends.Tasks++
	cc := *c
	m := &message{command: &cc, seq: w.ends.Tasks}
	w.ids[c.MsgID()] = m
	w.queue = append(w.queue, m)
	w.commands = append(w.commands, &entry{stream: queue.StreamTasks, sequence: m.seq, subject: c.Subject(), stone: c.Stone, method: c.Method,
		time: w.clock, command: &cc, weight: commandRows})
	return m.seq
}

// remove takes a message out of the stream.
func (w *world) remove(m *message) {
	w.queue = slices.DeleteFunc(w.queue, func(x *message) bool { return x == m })
}

// store puts an event into the stream. What its worker does then may come
// late, and the event a second time.
func (w *world) store(f *flight) {
	if len(f.event.Transitions)+len(f.event.Outputs) > 0 {
		w.ends.Events++
		f.job.heard = true
		e := f.event
		w.events = append(w.events, &entry{stream: queue.StreamEvents, sequence: w.ends.Events, subject: queue.EventSubject(e.Stone, e.Method),
			stone: e.Stone, method: e.Method, time: w.clock, events: []queue.Parsed{{Event: e}}, weight: 1 + len(e.Transitions)})
	}
	if w.chance("stored twice", 6) {
		return
	}
	w.flights = slices.DeleteFunc(w.flights, func(x *flight) bool { return x == f })
	if f.then != nil {
		f.then()
	}
}

// record commits the first of what is stored, commands before events.
func (w *world) record(commands, events int) {
	batch := slices.Concat(w.commands[:commands], w.events[:events])
	if len(batch) == 0 {
		return
	}
	b, _ := (&Recorder{}).batch(w.position, batch)
	changes := w.watch(&b)
	w.ok(w.st.Record(context.Background(), b))
	w.commands, w.events, w.position = w.commands[commands:], w.events[events:], b.To
	w.apply(*changes)
	if err := w.st.Record(context.Background(), b); !errors.Is(err, store.ErrStale) {
		w.Fatalf("a batch that is recorded was recorded again: %v", err)
	}
}

func (w *world) watch(b *store.Batch) *store.Changes {
	var last store.Changes
	fold := b.Fold
	b.Fold = func(states map[string]store.State) store.Changes {
		last = fold(maps.Clone(states))
		return last
	}
	return &last
}

// apply takes over what was written, as the store has it.
func (w *world) apply(c store.Changes) {
	for _, s := range slices.Concat(c.New, c.Changed) {
		w.state = s
	}
	if len(c.Quarantine) > 0 {
		w.Fatalf("a sound message is put away: %s", c.Quarantine[0].Reason)
	}
	w.wrote(c.Transitions)
}

func (w *world) wrote(ts []store.Transition) {
	for _, x := range ts {
		if _, known := w.history[position(&x)]; known {
			continue // the store ignores repeats
		}
		if j := w.byTime[x.Time.UnixMicro()]; j != nil && w.stale(j) && x.Epoch == w.state.Epoch {
			w.Fatalf("%s of delivery %d is recorded, though %d was granted since", x.Status, j.number, w.state.Grants[j.method()])
		}
		w.history[position(&x)] = x
	}
	w.consistent()
}

func position(x *store.Transition) string { return fmt.Sprint(x.Epoch, " ", x.Status) }

// ask answers a question as the recorder does: when all that is stored is recorded.
func (w *world) ask(q queue.Question) (a queue.Answer, fresh bool) {
	w.record(len(w.commands), len(w.events))
	err := w.st.Grant(context.Background(), q.ID, q.Method, func(s store.State, last *store.Grant, _ time.Time) (g *store.Grant) {
		a, g = decide(&s, last, q, w.clock)
		fresh = g != nil && a.Answer == queue.Run
		if a.Answer == queue.Run && (ended(&s) || q.Epoch != s.Epoch) {
			w.Fatalf("epoch %d may run, the task is at %d with %s", q.Epoch, s.Epoch, s.Status)
		}
		return g
	})
	if errors.Is(err, store.ErrNotFound) {
		return queue.Answer{Answer: queue.Later}, false
	}
	w.ok(err)
	return a, fresh
}

// order has a client command what it likes; a Conflict is an answer.
func (w *world) order() {
	ctx, key := context.Background(), w.names.TaskID
	var err error
	switch rapid.IntRange(0, 5).Draw(w.T, "order") {
	case 0:
		_, err = w.desk.Cancel(ctx, key)
	case 1:
		m := pick(w, "rerun", []task.Method{task.Start, task.Monitor, task.Rollback, task.Delete, task.Cancel})
		_, err = w.desk.ReRun(ctx, key, dispatch.Rerun{Method: m, Params: []byte(`{"b":2}`)})
	case 2:
		_, err = w.desk.Undo(ctx, key, task.Rollback)
	case 3:
		_, err = w.desk.Undo(ctx, key, task.Delete)
	case 4:
		_, err = w.desk.Resume(ctx, key)
	default:
		err = w.desk.SetDebug(ctx, w.names.ProcessInstanceID, true)
	}
	if err != nil && fault.Of(err).Kind != fault.Conflict && fault.Of(err).Kind != fault.NotFound {
		w.Fatal(err)
	}
}

// book is the store that commands are written to, and looked at on the way.
type book struct {
	store.Store

	w *world
}

func (b book) Command(ctx context.Context, key string, decide func(store.Standing) (*store.Step, error)) (task.Task, error) {
	var last *store.Step
	got, err := b.Store.Command(ctx, key, func(s store.Standing) (step *store.Step, err error) {
		step, err = decide(s)
		last = step
		return step, err
	})
	if err == nil && last != nil {
		b.w.state = last.State
		b.w.wrote(last.Transitions)
	}
	return got, err
}

// relay works off the outbox. It may die before it notes what it has sent.
func (w *world) relay() (rows int) {
	ctx := context.Background()
	all, _, err := w.st.Outgoing(ctx, w.clock, 1000)
	w.ok(err)
	var done []store.Sent
	for i := range all {
		if row := &all[i]; row.Command.ID == w.names.ID {
			done = append(done, w.send(row))
		}
	}
	if len(done) > 0 && !w.chance("relay dies", 8) {
		w.ok(w.st.Sent(ctx, done))
	}
	return len(done)
}

func (w *world) send(row *store.Outgoing) store.Sent {
	s := store.Sent{Number: row.Number}
	switch row.Kind {
	case store.Send:
		s.Sequence = w.stream(&row.Command)
	case store.Pursue:
		w.ok(w.desk.Pursue(context.Background(), row.Command.ID, row.Command.Epoch))
	case store.Withdraw:
		if w.position.Tasks < row.Sequence {
			s.Again, s.Problem = w.clock.Add(time.Millisecond), "not recorded"
		} else {
			w.queue = slices.DeleteFunc(w.queue, func(m *message) bool { return m.seq == row.Sequence })
		}
		w.halt(row.Command.Epoch)
	case store.Halt:
		w.halt(row.Command.Epoch)
	}
	return s
}

// halt tells the workers to stop what is below an epoch; some do not hear it.
func (w *world) halt(epoch int) {
	for _, x := range w.workers {
		if w.chance("not heard", 6) {
			continue
		}
		x.halted = max(x.halted, epoch)
		for _, j := range slices.Clone(w.jobs) {
			if j.worker == x && j.message.command.Epoch < epoch {
				w.halted(j)
			}
		}
	}
}
