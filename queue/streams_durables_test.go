package queue_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
)

const odd = "SIP::EC2::Volume"

func durableNames(t *testing.T, js jetstream.JetStream) []string {
	t.Helper()
	s, err := js.Stream(t.Context(), queue.StreamTasks)
	require.NoError(t, err)
	var names []string
	list := s.ConsumerNames(t.Context())
	for n := range list.Name() {
		names = append(names, n)
	}
	require.NoError(t, list.Err())
	return names
}

func TestEnsureConsumersMakesTheProtocols(t *testing.T) {
	t.Parallel()
	js := queuetest.Start(t).JetStream(t)
	for range 2 { // the second time they are found
		lanes, err := queue.EnsureConsumers(t.Context(), js, odd, "")
		require.NoError(t, err)
		require.Len(t, lanes, 3)
		for lane, pending := range map[queue.Lane]int{queue.Work: 10_000, queue.Follow: 100_000, queue.Control: 10_000} {
			c := lanes[lane].CachedInfo().Config
			require.Equal(t, string(lane)+"_SIP=3A=3AEC2=3A=3AVolume", c.Durable)
			require.Equal(t, jetstream.AckExplicitPolicy, c.AckPolicy)
			require.Equal(t, 30*time.Second, c.AckWait)
			require.Equal(t, pending, c.MaxAckPending)
			require.Equal(t, -1, c.MaxDeliver)
			require.Equal(t, jetstream.DeliverAllPolicy, c.DeliverPolicy)
			require.Empty(t, c.BackOff)
			require.Zero(t, c.InactiveThreshold)
			require.Equal(t, 1, c.Replicas)
		}
	}
	require.ElementsMatch(t, []string{"w_SIP=3A=3AEC2=3A=3AVolume", "m_SIP=3A=3AEC2=3A=3AVolume", "c_SIP=3A=3AEC2=3A=3AVolume"}, durableNames(t, js))
}

func TestLanesGetTheirCommandsOnly(t *testing.T) {
	t.Parallel()
	js := queuetest.Start(t).JetStream(t)
	for _, key := range []string{"", "k:1"} {
		stone := "S" + key
		lanes, err := queue.EnsureConsumers(t.Context(), js, stone, key)
		require.NoError(t, err)
		for _, to := range []string{key, "other"} {
			for _, m := range task.Methods() {
				_, err := js.Publish(t.Context(), queue.TaskSubject(stone, to, m), nil)
				require.NoError(t, err)
			}
		}
		keys := 2
		if key != "" {
			keys = 1
		}
		for lane, c := range lanes {
			want := uint64(keys * len(lane.Methods())) //nolint:gosec // a small count
			queuetest.WaitFor(t, func() bool {         // a consumer counts a little behind the stream
				info, err := c.Info(t.Context())
				require.NoError(t, err)
				require.LessOrEqual(t, info.NumPending, want, "%s of key %q", lane, key)
				return info.NumPending == want
			})
		}
	}
}

func TestEnsureConsumersByManyAtOnce(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	var g errgroup.Group
	for range 8 {
		js := s.JetStream(t)
		g.Go(func() error {
			_, err := queue.EnsureConsumers(t.Context(), js, "A", "")
			return err
		})
	}
	require.NoError(t, g.Wait())
}

func TestEnsureConsumersRefusesOtherSettings(t *testing.T) {
	t.Parallel()
	js := queuetest.Start(t).JetStream(t)
	_, err := queue.Durables{AckWait: time.Second}.Ensure(t.Context(), js, "A", "")
	require.NoError(t, err)
	_, err = queue.EnsureConsumers(t.Context(), js, "A", "")
	require.ErrorIs(t, err, queue.ErrAssetSettings)
	require.ErrorContains(t, err, "consumer w_A: ")
	require.ErrorContains(t, err, "ack_wait is 1s, must be 30s")

	_, err = js.CreateConsumer(t.Context(), queue.StreamTasks, jetstream.ConsumerConfig{Durable: "w_B", FilterSubject: "rs.task.>", MaxDeliver: 3})
	require.NoError(t, err)
	_, err = queue.EnsureConsumers(t.Context(), js, "B", "")
	require.ErrorContains(t, err, "filter_subjects is rs.task.>, must be rs.task.B.*.mock,rs.task.B.*.start")
	require.ErrorContains(t, err, "max_deliver is 3, must be -1")
}

func TestEnsureConsumersRefusesTheOtherForm(t *testing.T) {
	t.Parallel()
	for _, forms := range [][2]string{{"", "k"}, {"k", ""}} {
		js := queuetest.Start(t).JetStream(t)
		_, err := queue.EnsureConsumers(t.Context(), js, "A", forms[0])
		require.NoError(t, err)
		before := durableNames(t, js)

		_, err = queue.EnsureConsumers(t.Context(), js, "A", forms[1])
		require.ErrorIs(t, err, queue.ErrOtherForm)
		require.ErrorContains(t, err, "A")
		require.ElementsMatch(t, before, durableNames(t, js), "nothing was made")

		_, err = queue.EnsureConsumers(t.Context(), js, "A", forms[0])
		require.NoError(t, err, "who was first goes on")
		_, err = queue.EnsureConsumers(t.Context(), js, "AA", forms[1])
		require.NoError(t, err, "another stone is not concerned")
	}
	js := queuetest.Start(t).JetStream(t)
	for _, key := range []string{"k", "l"} {
		_, err := queue.EnsureConsumers(t.Context(), js, "A", key)
		require.NoError(t, err, "two keys get along")
	}
}

// Both forms are there, as after two workers that began at the same moment, of
// whom the first to look again has not given way yet.
func TestBothFormsOneGivesWay(t *testing.T) {
	t.Parallel()
	for _, begun := range []bool{false, true} {
		js := queuetest.Start(t).JetStream(t)
		own, err := queue.EnsureConsumers(t.Context(), js, "A", "k")
		require.NoError(t, err)
		_, err = js.CreateConsumer(t.Context(), queue.StreamTasks, jetstream.ConsumerConfig{
			Durable: queue.Work.Durable("A", ""), FilterSubjects: queue.Work.Subjects("A", ""), AckPolicy: jetstream.AckExplicitPolicy,
		})
		require.NoError(t, err)
		if begun {
			_, err = js.Publish(t.Context(), queue.TaskSubject("A", "k", task.Start), nil)
			require.NoError(t, err)
			_, err := own[queue.Work].Next()
			require.NoError(t, err)
		}

		_, err = queue.EnsureConsumers(t.Context(), js, "A", "k")
		if begun {
			require.NoError(t, err)
			require.Len(t, durableNames(t, js), 4)
		} else {
			require.ErrorIs(t, err, queue.ErrOtherForm)
			require.Equal(t, []string{"w_A"}, durableNames(t, js), "it took its own back")
		}
	}
}

// However two workers of both forms race, both never serve the stone.
func TestBothFormsAtOnceNeverBothWin(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	whole, keyed := s.JetStream(t), s.JetStream(t)
	for i := range 20 {
		stone := "S" + string(rune('a'+i))
		errs := make([]error, 2)
		var g errgroup.Group
		g.Go(func() error { _, errs[0] = queue.EnsureConsumers(t.Context(), whole, stone, ""); return nil })
		g.Go(func() error { _, errs[1] = queue.EnsureConsumers(t.Context(), keyed, stone, "k"); return nil })
		require.NoError(t, g.Wait())
		require.True(t, errs[0] != nil || errs[1] != nil, "both won")
		for _, err := range errs {
			if err != nil {
				require.ErrorIs(t, err, queue.ErrOtherForm)
			}
		}
	}
}

func TestEnsureConsumersChecksItsNames(t *testing.T) {
	t.Parallel()
	js := bare(t)
	_, err := queue.EnsureConsumers(t.Context(), js, "1", "")
	require.ErrorIs(t, err, queue.ErrStone)
	_, err = queue.EnsureConsumers(t.Context(), js, "A", "_")
	require.ErrorIs(t, err, queue.ErrBusinessKey)
	_, err = queue.EnsureConsumers(t.Context(), js, "A", "")
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
}
