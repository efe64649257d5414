package eventapi

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/requestid"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

const (
	maxKnown   = 10_000 // tasks whose names are remembered
	storePause = time.Second
	storeTime  = 5 * time.Second
)

// Store is what is read of the store.
type Store interface {
	Task(ctx context.Context, key string) (task.Task, error)
	History(ctx context.Context, id string, notes bool) ([]store.Note, error)
	Attempts(ctx context.Context, id string) ([]store.Attempt, error)
	Position(ctx context.Context) (store.Position, error)
}

// checker tells what of a message was recorded. A message is behind the
// checkpoint when it is checked, but what it says may have become a note, as
// the late result of a worker that had lost its lease, or have gone to
// quarantine: none of that is told.
type checker struct {
	store Store
	mask  func(ctx context.Context, id string, epoch int, texts ...*string) error // nil for none
	log   *zap.Logger

	mu    sync.Mutex
	known map[string]task.Names // names never change
}

// frames returns what is to be sent of a message about tasks that are wanted.
// It waits for a store that is away as long as ctx lasts.
func (c *checker) frames(ctx context.Context, m *message, want func(n *task.Names) bool) ([]frame, error) {
	for {
		out, err := c.try(ctx, m, want)
		if err == nil {
			return out, nil
		}
		c.log.Debug("events can not be checked, trying again", requestid.Field(ctx), zap.Error(err))
		t := time.NewTimer(storePause)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, ctx.Err()
		case <-t.C:
		}
	}
}

func (c *checker) try(ctx context.Context, m *message, want func(n *task.Names) bool) ([]frame, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if m.command != nil {
		if !want(&m.command.Names) {
			return nil, nil
		}
		return c.commandFrames(ctx, m)
	}
	if m.fact != nil {
		if !want(&m.fact.Names) {
			return nil, nil
		}
		return c.factFrames(ctx, m)
	}
	var out []frame
	item := 0
	for i := range m.events {
		e := &m.events[i]
		if want(&e.Names) {
			more, err := c.eventFrames(ctx, m, e, item)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		}
		item += items(e)
	}
	return out, nil
}

// commandFrames is produce.success, if it was recorded from this message, or
// by the store when it sent it: what the store held back before is told by a
// fact, and what is sent again or by a worker was told before.
func (c *checker) commandFrames(ctx context.Context, m *message) ([]frame, error) {
	cmd := m.command
	history, err := c.store.History(ctx, cmd.ID, false)
	if err != nil {
		return nil, gone(err)
	}
	n := find(history, cmd.Epoch, task.ProduceSuccess)
	if n == nil {
		return nil, nil
	}
	if !n.Time.Equal(m.time) {
		if first, err := c.sentAtOnce(ctx, m); err != nil || !first {
			return nil, err
		}
	}
	// An event may have been recorded before its command, which alone says the
	// business key.
	c.remember(cmd.Names)
	f := fact{Names: cmd.Names, kind: kindTransition, status: n.Status.String(), epoch: n.Epoch, time: n.Time, worker: n.Worker, reason: n.Reason}
	if err := c.hide(ctx, &f); err != nil {
		return nil, err
	}
	return []frame{f.encode(1)}, nil
}

// sentAtOnce reports whether a message is the first command of a task that the
// store made, to be sent at once.
func (c *checker) sentAtOnce(ctx context.Context, m *message) (bool, error) {
	cmd := m.command
	if cmd.Epoch != 1 || cmd.Copy != "" || cmd.Method == task.Monitor {
		return false, nil
	}
	same, err := c.at(ctx, cmd.ID, func(t *task.Task) bool { return t.NotBefore.IsZero() })
	if err != nil || !same {
		return false, err
	}
	attempts, err := c.store.Attempts(ctx, cmd.ID)
	if err != nil || len(attempts) == 0 {
		return false, gone(err)
	}
	n := attempts[0].Sequence // 0 as long as the relay has not noted it
	return n == 0 || n == m.seq, nil
}

// hide masks what the texts of a fact repeat of its task's secrets.
func (c *checker) hide(ctx context.Context, f *fact) error {
	if c.mask == nil || f.reason == "" && f.line == nil {
		return nil
	}
	if f.line == nil {
		return c.mask(ctx, f.ID, f.epoch, &f.reason)
	}
	line := *f.line // it belongs to the message
	f.line = &line
	return c.mask(ctx, f.ID, f.epoch, &f.reason, f.line)
}

// at asks how a task stands now.
func (c *checker) at(ctx context.Context, id string, holds func(t *task.Task) bool) (bool, error) {
	t, err := c.store.Task(ctx, id)
	return err == nil && t.ID == id && holds(&t), gone(err)
}

// eventFrames is what an event tells, whose first item is behind before others
// of its message.
func (c *checker) eventFrames(ctx context.Context, m *message, e *queue.Event, before int) ([]frame, error) {
	names, ok, err := c.names(ctx, &e.Names)
	if err != nil || !ok {
		return nil, err
	}
	var out []frame
	var unmasked error
	add := func(f *fact) {
		unmasked = errors.Join(unmasked, c.hide(ctx, f))
		out = append(out, f.encode(before))
	}
	fresh := false // the recorder took its progress
	if len(e.Transitions) > 0 {
		history, err := c.store.History(ctx, e.ID, false)
		if err != nil {
			return nil, gone(err)
		}
		for i := range e.Transitions {
			before++
			if n := recorded(history, e, i); n != nil {
				fresh = true
				add(&fact{Names: names, kind: kindTransition, status: n.Status.String(), epoch: n.Epoch, time: n.Time, worker: n.Worker, reason: n.Reason})
			}
		}
	}
	if e.Progress != nil {
		before++
		if len(e.Transitions) == 0 {
			if fresh, err = c.at(ctx, e.ID, func(t *task.Task) bool { return t.Epoch == e.Epoch }); err != nil {
				return nil, err
			}
		}
		if fresh {
			add(&fact{Names: names, kind: kindProgress, epoch: e.Epoch, time: m.time, worker: e.Worker, progress: e.Progress})
		}
	}
	for i := range e.Log {
		before++
		add(&fact{Names: names, kind: kindLog, epoch: e.Epoch, time: e.Log[i].Time, worker: e.Worker, line: &e.Log[i].Line})
	}
	return out, unmasked
}

// recorded returns a transition of an event as it was recorded, nil if it was not.
func recorded(history []store.Note, e *queue.Event, i int) *store.Note {
	t := &e.Transitions[i]
	n := find(history, e.Epoch, t.Status)
	if n == nil || n.Delivery != e.Delivery || n.Worker != e.Worker || !n.Time.Equal(t.Time.UTC().Truncate(time.Microsecond)) {
		return nil
	}
	return n
}

func find(history []store.Note, epoch int, s task.Status) *store.Note {
	for i := range history {
		if n := &history[i]; n.Epoch == epoch && n.Status == s {
			return n
		}
	}
	return nil
}

// names returns the names of a task as recorded, and whether those that a
// message gives are the same.
func (c *checker) names(ctx context.Context, given *task.Names) (names task.Names, ok bool, err error) {
	c.mu.Lock()
	names, ok = c.known[given.ID]
	c.mu.Unlock()
	if !ok {
		t, err := c.store.Task(ctx, given.ID)
		if err != nil || t.ID != given.ID {
			return names, false, gone(err)
		}
		names = t.Names
		c.remember(names)
	}
	same := names
	same.BusinessKey = given.BusinessKey // events do not say it
	return names, same == *given, nil
}

func (c *checker) remember(n task.Names) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxKnown {
		clear(c.known)
	}
	c.known[n.ID] = n
}

// gone passes on an error of the store, but not that there is no such task: a
// message of one that is not recorded is in quarantine.
func gone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
