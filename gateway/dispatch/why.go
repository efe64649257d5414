package dispatch

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue"
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
	Backlog map[task.Method]int // commands that wait for any worker
	Workers []ServiceWorker
}

// ServiceWorker is a worker of a stone.
type ServiceWorker struct {
	Name        string
	BusinessKey string // "" for one that serves all
	Live        bool
	LastFetch   time.Time
}

// DeadLetter is why a command could not be processed.
type DeadLetter struct {
	Reason string
	Time   time.Time // zero for none
}

// ReadStore is what [Asker] reads.
type ReadStore interface {
	Task(ctx context.Context, key string) (task.Task, error)
	Attempts(ctx context.Context, id string) ([]store.Attempt, error)
	History(ctx context.Context, id string, notes bool) ([]store.Note, error)
	Log(ctx context.Context, id string, start, size int) ([]store.LogLine, error)
	Deliveries(ctx context.Context, id string) ([]store.Delivery, error)
	Quarantine(ctx context.Context, taskID string, start, size int) ([]store.Quarantined, error)
}

// Asker explains tasks. Those who ask for one task at the same time share the
// answer. Its fields but Dead are required and not changed once it is used.
type Asker struct {
	Store ReadStore
	// Service tells about a stone.
	Service func(ctx context.Context, stone string) (Service, error)
	// Dead finds the newest dead letter of a task; nil finds none.
	Dead func(ctx context.Context, taskID string) (DeadLetter, error)
	Now  func() time.Time

	asking singleflight.Group
}

const (
	// askTime bounds one answer.
	askTime = 5 * time.Second
	// tail is how many log lines are looked at for what a worker does next.
	tail = 20
)

// Why explains why the task with this taskId or id has not ended. Errors are
// [fault.Error]s.
func (a *Asker) Why(ctx context.Context, key string) (Why, error) {
	answer, err, _ := a.asking.Do(key, func() (any, error) {
		// Others wait for it, too.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
		defer cancel()
		return a.explain(ctx, key)
	})
	w, _ := answer.(Why) // it always is one
	return w, err
}

func (a *Asker) explain(ctx context.Context, key string) (Why, error) {
	t, err := a.Store.Task(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return Why{}, fault.New(fault.NotFound, "task %s does not exist", key)
	}
	if err != nil {
		return Why{}, away(err)
	}
	f := facts{task: &t, now: a.Now()}
	if t.Ended() {
		err = a.lookBack(ctx, &f)
	} else {
		err = a.look(ctx, &f)
	}
	if err != nil {
		return Why{}, err
	}
	w := f.explain()
	w.TaskID, w.Status, w.Why = t.TaskID, t.Status, task.RedactText(w.Why)
	return w, nil
}

// lookBack finds out what is known of a task that has ended.
func (a *Asker) lookBack(ctx context.Context, f *facts) (err error) {
	if f.told, err = a.Store.Deliveries(ctx, f.task.ID); err != nil {
		return away(err)
	}
	if !f.task.Status.Failed() {
		return nil
	}
	if f.history, err = a.Store.History(ctx, f.task.ID, false); err != nil {
		return away(err)
	}
	return a.letter(ctx, f)
}

// letter looks for a dead letter of the attempt. One that can not be looked up
// is left out: the rest of the answer is worth more.
func (a *Asker) letter(ctx context.Context, f *facts) error {
	if a.Dead == nil {
		return nil
	}
	d, err := a.Dead(ctx, f.task.TaskID)
	if err == nil && !d.Time.Before(f.begun().Truncate(time.Second)) {
		f.dead = d
	}
	return ctx.Err()
}

// look finds out what is known of a task that has not ended. What the queue
// would say may be missing when the store alone can tell what is wrong.
func (a *Asker) look(ctx context.Context, f *facts) (err error) {
	t := f.task
	all, err := a.Store.History(ctx, t.ID, true)
	if err != nil {
		return away(err)
	}
	f.recall(all)
	if t.Status == task.ProduceSuccess {
		attempts, err := a.Store.Attempts(ctx, t.ID)
		if err != nil {
			return away(err)
		}
		if n := len(attempts); n > 0 {
			f.attempt = attempts[n-1]
		}
		if f.held() || f.unsent() {
			return nil
		}
	}
	if f.log, err = a.Store.Log(ctx, t.ID, -tail, tail); err != nil {
		return away(err)
	}
	kept, err := a.Store.Quarantine(ctx, t.TaskID, 0, 1)
	if err != nil {
		return away(err)
	}
	if len(kept) > 0 && kept[0].Stream == queue.StreamEvents && kept[0].Time.After(f.since()) {
		f.quarantined = &kept[0]
	}
	if f.service, err = a.Service(ctx, t.Stone); err != nil {
		return fault.New(fault.Unavailable, "the queue can not answer now: ask again").Because(err).After(tryAgain)
	}
	if t.Status == task.ProduceSuccess && f.live() > 0 {
		return a.letter(ctx, f)
	}
	return nil
}
