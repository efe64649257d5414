// Package dispatch holds the use cases of tasks, without HTTP: today [Publish],
// the way of a task from an orchestrator into the queue. It decides what is
// valid, recognises tasks it was sent before, and answers when the recorder
// has passed the task. It writes nothing to the store but produce.failed; what
// stands in the queue is recorded by the recorder. The REST handlers call it,
// and so does whatever else publishes tasks inside the gateway.
//
// [Publish]: Dispatcher.Publish
package dispatch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Defaults of [Config].
const (
	DefaultPatience     = time.Second
	DefaultBarrier      = 2 * time.Second
	DefaultBacklogLimit = 100_000
	DefaultUnrecorded   = 100_000
)

const (
	lookupTimeout = time.Second     // of one question to the store
	refuseTimeout = 2 * time.Second // of recording produce.failed
	storePause    = time.Second     // without questions after one failed
	maxLookup     = 500             // requests in one question
)

// Config says how a [Dispatcher] works. Its zero value is the default.
type Config struct {
	// Barrier is how long the first request waits at most until everything
	// that was in the queue at the start is recorded, so that a task sent again
	// after a crash is recognised.
	Barrier time.Duration
	// BacklogLimit is how many commands may wait in one lane of a stone, 0 for
	// the default, below 0 for no limit.
	BacklogLimit int
	// Unrecorded is how many tasks that the recorder has not passed yet are
	// remembered, to recognise them when they are sent again. Past it the
	// oldest are forgotten: about 2 KiB each with 1 KiB of params.
	Unrecorded int
	// Now is the clock, time.Now by default.
	Now func() time.Time
}

// Store is what a [Dispatcher] needs of the store.
type Store interface {
	Task(ctx context.Context, key string) (task.Task, error)
	Lookup(ctx context.Context, taskIDs, ids []string) ([]store.Known, error)
	Refuse(ctx context.Context, commands []*queue.Command, reason string, at time.Time) error
	Delay(ctx context.Context, commands []store.Delayed) (fresh map[string]bool, err error)
	SetDebug(ctx context.Context, processInstanceID string, debug bool) error
	Want(ctx context.Context, all []store.Callback) error
}

// Publisher stores commands in the queue and returns an ack for each, in their
// order. It gives up by itself.
type Publisher interface {
	Publish(ctx context.Context, commands []*queue.Command) []queue.Ack
}

// Queue tells what stands in RS_TASKS. [Gauge] does.
type Queue interface {
	Backlog
	Last(ctx context.Context) (uint64, error)
}

// Deps are the parts a [Dispatcher] works with; all are required but Check,
// Debugged, Revealed, and Target, without which no callback is taken. It does not start or
// stop them.
type Deps struct {
	Store      Store
	Publisher  Publisher
	Queue      Queue
	Checkpoint *Checkpoint
	Wake       func()    // tells the relay that something waits in the outbox
	Debugged   *Debugged // nil shows debug mode only where the request or the store says it
	Check      Check
	Target     Target
	// Revealed prepares a recorded command for comparison with one that is sent
	// again: [Sealing.Revealed].
	Revealed func(recorded, sent *queue.Command) *queue.Command
	Log      *zap.Logger
	// Tracer makes a span of each task that a traced request publishes; nil makes none.
	Tracer trace.TracerProvider
}

// Dispatcher publishes tasks. It is safe for concurrent use.
type Dispatcher struct {
	cfg       Config
	deps      Deps
	claims    *claims
	admission *admission
	lookups   coalescer[lookupKey, []store.Known]

	ready    chan struct{} // closed when the barrier is open
	stop     context.CancelFunc
	settling sync.WaitGroup
	pausedTo atomic.Int64 // no questions to the store before, in ns
}

// New returns a dispatcher that is not started.
func New(cfg Config, deps Deps) *Dispatcher {
	if cfg.Barrier <= 0 {
		cfg.Barrier = DefaultBarrier
	}
	if cfg.BacklogLimit == 0 {
		cfg.BacklogLimit = DefaultBacklogLimit
	}
	if cfg.Unrecorded <= 0 {
		cfg.Unrecorded = DefaultUnrecorded
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d := &Dispatcher{cfg: cfg, deps: deps, claims: newClaims(cfg.Unrecorded), ready: make(chan struct{}),
		admission: newAdmission(cfg.BacklogLimit, deps.Queue, cfg.Now, deps.Log), stop: func() {}}
	d.lookups = coalescer[lookupKey, []store.Known]{run: d.lookup, max: maxLookup}
	deps.Checkpoint.OnAdvance(d.claims.advance)
	return d
}

// Start begins to wait for what the queue holds; requests are answered after
// that, or after [Config.Barrier].
func (d *Dispatcher) Start(ctx context.Context) {
	ctx, d.stop = context.WithTimeout(context.WithoutCancel(ctx), d.cfg.Barrier)
	d.settling.Go(func() {
		d.settle(ctx)
		close(d.ready)
	})
}

// Stop returns when nothing of the dispatcher runs in the background any more.
// Requests that come later are refused.
func (d *Dispatcher) Stop() {
	d.stop()
	d.settling.Wait()
	d.lookups.close()
	d.admission.close()
}

// settle waits until everything that is in the queue now is recorded.
func (d *Dispatcher) settle(ctx context.Context) {
	const again = 100 * time.Millisecond
	last, err := d.deps.Queue.Last(ctx)
	for err != nil && wait(ctx, again) {
		last, err = d.deps.Queue.Last(ctx)
	}
	for err == nil && ctx.Err() == nil {
		if d.deps.Checkpoint.Wait(ctx, last) {
			return
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	d.deps.Log.Warn("what the queue holds is not recorded yet: a task that is sent again may not be recognised",
		zap.Uint64("last", last), zap.Uint64("recorded", d.deps.Checkpoint.Passed()), zap.Error(err))
}

// wait pauses and reports whether ctx lasted.
func wait(ctx context.Context, pause time.Duration) bool {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// open waits for the barrier.
func (d *Dispatcher) open(ctx context.Context) error {
	select {
	case <-d.ready:
		return nil
	case <-ctx.Done():
		return givenUp(ctx)
	}
}

func givenUp(ctx context.Context) error {
	return fault.New(fault.Unavailable, "the request was given up before its task was published").Because(ctx.Err())
}

// lookupKey asks for one task.
type lookupKey struct{ taskID, id string }

// lookup asks the store for many requests at once. After a failure it answers
// [errStoreAway] for a moment, so that a store that hangs holds up few.
func (d *Dispatcher) lookup(ctx context.Context, keys []lookupKey) ([][]store.Known, error) {
	now := d.cfg.Now()
	if now.UnixNano() < d.pausedTo.Load() {
		return nil, errStoreAway
	}
	taskIDs, ids := make([]string, len(keys)), []string(nil)
	for i, k := range keys {
		taskIDs[i] = k.taskID
		if k.id != "" {
			ids = append(ids, k.id)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	found, err := d.deps.Store.Lookup(ctx, taskIDs, ids)
	if err != nil {
		if d.pausedTo.Swap(d.cfg.Now().Add(storePause).UnixNano()) == 0 {
			d.deps.Log.Error("store is away: tasks are accepted without looking whether they are known", zap.Error(err))
		}
		return nil, errStoreAway
	}
	if d.pausedTo.Swap(0) != 0 {
		d.deps.Log.Info("store is back")
	}
	return spread(keys, found), nil
}

// spread gives each key what was found for it.
func spread(keys []lookupKey, found []store.Known) [][]store.Known {
	out := make([][]store.Known, len(keys))
	if len(found) == 0 {
		return out
	}
	byTask, byID := make(map[string]int, len(found)), make(map[string]int, len(found))
	for i := range found {
		byTask[found[i].Task.TaskID], byID[found[i].Task.ID] = i, i
	}
	for i, k := range keys {
		t, ok := byTask[k.taskID]
		if ok {
			out[i] = append(out[i], found[t])
		}
		if o, has := byID[k.id]; has && k.id != "" && (!ok || o != t) {
			out[i] = append(out[i], found[o])
		}
	}
	return out
}
