package stone

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/sealkey"
	"github.com/riverstones/riverstones/queue/task"
)

// Config tunes a [Worker]. The zero value is the default.
type Config struct {
	// Name tells workers apart, in events and in the answers to operators. It
	// must be unique; by default it is made of host, process id and chance.
	Name   string
	Logger *zap.Logger
	// Middleware is put around every method, the first outermost. A panic is
	// an outcome without any: see [Recovery].
	Middleware []Middleware
	// Grace is how long Stop lets running methods finish before it ends their
	// contexts and gives the work back, 20 s by default.
	Grace time.Duration
	// SealKeys are the private keys of the stones: the first is announced, so that
	// secrets are sealed to it on their way, and all open. Without them secrets
	// travel in clear.
	SealKeys *sealkey.Keyring
	// AckWait is the lease on a command, as the stone's consumers have it: 30 s.
	// All workers of a stone must agree; tests shorten it.
	AckWait time.Duration
}

// Worker takes the commands of one or more stones from the queue, runs them
// and reports. It keeps the lease of what it runs, asks before it runs
// something for the second time, and gives back what it can not finish. It
// announces its stones every 10 s, so that gateways know what they take and
// that somebody serves them.
//
// Add all stones, then Start, then Stop.
type Worker struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	cfg    Config
	log    *zap.Logger
	pub    *queue.Publisher
	blobs  *queue.Blobs
	stones []*runner

	mu      sync.Mutex
	started bool
	stopped chan struct{} // closed when Stop is through
	failed  chan error
}

var (
	// ErrStarted says that a worker runs already.
	ErrStarted = errors.New("worker is started already")
	// ErrNoStone says that a worker has nothing to do.
	ErrNoStone = errors.New("worker has no stone: call Add before Start")
)

// NewWorker returns a worker over nc, which it does not close. Use
// [queue.Connect] to make a connection that waits out outages.
func NewWorker(nc *nats.Conn, cfg Config) (*Worker, error) {
	if cfg.Name == "" {
		host, _ := os.Hostname() // without one the rest still tells workers apart
		cfg.Name = fmt.Sprintf("%.32s-%d-%.8s", host, os.Getpid(), uuid.NewString())
	}
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	if cfg.Grace <= 0 {
		cfg.Grace = 20 * time.Second
	}
	if cfg.AckWait <= 0 {
		cfg.AckWait = 30 * time.Second
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	pub, err := queue.NewPublisher(nc, queue.PublisherConfig{})
	if err != nil {
		return nil, err
	}
	return &Worker{nc: nc, js: js, cfg: cfg, log: cfg.Logger.Named("worker").With(zap.String("worker", cfg.Name)), pub: pub, blobs: queue.NewBlobs(js),
		stopped: make(chan struct{}), failed: make(chan error, 1)}, nil
}

// Name returns the worker's name.
func (w *Worker) Name() string { return w.cfg.Name }

// Add makes the worker serve a stone. It fails for a malformed spec.
func (w *Worker) Add(spec Spec, s Stone) error {
	if err := queue.CheckStone(spec.Code); err != nil {
		return fmt.Errorf("stone %q: %w", spec.Code, err)
	}
	if err := queue.CheckBusinessKey(spec.BusinessKey); err != nil {
		return fmt.Errorf("stone %s: %w", spec.Code, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.started {
		return ErrStarted
	}
	handlers := Handlers(s)
	for m, h := range handlers {
		for _, around := range slices.Backward(w.cfg.Middleware) {
			h = around(h)
		}
		handlers[m] = h
	}
	w.stones = append(w.stones, newRunner(w, withDefaults(spec), handlers))
	return nil
}

func withDefaults(s Spec) Spec {
	if s.Concurrency <= 0 {
		s.Concurrency = 10
	}
	if s.MaxAttempts <= 0 {
		s.MaxAttempts = 3
	}
	if s.Backoff <= 0 {
		s.Backoff = 5 * time.Second
	}
	return s
}

// Start makes the stones' consumers where they are missing and begins to work
// in the background. While NATS or its stream is not there yet it waits, until
// ctx ends or 60 s at most; the error then says what for. ctx bounds the start only.
func (w *Worker) Start(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.started:
		return ErrStarted
	case len(w.stones) == 0:
		return ErrNoStone
	}
	wait, stop := context.WithTimeout(ctx, startPatience)
	defer stop()
	for i, r := range w.stones {
		if err := r.start(wait); err != nil {
			for _, r := range w.stones[:i] {
				r.stop(ctx)
			}
			return fmt.Errorf("start stone %s: %w", r.spec.Code, err)
		}
	}
	w.started = true
	return nil
}

// Failed delivers the error that made the worker give up on a stone, such as
// consumers that an operator deleted.
func (w *Worker) Failed() <-chan error { return w.failed }

// Stop takes no more work, lets running methods finish for the grace period,
// then ends their contexts and gives the rest back, which costs no attempt. It
// returns when everything is reported, or when ctx ends.
func (w *Worker) Stop(ctx context.Context) error {
	w.mu.Lock()
	started, stopped := w.started, w.stopped
	w.started = false
	w.mu.Unlock()
	if !started {
		return nil
	}
	go func() {
		defer close(stopped)
		var wg sync.WaitGroup
		for _, r := range w.stones {
			wg.Go(func() { r.stop(ctx) })
		}
		wg.Wait()
	}()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop worker: %w", ctx.Err())
	}
}

func (w *Worker) fail(err error) {
	w.log.Error("stone given up", zap.Error(err))
	select {
	case w.failed <- err:
	default:
	}
}

// runner serves one stone: three lanes, and what they share.
type runner struct {
	w        *Worker
	spec     Spec
	noEcho   []string // names of secret params
	handlers map[task.Method]Handler
	log      *zap.Logger
	noise    *zap.Logger // for what others send, sparing
	lanes    []*lane
	report   *reporter
	looks    *looks
	halts    *halts

	mu   sync.Mutex
	held map[*job]struct{}

	pull    context.CancelFunc // ends pulling
	rest    context.CancelFunc // ends the helpers, last
	pulling sync.WaitGroup
	helpers sync.WaitGroup
	methods sync.WaitGroup // running methods
}

func newRunner(w *Worker, spec Spec, handlers map[task.Method]Handler) *runner {
	r := &runner{w: w, spec: spec, noEcho: noEcho(spec.Params), handlers: handlers, log: w.log.With(zap.String("stone", spec.Code)), held: map[*job]struct{}{},
		looks: newLooks(), halts: newHalts(2 * w.cfg.AckWait)}
	r.report, r.noise = newReporter(r), sparing(r.log)
	for _, l := range queue.Lanes() {
		r.lanes = append(r.lanes, newLane(r, l))
	}
	return r
}

func (r *runner) start(ctx context.Context) error {
	pull, stopPull := context.WithCancel(context.WithoutCancel(ctx))
	rest, stopRest := context.WithCancel(context.WithoutCancel(ctx))
	r.pull, r.rest = stopPull, stopRest
	if err := r.listen(rest); err != nil {
		stopPull()
		stopRest()
		return err
	}
	if err := r.ensure(ctx); err != nil {
		stopPull()
		stopRest()
		r.helpers.Wait()
		return err
	}
	r.helpers.Go(func() { r.report.run(rest) })
	r.helpers.Go(func() { r.keepLeases(rest) })
	r.helpers.Go(func() { r.announce(rest) })
	for _, l := range r.lanes {
		r.pulling.Go(func() { l.run(pull) })
	}
	return nil
}

// stop ends in the order that loses nothing: no more work, then what runs,
// then what is to be reported.
func (r *runner) stop(ctx context.Context) {
	r.pull()
	r.pulling.Wait()
	finished := make(chan struct{})
	go func() { r.methods.Wait(); close(finished) }()
	grace := time.NewTimer(r.w.cfg.Grace)
	defer grace.Stop()
	select {
	case <-finished:
	case <-grace.C:
	case <-ctx.Done():
	}
	for _, j := range r.holding() {
		j.cancel(errStopping)
	}
	<-finished
	r.report.drain()
	r.rest()
	r.helpers.Wait()
	r.withdraw(ctx)
}

func (r *runner) holding() []*job {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*job, 0, len(r.held))
	for j := range r.held {
		all = append(all, j)
	}
	return all
}

func (r *runner) hold(j *job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held[j] = struct{}{}
}

// let ends the holding of a job, whatever was answered.
func (r *runner) let(j *job) {
	r.mu.Lock()
	delete(r.held, j)
	r.mu.Unlock()
	j.cancel(nil)
	j.lane.left()
}

// key names one epoch of one task in a worker's memory.
func key(c *queue.Command) string { return c.ID + "." + strconv.Itoa(c.Epoch) }
