package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Why says what a task waits for, and what an operator can do about it.
type Why struct {
	TaskID string
	Status task.Status
	Why    string // one sentence
	Fix    string // a command that would change it, "" if there is nothing to do
}

// Service is what is known of a stone and of its workers.
type Service struct {
	Known   bool // it has announced itself once
	Paused  bool
	Backlog int // commands that wait for any worker
	Workers []ServiceWorker
}

// ServiceWorker is a worker of a stone.
type ServiceWorker struct {
	Name        string
	BusinessKey string // "" for one that serves all
	Live        bool
	LastFetch   time.Time
}

// ReadStore is what [Asker] reads.
type ReadStore interface {
	Task(ctx context.Context, key string) (task.Task, error)
	Attempts(ctx context.Context, id string) ([]store.Attempt, error)
	History(ctx context.Context, id string, notes bool) ([]store.Note, error)
	Deliveries(ctx context.Context, id string) ([]store.Delivery, error)
}

// Asker explains tasks.
type Asker struct {
	Store ReadStore
	// Service tells about a stone.
	Service func(ctx context.Context, stone string) (Service, error)
	Now     func() time.Time
}

// Why explains why the task with this taskId or id has not ended. Errors are
// [fault.Error]s.
func (a *Asker) Why(ctx context.Context, key string) (Why, error) {
	t, err := a.Store.Task(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return Why{}, fault.New(fault.NotFound, "task %s does not exist", key)
	}
	if err != nil {
		return Why{}, away(err)
	}
	f := facts{task: &t, now: a.Now()}
	if t.Ended() {
		if f.told, err = a.Store.Deliveries(ctx, t.ID); err != nil {
			err = away(err)
		}
	} else {
		err = a.look(ctx, &f)
	}
	if err != nil {
		return Why{}, err
	}
	w := f.explain()
	w.TaskID, w.Status = t.TaskID, t.Status
	return w, nil
}

// look finds out what is known of a task that has not ended.
func (a *Asker) look(ctx context.Context, f *facts) (err error) {
	if f.service, err = a.Service(ctx, f.task.Stone); err != nil {
		return fault.New(fault.Unavailable, "the queue can not answer now: ask again").Because(err).After(tryAgain)
	}
	attempts, err := a.Store.Attempts(ctx, f.task.ID)
	if err != nil {
		return away(err)
	}
	if n := len(attempts); n > 0 {
		f.attempt = attempts[n-1]
	}
	if f.history, err = a.Store.History(ctx, f.task.ID, false); err != nil {
		return away(err)
	}
	return nil
}

// facts are what the answer follows from.
type facts struct {
	task    *task.Task
	attempt store.Attempt
	history []store.Note
	service Service
	told    []store.Delivery // to its orchestrator, or not yet
	now     time.Time
}

// explain is pure.
func (f *facts) explain() Why {
	t := f.task
	if t.Ended() {
		return f.ended()
	}
	if t.NotBefore.After(f.now) && t.Epoch == 1 {
		return Why{Why: fmt.Sprintf("it is held back until %s, that is for %s", stamp(t.NotBefore), ago(t.NotBefore.Sub(f.now))),
			Fix: "riverstones task cancel " + t.TaskID}
	}
	if f.service.Paused {
		return Why{Why: fmt.Sprintf("stone %s is paused", t.Stone), Fix: "riverstones stone resume " + t.Stone}
	}
	if t.Status == task.ProduceSuccess {
		return f.waiting()
	}
	return f.working()
}

func (f *facts) ended() Why {
	t := f.task
	w := Why{Why: fmt.Sprintf("it does not wait: it ended with %s", t.Status)}
	switch {
	case t.Status.Failed() && t.Debug:
		w.Why = fmt.Sprintf("it failed with %s, and its process is in debug mode: it waits for you", t.Status)
		w.Fix = "riverstones task rerun " + t.TaskID
	case t.Status.Failed():
		w.Fix = "riverstones process debug " + t.ProcessInstanceID + " on"
	}
	if untold := f.untold(); untold != "" {
		w.Why += untold
		if w.Fix == "" || !t.Debug {
			w.Fix = "riverstones task callbacks " + t.TaskID + " --replay"
		}
	}
	return w
}

// untold tells of an end that its orchestrator does not know, "" if there is
// none or it is being told for the first time.
func (f *facts) untold() string {
	for i := range f.told {
		d := &f.told[i]
		switch {
		case d.State == store.DeliveryGivenUp:
			return fmt.Sprintf("; its orchestrator was not told of %s, and is not told any more: %s", d.Status, d.Problem)
		case d.State == store.DeliveryParked:
			return fmt.Sprintf("; its orchestrator does not wait for %s yet (%s), next try at %s", d.Status, d.Problem, stamp(d.Due))
		case d.State == store.DeliveryDue && d.Problem != "":
			return fmt.Sprintf("; its orchestrator was not told of %s yet: callback refused (%s), try %d at %s", d.Status, d.Problem, d.Tries+1, stamp(d.Due))
		}
	}
	return ""
}

// waiting explains a task that nobody has begun.
func (f *facts) waiting() Why {
	t, live := f.task, f.live()
	switch {
	case f.attempt.Epoch == t.Epoch && f.attempt.Sequence == 0 && t.Epoch > 1:
		return Why{Why: "its command is recorded and not sent yet: the queue is out of reach, or the relay has not come to it", Fix: "curl /readyz of the gateway"}
	case live == 0 && len(f.service.Workers) == 0 && !f.service.Known:
		return Why{Why: fmt.Sprintf("no worker has ever served stone %s%s", t.Stone, f.key()), Fix: "start a worker of " + t.Stone}
	case live == 0:
		return Why{Why: fmt.Sprintf("no live worker serves stone %s%s%s", t.Stone, f.key(), f.lastSeen()), Fix: "start a worker of " + t.Stone}
	default:
		return Why{Why: fmt.Sprintf("%d commands wait for the %d live workers of stone %s%s, since %s for this one", max(f.service.Backlog, 1), live, t.Stone, f.key(), ago(f.now.Sub(f.since()))),
			Fix: "start more workers, or raise their concurrency"}
	}
}

// working explains a task that a worker has begun.
func (f *facts) working() Why {
	t, last := f.task, f.last()
	for i := range f.service.Workers {
		w := &f.service.Workers[i]
		if w.Name == last.Worker && w.Live {
			return Why{Why: fmt.Sprintf("worker %s has it: %s since %s", w.Name, t.Status, ago(f.now.Sub(last.Time)))}
		}
	}
	if f.live() == 0 {
		return Why{Why: fmt.Sprintf("worker %s had it (%s %s ago) and is gone, and no live worker serves stone %s%s", last.Worker, t.Status, ago(f.now.Sub(last.Time)), t.Stone, f.key()),
			Fix: "start a worker of " + t.Stone}
	}
	if t.Status == task.StartSuccess || t.Status == task.MonitorBegin {
		return Why{Why: fmt.Sprintf("its work is followed: %s since %s, a worker looks again when the stone said so", t.Status, ago(f.now.Sub(last.Time)))}
	}
	return Why{Why: fmt.Sprintf("worker %s had it (%s %s ago) and does not announce itself: another one takes over when its lease is over", last.Worker, t.Status, ago(f.now.Sub(last.Time)))}
}

// live counts the workers that could take the task.
func (f *facts) live() (n int) {
	for i := range f.service.Workers {
		if w := &f.service.Workers[i]; w.Live && (w.BusinessKey == "" || w.BusinessKey == f.task.BusinessKey) {
			n++
		}
	}
	return n
}

func (f *facts) key() string {
	if f.task.BusinessKey == "" {
		return ""
	}
	return " for business key " + f.task.BusinessKey
}

// lastSeen tells when a worker was there last.
func (f *facts) lastSeen() string {
	var last time.Time
	for i := range f.service.Workers {
		if t := f.service.Workers[i].LastFetch; t.After(last) {
			last = t
		}
	}
	if last.IsZero() {
		return ""
	}
	return ", the last one was there " + ago(f.now.Sub(last)) + " ago"
}

// last is the latest transition of the attempt.
func (f *facts) last() store.Note {
	if n := len(f.history); n > 0 {
		return f.history[n-1]
	}
	return store.Note{Transition: store.Transition{Time: f.task.UpdateTime}}
}

func (f *facts) since() time.Time { return f.last().Time }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// ago writes a span as people say it.
func ago(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}
