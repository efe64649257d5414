package recorder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
)

const (
	// overduePart is how many deadlines are looked at at once, and overdueParts
	// how often in a turn: who takes the duty over looks at all there ever were.
	overduePart  = 2000
	overdueParts = 50
)

// endOverdue ends tasks whose deadline has passed for a while, and that no worker
// has. A worker ends what it takes or runs by itself; this is for a task that
// nobody serves.
func (w *sweeper) endOverdue(ctx context.Context) error {
	until := time.Now().Add(-w.late)
	for range overdueParts {
		open, last, err := w.store.Overdue(ctx, w.due, until, overduePart)
		if err != nil {
			return err
		}
		if last == (store.Due{}) {
			break
		}
		w.due, w.overdue = last, append(w.overdue, open...)
	}
	if len(w.overdue) == 0 {
		return nil
	}
	// What a worker has told meanwhile counts.
	if _, err := w.recorded(ctx); err != nil {
		return err
	}
	kv, err := w.js.KeyValue(ctx, queue.BucketStones)
	if err != nil {
		return fmt.Errorf("look up %s: %w", queue.BucketStones, err)
	}
	var wait []store.Due // for the next turn
	for rest := w.overdue; len(rest) > 0; {
		part := rest[:min(len(rest), sweepPart)]
		held, err := w.judge(ctx, kv, part)
		if err != nil {
			w.overdue = slices.Concat(wait, rest)
			return err
		}
		wait, rest = append(wait, held...), rest[len(part):]
	}
	w.overdue = wait
	return nil
}

// judge ends those of these tasks that nobody has, and returns those that are
// to be looked at again.
func (w *sweeper) judge(ctx context.Context, kv jetstream.KeyValue, part []store.Due) (wait []store.Due, err error) {
	ids := make([]string, len(part))
	for i := range part {
		ids[i] = part[i].ID
	}
	states, err := w.store.Unfinished(ctx, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*store.State, len(states))
	for i := range states {
		byID[states[i].ID] = &states[i]
	}
	for _, due := range part {
		st := byID[due.ID]
		if st == nil || st.Epoch != due.Epoch {
			continue
		}
		held, err := heldByLive(ctx, kv, st)
		if err == nil && !held {
			held, err = w.expire(ctx, due, st)
		}
		if err != nil {
			return nil, fmt.Errorf("task %s: %w", due.ID, err)
		}
		if held {
			wait = append(wait, due)
		}
	}
	return wait, nil
}

// heldByLive reports whether the worker that reported last of a task is there: it
// announces itself. What it does not run any more it will take again.
func heldByLive(ctx context.Context, kv jetstream.KeyValue, st *store.State) (bool, error) {
	if st.Worker == "" || st.Seen&bit(st.Method.Begin()) == 0 {
		return false, nil
	}
	for _, name := range []string{st.Worker, st.Worker + "@" + st.BusinessKey} { // as workers announce themselves
		_, err := kv.Get(ctx, queue.StoneKey(st.Stone, name))
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, jetstream.ErrKeyNotFound) {
			return false, fmt.Errorf("look for worker %s: %w", st.Worker, err)
		}
	}
	return false, nil
}

// expire ends a task, unless something was heard of it since it was judged: then
// it is to be judged again.
func (w *sweeper) expire(ctx context.Context, due store.Due, judged *store.State) (again bool, err error) {
	why := "the task's deadline " + due.Deadline.Format(time.RFC3339) + " has passed, and no worker has ended it"
	ends := false
	_, err = w.store.Command(ctx, due.ID, func(was store.Standing) (*store.Step, error) {
		again, ends = false, false
		now := time.Now().UTC().Truncate(time.Microsecond)
		step := fail(&was.State, &lost{looked: looked{epoch: due.Epoch, method: was.Method}}, why, now)
		switch {
		case step == nil || !was.Current.Deadline.Equal(due.Deadline):
			return nil, nil //nolint:nilnil // nothing is to be done
		case !was.UpdateTime.Equal(judged.UpdateTime) || was.Current.Sequence == 0: // not sent yet
			again = true
			return nil, nil //nolint:nilnil // nothing is to be done now
		}
		ends = true
		if was.Seen&bit(was.Method.Begin()) == 0 { // then its command waits
			step.Outbox = append([]store.Outgoing{{Kind: store.Withdraw, Command: queue.Command{Names: was.Names, Epoch: was.Epoch},
				Sequence: was.Current.Sequence}}, step.Outbox...)
		}
		return step, nil
	})
	if err == nil && ends {
		w.log.Warn(why, zap.String("task", due.ID), zap.Int("epoch", due.Epoch))
	}
	return again, err
}
