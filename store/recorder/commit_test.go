package recorder_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/recorder"
)

var errLost = errors.New("the connection broke")

// shaky is a store behind a connection that breaks before or after a commit.
type shaky struct {
	store.Store

	before, after atomic.Int32 // how many records are still to fail, and when
}

func (s *shaky) Record(ctx context.Context, b store.Batch) error {
	if s.before.Add(-1) >= 0 {
		return errLost
	}
	if err := s.Store.Record(ctx, b); err != nil {
		return err
	}
	if s.after.Add(-1) >= 0 {
		return errLost
	}
	return nil
}

// A database that breaks is waited for, whether the commit that was under way
// took effect or not; nothing goes to quarantine for it.
func TestABrokenConnectionIsWaitedFor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		s := &shaky{Store: b.store}
		s.before.Store(5) // more often than rows at fault would be tried
		s.after.Store(1)
		b.store = s
		r := b.record(recorder.Config{})
		c := command(1)
		b.publish(c)
		b.until(c.ID, task.ProduceSuccess)
		s.after.Store(1)
		b.tell(event(c, 1, whole...))
		b.until(c.ID, task.MonitorSuccess)
		require.Equal(t, path, b.history(c.ID))
		queuetest.WaitFor(t, func() bool { return r.Position() == store.Position{Tasks: 1, Events: 1} })
		require.NoError(t, r.Ready())
		require.Empty(t, b.quarantined())
	})
}

// picky is a store that refuses the rows of one task.
type picky struct {
	store.Store

	taskID string
	calls  atomic.Int32
}

func (p *picky) Record(ctx context.Context, b store.Batch) error {
	p.calls.Add(1)
	c := b.Fold(map[string]store.State{})
	if slices.ContainsFunc(c.New, func(s store.State) bool { return s.TaskID == p.taskID }) {
		return fmt.Errorf("%w: not this one", store.ErrRejected)
	}
	return p.Store.Record(ctx, b)
}

// The one message whose rows are at fault is found among many, and the others
// are recorded.
func TestRowsAtFaultStandAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		p := &picky{Store: b.store, taskID: "t42"}
		b.store = p
		var cs []*queue.Command
		for i := 10; i < 74; i++ {
			cs = append(cs, command(i))
		}
		b.publish(cs...) // before the recorder is there, so that it finds them together
		r := b.record(recorder.Config{})
		queuetest.WaitFor(t, func() bool { return r.Position().Tasks == 64 })
		for _, c := range cs {
			_, err := b.store.Task(t.Context(), c.TaskID)
			if c.TaskID == p.taskID {
				require.ErrorIs(t, err, store.ErrNotFound)
			} else {
				require.NoError(t, err)
			}
		}
		require.Equal(t, []string{"rows were refused: not this one"}, b.quarantined())
		require.LessOrEqual(t, int(p.calls.Load()), 64, "by halves, not one by one")
	})
}
