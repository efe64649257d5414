package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
)

// takeTimeout bounds one try to take a command out of the queue, or to find out
// whether it is there.
const takeTimeout = 2 * time.Second

// takeLook is how often it is looked whether something is recorded.
const takeLook = 20 * time.Millisecond

// Taker takes commands out of the queue that no worker has got yet.
type Taker struct {
	JS       jetstream.JetStream
	Position func(ctx context.Context) (store.Position, error)
}

// Taken says what became of a command that was to be taken out of the queue.
type Taken int

const (
	// Left is one that a worker may have or get: nothing was done.
	Left Taken = iota
	// Out is one that no worker has or can get any more.
	Out
	// Unsure is one that may be out of the queue, or have come to a worker
	// just before: [Taker.Gone] tells later.
	Unsure
)

// Take deletes the command of a task at a sequence of RS_TASKS.
func (t *Taker) Take(ctx context.Context, id string, sequence uint64) Taken {
	ctx, cancel := context.WithTimeout(ctx, takeTimeout)
	defer cancel()
	pos, err := t.Position(ctx)
	if err != nil || pos.Tasks < sequence { // the recorder has to read it first
		return Left
	}
	s, err := t.JS.Stream(ctx, queue.StreamTasks)
	if err != nil {
		return Left
	}
	m, err := s.GetMsg(ctx, sequence)
	if err != nil || m.Header.Get(queue.HeaderTask) != id {
		return Left
	}
	stone, key, method, err := queue.ParseTaskSubject(m.Subject)
	if err != nil {
		return Left
	}
	durables := durablesOf(stone, key, queue.LaneOf(method))
	if !untouched(ctx, s, durables, sequence) {
		return Left
	}
	if s.DeleteMsg(ctx, sequence) != nil || !untouched(ctx, s, durables, sequence) {
		return Unsure
	}
	return Out
}

// Gone reports whether the command at a sequence is out of the queue. If it is,
// all is recorded then that workers had said of it before. An error says that
// this can not be found out now.
func (t *Taker) Gone(ctx context.Context, sequence uint64) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, takeTimeout)
	defer cancel()
	tasks, err := t.JS.Stream(ctx, queue.StreamTasks)
	if err != nil {
		return false, fmt.Errorf("look up %s: %w", queue.StreamTasks, err)
	}
	switch _, err := tasks.GetMsg(ctx, sequence); {
	case err == nil:
		return false, nil
	case !errors.Is(err, jetstream.ErrMsgNotFound):
		return false, fmt.Errorf("read command %d: %w", sequence, err)
	}
	events, err := t.JS.Stream(ctx, queue.StreamEvents)
	if err != nil {
		return false, fmt.Errorf("look up %s: %w", queue.StreamEvents, err)
	}
	return true, t.recorded(ctx, events.CachedInfo().State.LastSeq)
}

// recorded waits until events are recorded up to a sequence.
func (t *Taker) recorded(ctx context.Context, sequence uint64) error {
	for {
		pos, err := t.Position(ctx)
		if err != nil {
			return fmt.Errorf("look up what is recorded: %w", err)
		}
		if pos.Events >= sequence {
			return nil
		}
		select {
		case <-time.After(takeLook):
		case <-ctx.Done():
			return fmt.Errorf("the recorder lags behind: %w", ctx.Err())
		}
	}
}

// durablesOf names the consumers that may deliver a command: that of all keys
// and that of its own.
func durablesOf(stone, key string, l queue.Lane) []string {
	out := []string{l.Durable(stone, "")}
	if key != "" {
		out = append(out, l.Durable(stone, key))
	}
	return out
}

// untouched reports whether no consumer has come to a sequence.
func untouched(ctx context.Context, s jetstream.Stream, durables []string, sequence uint64) bool {
	for _, name := range durables {
		c, err := s.Consumer(ctx, name)
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			continue
		}
		if err != nil || c.CachedInfo().Delivered.Stream >= sequence {
			return false
		}
	}
	return true
}
