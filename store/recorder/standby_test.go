package recorder_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/recorder"
)

// rival is a store whose checkpoint another recorder moves: it commits the batch
// that this one wanted to, and is never heard of again.
type rival struct {
	store.Store

	moves atomic.Int32
}

func (s *rival) Record(ctx context.Context, b store.Batch) error {
	err := s.Store.Record(ctx, b)
	if err == nil && s.moves.Add(-1) >= 0 {
		return store.ErrStale
	}
	return err
}

// Where everything is recorded but the recorder that did it is gone, the workers'
// questions are all there is to tell: one that stands by takes over.
func TestQuestionsDoNotWaitForTheNextMessage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		s := &rival{Store: b.store}
		s.moves.Store(1)
		b.store = s
		r := b.record(recorder.Config{})
		c := command(1)
		b.publish(c)
		b.until(c.ID, task.ProduceSuccess)
		a := b.ask(queue.Question{ID: c.ID, Epoch: 1, Method: task.Start, Delivery: 1, Worker: "w"})
		require.Equal(t, queue.Run, a.Answer)
		require.NoError(t, r.Ready())
	})
}

// While another recorder answers, one that stands by stays there.
func TestOneStandsByWhileAnotherAnswers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		b.record(recorder.Config{})
		c := command(1)
		b.publish(c)
		b.until(c.ID, task.ProduceSuccess)
		s := &tallied{Store: b.store}
		b.store = s
		b.record(recorder.Config{})
		for n := 2; s.records.Load() == 0; n++ {
			c = command(n)
			b.publish(c)
			b.until(c.ID, task.ProduceSuccess)
		}
		looks := s.positions.Load() + 10 // more than twice as long as it would wait
		queuetest.WaitFor(t, func() bool { return s.positions.Load() >= looks })
		c = command(0)
		b.publish(c)
		b.until(c.ID, task.ProduceSuccess)
		require.EqualValues(t, 1, s.records.Load(), "it has not tried again")
	})
}

// tallied is the store of a recorder that comes too late with its first batch. It
// counts what that one does.
type tallied struct {
	store.Store

	positions, records atomic.Int32
}

func (s *tallied) Position(ctx context.Context) (store.Position, error) {
	s.positions.Add(1)
	return s.Store.Position(ctx)
}

func (s *tallied) Record(ctx context.Context, b store.Batch) error {
	if s.records.Add(1) == 1 {
		return store.ErrStale
	}
	return s.Store.Record(ctx, b)
}

// unsure is a store of which, after a failure, nobody learns where the checkpoint is.
type unsure struct {
	shaky

	blind, looks atomic.Int32
}

func (s *unsure) Position(ctx context.Context) (store.Position, error) {
	if s.after.Load() <= 0 && s.blind.Add(-1) >= 0 {
		return store.Position{}, errLost
	}
	s.looks.Add(1)
	return s.Store.Position(ctx)
}

// A commit whose answer was lost is known for this recorder's own, even where
// the look at the checkpoint fails too.
func TestACommitInDoubtIsLookedForAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		s := &unsure{shaky: shaky{Store: b.store}}
		s.after.Store(1)
		s.blind.Store(2)
		b.store = s
		r := b.record(recorder.Config{})
		b.publish(command(1))
		queuetest.WaitFor(t, func() bool { return r.Position() == store.Position{Tasks: 1} })
		require.EqualValues(t, 2, s.looks.Load(), "at the beginning, and once more: it did not stand by")
		require.Negative(t, s.blind.Load())
	})
}
