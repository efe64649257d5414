package audit_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/audit"
)

// some publishes n tasks of one createTime, more than go into a page, and
// tells the whole way of each.
func (b *bed) some(t *testing.T, n int) []*queue.Command {
	t.Helper()
	var cs []*queue.Command
	var es []queue.Event
	for i := range n {
		c := command(i)
		if i > 0 {
			c.CreateTime = cs[0].CreateTime
		}
		cs, es = append(cs, c), append(es, event(c, 1, whole...))
	}
	b.publish(t, cs...)
	b.tell(t, es...)
	b.recorded(t)
	return cs
}

func TestCleanSystem(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		cs := b.some(t, 8)
		waits, runs, first, again := command(100), command(101), command(102), command(103)
		b.publish(t, waits, runs, again)
		b.tell(t, event(runs, 1, begun...), event(first, 1, begun...)) // and its command comes later
		b.tell(t, event(cs[0], 2, begun...))                           // notes
		b.tell(t, event(cs[0], 2, task.StartFailed))
		b.recorded(t)
		b.publish(t, first)
		require.NoError(t, b.store.Refuse(t.Context(), []*queue.Command{command(104)}, "no room", time.Now()))
		b.recorded(t)
		r := b.audit(t, b.store)
		require.Empty(t, r.Findings)
		require.True(t, r.Clean())
		require.Equal(t, 13, r.Tasks)
		require.Equal(t, 12, r.Commands)
		require.Equal(t, 4, r.Events, "messages, not the events in them")
		require.Zero(t, r.Undecided)
		require.Equal(t, store.Position{Tasks: 12, Events: 4}, r.Checkpoint)
		require.WithinDuration(t, time.Now(), r.Reached, time.Minute)

		// What is not read yet is no loss.
		b.publish(t, command(105))
		b.tell(t, event(waits, 1, begun...))
		require.Equal(t, r.Checkpoint, b.audit(t, b.store).Checkpoint)
		require.True(t, r.Clean())
	})
}

func TestEmptySystem(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		r := b.audit(t, b.store)
		require.True(t, r.Clean())
		require.Zero(t, r.Tasks+r.Commands+r.Events)
	})
}

// Each kind of damage to a database is found, and nothing else is.
func TestDamagedDatabase(t *testing.T) {
	t.Parallel()
	const of = " where id = (select id from task where task_id = 't2')"
	for name, c := range map[string]struct {
		sql  string
		want audit.Finding
	}{
		"a transition is gone": {"delete from transition" + of + " and status = 6", lost("t2", "event 1 of RS_EVENTS is not recorded: attempt 1, monitor.success")},
		"the task is gone":     {"delete from task" + of, lost("t2", "command 3 of RS_TASKS is not recorded: attempt 1")},
		"set back": {"update task set status = 3, end_time = null where task_id = 't2'",
			audit.Finding{Kind: audit.OutOfOrder, TaskID: "t2", Detail: "the task stands at start.begin, its history at monitor.success"}},
		"ended twice": {"insert into transition (id, epoch, status, final, time, delivery, worker) select id, epoch, 4, final, time, delivery, worker from transition" + of + " and status = 7",
			audit.Finding{Kind: audit.Doubled, TaskID: "t2", Detail: "attempt 1 has ended twice: start.failed, monitor.success"}},
		"an attempt too many": {"update task set epoch = 2 where task_id = 't2'", lost("t2", "attempt 2 has no produce.success")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, b *bed) {
				b.some(t, 8)
				b.exec(t, c.sql)
				r := b.audit(t, b.store)
				require.Contains(t, r.Findings, c.want)
				for _, f := range r.Findings {
					require.Equal(t, "t2", f.TaskID)
				}
				require.Equal(t, len(r.Findings), r.Total())
				require.False(t, r.Clean())
			})
		})
	}
}

// A recorder that skips messages is found out.
func TestSkippedMessages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		cs := b.some(t, 4)
		late := command(9)
		b.publish(t, late)
		b.tell(t, event(cs[1], 3, task.StartBegin))
		b.skip(t, queue.StreamTasks, 1)
		b.skip(t, queue.StreamEvents, 1)
		require.Equal(t, []audit.Finding{
			lost("t9", "command 5 of RS_TASKS is not recorded: attempt 1"),
			lost("t1", "event 2 of RS_EVENTS is not recorded: attempt 1, start.begin"),
		}, b.audit(t, b.store).Findings)
	})
}

// A message that could not be recorded has to be in quarantine.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		cs := b.some(t, 4)
		_, err := b.server.JetStream(t).Publish(t.Context(), "rs.evt.S=3A=3A1.start", []byte("{"))
		require.NoError(t, err)
		foreign := event(cs[0], 1, task.StartBegin)
		foreign.TaskID = "another"
		b.tell(t, foreign)
		b.recorded(t)
		r := b.audit(t, b.store)
		require.Empty(t, r.Findings)
		require.Equal(t, 2, r.Quarantined)
		b.exec(t, "delete from quarantine")
		require.Equal(t, []audit.Finding{
			lost("", "message 2 of RS_EVENTS can not be read and is not in quarantine"),
			lost("another", "event 3 of RS_EVENTS is not recorded: attempt 1, start.begin"),
		}, b.audit(t, b.store).Findings)
	})
}

// A task under way whose command is nowhere any more.
func TestOrphans(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		gone, acked, waits, sent, held := command(1), command(2), command(3), command(4), command(5)
		b.publish(t, gone, acked, waits, sent, held)
		b.tell(t, event(acked, 1, begun...))
		b.recorded(t)
		require.True(t, b.audit(t, b.store).Clean())
		js := b.server.JetStream(t)
		s, err := js.Stream(t.Context(), queue.StreamTasks)
		require.NoError(t, err)
		for _, sequence := range []uint64{1, 4} {
			require.NoError(t, s.DeleteMsg(t.Context(), sequence))
		}
		acknowledge(t, js, 1)
		r := b.audit(t, &outbox{Store: b.store, rows: []store.Outgoing{{Command: queue.Command{Names: sent.Names}}}})
		require.ElementsMatch(t, []audit.Finding{
			{Kind: audit.Orphaned, TaskID: "t1", Detail: "attempt 1 stands at produce.success, and its command waits nowhere"},
			{Kind: audit.Orphaned, TaskID: "t2", Detail: "attempt 1 stands at start.begin, and its command waits nowhere"},
		}, r.Findings)
		require.Equal(t, 3, b.audit(t, b.store).Totals[audit.Orphaned], "nothing is in the outbox")

		// While the recorder lags nobody can say: the end may be on its way.
		b.tell(t, event(acked, 1, task.StartSuccess))
		r = b.audit(t, b.store)
		require.True(t, r.Clean())
		require.Equal(t, 3, r.Undecided)
	})
}

// acknowledge takes the first n commands as a worker does.
func acknowledge(t *testing.T, js jetstream.JetStream, n int) {
	t.Helper()
	_, err := queue.EnsureConsumers(t.Context(), js, "S::1", "")
	require.NoError(t, err)
	c, err := js.Consumer(t.Context(), queue.StreamTasks, queue.Work.Durable("S::1", ""))
	require.NoError(t, err)
	for range n {
		m, err := c.Next()
		require.NoError(t, err)
		require.NoError(t, m.DoubleAck(t.Context()))
	}
}

// outbox is a store that has these rows to be sent.
type outbox struct {
	store.Store

	rows []store.Outgoing
}

func (o *outbox) Unsent(_ context.Context, ids []string) (out []string, err error) {
	for i := range o.rows {
		if id := o.rows[i].Command.ID; slices.Contains(ids, id) {
			out = append(out, id)
		}
	}
	return out, nil
}

// Messages that went before they were recorded are lost, whosoever they were.
func TestGap(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		b.some(t, 4)
		b.publish(t, command(5), command(6))
		s, err := b.server.JetStream(t).Stream(t.Context(), queue.StreamTasks)
		require.NoError(t, err)
		require.NoError(t, s.Purge(t.Context()))
		require.Equal(t, []audit.Finding{lost("", "messages 5 to 6 of RS_TASKS are gone and were never recorded")}, b.audit(t, b.store).Findings)
	})
}

// Queue and database of different systems are not compared, nor is a queue
// that does not answer.
func TestItCanNotBeDone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		b.some(t, 4)
		b.skip(t, queue.StreamEvents, 7)
		_, err := audit.Run(t.Context(), b.store, b.nc, audit.Config{})
		require.ErrorIs(t, err, queue.ErrBehind)
		b.exec(t, "update checkpoint set sequence = 1 where stream = 'RS_EVENTS'")
		require.True(t, b.audit(t, b.store).Clean())
		b.server.Stop(t)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err = audit.Run(ctx, b.store, b.nc, audit.Config{})
		require.Error(t, err)
		require.NotErrorIs(t, err, nats.ErrConnectionClosed)
	})
}

// An audit that was cut off goes on where it was.
func TestItGoesOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		var cs []*queue.Command
		for i := range 10 {
			c := command(i)
			c.CreateTime = time.Now().UTC().Truncate(time.Microsecond).Add(time.Duration(i-20) * time.Second)
			cs = append(cs, c)
		}
		b.publish(t, cs...)
		b.recorded(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		pages := 0
		r, err := audit.Run(ctx, b.store, b.nc, audit.Config{Page: 3, Open: 4, Progress: func(audit.Report) {
			if pages++; pages == 2 {
				cancel()
			}
		}})
		require.Error(t, err)
		require.Equal(t, cs[5].CreateTime.Add(-time.Microsecond), r.Reached.UTC())
		r, err = audit.Run(t.Context(), b.store, b.nc, audit.Config{Page: 3, After: r.Reached})
		require.NoError(t, err)
		require.Equal(t, 5, r.Tasks)
		require.True(t, r.Clean())
		r, err = audit.Run(t.Context(), b.store, b.nc, audit.Config{After: time.Now().Add(time.Hour)})
		require.NoError(t, err)
		require.Zero(t, r.Tasks+r.Commands+r.Events)
	})
}

// Beside a system at work an audit finds nothing.
func TestLiveSystem(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		b.record(t)
		done := make(chan struct{})
		pub, err := queue.NewPublisher(b.server.Connect(t), queue.PublisherConfig{})
		require.NoError(t, err)
		go func() {
			defer close(done)
			for i := range 60 {
				c := command(i)
				e := event(c, 1, whole...)
				for _, err := range []error{
					pub.PublishEvents(t.Context(), "S::1", []queue.Event{event(c, 1, begun...)}),
					pub.Publish(t.Context(), []*queue.Command{c})[0].Err,
					pub.PublishEvents(t.Context(), "S::1", []queue.Event{e}),
				} {
					if err != nil {
						t.Error(err)
						return
					}
				}
			}
		}()
		audits := 0
		for under := true; under; audits++ {
			select {
			case <-done:
				under = false
			default:
			}
			r := b.audit(t, b.store)
			require.Empty(t, r.Findings)
			require.Zero(t, r.Undecided)
		}
		require.Greater(t, audits, 1)
		queuetest.WaitFor(t, func() bool { return b.audit(t, b.store).Tasks == 60 }) // all are recorded
		require.True(t, b.audit(t, b.store).Clean())
		queuetest.WaitFor(t, func() bool { return b.audit(t, b.store).Events == 120 })
	})
}
