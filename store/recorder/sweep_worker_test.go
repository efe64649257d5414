package recorder_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store/audit"
)

// slow is a stone that runs until it is let go, and then looks again later.
type slow struct {
	starts, looks atomic.Int32
	running       chan struct{}
	let           chan struct{}
}

func (s *slow) Start(ctx context.Context, t *stone.Task) error {
	s.starts.Add(1)
	if t.TaskID != "t1" {
		return nil
	}
	close(s.running)
	select {
	case <-s.let:
	case <-ctx.Done():
	}
	return ctx.Err()
}

func (s *slow) Monitor(context.Context, *stone.Task) error {
	if s.looks.Add(1) == 1 {
		return stone.Again(time.Hour)
	}
	return nil
}

// A worker acknowledges a command and dies. The next one runs it, asked about,
// while what it runs for long or looks at again later is left alone, and nothing
// is missing or doubled in the end.
func TestAfterADyingWorker(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		b.record(sweeping)
		dead := command(0)
		b.publish(dead)
		b.lose(b.lanes(dead.Stone)[queue.Work])

		s := &slow{running: make(chan struct{}), let: make(chan struct{})}
		w, err := stone.NewWorker(b.server.Connect(t), stone.Config{})
		require.NoError(t, err)
		require.NoError(t, w.Add(stone.Spec{Code: dead.Stone}, s))
		require.NoError(t, w.Start(t.Context()))
		defer func() { require.NoError(t, w.Stop(context.WithoutCancel(t.Context()))) }()
		b.until(dead.ID, task.MonitorBegin) // its first look asks for another one in an hour
		long := command(1)
		b.publish(long)
		<-s.running
		b.canary()
		close(s.let)
		b.until(long.ID, task.MonitorSuccess)
		require.Equal(t, []string{"start.r1"}, b.copies(dead.ID))
		require.Empty(t, b.copies(long.ID))
		require.EqualValues(t, 2, s.starts.Load())
		require.EqualValues(t, 2, s.looks.Load())
		report, err := audit.Run(t.Context(), b.store, b.nc, audit.Config{})
		require.NoError(t, err)
		require.True(t, report.Clean(), "%+v", report.Findings)
	})
}
