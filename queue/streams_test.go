package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
)

// bare returns JetStream on a server without streams.
func bare(t *testing.T) jetstream.JetStream {
	t.Helper()
	return queuetest.StartWith(t, queuetest.Config{Bare: true}).JetStream(t)
}

func config(t *testing.T, js jetstream.JetStream, stream string) jetstream.StreamConfig {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	require.NoError(t, err)
	return s.CachedInfo().Config
}

func TestProvisionMakesTheProtocolsAssets(t *testing.T) {
	t.Parallel()
	js := bare(t)
	require.NoError(t, queue.Provision(t.Context(), js, queue.ProvisionConfig{Store: 100 << 20, DeadBytes: 5 << 20}))
	require.NoError(t, queue.Verify(t.Context(), js))

	for stream, subject := range map[string]string{queue.StreamTasks: "rs.task.*.*.*", queue.StreamEvents: "rs.evt.*.*"} {
		c := config(t, js, stream)
		require.Equal(t, []string{subject}, c.Subjects)
		require.Equal(t, jetstream.LimitsPolicy, c.Retention)
		require.Equal(t, jetstream.DiscardNew, c.Discard)
		require.Zero(t, c.MaxAge)
		require.Equal(t, 20*time.Minute, c.Duplicates)
		require.EqualValues(t, 256<<10, c.MaxMsgSize)
		require.Equal(t, 10_000, c.MaxConsumers)
		require.Equal(t, jetstream.FileStorage, c.Storage)
		require.True(t, c.AllowDirect)
		require.Equal(t, 1, c.Replicas)
		require.EqualValues(t, 40<<20, c.MaxBytes)
	}
	dead := config(t, js, queue.StreamDLQ)
	require.Equal(t, 30*24*time.Hour, dead.MaxAge)
	require.EqualValues(t, 5<<20, dead.MaxBytes)
	require.Equal(t, []string{
		"rs.dlq.>", "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.RS_TASKS.*", "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.RS_TASKS.*",
	}, dead.Subjects)
	stones, err := js.KeyValue(t.Context(), queue.BucketStones)
	require.NoError(t, err)
	status, err := stones.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, 30*time.Second, status.TTL())
	require.EqualValues(t, 1, status.History())
	blobs, err := js.ObjectStore(t.Context(), queue.BucketBlobs)
	require.NoError(t, err)
	_, err = blobs.PutString(t.Context(), "sha256-00", "large")
	require.NoError(t, err)
}

func TestProvisionAgainChangesNothing(t *testing.T) {
	t.Parallel()
	js := bare(t)
	cfg := queue.ProvisionConfig{TaskBytes: 1 << 20}
	require.NoError(t, queue.Provision(t.Context(), js, cfg))
	before := config(t, js, queue.StreamTasks)
	_, err := js.Publish(t.Context(), "rs.task.A._.start", nil)
	require.NoError(t, err)
	for _, again := range []queue.ProvisionConfig{cfg, {}, {Store: 1 << 30}} {
		require.NoError(t, queue.Provision(t.Context(), js, again))
		require.Equal(t, before, config(t, js, queue.StreamTasks))
	}
	queuetest.Messages(t, js, queue.StreamTasks, 1)
}

func TestProvisionByManyAtOnce(t *testing.T) {
	t.Parallel()
	s := queuetest.StartWith(t, queuetest.Config{Bare: true})
	var g errgroup.Group
	for i := range 8 {
		js := s.JetStream(t)
		g.Go(func() error {
			return queue.Provision(t.Context(), js, queue.ProvisionConfig{Store: int64(1+i) << 20, Replicas: 1})
		})
	}
	require.NoError(t, g.Wait())
	require.NoError(t, queue.Verify(t.Context(), s.JetStream(t)))
}

func TestProvisionWidensWhatIsNarrow(t *testing.T) {
	t.Parallel()
	js := bare(t)
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: queue.StreamTasks, Subjects: []string{"rs.task.*.*.*"}, Discard: jetstream.DiscardNew, MaxMsgSize: 1000, MaxBytes: 1 << 20,
		Description: "the operator's",
	})
	require.NoError(t, err)
	require.NoError(t, queue.Provision(t.Context(), js, queue.ProvisionConfig{TaskBytes: 2 << 20}))
	c := config(t, js, queue.StreamTasks)
	require.EqualValues(t, 2<<20, c.MaxBytes)
	require.EqualValues(t, queue.MaxMessage, c.MaxMsgSize)
	require.Equal(t, queue.DuplicateWindow, c.Duplicates)
	require.True(t, c.AllowDirect)
	require.Equal(t, "the operator's", c.Description, "what is not ours stays")
}

func TestProvisionRefusesDangerousDifferences(t *testing.T) {
	t.Parallel()
	type cfg = jetstream.StreamConfig
	for name, c := range map[string]struct {
		stream string
		change func(*cfg)
		says   string
	}{
		"retention": {queue.StreamTasks, func(c *cfg) { c.Retention = jetstream.WorkQueuePolicy }, "retention is WorkQueue, must be Limits"},
		"discard":   {queue.StreamEvents, func(c *cfg) { c.Discard = jetstream.DiscardOld }, "discard is DiscardOld, must be DiscardNew"},
		"subjects":  {queue.StreamTasks, func(c *cfg) { c.Subjects = []string{"rs.task.>"} }, "subjects is rs.task.>, must be rs.task.*.*.*"},
		"age":       {queue.StreamTasks, func(c *cfg) { c.MaxAge = time.Hour }, "max_age is 1h0m0s, must be 0s"},
		"count":     {queue.StreamTasks, func(c *cfg) { c.MaxMsgs = 10 }, "max_msgs is 10, must be -1"},
		"storage":   {queue.StreamTasks, func(c *cfg) { c.Storage = jetstream.MemoryStorage }, "storage is Memory, must be File"},
		"consumers": {queue.StreamTasks, func(c *cfg) { c.MaxConsumers = 5 }, "max_consumers is 5, must be 10000"},
		"purge":     {queue.StreamTasks, func(c *cfg) { c.DenyPurge = true }, "deny_purge is true, must be false"},
		"presence":  {"KV_" + queue.BucketStones, func(c *cfg) { c.Subjects, c.MaxAge = []string{"$KV.RS_STONES.>"}, time.Hour }, "max_age is 1h0m0s, must be 30s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			js := bare(t)
			want := cfg{Name: c.stream, Discard: jetstream.DiscardNew, Subjects: []string{"rs.task.*.*.*"}}
			if c.stream == queue.StreamEvents {
				want.Subjects = []string{"rs.evt.*.*"}
			}
			c.change(&want)
			_, err := js.CreateStream(t.Context(), want)
			require.NoError(t, err)
			before := config(t, js, c.stream)

			for _, err := range []error{queue.Provision(t.Context(), js, queue.ProvisionConfig{}), queue.Verify(t.Context(), js)} {
				require.ErrorIs(t, err, queue.ErrAssetSettings)
				require.ErrorContains(t, err, c.stream+": ")
				require.ErrorContains(t, err, c.says)
			}
			require.Equal(t, before, config(t, js, c.stream))
		})
	}
}

func TestVerifyNamesAllThatIsMissing(t *testing.T) {
	t.Parallel()
	js := bare(t)
	err := queue.Verify(t.Context(), js)
	require.ErrorIs(t, err, queue.ErrAssetMissing)
	for _, name := range []string{queue.StreamTasks, queue.StreamEvents, queue.StreamDLQ, queue.BucketStones, queue.BucketBlobs, "riverstones migrate"} {
		require.ErrorContains(t, err, name)
	}
}

func TestProvisionOutOfReach(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	js := s.JetStream(t)
	s.Stop(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for _, err := range []error{queue.Provision(ctx, js, queue.ProvisionConfig{}), queue.Verify(ctx, js)} {
		require.Error(t, err)
		require.NotErrorIs(t, err, queue.ErrAssetMissing, "nobody answered, so nothing is known to be missing")
	}
}

func TestFullStreamRefuses(t *testing.T) {
	t.Parallel()
	s := queuetest.StartWith(t, queuetest.Config{Provision: queue.ProvisionConfig{TaskBytes: 4 << 10}})
	js := s.JetStream(t)
	var stored int
	for {
		_, err := js.Publish(t.Context(), "rs.task.A._.start", make([]byte, 512))
		if err != nil {
			var api *jetstream.APIError
			require.ErrorAs(t, err, &api)
			require.EqualValues(t, 10077, api.ErrorCode)
			break
		}
		stored++
	}
	require.Positive(t, stored)
	require.Len(t, queuetest.Messages(t, js, queue.StreamTasks, stored), stored, "nothing was pushed out")
}

func TestTerminatedCommandsReachTheDeadLetters(t *testing.T) {
	t.Parallel()
	js := queuetest.Start(t).JetStream(t)
	lanes, err := queue.EnsureConsumers(t.Context(), js, "A", "")
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), "rs.task.A._.start", []byte("not JSON"))
	require.NoError(t, err)
	batch, err := lanes[queue.Work].Fetch(1)
	require.NoError(t, err)
	for m := range batch.Messages() {
		require.NoError(t, m.TermWithReason("can not be read"))
	}
	dead := queuetest.Messages(t, js, queue.StreamDLQ, 1)
	require.Contains(t, string(dead[0].Data), "can not be read")
}
