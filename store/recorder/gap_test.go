package recorder_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/recorder"
	"github.com/riverstones/riverstones/store/storetest"
)

// stores are the kinds there are.
var stores = map[string]func(testing.TB) store.Store{"sqlite": storetest.SQLite, "postgres": storetest.Postgres}

// restored is a bed whose recorder has recorded three tasks, and whose database
// is then an older one: that of the beginning.
func restored(t *testing.T, open func(testing.TB) store.Store, f func(b *bed, all []*queue.Command)) {
	t.Helper()
	b := bedOn(t, open(t))
	r := b.record(recorder.Config{})
	all := []*queue.Command{command(1), command(2), command(3)}
	for _, c := range all { // in this order
		b.publish(c)
		b.tell(event(c, 1, whole...))
	}
	for _, c := range all {
		b.until(c.ID, task.MonitorSuccess)
	}
	b.stop(r)
	b.store = open(t)
	f(b, all)
}

// What the streams still hold is recorded again.
func TestRestoredDatabaseCatchesUp(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			restored(t, open, func(b *bed, all []*queue.Command) {
				r := b.record(recorder.Config{})
				queuetest.WaitFor(t, func() bool { return r.Ready() == nil && r.Position() == store.Position{Tasks: 3, Events: 3} })
				for _, c := range all {
					b.until(c.ID, task.MonitorSuccess)
					require.Equal(t, path, b.history(c.ID))
				}
			})
		})
	}
}

// What is gone is not skipped silently: the recorder stops and says so, and goes
// on when it is told to. Messages that others need hide nothing.
func TestRestoredDatabaseBehindTheTrim(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		for where, sequence := range map[string]uint64{"at the beginning": 1, "in between": 2} {
			t.Run(name+" "+where, func(t *testing.T) {
				t.Parallel()
				restored(t, open, func(b *bed, all []*queue.Command) {
					s, err := b.server.JetStream(t).Stream(t.Context(), queue.StreamTasks)
					require.NoError(t, err)
					require.NoError(t, s.DeleteMsg(t.Context(), sequence))
					r := b.record(recorder.Config{})
					var stopped error
					queuetest.WaitFor(t, func() bool { stopped = r.Ready(); return errors.Is(stopped, queue.ErrGap) })
					require.ErrorContains(t, stopped, "gone")
					require.Less(t, r.Position().Tasks, sequence)
					b.stop(r)

					r = b.record(recorder.Config{AcceptGaps: true})
					queuetest.WaitFor(t, func() bool { return r.Ready() == nil && r.Position().Tasks == 3 })
					for _, c := range all {
						b.until(c.ID, task.MonitorSuccess) // by its events alone, if its command is gone
					}
					b.stop(r)
					r = b.record(recorder.Config{})
					queuetest.WaitFor(t, func() bool { return r.Ready() == nil })
				})
			})
		}
	}
}
