// Package eventapi serves GET /events: what is recorded of tasks, as it is
// recorded, as server-sent events. It reads both streams behind the recorder,
// tells only what the store has, and shows no secret. Only package gateway
// mounts it.
package eventapi

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue/task"
)

// Defaults of [Config].
const (
	DefaultListeners = 1000
	DefaultHeartbeat = 15 * time.Second
	DefaultWrite     = 10 * time.Second
)

const (
	// catchingUp is how many listeners read older messages at a time: each has
	// consumers of its own for that.
	catchingUp = 8
	retryAfter = 2 * time.Second
)

// Config says what a [Service] bears. Its zero value is the default.
type Config struct {
	// Listeners is how many may listen at once, [DefaultListeners] by default.
	Listeners int
	// Heartbeat is how often something is sent at least, [DefaultHeartbeat] by
	// default.
	Heartbeat time.Duration
	// Write is how long a reader may take for what is written at once,
	// [DefaultWrite] by default.
	Write time.Duration
}

// Deps are the parts a [Service] works with; all are required but Mask.
type Deps struct {
	Store Store
	NATS  *nats.Conn
	JS    jetstream.JetStream
	Log   *zap.Logger
	// Mask masks in place what texts repeat of a task's secrets up to an epoch;
	// without it secrets are known by name only.
	Mask func(ctx context.Context, id string, epoch int, texts ...*string) error
}

// Service serves /events.
type Service struct {
	cfg     Config
	deps    Deps
	checker *checker
	places  chan struct{} // of listeners
	turns   chan struct{} // of those that catch up

	background context.Context //nolint:containedctx // ends with Stop what outlives the request that began it
	end        context.CancelFunc

	mu      sync.Mutex
	hub     *hub // nil while nobody listens
	stopped bool
	serving sync.WaitGroup
}

// New returns a service. It runs nothing while nobody listens.
func New(cfg Config, deps Deps) *Service {
	if cfg.Listeners <= 0 {
		cfg.Listeners = DefaultListeners
	}
	if cfg.Heartbeat <= 0 {
		cfg.Heartbeat = DefaultHeartbeat
	}
	if cfg.Write <= 0 {
		cfg.Write = DefaultWrite
	}
	deps.Log = deps.Log.Named("events")
	s := &Service{cfg: cfg, deps: deps, places: make(chan struct{}, cfg.Listeners), turns: make(chan struct{}, catchingUp),
		checker: &checker{store: deps.Store, mask: deps.Mask, log: deps.Log, known: map[string]task.Names{}}}
	s.background, s.end = context.WithCancel(context.Background())
	return s
}

// Mount adds the route.
func Mount(r *rest.Router, s *Service) { rest.Stream(r, "/events", s.listen) }

// Stop ends all listeners, and returns when nothing runs any more. Those that
// come later are refused. It may be called twice.
func (s *Service) Stop() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.end()
	s.serving.Wait()
}

// enter takes a place for a listener, and the hub.
func (s *Service) enter() (*hub, error) {
	select {
	case s.places <- struct{}{}:
	default:
		return nil, fault.New(fault.TooMany, "too many are listening: come again later").After(retryAfter)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		<-s.places
		return nil, fault.New(fault.Unavailable, "the server stops: come again").After(retryAfter)
	}
	if s.hub == nil {
		h := &hub{gate: newGate(s.deps.NATS, s.deps.Store, s.deps.Log), checker: s.checker, log: s.deps.Log, listeners: map[*listener]struct{}{}}
		if err := h.start(s.background, s.feed(h, position{})); err != nil {
			<-s.places
			return nil, fault.New(fault.Unavailable, "what is recorded can not be read now: come again").Because(err).After(retryAfter)
		}
		s.hub = h
	}
	s.hub.users++
	s.serving.Add(1)
	return s.hub, nil
}

// exit gives the place back. The last one out stops the hub.
func (s *Service) exit(h *hub) {
	defer s.serving.Done()
	defer func() { <-s.places }()
	s.mu.Lock()
	h.users--
	last := h.users == 0
	if s.hub == h && (last || h.failed()) {
		s.hub = nil // a new one is made for who comes next
	}
	s.mu.Unlock()
	if last {
		h.stop()
	}
}

func (s *Service) feed(h *hub, from position) *feed {
	return &feed{nc: s.deps.NATS, js: s.deps.JS, gate: h.gate, pos: from}
}
