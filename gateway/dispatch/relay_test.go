package dispatch_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// relay starts one more relay, with a commander that wakes it.
func (s *system) relay(t *testing.T) *dispatch.Commander {
	t.Helper()
	pub, err := queue.NewPublisher(s.nc, queue.PublisherConfig{Deadline: time.Second})
	require.NoError(t, err)
	c := &dispatch.Commander{Store: s.store}
	r, err := dispatch.NewRelay(s.store, pub, s.nc, c.Pursue, zap.NewNop())
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context()))
	t.Cleanup(r.Stop)
	c.Wake = r.Wake
	return c
}

// fail publishes tasks and has them fail, in debug mode.
func (s *system) fail(t *testing.T, n int) (ids []string) {
	t.Helper()
	pub, err := queue.NewPublisher(s.nc, queue.PublisherConfig{})
	require.NoError(t, err)
	var events []queue.Event
	for i := range n {
		r := request(fmt.Sprintf("f%d", i))
		r.Debug = true
		out, err := s.Publish(t.Context(), r)
		require.NoError(t, err)
		ids = append(ids, out.Task.ID)
		events = append(events, queue.Event{Names: out.Task.Names, Method: task.Start, Epoch: 1, Delivery: 1, Worker: "w", Transitions: []queue.Transition{
			{Status: task.StartBegin, Time: time.Now()}, {Status: task.StartFailed, Time: time.Now(), Reason: "no"}}})
	}
	require.NoError(t, pub.PublishEvents(t.Context(), events[0].Stone, events))
	for _, id := range ids {
		s.until(t, id, task.StartFailed)
	}
	return ids
}

func (s *system) until(t *testing.T, id string, status task.Status) task.Task {
	t.Helper()
	var got task.Task
	queuetest.WaitFor(t, func() bool {
		var err error
		got, err = s.store.Task(t.Context(), id)
		return err == nil && got.Status == status
	})
	return got
}

// empty waits until nothing is in the outbox.
func (s *system) empty(t *testing.T) {
	t.Helper()
	queuetest.WaitFor(t, func() bool {
		n, _, err := s.store.Waiting(t.Context(), time.Now())
		return err == nil && n == 0
	})
}

// Of several relays one works, and every command is sent once.
func TestRelaysShareTheOutbox(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	first := s.relay(t)
	s.relay(t)
	ids := s.fail(t, 60)
	for _, id := range ids {
		got, err := first.ReRun(t.Context(), id, dispatch.Rerun{Method: task.Start})
		require.NoError(t, err)
		require.Equal(t, task.ProduceSuccess, got.Status)
		require.Equal(t, 2, got.Epoch)
	}
	s.empty(t)
	require.Equal(t, 120, s.messages(t))
	for _, id := range ids {
		all, err := s.store.Attempts(t.Context(), id)
		require.NoError(t, err)
		require.Len(t, all, 2)
		require.Positive(t, all[1].Sequence, "the outbox tells where the command stands")
	}
}

// A command is accepted while the queue is out, and sent when it is back.
func TestCommandsWhileTheQueueIsOut(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	c := s.relay(t)
	id := s.fail(t, 1)[0]
	s.server.Stop(t)
	got, err := c.ReRun(t.Context(), id, dispatch.Rerun{Method: task.Start})
	require.NoError(t, err)
	require.Equal(t, task.ProduceSuccess, got.Status)
	queuetest.WaitFor(t, func() bool {
		rows, _, err := s.store.Outgoing(t.Context(), time.Now().Add(time.Hour), 1)
		return err == nil && len(rows) == 1 && rows[0].Tries > 0
	})
	s.server.Restart(t)
	s.empty(t)
	require.Equal(t, 2, s.messages(t))
}

// A relay that stops gives its duty back, so that another one goes on at once.
func TestARelayTakesOver(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	pub, err := queue.NewPublisher(s.nc, queue.PublisherConfig{})
	require.NoError(t, err)
	first, err := dispatch.NewRelay(s.store, pub, s.nc, nil, zap.NewNop())
	require.NoError(t, err)
	require.NoError(t, first.Start(t.Context()))
	queuetest.WaitFor(t, func() bool {
		held, err := s.store.Lease(t.Context(), "relay", "me", time.Second)
		require.NoError(t, err)
		if held { // the relay comes when this runs out
			require.NoError(t, s.store.Release(t.Context(), "relay", "me"))
		}
		return !held
	})
	first.Stop()
	held, err := s.store.Lease(t.Context(), "relay", "me", time.Minute)
	require.NoError(t, err)
	require.True(t, held)
	require.NoError(t, s.store.Release(t.Context(), "relay", "me"))
}

// A cancelled task's command goes out of the stream once it is recorded, and
// workers are told.
func TestWithdraw(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	c := s.relay(t)
	out, err := s.Publish(t.Context(), request("w"))
	require.NoError(t, err)
	said, err := s.nc.SubscribeSync(queue.CtlSubject(out.Task.Stone))
	require.NoError(t, err)
	require.NoError(t, s.nc.Flush())
	got, err := c.Cancel(t.Context(), "w")
	require.NoError(t, err)
	require.Equal(t, task.Canceled, got.Status)
	m, err := said.NextMsgWithContext(within(t))
	require.NoError(t, err)
	require.JSONEq(t, fmt.Sprintf(`{"id":%q,"epoch":2}`, out.Task.ID), string(m.Data))
	s.empty(t)
	str, err := s.js.Stream(t.Context(), queue.StreamTasks)
	require.NoError(t, err)
	require.Zero(t, str.CachedInfo().State.Msgs)
}

// What an unbegun task's cancel left undone is done when it was begun after all.
func TestPursued(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	c := s.relay(t)
	out, err := s.Publish(t.Context(), request("late"))
	require.NoError(t, err)
	_, err = c.Cancel(t.Context(), "late")
	require.NoError(t, err)
	s.empty(t)
	pub, err := queue.NewPublisher(s.nc, queue.PublisherConfig{})
	require.NoError(t, err)
	require.NoError(t, pub.PublishEvents(t.Context(), out.Task.Stone, []queue.Event{{Names: out.Task.Names, Method: task.Start, Epoch: 1, Delivery: 1,
		Worker: "w", Transitions: []queue.Transition{{Status: task.StartBegin, Time: time.Now()}}}}))
	got := s.until(t, out.Task.ID, task.ProduceSuccess)
	require.Equal(t, 3, got.Epoch)
	require.Equal(t, task.Cancel, got.Method)
	s.empty(t)
	require.Equal(t, 2, s.messages(t), "the cancel command, too")
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

var _ dispatch.RelayStore = store.Store(nil)
