// Package gateway is the server that orchestrators, operators and the console
// talk to: echo with its middleware and limits, the mounted APIs, and the
// probes. Use cases are in dispatch, what handlers share is in rest. The
// command tree makes a [Server] and starts and stops it.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/callback"
	"github.com/riverstones/riverstones/gateway/callbackapi"
	"github.com/riverstones/riverstones/gateway/console"
	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/openapi"
	"github.com/riverstones/riverstones/gateway/registry"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/stoneapi"
	"github.com/riverstones/riverstones/gateway/taskapi"
	"github.com/riverstones/riverstones/store"
)

// Store is what the gateway needs of the store.
type Store interface { //nolint:interfacebloat // it is composed by role, as the store itself
	store.Tasks
	store.Attempts
	store.Commands
	store.Outbox
	store.Processes
	store.Callbacks
	store.Leases
	store.Quarantine
	store.Stones
	store.Runtime
	Position(ctx context.Context) (store.Position, error)
	Ping(ctx context.Context) error
}

// Deps are the parts a [Server] works with. Log, Checks and Secrets may be left out.
// The server does not close them.
type Deps struct {
	Store     Store
	Publisher dispatch.Publisher
	NATS      *nats.Conn
	Log       *zap.Logger // nothing is logged by default
	// Checks are asked by /readyz too: the other parts of the process.
	Checks []Check
	// Secrets is the store that seals them. Without it they are known by their
	// names only, and none that was sealed to a stone is told from another.
	Secrets Secrets
	// Observer hears what the gateway does.
	Observer Observer
}

// Secrets knows the secrets of tasks; *seal.Store does.
type Secrets interface {
	dispatch.Digests
	// Mask masks in place what texts repeat of a task's secrets up to an epoch.
	Mask(ctx context.Context, id string, epoch int, texts ...*string) error
}

// Server is the gateway.
type Server struct {
	cfg        Config
	log        *zap.Logger
	http       *http.Server
	dispatcher *dispatch.Dispatcher
	checkpoint *dispatch.Checkpoint
	debugged   *dispatch.Debugged
	relay      *dispatch.Relay
	callbacks  *callback.Service
	beside     beside
	registry   *registry.Registry
	river      *river.Runtime
	ends       ends
	probes     *probes // without those of other parts

	mu       sync.Mutex
	listener net.Listener // nil before Start
	stopped  bool
	serving  sync.WaitGroup
	failed   chan error
}

// New returns a server that does not listen yet.
func New(cfg Config, deps Deps) (*Server, error) {
	cfg = cfg.withDefaults()
	if deps.Store == nil || deps.Publisher == nil || deps.NATS == nil {
		return nil, errors.New("make gateway: store, publisher and NATS connection are required")
	}
	log := deps.Log
	if log == nil {
		log = zap.NewNop()
	}
	log = log.Named("gateway")
	js, err := jetstream.New(deps.NATS)
	if err != nil {
		return nil, fmt.Errorf("make gateway: %w", err)
	}
	s := &Server{cfg: cfg, log: log, failed: make(chan error, 1)}
	s.checkpoint = dispatch.NewCheckpoint(deps.NATS, deps.Store, cfg.Patience, log)
	s.debugged = dispatch.NewDebugged(deps.NATS, deps.Store, dispatch.KeptDebugged, log)
	if s.registry, err = registry.New(deps.NATS, deps.Store, registry.Config{Log: log}); err != nil {
		return nil, fmt.Errorf("make gateway: %w", err)
	}
	sealing := &dispatch.Sealing{Publisher: deps.Publisher, Key: s.registry.SealKey, NoEcho: s.registry.NoEcho, Declared: s.registry.Check}
	if deps.Secrets != nil {
		sealing.Digests = deps.Secrets
	}
	commander, err := s.commands(deps, sealing, log)
	if err != nil {
		return nil, err
	}
	if s.callbacks, err = callback.New(cfg.callbacks(s.registry.NoEcho, &deps.Observer, js), deps.Store, log); err != nil {
		return nil, fmt.Errorf("make gateway: %w", err)
	}
	s.dispatcher = dispatch.New(dispatch.Config{BacklogLimit: cfg.BacklogLimit, Barrier: cfg.Barrier}, dispatch.Deps{
		Store: deps.Store, Publisher: sealing, Queue: dispatch.NewGauge(js), Checkpoint: s.checkpoint, Wake: commander.Wake,
		Debugged: s.debugged, Check: sealing.Check, Revealed: sealing.Revealed, Target: s.callbacks.Check, Log: log,
		Tracer: deps.Observer.Tracer,
	})
	e := newEcho(cfg, log, &deps.Observer)
	router := rest.NewRouter(e, cfg.MaxBody)
	taskapi.Mount(router, taskapi.Config{Zone: cfg.Zone, NoEcho: s.registry.NoEcho}, s.dispatcher, commander,
		&dispatch.Asker{Store: deps.Store, Service: s.service, Dead: deadLetter(deps.NATS, js), Now: time.Now}, deps.Store)
	s.beside = mountBeside(router, e, &cfg, &deps, s.registry.NoEcho, js, log)
	stoneapi.Mount(router, s.registry)
	callbackapi.Mount(router, deps.Store, time.Now)
	if err := s.processes(router, &cfg, &deps, sealing.Check, commander, js); err != nil {
		return nil, err
	}
	openapi.Mount(router, openapi.Config{FlowablePrefixes: cfg.Flowable.Prefixes})
	mine := (&own{store: deps.Store, nc: deps.NATS, js: js, checkpoint: s.checkpoint}).checks()
	s.probes = &probes{checks: mine, log: log}
	mountHealth(router, &probes{checks: slices.Concat(mine, deps.Checks), log: log})
	console.Mount(e, console.Config{Zone: cfg.Zone, FlowablePrefix: firstPrefix(cfg.Flowable)})
	mountMetrics(e, deps.Observer.Metrics)
	s.http = newHTTP(cfg, e, log)
	return s, nil
}

// commands makes the commander and its relay.
func (s *Server) commands(deps Deps, sealing *dispatch.Sealing, log *zap.Logger) (*dispatch.Commander, error) {
	c := &dispatch.Commander{Store: deps.Store, Methods: s.registry.Methods, Check: sealing.Check, NoEcho: s.registry.NoEcho, Debugged: s.debugged.Note}
	relay, err := dispatch.NewRelay(deps.Store, sealing, deps.NATS, c.Pursue, log)
	if err != nil {
		return nil, fmt.Errorf("make gateway: %w", err)
	}
	c.Wake, s.relay = relay.Wake, relay
	return c, nil
}

// service tells the use cases about a stone.
func (s *Server) service(ctx context.Context, code string) (dispatch.Service, error) {
	st, err := s.registry.Stone(ctx, code)
	if err != nil {
		if fault.Of(err).Kind == fault.NotFound {
			return dispatch.Service{}, nil
		}
		return dispatch.Service{}, err
	}
	out := dispatch.Service{Known: st.Declared, Paused: st.Paused, Backlog: st.Backlog}
	for _, w := range st.Workers {
		out.Workers = append(out.Workers, dispatch.ServiceWorker{Name: w.Name, BusinessKey: w.BusinessKey, Live: w.Live, LastFetch: w.LastFetch})
	}
	return out, nil
}

func newEcho(cfg Config, log *zap.Logger, o *Observer) *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = echo.ExtractIPDirect() // X-Forwarded-For is believed from nobody
	e.HTTPErrorHandler = rest.ErrorHandler(log)
	e.Use(rest.Around(rest.Guard{Log: log, Concurrent: cfg.Concurrent, Quiet: []string{pathLive, pathReady, pathMetrics},
		Told: o.Request, Tracer: o.Tracer}))
	return e
}

// Start listens and serves in the background. ctx bounds the start only.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil || s.stopped {
		return errors.New("start gateway: it was started before")
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("start gateway: %w", err)
	}
	if err := s.checkpoint.Start(ctx); err != nil {
		return errors.Join(fmt.Errorf("start gateway: %w", err), l.Close())
	}
	s.dispatcher.Start(ctx)
	if err := errors.Join(s.debugged.Start(ctx), s.relay.Start(ctx), s.registry.Start(ctx)); err != nil {
		return errors.Join(fmt.Errorf("start gateway: %w", err), l.Close())
	}
	if err := s.beside.pub.Start(ctx); err != nil {
		return errors.Join(fmt.Errorf("start gateway: %w", err), l.Close())
	}
	s.callbacks.Start(ctx)
	if s.cfg.RunRiver {
		if err := s.ends.start(); err != nil {
			return errors.Join(fmt.Errorf("start gateway: %w", err), l.Close())
		}
		s.river.Start(ctx)
	}
	s.listener = l
	s.serving.Go(func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("gateway stopped serving", zap.Error(err))
			s.failed <- err
		}
	})
	s.log.Info("gateway started", zap.String("address", l.Addr().String()))
	return nil
}

// Ready returns nil if the gateway can take and show tasks, else a [Reason]
// that names what does not work. It answers within 2 s.
func (s *Server) Ready(ctx context.Context) error {
	r, err := s.probes.ready(ctx, probe{})
	if err != nil || r.ok() {
		return err
	}
	return Reason(strings.Join(r.problems(), "; "), nil)
}

// Failed receives an error if the server stops serving by itself.
func (s *Server) Failed() <-chan error { return s.failed }

// Addr returns the address it listens on, such as 127.0.0.1:8306, "" before
// Start.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Stop takes no more requests, and waits for those being served until ctx
// ends; then it cuts them off. It may be called twice.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil
	}
	s.stopped = true
	if s.listener == nil {
		return nil
	}
	err := s.beside.stop(ctx)
	if cut := s.http.Shutdown(ctx); cut != nil {
		err = errors.Join(err, fmt.Errorf("stop gateway: requests were cut off: %w", errors.Join(cut, s.http.Close())))
	}
	s.serving.Wait()
	s.checkpoint.Stop() // ends the waits of requests that were cut off
	s.dispatcher.Stop()
	s.debugged.Stop()
	s.relay.Stop()
	s.callbacks.Stop()
	s.ends.stop()
	s.river.Stop()
	s.registry.Stop()
	s.log.Info("gateway stopped")
	return err
}

func newHTTP(cfg Config, h http.Handler, log *zap.Logger) *http.Server {
	errorLog, err := zap.NewStdLogAt(log.Named("http"), zap.DebugLevel)
	if err != nil { // only for a level that does not exist
		errorLog = zap.NewStdLog(log)
	}
	return &http.Server{
		Handler: h, ErrorLog: errorLog, MaxHeaderBytes: maxHeader,
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: cfg.ReadTimeout, WriteTimeout: cfg.WriteTimeout, IdleTimeout: idleTimeout,
	}
}

// Limits of every request that are not configured.
const (
	maxHeader         = 32 << 10
	readHeaderTimeout = 5 * time.Second
	idleTimeout       = 2 * time.Minute
)
