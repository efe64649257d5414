package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/riverstones/riverstones/gateway/registry"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, goleak.IgnoreCurrent()) }

const code = "SIP::EC2::Volume"

// bed is a registry with a real queue and store.
type bed struct {
	t      *testing.T
	server *queuetest.Server
	nc     *nats.Conn
	js     jetstream.JetStream
	store  *switched
	clock  *clock
	reg    *registry.Registry
}

// switched is a real store that can be cut off.
type switched struct {
	store.Store
	off  atomic.Bool
	puts atomic.Int32
}

var errOff = errors.New("database is away")

func (s *switched) PutStone(ctx context.Context, code string, doc json.RawMessage, at time.Time) error {
	if s.off.Load() {
		return errOff
	}
	s.puts.Add(1)
	return s.Store.PutStone(ctx, code, doc, at)
}

func (s *switched) Stones(ctx context.Context) ([]store.KnownStone, error) {
	if s.off.Load() {
		return nil, errOff
	}
	return s.Store.Stones(ctx)
}

func (s *switched) UsedStones(ctx context.Context) ([]string, error) {
	if s.off.Load() {
		return nil, errOff
	}
	return s.Store.UsedStones(ctx)
}

// clock is the time, and can be put forward.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

func setup(t *testing.T) *bed {
	t.Helper()
	return setupWith(t, storetest.SQLite(t))
}

func setupWith(t *testing.T, db store.Store) *bed {
	t.Helper()
	b := &bed{t: t, server: queuetest.Start(t), store: &switched{Store: db}, clock: &clock{}}
	b.nc = b.server.Connect(t)
	b.js = b.server.JetStream(t)
	b.reg = b.start(registry.Config{})
	return b
}

// start starts a registry that shows figures as they are now.
func (b *bed) start(cfg registry.Config) *registry.Registry {
	b.t.Helper()
	cfg.Fresh, cfg.Now = time.Nanosecond, b.clock.now
	r, err := registry.New(b.server.Connect(b.t), b.store, cfg)
	require.NoError(b.t, err)
	require.NoError(b.t, r.Start(b.t.Context()))
	require.Error(b.t, r.Start(b.t.Context()), "once only")
	b.t.Cleanup(func() { r.Stop(); r.Stop() })
	return r
}

// announce puts an announcement as a worker does.
func (b *bed) announce(worker string, change ...func(*queue.Announcement)) {
	b.t.Helper()
	a := &queue.Announcement{Code: code, Version: "1", Methods: []task.Method{task.Start}, Worker: worker, Host: "h", Concurrency: 3, LastFetch: b.clock.now()}
	for _, f := range change {
		f(a)
	}
	doc, err := a.Encode()
	require.NoError(b.t, err)
	queuetest.WaitFor(b.t, func() bool { // a connection that is just back may refuse the first
		_, err = b.js.Publish(b.t.Context(), queue.StoneSubject(queue.StoneKey(code, worker)), doc)
		return err == nil
	})
}

func version(v string) func(*queue.Announcement) {
	return func(a *queue.Announcement) { a.Version = v }
}

// shown waits until the stone is shown as cond wants it.
func (b *bed) shown(r *registry.Registry, cond func(s registry.Stone) bool) registry.Stone {
	b.t.Helper()
	var s registry.Stone
	queuetest.WaitFor(b.t, func() bool {
		var err error
		s, err = r.Stone(b.t.Context(), code)
		return err == nil && cond(s)
	})
	return s
}

// remembered waits until the store has this version of the stone.
func (b *bed) remembered(version string) {
	b.t.Helper()
	queuetest.WaitFor(b.t, func() bool {
		all, err := b.store.Stones(b.t.Context())
		if err != nil || len(all) != 1 {
			return false
		}
		a, err := queue.ParseAnnouncement(all[0].Announcement)
		return err == nil && a.Version == version
	})
}

func declared(s registry.Stone) bool { return s.Declared }

// work runs a worker, and stops it with the test.
func (b *bed) work(spec stone.Spec, s stone.Stone) *stone.Worker {
	b.t.Helper()
	spec.Code = code
	w, err := stone.NewWorker(b.server.Connect(b.t), stone.Config{})
	require.NoError(b.t, err)
	require.NoError(b.t, w.Add(spec, s))
	require.NoError(b.t, w.Start(b.t.Context()))
	b.t.Cleanup(func() { require.NoError(b.t, w.Stop(context.Background())) })
	return w
}

// send publishes commands of a method.
func (b *bed) send(m task.Method, key string, n int) {
	b.t.Helper()
	pub, err := queue.NewPublisher(b.nc, queue.PublisherConfig{})
	require.NoError(b.t, err)
	for range n {
		id := uuid.NewString()
		c := &queue.Command{Names: task.Names{ID: id, TaskID: id, ProcessInstanceID: "p", Name: "n", Namespace: "n", Stone: code, BusinessKey: key},
			Method: m, Epoch: 1, Params: []byte("{}"), Outputs: []byte("{}"), CreateTime: time.Now()}
		require.NoError(b.t, pub.Publish(b.t.Context(), []*queue.Command{c})[0].Err)
	}
}

// use has the store know a task of the stone.
func (b *bed) use(stone string) {
	b.t.Helper()
	id := uuid.NewString()
	c := &queue.Command{Names: task.Names{ID: id, TaskID: id, ProcessInstanceID: "p", Name: "n", Namespace: "n", Stone: stone},
		Method: task.Start, Epoch: 1, Params: []byte("{}"), Outputs: []byte("{}"), CreateTime: time.Now()}
	require.NoError(b.t, b.store.Refuse(b.t.Context(), []*queue.Command{c}, "queue is away", time.Now()))
}

// counts are the numbers of a backlog that are not 0.
func counts(s registry.Stone) map[string]int {
	out := map[string]int{}
	for m, n := range s.Backlog {
		if n > 0 {
			out[string(m)] = n
		}
	}
	return out
}
