package eventapi_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/eventapi"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest"
)

// relay runs a relay, and returns who gives commands.
func (s *system) relay(t *testing.T) *dispatch.Commander {
	t.Helper()
	nc := s.server.Connect(t)
	pub, err := queue.NewPublisher(nc, queue.PublisherConfig{})
	require.NoError(t, err)
	c := &dispatch.Commander{Store: s.store}
	r, err := dispatch.NewRelay(s.store, pub, nc, c.Pursue, zap.NewNop())
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context()))
	t.Cleanup(r.Stop)
	c.Wake = r.Wake
	return c
}

// fail has an attempt of a task begin and fail.
func (s *system) fail(t *testing.T, n task.Names, epoch int) {
	t.Helper()
	e := event(n, 1, task.StartBegin, task.StartFailed)
	e.Epoch, e.Transitions[1].Reason = epoch, "no"
	s.report(t, e)
}

// What the store writes by itself is told as well: once, in its order, and to
// those who come back.
func TestWhatTheStoreWritesIsTold(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db store.Store) {
		s := setup(t, db, eventapi.Config{})
		s.record(t)
		c := s.relay(t)
		l := s.open(t, "processInstanceId=p1", "").opened()
		ids, all := []string{l.last}, []string{}
		expect := func(want ...string) {
			t.Helper()
			ids, all = append(ids, l.expect(want...)...), append(all, want...)
		}
		command := func(n task.Names) queue.Command {
			return queue.Command{Names: n, Method: task.Start, Epoch: 1, Params: []byte("{}"), Outputs: []byte("{}"), CreateTime: time.Now().UTC().Truncate(time.Microsecond)}
		}
		hold := func(n task.Names, d time.Duration) {
			t.Helper()
			_, err := db.Delay(t.Context(), []store.Delayed{{Command: command(n), NotBefore: time.Now().UTC().Truncate(time.Microsecond).Add(d)}})
			require.NoError(t, err)
		}

		held, refused, failed, late := names(1, machine), names(11, machine), names(21, machine), names(31, machine)
		hold(held, time.Hour)
		expect("transition t1 produce.success")
		_, err := c.Cancel(t.Context(), "t1")
		require.NoError(t, err)
		expect("transition t1 canceled")

		lost := command(refused)
		require.NoError(t, db.Refuse(t.Context(), []*queue.Command{&lost}, "no room", time.Now().UTC().Truncate(time.Microsecond)))
		expect("transition t11 produce.failed no room")
		s.publish(t, refused)
		expect("transition t11 produce.success")

		require.NoError(t, db.SetDebug(t.Context(), "p1", true))
		s.publish(t, failed)
		s.fail(t, failed, 1)
		expect("transition t21 produce.success", "transition t21 start.begin", "transition t21 start.failed no")
		_, err = c.ReRun(t.Context(), "t21", dispatch.Rerun{Method: task.Start})
		require.NoError(t, err)
		expect("transition t21 produce.success")
		s.fail(t, failed, 2)
		expect("transition t21 start.begin", "transition t21 start.failed no")
		_, err = c.Resume(t.Context(), "t21")
		require.NoError(t, err)
		expect("resume t21 start.failed no")

		hold(late, 300*time.Millisecond)
		expect("transition t31 produce.success")
		require.Eventually(t, func() bool { // it is sent
			attempts, err := db.Attempts(t.Context(), late.ID)
			return err == nil && attempts[0].Sequence > 0
		}, patience, 5*time.Millisecond)
		s.report(t, event(late, 1, task.StartBegin))
		expect("transition t31 start.begin")

		for i, id := range ids {
			again := s.open(t, "processInstanceId=p1", id).opened()
			want := all[i:]
			if i < 3 { // the message that was stored after all takes the place of its failure
				want = append(append([]string{}, want[:max(0, 2-i)]...), want[max(0, 2-i)+1:]...)
			}
			require.Equal(t, want, strip(again, len(want)), "behind %s", id)
			again.close()
		}
	})
}

// A task that the store makes to be sent at once is told of by its message, and
// by a fact if it is taken back before, or its message goes out as a copy.
func TestWhatTheStoreSendsAtOnceIsTold(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db store.Store) {
		s := setup(t, db, eventapi.Config{})
		s.record(t)
		l := s.open(t, "processInstanceId=p1", "").opened()
		begin := l.last
		put := func(n task.Names) {
			t.Helper()
			_, err := db.Delay(t.Context(), []store.Delayed{{Command: queue.Command{Names: n, Method: task.Start, Epoch: 1, Params: []byte("{}"),
				Outputs: []byte("{}"), CreateTime: time.Now().UTC().Truncate(time.Microsecond)}}})
			require.NoError(t, err)
		}
		taken, sent := names(1, machine), names(11, machine)
		put(taken)
		_, err := (&dispatch.Commander{Store: db}).Cancel(t.Context(), "t1") // no relay runs yet
		require.NoError(t, err)
		s.relay(t)
		l.expect("transition t1 produce.success", "transition t1 canceled")
		put(sent)
		l.expect("transition t11 produce.success")
		s.report(t, event(sent, 1, task.StartBegin))
		l.expect("transition t11 start.begin")

		again := s.open(t, "processInstanceId=p1", begin).opened()
		again.expect("transition t1 produce.success", "transition t1 canceled", "transition t11 produce.success", "transition t11 start.begin")
		facts := 0
		for _, m := range s.server.Messages(t, queue.StreamEvents, 3) {
			if m.Subject == queue.FactSubject {
				facts++
			}
		}
		require.Equal(t, 2, facts, "of the task that was taken back")
	})
}

// A command that a later one takes back before it was sent is told in its place.
func TestACommandThatWasNeverSentIsTold(t *testing.T) {
	t.Parallel()
	s := setup(t, storetest.SQLite(t), eventapi.Config{})
	s.record(t)
	l := s.open(t, "processInstanceId=p1", "").opened()
	n := names(1, machine)
	require.NoError(t, s.store.SetDebug(t.Context(), "p1", true))
	s.publish(t, n)
	s.fail(t, n, 1)
	l.expect("transition t1 produce.success", "transition t1 start.begin", "transition t1 start.failed no")
	c := &dispatch.Commander{Store: s.store} // no relay runs yet
	_, err := c.ReRun(t.Context(), "t1", dispatch.Rerun{Method: task.Start})
	require.NoError(t, err)
	_, err = c.Cancel(t.Context(), "t1")
	require.NoError(t, err)
	s.relay(t)
	require.Equal(t, 2, *l.next().Attempt)
	end := l.next()
	require.Equal(t, "transition t1 canceled", end.String())
	require.Equal(t, 3, *end.Attempt)
	next := names(11, machine)
	s.publish(t, next)
	l.expect("transition t11 produce.success")
}
