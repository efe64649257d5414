// Package bench is the load generator behind `riverstones bench`. It runs the
// whole system in this process with stones that do nothing, publishes tasks
// over real HTTP, measures until the last transition is committed, and then
// verifies in the store what it counted. It compares nothing and keeps no
// results.
package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/recorder"
)

// Config says what is measured.
type Config struct {
	Store     string // as of the configuration, "" for a new SQLite database
	NATS      string // config.Embedded or URLs
	NATSCreds string
	Sync      bool   // the embedded server calls fsync before it confirms
	Data      string // directory, "" for one that is removed afterwards

	Tasks       int
	Connections int     // that publish at once
	Batch       int     // tasks in one POST; 1 posts single objects
	Stones      int     // codes over which the tasks are spread
	Concurrency int     // of each stone
	Warm        int     // tasks before the measurement
	Rate        float64 // tasks per second, one by one; 0 for as many as possible
	Keep        bool    // use a store that holds tasks already
	PgPID       int     // process whose tree is measured too, 0 for none

	Process string // the model that [RunProcess] measures
	Waiting int    // instances that stand beside those that are measured
}

// Limits of [Config].
const (
	MaxBatch  = 1000 // of the API
	maxTasks  = 100_000_000
	maxStones = 100
	// stall is how long no task may end before the run is given up.
	stall = 60 * time.Second
)

// Check returns what is wrong with c.
func (c *Config) Check() error {
	switch {
	case c.Tasks < 1 || c.Tasks > maxTasks:
		return fmt.Errorf("-n must be from 1 to %d", maxTasks)
	case c.Connections < 1:
		return errors.New("-c must be at least 1")
	case c.Batch < 1 || c.Batch > MaxBatch:
		return fmt.Errorf("--batch must be from 1 to %d", MaxBatch)
	case c.Stones < 1 || c.Stones > maxStones:
		return fmt.Errorf("--stones must be from 1 to %d", maxStones)
	case c.Concurrency < 1:
		return errors.New("--concurrency must be at least 1")
	case c.Rate < 0 || c.Warm < 0 || c.Waiting < 0:
		return errors.New("--rate, --warm and --waiting must not be negative")
	case c.Process != "" && !slices.Contains(Processes(), c.Process):
		return fmt.Errorf("--process must be one of %s", strings.Join(Processes(), ", "))
	case c.Keep && c.Data == "" && c.NATS == config.Embedded:
		return errors.New("--keep needs the --data of the runs before, where their streams are")
	}
	return nil
}

// Run measures tasks once.
func Run(ctx context.Context, cfg Config, log *zap.Logger) (res Result, err error) {
	err = with(ctx, cfg, log, func(r *run) error {
		if err := r.warm(ctx); err != nil {
			return fmt.Errorf("warm up: %w", err)
		}
		var w *watch
		if res, w, err = r.measure(ctx); err == nil {
			res.Verified, err = r.verify(ctx, w)
		}
		return err
	})
	return res, err
}

// with starts the system for measure, and stops it.
func with(ctx context.Context, cfg Config, log *zap.Logger, measure func(r *run) error) (err error) {
	if err := cfg.Check(); err != nil {
		return err
	}
	if cfg.Data == "" {
		dir, err := os.MkdirTemp("", "riverstones-bench-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		cfg.Data = dir
	}
	if cfg.Rate > 0 {
		cfg.Batch = 1
	}
	r := &run{cfg: cfg, log: log, tag: strconv.FormatInt(time.Now().UnixMicro(), 36)}
	if err := r.start(ctx); err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		err = errors.Join(err, r.app.Stop(ctx))
	}()
	return measure(r)
}

// run is one measurement.
type run struct {
	cfg   Config
	log   *zap.Logger
	tag   string // tells this run's tasks from others
	app   *app.App
	watch atomic.Pointer[watch] // of the phase under way
}

// settings is the configuration of the system under test.
func (r *run) settings() config.Config {
	c := config.Default()
	c.Roles = config.Roles()
	c.Migrate = true
	c.Listen, c.NATSListen = "127.0.0.1:0", ""
	c.NATS, c.NATSCreds, c.SyncAlways = r.cfg.NATS, r.cfg.NATSCreds, r.cfg.Sync
	c.Data, c.Store = r.cfg.Data, r.cfg.Store
	c.Stones = config.Stones{} // only those that do nothing
	// What is measured is the work, not the protection from it.
	c.Limits.Backlog = max(c.Limits.Backlog, r.cfg.Tasks+r.cfg.Warm) * models[r.cfg.Process].plain()
	c.Limits.Concurrency = max(c.Limits.Concurrency, 2*max(r.cfg.Connections, starters))
	return c
}

func (r *run) start(ctx context.Context) error {
	cfg := r.settings()
	if err := r.refuseUsed(ctx, &cfg); err != nil {
		return err
	}
	r.watch.Store(newWatch("", 0))
	r.app = app.New(cfg, r.log, app.Hooks{
		Stones: r.addStones,
		Store:  func(st store.Store) store.Store { return &watched{Store: st, run: r} },
		Commit: func(c recorder.Commit) { r.watch.Load().lagged(c.Lags) },
	})
	return r.app.Start(ctx)
}

// refuseUsed refuses a database with tasks of others: figures of a full table
// are other figures, and nobody wants ours in theirs by accident.
func (r *run) refuseUsed(ctx context.Context, cfg *config.Config) error {
	if r.cfg.Keep {
		return nil
	}
	st, err := app.OpenStore(ctx, cfg, r.log)
	if err != nil {
		return err
	}
	page, err := st.List(ctx, store.Filter{Size: 1})
	if err := errors.Join(err, st.Close()); err != nil {
		return err
	}
	if len(page.Tasks) > 0 {
		return fmt.Errorf("%s holds tasks already; take an empty database, or say --keep", cfg.StoreName())
	}
	return nil
}

// noop is a stone whose start and monitor are done at once.
type noop struct{}

// Start does nothing.
func (noop) Start(context.Context, *stone.Task) error { return nil }

// Monitor does nothing.
func (noop) Monitor(context.Context, *stone.Task) error { return nil }

func (r *run) addStones(w *stone.Worker) error {
	for i := range r.cfg.Stones {
		if err := w.Add(stone.Spec{Code: stoneCode(i), Concurrency: r.cfg.Concurrency}, noop{}); err != nil {
			return err
		}
	}
	return nil
}

// phase publishes n tasks under a tag of their own and waits for their ends.
func (r *run) phase(ctx context.Context, tag string, n int, rate float64) (*watch, *loader, error) {
	w := newWatch(tag, n)
	l := newLoader(r.app.Addr(), &r.cfg, w)
	return w, l, r.drive(ctx, l, rate)
}

// drive sends all that l has, and waits for the ends.
func (r *run) drive(ctx context.Context, l *loader, rate float64) error {
	r.watch.Store(l.watch)
	ctx, cancel := context.WithCancel(ctx)
	loaded := make(chan error, 1)
	var loading sync.WaitGroup
	loading.Go(func() { loaded <- l.run(ctx, rate) })
	err := r.await(ctx, l.watch, loaded)
	if err != nil {
		cancel() // else the last POST may still be being answered
	}
	loading.Wait()
	cancel()
	return err
}

// await waits until all have ended, and gives up when nothing moves.
func (r *run) await(ctx context.Context, w *watch, loaded <-chan error) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last, since := int64(-1), time.Now()
	for {
		select {
		case <-w.all:
			return nil
		case err := <-r.app.Failed():
			return err
		case err := <-loaded:
			if loaded = nil; err != nil {
				return fmt.Errorf("publish: %w", err)
			}
		case <-tick.C:
			if n := w.ended.Load(); n != last {
				last, since = n, time.Now()
			} else if time.Since(since) > stall {
				return fmt.Errorf("only %d of %d tasks have ended, and none for %s", n, len(w.ends), stall)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *run) warm(ctx context.Context) error {
	if r.cfg.Warm == 0 {
		return nil
	}
	_, _, err := r.phase(ctx, r.tag+"w", r.cfg.Warm, 0)
	return err
}

func (r *run) measure(ctx context.Context) (Result, *watch, error) {
	tree := Tree{os.Getpid()}
	if r.cfg.PgPID > 0 {
		tree = append(tree, r.cfg.PgPID)
	}
	peak := tree.Peak()
	cpu, begin := tree.CPU(), time.Now()
	w, l, err := r.phase(ctx, r.tag, r.cfg.Tasks, r.cfg.Rate)
	used, memory := tree.CPU()-cpu, peak()
	if err != nil {
		return Result{}, nil, err
	}
	return r.result(w, l, begin, used, memory), w, nil
}
