package stone_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

// What one task reports too much of holds up no other task of the stone.
func TestLargeReports(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	kib := strings.Repeat("x", 1<<10)
	b.work(stone.Spec{}, stone.Func(func(_ context.Context, t *stone.Task) error {
		if t.Name == "chatty" {
			for range 200 {
				t.Logf("info", "%s", strings.Repeat("\x02", 4<<10))
			}
			return nil
		}
		return t.SetOutput("report", strings.Repeat(kib, 200))
	}), stone.Config{})

	chatty := b.send(task.Start, func(c *queue.Command) { c.Name = "chatty" })
	lines := 0
	for _, e := range b.until(chatty.ID, "start.begin", "start.success") {
		lines += len(e.Log)
	}
	require.Equal(t, 200, lines)

	all := b.until(b.send(task.Start).ID, "start.begin", "start.failed")
	end := all[len(all)-1]
	require.Empty(t, end.Outputs)
	require.Contains(t, end.Transitions[len(end.Transitions)-1].Reason, "the outputs have 200 KiB")
	b.idle()
}

// Outputs of both methods count, and params beside them.
func TestOutputsAddUp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	half := strings.Repeat("x", 70<<10)
	b.work(stone.Spec{}, full{
		start:   func(_ context.Context, t *stone.Task) error { return t.SetOutput("a", half) },
		monitor: func(_ context.Context, t *stone.Task) error { return t.SetOutput("b", half) },
	}, stone.Config{})
	all := b.until(b.send(task.Start).ID, "start.begin", "start.success", "monitor.begin", "monitor.failed")
	require.Len(t, string(all[len(all)-1].Outputs), len(`{"a":""}`)+len(half))
	b.idle()
}
