package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/recorder"
	"github.com/riverstones/riverstones/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("database is down")

// flaky is a real store with a switch.
type flaky struct {
	store.Store
	down    atomic.Bool
	lookups atomic.Int64
	gate    chan struct{} // lookups wait until it is closed; nil for none
}

func (f *flaky) Lookup(ctx context.Context, taskIDs, ids []string) ([]store.Known, error) {
	f.lookups.Add(1)
	if f.gate != nil {
		<-f.gate
	}
	if f.down.Load() {
		return nil, errDown
	}
	return f.Store.Lookup(ctx, taskIDs, ids)
}

func (f *flaky) Refuse(ctx context.Context, cmds []*queue.Command, reason string, at time.Time) error {
	if f.down.Load() {
		return errDown
	}
	return f.Store.Refuse(ctx, cmds, reason, at)
}

// system is a dispatcher with everything behind it.
type system struct {
	*dispatch.Dispatcher
	server     *queuetest.Server
	nc         *nats.Conn
	js         jetstream.JetStream
	store      *flaky
	checkpoint *dispatch.Checkpoint
}

type options struct {
	dispatch   dispatch.Config
	queue      queue.ProvisionConfig
	unrecorded bool              // no recorder runs
	patience   time.Duration     // 30 s by default
	deadline   time.Duration     // of a publishing, 30 s by default
	before     func(s *system)   // runs before the dispatcher starts
	target     dispatch.Target   // nobody may be told by default
	sealing    *dispatch.Sealing // nothing is sealed by default
}

func setup(t *testing.T, o options) *system {
	t.Helper()
	log := zap.NewNop()
	s := &system{server: queuetest.StartWith(t, queuetest.Config{Provision: o.queue})}
	s.nc = s.server.Connect(t)
	var err error
	s.js, err = jetstream.New(s.nc)
	require.NoError(t, err)
	s.store = &flaky{Store: storetest.SQLite(t)}
	if o.before != nil {
		o.before(s)
	}
	if !o.unrecorded {
		s.record(t)
	}
	if o.patience == 0 {
		o.patience = 30 * time.Second
	}
	if o.deadline == 0 {
		o.deadline = 30 * time.Second
	}
	publisher, err := queue.NewPublisher(s.nc, queue.PublisherConfig{Deadline: o.deadline})
	require.NoError(t, err)
	s.checkpoint = dispatch.NewCheckpoint(s.nc, s.store, o.patience, log)
	deps := dispatch.Deps{Store: s.store, Publisher: publisher,
		Queue: dispatch.NewGauge(s.js), Checkpoint: s.checkpoint, Wake: func() {}, Target: o.target, Log: log}
	if o.sealing != nil {
		o.sealing.Publisher = publisher
		deps.Publisher, deps.Check, deps.Revealed = o.sealing, o.sealing.Check, o.sealing.Revealed
	}
	s.Dispatcher = dispatch.New(o.dispatch, deps)
	require.NoError(t, s.checkpoint.Start(t.Context()))
	t.Cleanup(s.checkpoint.Stop)
	s.Start(t.Context())
	t.Cleanup(s.Stop)
	return s
}

// record starts a recorder.
func (s *system) record(t *testing.T) {
	t.Helper()
	rec := recorder.New(s.store.Store, s.nc, recorder.Config{})
	require.NoError(t, rec.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, rec.Stop(context.Background())) })
}

// messages is how many commands were ever stored.
func (s *system) messages(t *testing.T) int {
	t.Helper()
	str, err := s.js.Stream(t.Context(), queue.StreamTasks)
	require.NoError(t, err)
	return int(str.CachedInfo().State.LastSeq)
}

// rows is how many tasks the store has.
func (s *system) rows(t *testing.T) int {
	t.Helper()
	page, err := s.store.List(t.Context(), store.Filter{})
	require.NoError(t, err)
	return page.Total
}

func request(taskID string) dispatch.Request {
	return dispatch.Request{ProcessInstanceID: "2910431", TaskID: taskID, Stone: "MachineStone", Params: []byte(`{"regionId": "701"}`)}
}

func requests(n int) []dispatch.Request {
	out := make([]dispatch.Request, n)
	for i := range out {
		out[i] = request(fmt.Sprint("t", i))
	}
	return out
}

func requireFault(t *testing.T, err error, kind fault.Kind, contains ...string) *fault.Error {
	t.Helper()
	require.Error(t, err)
	f := fault.Of(err)
	require.Equal(t, kind, f.Kind, "%v", err)
	for _, part := range contains {
		require.Contains(t, f.Detail, part)
	}
	return f
}

func requirePublished(t *testing.T, o dispatch.Outcome) {
	t.Helper()
	require.False(t, o.Known)
	require.True(t, o.Recorded)
	require.Equal(t, task.ProduceSuccess, o.Task.Status)
}
