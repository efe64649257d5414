package stone_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

// announced returns what stands in the bucket now, by key.
func (b *bed) announced() map[string]*queue.Announcement {
	b.t.Helper()
	kv, err := b.server.JetStream(b.t).KeyValue(b.t.Context(), queue.BucketStones)
	require.NoError(b.t, err)
	lister, err := kv.ListKeys(b.t.Context())
	require.NoError(b.t, err)
	all := map[string]*queue.Announcement{}
	for key := range lister.Keys() {
		e, err := kv.Get(b.t.Context(), key)
		require.NoError(b.t, err)
		a, err := queue.ParseAnnouncement(e.Value())
		require.NoError(b.t, err)
		all[key] = a
	}
	return all
}

func TestWorkerAnnouncesItsStone(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	params := []stone.Param{{Name: "size", Type: stone.Integer, Default: json.RawMessage("3")}}
	w := b.work(stone.Spec{DisplayName: "Test", Version: "1.2", Params: params, Outputs: []stone.Output{{Name: "o"}}, Concurrency: 7},
		stone.Methods{task.Start: full{}.Start, task.Cancel: full{}.Cancel}, stone.Config{Name: "host.1-a"})
	key := queue.StoneKey(code, "host.1-a")
	var a *queue.Announcement
	queuetest.WaitFor(t, func() bool {
		a = b.announced()[key]
		return a != nil && !a.LastFetch.IsZero()
	})
	require.WithinDuration(t, time.Now(), a.LastFetch, 20*time.Second)
	require.NotEmpty(t, a.Host)
	a.LastFetch, a.Host = time.Time{}, ""
	require.Equal(t, &queue.Announcement{Code: code, DisplayName: "Test", Version: "1.2", Params: params, Outputs: []stone.Output{{Name: "o"}},
		Methods: []task.Method{task.Start, task.Cancel}, Worker: "host.1-a", Concurrency: 7}, a)

	require.NoError(t, w.Stop(t.Context()))
	require.Empty(t, b.announced(), "a clean stop takes it back")
}

func TestEachBusinessKeyIsAnnounced(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	w, err := stone.NewWorker(b.server.Connect(t), stone.Config{Name: "w"})
	require.NoError(t, err)
	for _, key := range []string{"a", "b"} {
		require.NoError(t, w.Add(stone.Spec{Code: code, BusinessKey: key}, full{}))
	}
	require.NoError(t, w.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, w.Stop(context.Background())) })
	queuetest.WaitFor(t, func() bool { return len(b.announced()) == 2 })
	require.Equal(t, "b", b.announced()[queue.StoneKey(code, "w@b")].BusinessKey)
}

// A worker works while its announcements fail, says so a few times, and is seen
// once they do not.
func TestWorkGoesOnWithoutAnnouncements(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	js := b.server.JetStream(t)
	require.NoError(t, js.DeleteKeyValue(t.Context(), queue.BucketStones))
	core, logs := observer.New(zap.WarnLevel)
	var runs atomic.Int32
	b.work(stone.Spec{}, stone.Func(func(context.Context, *stone.Task) error { runs.Add(1); return nil }), stone.Config{Logger: zap.New(core)})
	queuetest.WaitFor(t, func() bool {
		return logs.FilterMessageSnippet("can not announce itself").Len() >= 2
	})
	b.until(b.send(task.Start).ID, "start.begin", "start.success")
	_, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: queue.BucketStones, TTL: queue.StoneTTL})
	require.NoError(t, err)
	queuetest.WaitFor(t, func() bool { return len(b.announced()) == 1 })
	require.LessOrEqual(t, logs.FilterMessageSnippet("can not announce itself").Len(), 10)
	require.EqualValues(t, 1, runs.Load())
}

func TestAnnouncedAgainAfterARestart(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.work(stone.Spec{}, full{}, stone.Config{})
	queuetest.WaitFor(t, func() bool { return len(b.announced()) == 1 })
	js := b.server.JetStream(t)
	b.server.Restart(t)
	queuetest.WaitFor(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s, err := js.Stream(ctx, "KV_"+queue.BucketStones)
		return err == nil && s.Purge(ctx) == nil
	})
	queuetest.WaitFor(t, func() bool { return len(b.announced()) == 1 })
}
