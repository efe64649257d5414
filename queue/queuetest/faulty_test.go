package queuetest_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
)

// Each fault, when it always happens, does what it says.
func TestFaultyPublish(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		faults queuetest.Faults
		fails  bool
		stored uint64
	}{
		"refuse": {queuetest.Faults{Refuse: 1}, true, 0},
		"doubt":  {queuetest.Faults{Doubt: 1}, true, 1},
		"repeat": {queuetest.Faults{Repeat: 1}, false, 1}, // stored once, since it has an id
		"delay":  {queuetest.Faults{Delay: 1, Pause: time.Millisecond}, false, 1},
		"cut":    {queuetest.Faults{Cut: 1}, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, chance := queuetest.Start(t), queuetest.NewChance(t)
			line := queuetest.NewFaulty(t, s, chance, c.faults)
			nc, err := queue.Connect(line.URL(), queue.ConnectConfig{})
			require.NoError(t, err)
			t.Cleanup(nc.Close)
			queuetest.WaitFor(t, nc.IsConnected)
			pub, err := queue.NewPublisher(nc, queue.PublisherConfig{Deadline: 500 * time.Millisecond})
			require.NoError(t, err)
			cmd := &queue.Command{Names: task.Names{ID: uuid.NewString(), TaskID: "t", ProcessInstanceID: "p", Name: "n", Namespace: "n", Stone: "S"}, Method: task.Start, Epoch: 1}
			ack := pub.Publish(t.Context(), []*queue.Command{cmd})[0]
			if c.fails {
				require.ErrorIs(t, ack.Err, queue.ErrSilent)
			} else {
				require.NoError(t, ack.Err)
			}
			require.NotZero(t, line.Done()[name])
			str, err := s.JetStream(t).Stream(t.Context(), queue.StreamTasks)
			require.NoError(t, err)
			require.Equal(t, c.stored, str.CachedInfo().State.Msgs)

			chance.Calm()
			queuetest.WaitFor(t, func() bool { return pub.Publish(t.Context(), []*queue.Command{cmd})[0].Err == nil })
			require.Len(t, s.Messages(t, queue.StreamTasks, 1), 1, "the same message, once")
		})
	}
}

// Lost deliveries and lost answers bring a command again.
func TestFaultyDelivery(t *testing.T) {
	t.Parallel()
	s, chance := queuetest.Start(t), queuetest.NewChance(t)
	line := queuetest.NewFaulty(t, s, chance, queuetest.Faults{Miss: 1, Forget: 1})
	_, err := s.JetStream(t).Publish(t.Context(), queue.TaskSubject("S", "", task.Start), []byte("{}"))
	require.NoError(t, err)
	nc, err := queue.Connect(line.URL(), queue.ConnectConfig{})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	name := queue.Work.Durable("S", "")
	c, err := js.CreateConsumer(t.Context(), queue.StreamTasks, jetstream.ConsumerConfig{Durable: name, AckPolicy: jetstream.AckExplicitPolicy, AckWait: 500 * time.Millisecond})
	require.NoError(t, err)
	_, err = c.Next(jetstream.FetchMaxWait(200 * time.Millisecond))
	require.Error(t, err)
	require.Equal(t, map[string]int{"miss": 1}, line.Done())
	// It is there after AckWait, where only the way to workers loses it.
	straight, err := s.JetStream(t).Consumer(t.Context(), queue.StreamTasks, name)
	require.NoError(t, err)
	m, err := straight.Next()
	require.NoError(t, err)
	meta, err := m.Metadata()
	require.NoError(t, err)
	require.EqualValues(t, 2, meta.NumDelivered)
	require.NoError(t, nc.Publish(m.Reply(), []byte("+ACK")))
	queuetest.WaitFor(t, func() bool { return line.Done()["forget"] == 1 })
	again, err := straight.Next()
	require.NoError(t, err)
	require.NoError(t, again.DoubleAck(t.Context()))
}
