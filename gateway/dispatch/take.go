package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
)

// takeTimeout bounds one try to take a command out of the queue.
const takeTimeout = 2 * time.Second

// Taker takes commands out of the queue that no worker has got yet.
type Taker struct {
	JS       jetstream.JetStream
	Position func(ctx context.Context) (store.Position, error)
}

// Take deletes the command of a task at a sequence of RS_TASKS, and reports
// whether no worker has it or can get it any more. It answers no when it can
// not be sure.
func (t *Taker) Take(ctx context.Context, id string, sequence uint64) bool {
	ctx, cancel := context.WithTimeout(ctx, takeTimeout)
	defer cancel()
	pos, err := t.Position(ctx)
	if err != nil || pos.Tasks < sequence { // the recorder has to read it first
		return false
	}
	s, err := t.JS.Stream(ctx, queue.StreamTasks)
	if err != nil {
		return false
	}
	m, err := s.GetMsg(ctx, sequence)
	if err != nil || m.Header.Get(queue.HeaderTask) != id {
		return false
	}
	stone, key, method, err := queue.ParseTaskSubject(m.Subject)
	if err != nil {
		return false
	}
	durables := durablesOf(stone, key, queue.LaneOf(method))
	if !untouched(ctx, s, durables, sequence) || s.DeleteMsg(ctx, sequence) != nil {
		return false
	}
	return untouched(ctx, s, durables, sequence)
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
