// Package app assembles a running system, or the part of one that a process
// plays: database, queue, recorder, gateway, worker. It knows neither flags
// nor signals, so that tests run it whole, on free ports. Package cli and the
// load generator call it.
package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/cmd/internal/telemetry"
	"github.com/riverstones/riverstones/queue/embedded"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/recorder"
	"github.com/riverstones/riverstones/store/seal"
)

// Hooks let a load generator or a test look in. All may be nil.
type Hooks struct {
	// Stones adds stones to the worker role, beside those of the configuration.
	Stones func(w *stone.Worker) error
	// Store wraps the store, for all parts.
	Store func(st store.Store) store.Store
	// Commit is told of each of the recorder's commits.
	Commit func(c recorder.Commit)
	// Version is that of the binary, for metrics and traces.
	Version string
}

// App is a system that can be started once.
type App struct {
	cfg   config.Config
	log   *zap.Logger
	hooks Hooks

	stack   stack
	nats    *embedded.Server // nil for a server elsewhere
	store   store.Store      // nil without a role that needs it
	sealed  *seal.Store      // the same, nil together
	addr    string           // of the REST API, "" without it
	health  string           // of the health listener, "" without it
	parts   []*part
	stones  []builtIn
	metrics *telemetry.Metrics
	tracer  trace.TracerProvider // nil without an endpoint for traces
	end     context.CancelFunc   // ends what Start left in the background
	watches sync.WaitGroup

	failed   chan error
	stopping atomic.Bool
}

// New returns a system that is not started. cfg is one that config.Load has
// validated.
func New(cfg config.Config, log *zap.Logger, hooks Hooks) *App {
	a := &App{cfg: cfg, log: log, hooks: hooks, parts: makeParts(&cfg), failed: make(chan error, 1), metrics: telemetry.NewMetrics(hooks.Version)}
	a.metrics.Parts(a.partNames(), a.partReady)
	return a
}

// Start starts all parts, each after those it needs, and returns when they
// work. If one cannot be started the others are stopped again. ctx bounds the
// start only.
func (a *App) Start(ctx context.Context) error {
	begin := time.Now()
	if err := a.start(ctx); err != nil {
		return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	}
	a.log.Info("started", zap.Stringer("config", &a.cfg), zap.Duration("took", time.Since(begin)))
	return nil
}

func (a *App) start(ctx context.Context) error {
	background, end := context.WithCancel(context.WithoutCancel(ctx))
	a.end = end
	a.stack.push("watches", func(context.Context) error { end(); a.watches.Wait(); return nil })
	if err := a.startTracing(ctx); err != nil {
		return err
	}
	if err := a.startHealth(ctx, background); err != nil {
		return err
	}
	if a.cfg.Has(config.Recorder) || a.cfg.Has(config.Gateway) || a.cfg.Has(config.River) {
		if err := a.openStore(ctx); err != nil {
			return err
		}
		if err := a.sealStore(ctx); err != nil {
			return err
		}
	}
	if err := a.startNATS(); err != nil {
		return err
	}
	for _, r := range config.Roles() {
		if !a.cfg.Has(r) {
			continue
		}
		if err := a.startRole(ctx, background, r); err != nil {
			return fmt.Errorf("start %s: %w", r, err)
		}
	}
	return nil
}

func (a *App) startRole(ctx, background context.Context, r config.Role) error {
	nc, err := a.connect(r)
	if err != nil {
		return err
	}
	if r != config.Worker {
		// A worker may lack the right to make streams; they are there when
		// there is work for it.
		if err := a.provision(ctx, nc); err != nil {
			return err
		}
	}
	switch r {
	case config.Recorder:
		return a.startRecorder(ctx, nc)
	case config.Gateway:
		return a.startGateway(ctx, background, nc)
	case config.River:
		return a.startRiver(ctx, nc)
	default:
		return a.startWorker(ctx, background, nc)
	}
}

// Addr is where the REST API listens, host:port, "" for a process without it.
// Call it after Start.
func (a *App) Addr() string { return a.addr }

// HealthAddr is where the health listener listens, host:port, "" for a process
// without one. Call it after Start.
func (a *App) HealthAddr() string { return a.health }

// URL is the base URL of the REST API, "" for a process without it.
func (a *App) URL() string {
	if a.addr == "" {
		return ""
	}
	return "http://" + a.addr
}

// NATSURL is where stones of other processes connect, "" if they cannot.
func (a *App) NATSURL() string {
	switch {
	case a.nats != nil:
		return a.nats.URL()
	case a.cfg.NATS != config.Embedded:
		return a.cfg.NATSName()
	default:
		return ""
	}
}

// Store is the open store, nil in a process that only works. It is closed by Stop.
func (a *App) Store() store.Store { return a.store }

// Failed delivers the error after which the system cannot go on and must be
// stopped.
func (a *App) Failed() <-chan error { return a.failed }

func (a *App) fail(err error) {
	if a.stopping.Load() {
		return
	}
	select {
	case a.failed <- err:
	default: // one is enough to end the process
	}
}

// Stop stops all parts, the last started first, and waits for them: running
// steps may finish until the configured time is up or ctx ends. It may be
// called twice.
func (a *App) Stop(ctx context.Context) error {
	a.stopping.Store(true)
	return a.stack.unwind(ctx, a.log)
}
