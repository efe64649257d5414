// Package recorder turns the messages of both streams into transitions: it
// reads commands and events in their order, and writes what they say in
// batches, exactly once in effect. It answers the workers' question whether to
// run a command, since it alone knows what is recorded. As background duties it
// publishes commands again that came to nothing, ends tasks whose deadline has
// passed and that nobody works on, and trims the streams behind
// its checkpoint and old rows of the store. It is the only writer of statuses from events; it
// knows neither HTTP nor the process runtime. The binary's recorder role runs it.
//
// Any number may run. The checkpoint is moved by compare-and-set, so one
// commits; who finds it moved by another stands by and takes over when it
// stands still while messages wait.
package recorder

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Store is what the recorder needs of the store.
type Store interface {
	store.Recording
	store.Grants
	store.Leases
	store.Upkeep
	// Command is [store.Commands.Command]: a task is given up through it.
	Command(ctx context.Context, key string, decide func(store.Standing) (*store.Step, error)) (task.Task, error)
}

// DefaultKeepDeliveries is how long deliveries that are over are kept.
const DefaultKeepDeliveries = 7 * 24 * time.Hour

// Config tunes a [Recorder]. The zero value is the default.
type Config struct {
	Logger *zap.Logger
	// BatchRows is about how many rows one transaction writes at most, 2000 by default.
	BatchRows int
	// OnCommit is told after every commit; it must not block.
	OnCommit func(Commit)
	// OnAnswer is told how a worker's question about a stone's command was
	// answered; several goroutines call it, and it must not block.
	OnAnswer func(stone string, a queue.Answer)
	// Keep is how long recorded messages stay in the streams, at least the
	// duplicate window, 20 minutes by default. TrimEvery is how often older
	// ones are trimmed, and lost commands looked for, each minute by default.
	Keep, TrimEvery time.Duration
	// Quiet is how long nothing must have been heard of a task whose command is
	// acknowledged until that is published again: two AckWaits by default, a minute.
	Quiet time.Duration
	// Overdue is how long after its deadline a task is ended that no worker ends,
	// at the next turn of TrimEvery: an AckWait and 5 s by default, in which a
	// worker that takes it ends it itself.
	Overdue time.Duration
	// AcceptGaps goes on where messages are gone that were never recorded, as
	// after a database was restored further back than Keep: what is missing is
	// logged and left out. Without it the recorder stops there.
	AcceptGaps bool
	// KeepDeliveries is how long deliveries of callbacks that are over stay in the
	// store, 7 days by default.
	KeepDeliveries time.Duration
}

// Commit tells of one committed batch. Whoever is told of it neither changes nor
// keeps what it points to.
type Commit struct {
	Position store.Position
	Rows     int             // about how many rows were written
	Lags     []time.Duration // from storing each message to its commit
	Took     time.Duration   // the writing, with tries that failed
	Changes  *store.Changes  // what was written
	// Messages are what was recorded, in the order of the streams.
	Messages iter.Seq[Message]
}

// Message is one message of a [Commit]: a command, or one or more events. One
// that went to quarantine has neither.
type Message struct {
	Stored  time.Time
	Command *queue.Command
	Events  []queue.Parsed
}

// Recorder records. Make it with [New].
type Recorder struct {
	store Store
	nc    *nats.Conn
	blobs *queue.Blobs // set by record
	cfg   Config
	log   *zap.Logger
	noise *zap.Logger // for what others send, sparing
	name  string

	mu      sync.Mutex
	pos     store.Position
	moved   chan struct{} // closed when pos moves
	problem error         // why it does not record, nil while it does

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// New returns a recorder that reads from nc and writes to st.
func New(st Store, nc *nats.Conn, cfg Config) *Recorder {
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	if cfg.BatchRows <= 0 {
		cfg.BatchRows = 2000
	}
	if cfg.Keep <= 0 {
		cfg.Keep = 20 * time.Minute
	}
	if cfg.TrimEvery <= 0 {
		cfg.TrimEvery = time.Minute
	}
	if cfg.Quiet <= 0 {
		cfg.Quiet = 2 * leaseTime
	}
	if cfg.Overdue <= 0 {
		cfg.Overdue = leaseTime + 5*time.Second
	}
	if cfg.KeepDeliveries <= 0 {
		cfg.KeepDeliveries = DefaultKeepDeliveries
	}
	log := cfg.Logger.Named("recorder")
	return &Recorder{store: st, nc: nc, cfg: cfg, log: log, noise: sparing(log), name: nats.NewInbox(),
		moved: make(chan struct{}), problem: errStarting}
}

var (
	errStarting = errors.New("the recorder is starting")
	errStandby  = errors.New("another recorder is at work")
)

// Start begins to record in the background and returns at once.
func (r *Recorder) Start(ctx context.Context) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel = cancel
	r.done.Go(func() { r.run(ctx) })
	r.done.Go(func() { r.upkeep(ctx) })
	return nil
}

// Stop ends recording after the transaction at work, and waits for it or for
// ctx. It may be called twice.
func (r *Recorder) Stop(ctx context.Context) error {
	if r.cancel == nil {
		return nil
	}
	r.cancel()
	stopped := make(chan struct{})
	go func() { r.done.Wait(); close(stopped) }()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop recorder: %w", ctx.Err())
	}
}

// Ready returns nil while messages are being recorded, here or by another
// recorder, else why they are not.
func (r *Recorder) Ready() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors.Is(r.problem, errStandby) {
		return nil
	}
	return r.problem
}

// Position returns how far this recorder has committed.
func (r *Recorder) Position() store.Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pos
}

func (r *Recorder) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problem = err
}

// advance tells how far is recorded, and that all is well.
func (r *Recorder) advance(to store.Position) {
	r.fail(nil)
	r.move(to)
}

func (r *Recorder) move(to store.Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pos = to
	close(r.moved)
	r.moved = make(chan struct{})
}

// run records while it can, and stands by while another recorder does.
func (r *Recorder) run(ctx context.Context) {
	again := false // after a failure
	for ctx.Err() == nil {
		pos, err := r.store.Position(ctx)
		if err == nil {
			err = r.record(ctx, pos, again)
		}
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, store.ErrStale):
			again = false
			r.fail(errStandby)
			r.log.Info("another recorder is at work, standing by")
			r.standBy(ctx)
		default:
			again = true
			r.fail(err)
			r.log.Error("not recording", zap.Error(err))
			pause(ctx, time.Second)
		}
	}
}

// settled is how long recording must go on after a failure until it counts as
// mended, when there is nothing to commit: the readers take a moment to find
// that they can not go on.
const settled = 500 * time.Millisecond

// record reads behind pos and commits until something fails; again says that
// something did right before.
func (r *Recorder) record(ctx context.Context, pos store.Position, again bool) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()

	js, err := jetstream.New(r.nc)
	if err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	r.blobs = queue.NewBlobs(js)
	in, failed := inbox{make(chan *entry, readAhead), make(chan *entry, readAhead)}, make(chan error, 2)
	for _, from := range []struct {
		stream string
		after  uint64
		to     chan<- *entry
	}{{queue.StreamTasks, pos.Tasks, in.commands}, {queue.StreamEvents, pos.Events, in.events}} {
		reader, err := queue.NewReader(r.nc, from.stream, readAhead)
		if err != nil {
			return err
		}
		after, err := r.begin(ctx, js, from.stream, from.after)
		if err != nil {
			return err
		}
		wg.Go(func() { failed <- reader.Run(ctx, after, r.taker(ctx, from.stream, from.after, from.to)) })
	}
	stopAsks, err := r.serveAsks(ctx, &wg)
	if err != nil {
		return err
	}
	defer stopAsks()
	var mended <-chan time.Time
	if again {
		r.move(pos)
		mended = time.After(settled)
	} else {
		r.advance(pos)
	}
	return r.commits(ctx, pos, in, failed, mended)
}

// readAhead is how many messages of a stream are asked for ahead.
const readAhead = 1000

// taker hands messages on that come one behind the other. What is missing in
// between went before it was recorded: nothing is taken out of a stream until
// then, so the database is an older one, or somebody else took it out.
func (r *Recorder) taker(ctx context.Context, stream string, last uint64, entries chan<- *entry) func(*queue.Delivery) error {
	return func(d *queue.Delivery) error {
		if d.Sequence != last+1 {
			if err := r.missing(stream, last+1, d.Sequence-1); err != nil {
				return err
			}
		}
		last = d.Sequence
		select {
		case entries <- decode(stream, d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// commits takes what waits, commits it, and begins again.
func (r *Recorder) commits(ctx context.Context, pos store.Position, in inbox, failed <-chan error, mended <-chan time.Time) error {
	var batch []*entry
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-mended:
			r.advance(pos)
			continue
		case e := <-in.commands:
			batch = in.gather(batch[:0], e, r.cfg.BatchRows)
		case e := <-in.events:
			batch = in.gather(batch[:0], e, r.cfg.BatchRows)
		}
		err := r.fill(ctx, batch)
		if err != nil {
			return err
		}
		if pos, err = r.commit(ctx, pos, batch); err != nil {
			return err
		}
		clear(batch)
	}
}

// inbox has the decoded messages that wait to be recorded.
type inbox struct{ commands, events chan *entry }

// gather takes first and what else waits, without waiting for more. Commands
// go first, so that a task is there before what happens to it; but they fill
// no more than half of a batch while events wait.
func (in inbox) gather(batch []*entry, first *entry, rows int) []*entry {
	n := first.weight
	take := func(from <-chan *entry, limit int) {
		for n < limit {
			select {
			case e := <-from:
				batch = append(batch, e)
				n += e.weight
			default:
				return
			}
		}
	}
	if first.stream == queue.StreamTasks {
		batch = append(batch, first)
		take(in.commands, rows/2)
	} else {
		take(in.commands, rows/2)
		batch = append(batch, first)
	}
	take(in.events, rows)
	take(in.commands, rows)
	return batch
}

// announce tells everybody who waits how far both streams are recorded.
func (r *Recorder) announce(from, to store.Position) {
	if to.Tasks != from.Tasks {
		r.tell(queue.StreamTasks, to.Tasks)
	}
	if to.Events != from.Events {
		r.tell(queue.StreamEvents, to.Events)
	}
}

func (r *Recorder) tell(stream string, sequence uint64) {
	if err := r.nc.Publish(queue.CheckpointSubject(stream), strconv.AppendUint(nil, sequence, 10)); err != nil {
		r.log.Warn("checkpoint not announced, readers will wait for the next", zap.Error(err))
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
