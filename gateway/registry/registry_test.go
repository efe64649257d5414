package registry_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/registry"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/param"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/sealkey"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest"
)

func TestStonesAreRemembered(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db store.Store) {
		t.Helper()
		b := setupWith(t, db)
		_, err := b.reg.Stone(t.Context(), code)
		require.Equal(t, fault.NotFound, fault.Of(err).Kind)
		b.announce("w1", version("1.7"))
		s := b.shown(b.reg, declared)
		require.Equal(t, "1.7", s.Announcement.Version)
		require.Len(t, s.Workers, 1)
		w := s.Workers[0]
		require.WithinDuration(t, time.Now(), w.LastFetch, time.Minute)
		w.LastFetch = time.Time{}
		require.Equal(t, registry.Worker{Name: "w1", Host: "h", Version: "1.7", Concurrency: 3, Live: true}, w)

		b.use("Known.By-Tasks")
		queuetest.WaitFor(t, func() bool {
			all, err := db.Stones(t.Context())
			return err == nil && len(all) == 1
		})
		b.reg.Stop()
		require.NoError(t, b.js.DeleteKeyValue(t.Context(), queue.BucketStones))
		again := b.start(registry.Config{})
		all, err := again.Stones(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 2)
		require.Equal(t, "Known.By-Tasks", all[0].Code)
		require.False(t, all[0].Declared)
		require.Equal(t, code, all[1].Code)
		require.Equal(t, "1.7", all[1].Announcement.Version)
		require.Empty(t, all[1].Workers)
		_, err = again.Stone(t.Context(), "Known.By-Tasks")
		require.NoError(t, err)
	})
}

func TestWorkersComeAndGo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fetched := func(ago time.Duration) func(*queue.Announcement) {
		return func(a *queue.Announcement) { a.LastFetch = a.LastFetch.Add(-ago) }
	}
	b.announce("stuck", fetched(2*time.Minute))
	b.announce("killed")
	b.announce("stopped", func(a *queue.Announcement) { a.LastFetch = time.Time{} })
	live := func(s registry.Stone) map[string]bool {
		out := map[string]bool{}
		for _, w := range s.Workers {
			out[w.Name] = w.Live
		}
		return out
	}
	s := b.shown(b.reg, func(s registry.Stone) bool { return len(s.Workers) == 3 })
	require.Equal(t, map[string]bool{"stuck": false, "killed": true, "stopped": true}, live(s), "health is the last fetch, not the entry")

	kv, err := b.js.KeyValue(t.Context(), queue.BucketStones)
	require.NoError(t, err)
	require.NoError(t, kv.Delete(t.Context(), queue.StoneKey(code, "stopped")))
	require.NoError(t, kv.Delete(t.Context(), queue.StoneKey(code, "stuck")))
	s = b.shown(b.reg, func(s registry.Stone) bool { return len(s.Workers) == 1 })
	require.Equal(t, map[string]bool{"killed": true}, live(s))

	b.clock.forward(queue.StoneTTL)
	s = b.shown(b.reg, func(s registry.Stone) bool { return true })
	require.Equal(t, map[string]bool{"killed": false}, live(s), "shown for a while")
	b.announce("killed")
	b.shown(b.reg, func(s registry.Stone) bool { return live(s)["killed"] })
}

// A worker that is killed is not live any more once its entry has run out, and
// later is not shown either; the declaration stays.
func TestKilledWorkerExpires(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.start(registry.Config{TTL: 50 * time.Millisecond, Resync: 50 * time.Millisecond})
	nc := b.server.Connect(t)
	w, err := stone.NewWorker(nc, stone.Config{Name: "mine"})
	require.NoError(t, err)
	require.NoError(t, w.Add(stone.Spec{Code: code}, stone.Func(func(context.Context, *stone.Task) error { return nil })))
	require.NoError(t, w.Start(t.Context()))
	b.shown(b.reg, func(s registry.Stone) bool { return len(s.Workers) == 1 && s.Workers[0].Live })
	nc.Close() // as a kill -9 would
	require.NoError(t, w.Stop(t.Context()))
	b.shown(r, func(s registry.Stone) bool { return len(s.Workers) == 1 && !s.Workers[0].Live })
	kv, err := b.js.Stream(t.Context(), "KV_"+queue.BucketStones)
	require.NoError(t, err)
	require.NoError(t, kv.Purge(t.Context())) // as its age does
	b.clock.forward(time.Hour)
	s := b.shown(r, func(s registry.Stone) bool { return len(s.Workers) == 0 })
	require.True(t, s.Declared)
}

// While two versions of a stone are served the one that came last holds, and
// they do not take turns.
func TestNewestDeclarationHolds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	held := func() string { return b.shown(b.reg, declared).Announcement.Version }
	b.announce("old", version("1"))
	b.shown(b.reg, declared)
	b.announce("new", version("2"))
	b.shown(b.reg, func(s registry.Stone) bool { return s.Announcement.Version == "2" })
	b.announce("old", version("1"), func(a *queue.Announcement) { a.Host = "seen again" })
	b.shown(b.reg, func(s registry.Stone) bool { return len(s.Workers) == 2 && s.Workers[1].Host == "seen again" })
	require.Equal(t, "2", held())

	b.remembered("2")
	other := b.start(registry.Config{})
	require.Equal(t, "2", b.shown(other, func(s registry.Stone) bool { return len(s.Workers) == 2 }).Announcement.Version, "also after a restart")

	kv, err := b.js.KeyValue(t.Context(), queue.BucketStones)
	require.NoError(t, err)
	require.NoError(t, kv.Delete(t.Context(), queue.StoneKey(code, "new")))
	b.shown(b.reg, func(s registry.Stone) bool { return len(s.Workers) == 1 })
	require.Equal(t, "2", held(), "until somebody says otherwise")
	b.announce("old", version("1"))
	b.shown(b.reg, func(s registry.Stone) bool { return s.Announcement.Version == "1" })
	require.LessOrEqual(t, b.store.puts.Load(), int32(4), "only changes are written")
}

// Secrets are sealed to the newest key, and to none but a good one.
func TestSealKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key, err := b.reg.SealKey(code)
	require.NoError(t, err)
	require.Nil(t, key)
	_, public, err := sealkey.Generate("k1")
	require.NoError(t, err)
	_, second, err := sealkey.Generate("k2")
	require.NoError(t, err)
	for _, p := range []*sealkey.Public{public, second} {
		b.announce("w1", func(a *queue.Announcement) { a.SealKey = p.String() })
		b.shown(b.reg, func(s registry.Stone) bool { return s.Declared && s.Announcement.SealKey == p.String() })
		key, err = b.reg.SealKey(code)
		require.NoError(t, err)
		require.Equal(t, p.String(), key.String())
	}
	b.announce("w1", func(a *queue.Announcement) { a.SealKey = "x25519:k3:short" })
	b.shown(b.reg, func(s registry.Stone) bool { return s.Announcement.SealKey == "x25519:k3:short" })
	key, err = b.reg.SealKey(code)
	require.ErrorIs(t, err, sealkey.ErrKey)
	require.Nil(t, key)
}

func TestForeignAnnouncementsAreIgnored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for key, doc := range map[string]string{
		queue.StoneKey("Other", "w"): `{"code":"SIP::EC2::Volume","worker":"w","version":"forged"}`,
		queue.StoneKey(code, "junk"): `}{`, "not=a.key": `{}`, "deeper.than.that": `{}`,
	} {
		_, err := b.js.Publish(t.Context(), queue.StoneSubject(key), []byte(doc))
		require.NoError(t, err)
	}
	b.announce("w")
	s := b.shown(b.reg, declared)
	require.Equal(t, "1", s.Announcement.Version)
	all, err := b.reg.Stones(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
}

func TestRegistrySurvivesOutages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.announce("w", version("1"))
	b.shown(b.reg, declared)
	b.store.off.Store(true)
	b.server.Stop(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := b.reg.Stone(ctx, code)
	require.Error(t, err)
	if ctx.Err() == nil {
		require.Equal(t, fault.Unavailable, fault.Of(err).Kind)
	}
	_, err = b.reg.Stones(t.Context())
	require.Equal(t, fault.Unavailable, fault.Of(err).Kind)
	_, known := b.reg.Methods(code)
	require.True(t, known, "what was declared is known all the same")

	b.server.Restart(t)
	queuetest.WaitFor(t, func() bool { return b.nc.IsConnected() })
	b.announce("w", version("2"))
	b.shown(b.reg, func(s registry.Stone) bool { return s.Announcement.Version == "2" })
	b.store.off.Store(false)
	b.remembered("2")
}

func TestCheckOfParams(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raw := json.RawMessage(`{"size":"x"}`)
	got, err := b.reg.Check(code, task.Start, raw)
	require.NoError(t, err)
	require.Equal(t, string(raw), string(got), "nobody has declared it")
	_, known := b.reg.Methods(code)
	require.False(t, known)

	b.announce("w", func(a *queue.Announcement) {
		a.Methods = []task.Method{task.Start, task.Cancel}
		a.Params = []param.Param{
			{Name: "size", Type: param.Integer, Default: json.RawMessage("12345678901234567890")},
			{Name: "region", Type: param.String, Required: true, AllowedPattern: "[a-z]+"},
			{Name: "pin", Type: param.Integer, NoEcho: true},
		}
	})
	b.shown(b.reg, declared)
	for name, c := range map[string]struct{ in, want, err string }{
		"defaults":       {`{"region":"r"}`, `{"region":"r","size":12345678901234567890}`, ""},
		"unknown params": {`{"region":"r","size":1,"x":{"y":1e400}}`, `{"region":"r","size":1,"x":{"y":1e400}}`, ""},
		"mask":           {`{"region":"r","size":1,"pin":"******"}`, `{"region":"r","size":1,"pin":"******"}`, ""},
		"anchored":       {`{"region":"r1"}`, "", "parameter region: must match [a-z]+"},
		"no coercion":    {`{"region":"r","size":"5"}`, "", "parameter size: must be an integer"},
		"missing":        {`{}`, "", "parameter region: is required"},
	} {
		for _, m := range []task.Method{task.Start, task.Mock} {
			got, err := b.reg.Check(code, m, json.RawMessage(c.in))
			if c.err != "" {
				require.EqualError(t, err, c.err, name)
				continue
			}
			require.NoError(t, err, name)
			require.Equal(t, c.want, string(got), name)
		}
		got, err := b.reg.Check(code, task.Rollback, json.RawMessage(c.in))
		require.NoError(t, err)
		require.Equal(t, c.in, string(got), "other methods are not checked")
	}
	require.Equal(t, []string{"pin"}, b.reg.NoEcho(code))
	require.Nil(t, b.reg.NoEcho("Other"))
	methods, known := b.reg.Methods(code)
	require.True(t, known)
	require.Equal(t, []task.Method{task.Start, task.Cancel}, methods)

	b.announce("w", version("broken"), func(a *queue.Announcement) {
		a.Params = []param.Param{{Name: "pin", Type: param.String, NoEcho: true, AllowedPattern: "(?!x)"}}
	})
	b.shown(b.reg, func(s registry.Stone) bool { return s.Announcement.Version == "broken" })
	_, err = b.reg.Check(code, task.Start, json.RawMessage(`{"pin":1}`))
	require.NoError(t, err, "a wrong declaration refuses nobody")
	require.Equal(t, []string{"pin"}, b.reg.NoEcho(code), "and yet says what is secret")
}

func BenchmarkCheckUndeclared(b *testing.B) {
	s := queuetest.Start(b)
	r, err := registry.New(s.Connect(b), storetest.SQLite(b), registry.Config{})
	require.NoError(b, err)
	doc := json.RawMessage(`{"size":1}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Check("None", task.Start, doc); err != nil {
			b.Fatal(err)
		}
	}
}
