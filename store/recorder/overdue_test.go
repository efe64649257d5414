package recorder_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// A task that nobody has ends after its deadline, by itself. One that a living
// worker has is left to it, and one that has time is left alone.
func TestDeadlineOfWhatNobodyServes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		cfg := sweeping
		cfg.Overdue = 50 * time.Millisecond
		b.record(cfg)
		stones, err := b.server.JetStream(t).KeyValue(t.Context(), queue.BucketStones)
		require.NoError(t, err)
		live := queue.StoneKey("S::1", "w")
		_, err = stones.Put(t.Context(), live, []byte(`{"code":"S::1","methods":["start"],"worker":"w"}`))
		require.NoError(t, err)
		soon := func(n int) *queue.Command {
			c := command(n)
			c.Deadline = time.Now().Add(time.Duration(n) * time.Millisecond).UTC().Truncate(time.Microsecond)
			return c
		}

		timeless, early, held, orphan, followed, waiting := command(1), command(2), soon(3), soon(4), soon(5), soon(6)
		early.Deadline = time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
		b.publish(timeless, early, held, orphan, followed)
		b.tell(event(held, 1, task.StartBegin))
		for c, ss := range map[*queue.Command][]task.Status{orphan: {task.StartBegin}, followed: {task.StartBegin, task.StartSuccess}} {
			e := event(c, 1, ss...)
			e.Worker = "gone"
			b.tell(e)
		}
		b.until(orphan.ID, task.StartFailed)
		b.until(followed.ID, task.MonitorFailed)

		b.publish(waiting)
		got := b.until(waiting.ID, task.StartFailed)
		require.Contains(t, got.Reason, "deadline "+waiting.Deadline.Format(time.RFC3339))
		require.Equal(t, []string{"produce.success", "start.failed"}, b.history(waiting.ID))
		rows, _, err := b.store.Outgoing(t.Context(), time.Now(), 100)
		require.NoError(t, err)
		sent := map[string][]store.Kind{}
		for i := range rows {
			sent[rows[i].Command.ID] = append(sent[rows[i].Command.ID], rows[i].Kind)
			if rows[i].Kind == store.Withdraw {
				require.EqualValues(t, 6, rows[i].Sequence)
			}
		}
		require.Equal(t, []store.Kind{store.Withdraw}, sent[waiting.ID], "the rest follows it")
		require.Equal(t, []store.Kind{store.TellEnded}, sent[orphan.ID])

		b.tell(event(waiting, 1, task.StartBegin, task.StartSuccess)) // a worker took it after all
		b.until(held.ID, task.StartBegin)
		b.until(early.ID, task.ProduceSuccess)
		b.until(timeless.ID, task.ProduceSuccess)
		require.NoError(t, stones.Delete(t.Context(), live))
		b.until(held.ID, task.StartFailed)
		b.until(waiting.ID, task.StartFailed)
	})
}
