package dispatch_test

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

func TestTake(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	taker := &dispatch.Taker{JS: s.js, Position: s.store.Position}
	publish := func(name string) (id string, sequence uint64) {
		out, err := s.Publish(t.Context(), request(name))
		require.NoError(t, err)
		requirePublished(t, out)
		attempts, err := s.store.Attempts(t.Context(), out.Task.ID)
		require.NoError(t, err)
		return out.Task.ID, attempts[0].Sequence
	}
	requireGone := func(want bool, sequence uint64) {
		t.Helper()
		gone, err := taker.Gone(t.Context(), sequence)
		require.NoError(t, err)
		require.Equal(t, want, gone)
	}
	id, sequence := publish("waits")
	require.Equal(t, dispatch.Left, taker.Take(t.Context(), "another", sequence))
	requireGone(false, sequence)
	require.Equal(t, dispatch.Out, taker.Take(t.Context(), id, sequence))
	requireGone(true, sequence)
	require.Equal(t, dispatch.Left, taker.Take(t.Context(), id, sequence), "there is nothing to take")

	id, sequence = publish("comes to a worker")
	c, err := s.js.CreateConsumer(t.Context(), queue.StreamTasks, jetstream.ConsumerConfig{
		Durable: queue.LaneOf(task.Start).Durable(request("").Stone, ""), AckPolicy: jetstream.AckExplicitPolicy})
	require.NoError(t, err)
	_, err = c.Next()
	require.NoError(t, err)
	require.Equal(t, dispatch.Left, taker.Take(t.Context(), id, sequence))
	requireGone(false, sequence)
}

// What workers said last may not be recorded yet: then it is not known whether
// one has had the command.
func TestGoneWaitsForTheRecorder(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	s.fail(t, 1) // an event is stored
	behind := &dispatch.Taker{JS: s.js, Position: func(context.Context) (store.Position, error) { return store.Position{Tasks: 9}, nil }}
	_, err := behind.Gone(within(t), 9)
	require.ErrorContains(t, err, "the recorder lags behind")
	behind.Position = func(context.Context) (store.Position, error) { return store.Position{}, errDown }
	_, err = behind.Gone(within(t), 9)
	require.ErrorIs(t, err, errDown)
	s.server.Stop(t)
	_, err = behind.Gone(within(t), 9)
	require.ErrorContains(t, err, "look up RS_TASKS")
}
