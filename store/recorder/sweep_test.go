package recorder_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/recorder"
)

// sweeping looks often, and takes a moment for silence.
var sweeping = recorder.Config{TrimEvery: 20 * time.Millisecond, Quiet: 50 * time.Millisecond, Keep: time.Hour}

// lanes are the consumers of the stone.
func (b *bed) lanes(stone string) map[queue.Lane]jetstream.Consumer {
	b.t.Helper()
	lanes, err := queue.EnsureConsumers(b.t.Context(), b.server.JetStream(b.t), stone, "")
	require.NoError(b.t, err)
	return lanes
}

// take fetches the next command of a lane.
func (b *bed) take(c jetstream.Consumer) (*queue.Command, jetstream.Msg) {
	b.t.Helper()
	m, err := c.Next(jetstream.FetchMaxWait(20 * time.Second))
	require.NoError(b.t, err)
	cmd, err := queue.ParseCommandMsg(&nats.Msg{Subject: m.Subject(), Header: m.Headers(), Data: m.Data()})
	require.NoError(b.t, err)
	return cmd, m
}

// lose takes the next command of a lane and acknowledges it, as a worker does
// that dies a moment later.
func (b *bed) lose(c jetstream.Consumer) *queue.Command {
	b.t.Helper()
	cmd, m := b.take(c)
	require.NoError(b.t, m.DoubleAck(b.t.Context()))
	return cmd
}

// canary is a lost command of another stone: once it was published again three
// times, all lanes were looked at more than once.
func (b *bed) canary() {
	b.t.Helper()
	c := command(99)
	c.Stone = "Canary"
	work := b.lanes(c.Stone)[queue.Work]
	b.publish(c)
	for range 4 {
		b.lose(work)
	}
	b.until(c.ID, task.StartFailed)
}

// copies returns the copies of a task's commands in the stream.
func (b *bed) copies(id string) (all []string) {
	b.t.Helper()
	for _, m := range b.server.Messages(b.t, queue.StreamTasks, 0) {
		c, err := queue.ParseCommandMsg(&nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data})
		require.NoError(b.t, err)
		if c.ID == id && c.Copy != "" {
			all = append(all, string(c.Method)+"."+c.Copy)
		}
	}
	return all
}

// A start, a monitor and a large command that were acknowledged and came to
// nothing are published again, whole, until they end.
func TestLostCommands(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		b.record(sweeping)
		lanes := b.lanes("S::1")

		started := command(1)
		started.Deadline = time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
		b.publish(started)
		b.lose(lanes[queue.Work])
		again, m := b.take(lanes[queue.Work])
		require.Equal(t, "r1", again.Copy)
		again.Copy = ""
		require.Equal(t, started, again)
		b.tell(event(started, 1, whole...))
		require.NoError(t, m.Ack())
		b.until(started.ID, task.MonitorSuccess)

		followed := command(2)
		b.publish(followed)
		b.tell(event(followed, 1, task.StartBegin, task.StartSuccess))
		look := *followed
		look.Method = task.Monitor
		b.publish(&look)
		b.lose(lanes[queue.Work]) // rightly
		b.lose(lanes[queue.Follow])
		again, _ = b.take(lanes[queue.Follow])
		require.Equal(t, []string{"monitor.r1"}, b.copies(followed.ID))
		require.Equal(t, task.Monitor, again.Method)

		large := command(3)
		large.Params = []byte(`{"a":"` + strings.Repeat("x", queue.MaxInline) + `"}`)
		b.publish(large)
		require.NotEmpty(t, b.lose(lanes[queue.Work]).Blob)
		again, _ = b.take(lanes[queue.Work])
		require.Equal(t, []string{large.ID, "r1"}, []string{again.ID, again.Copy})
		require.NoError(t, queue.NewBlobs(b.server.JetStream(t)).Command(t.Context(), again))
		require.Equal(t, string(large.Params), string(again.Params))
	})
}

// Three times is enough: then the command is a dead letter, and its task fails
// with the reason, whatever number the last grant had.
func TestLostForGood(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		b.record(sweeping)
		work := b.lanes("S::1")[queue.Work]
		c := command(1)
		b.publish(c)
		for n := range 4 {
			got, m := b.take(work)
			require.Equal(t, []string{"", "r1", "r2", "r3"}[n], got.Copy)
			if n > 0 {
				require.Equal(t, queue.Run, b.ask(queue.Question{ID: c.ID, Epoch: 1, Method: task.Start, Delivery: n + 1, Worker: "w"}).Answer)
			}
			require.NoError(t, m.DoubleAck(t.Context()))
		}
		got := b.until(c.ID, task.StartFailed)
		require.Contains(t, got.Reason, "given up")
		dead := b.server.Messages(t, queue.StreamDLQ, 1)
		require.Equal(t, c.ID, dead[0].Header.Get(queue.HeaderTask))
		require.Contains(t, dead[0].Header.Get(queue.HeaderReason), "given up")
		require.Equal(t, []string{"start.r1", "start.r2", "start.r3"}, b.copies(c.ID))
	})
}

// What waits, runs, looks again later, is paused, superseded or over is never
// published again.
func TestNothingIsSentTwice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		b.record(sweeping)
		var ids []string
		add := func(stone string) *queue.Command {
			c := command(len(ids))
			c.Stone = stone
			ids = append(ids, c.ID)
			b.publish(c)
			b.until(c.ID, task.ProduceSuccess)
			return c
		}
		busy := b.lanes("Busy")
		add("Busy")
		_, running := b.take(busy[queue.Work])
		require.NoError(t, running.InProgress())
		add("Busy") // waits in the backlog
		behind := add("Busy")
		b.take(busy[queue.Work])
		_, m := b.take(busy[queue.Work]) // acknowledged behind one that runs
		require.Equal(t, behind.ID, m.Headers().Get(queue.HeaderTask))
		require.NoError(t, m.DoubleAck(t.Context()))

		followed := add("Followed")
		lanes := b.lanes("Followed")
		look := *followed
		look.Method = task.Monitor
		require.NoError(t, b.pub.PublishEvents(t.Context(), "Followed", []queue.Event{event(followed, 1, task.StartBegin, task.StartSuccess)}))
		b.publish(&look)
		b.lose(lanes[queue.Work])
		_, m = b.take(lanes[queue.Follow])
		require.NoError(t, m.NakWithDelay(time.Hour))

		paused := add("Paused")
		b.lanes(paused.Stone)
		_, err := b.server.JetStream(t).PauseConsumer(t.Context(), queue.StreamTasks, queue.Work.Durable(paused.Stone, ""), time.Now().Add(time.Hour))
		require.NoError(t, err)

		over := add("Over")
		require.NoError(t, b.pub.PublishEvents(t.Context(), "Over", []queue.Event{event(over, 1, whole...)}))
		b.lose(b.lanes("Over")[queue.Work])
		add("Nobody")

		b.canary()
		for _, id := range ids {
			require.Empty(t, b.copies(id))
		}
	})
}

// A task that was heard of a moment ago is left until it is silent, and holds up
// the trim of what came behind it.
func TestEarlyIsLeft(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		cfg := sweeping
		cfg.Quiet, cfg.Keep = time.Hour, time.Nanosecond
		b.record(cfg)
		c := command(1)
		b.publish(c)
		b.lose(b.lanes(c.Stone)[queue.Work])
		b.tell(event(c, 1, task.StartBegin))
		queuetest.WaitFor(t, func() bool { return stored(t, b, queue.StreamEvents) == 0 }) // trimmed, again and again
		require.EqualValues(t, 1, stored(t, b, queue.StreamTasks))
		require.Empty(t, b.copies(c.ID))
	})
}

// counted is a store that counts the looks of one sweeper.
type counted struct {
	store.Store

	looks atomic.Int32
}

func (c *counted) Unfinished(ctx context.Context, ids []string) ([]store.State, error) {
	c.looks.Add(1)
	return c.Store.Unfinished(ctx, ids)
}

// Of two sweepers one acts. The other one takes over with all that the stream
// holds, and publishes nothing that was published before.
func TestTwoSweepers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		plain := b.store
		var all [2]*counted
		var recorders [2]*recorder.Recorder
		for i := range all {
			all[i] = &counted{Store: plain}
			b.store = all[i]
			recorders[i] = b.record(sweeping)
		}
		b.store = plain
		c := command(1)
		b.publish(c)
		work := b.lanes(c.Stone)[queue.Work]
		b.lose(work)
		got, held := b.take(work)
		require.Equal(t, "r1", got.Copy)
		b.canary()
		acted := 0
		if all[1].looks.Load() > 0 {
			acted = 1
		}
		require.Zero(t, all[1-acted].looks.Load())

		b.stop(recorders[acted])
		queuetest.WaitFor(t, func() bool { return all[1-acted].looks.Load() > 0 })
		before := all[1-acted].looks.Load()
		second := command(98)
		second.Stone = "Second"
		b.publish(second)
		b.lose(b.lanes(second.Stone)[queue.Work])
		queuetest.WaitFor(t, func() bool { return len(b.copies(second.ID)) > 0 })
		require.Greater(t, all[1-acted].looks.Load(), before)
		require.Equal(t, []string{"start.r1"}, b.copies(c.ID))
		require.NoError(t, held.InProgress())
	})
}
