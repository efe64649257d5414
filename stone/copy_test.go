package stone_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

// A message that was published again is asked about on its first delivery, and
// not run when the answer is no; a first message is not asked about.
func TestACopyIsAskedAbout(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.answers = func(q queue.Question) *queue.Answer {
		if q.Epoch == 7 {
			return &queue.Answer{Answer: queue.Done}
		}
		return &queue.Answer{Answer: queue.Run, Delivery: 5, Try: 1}
	}
	ran := make(chan string, 10)
	b.work(stone.Spec{}, stone.Func(func(_ context.Context, t *stone.Task) error { ran <- t.ID; return nil }), stone.Config{})
	refused := b.send(task.Start, func(c *queue.Command) { c.Epoch, c.Copy = 7, "r1" })
	queuetest.WaitFor(t, func() bool { return len(b.questions()) == 1 })
	plain := b.send(task.Start)
	require.Equal(t, plain.ID, <-ran)
	again := b.send(task.Start, func(c *queue.Command) { c.Copy = "late" })
	require.Equal(t, again.ID, <-ran)
	asked := b.questions()
	require.Len(t, asked, 2)
	require.Equal(t, []string{refused.ID, again.ID}, []string{asked[0].ID, asked[1].ID})
	queuetest.WaitFor(t, func() bool { e := b.events(again.ID); return len(e) > 0 && e[len(e)-1].Delivery == 5 })
}
