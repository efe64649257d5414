package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/rest"
)

// Limits of the health listener: its requests are small, and its callers few.
const (
	healthTimeout    = 5 * time.Second
	healthConcurrent = 32
	healthBody       = 1 << 10
)

// HealthConfig says where a [Health] listens.
type HealthConfig struct {
	Listen string      // host:port; port 0 takes a free one
	Log    *zap.Logger // nothing is logged by default
	Checks []Check     // what /readyz asks, all at once and for 2 s at most
	// Metrics answers GET /metrics, which is not there without it.
	Metrics http.Handler
}

// Health serves /healthz, /readyz and /metrics alone, with the answers that a [Server]
// gives, for processes without the REST API.
type Health struct {
	listen string
	log    *zap.Logger
	http   *http.Server

	mu       sync.Mutex
	listener net.Listener // nil before Start
	stopped  bool
	serving  sync.WaitGroup
	failed   chan error
}

// NewHealth returns a health listener that does not listen yet.
func NewHealth(cfg HealthConfig) *Health {
	log := cfg.Log
	if log == nil {
		log = zap.NewNop()
	}
	log = log.Named("health")
	e := newEcho(Config{Concurrent: healthConcurrent}, log, &Observer{})
	mountMetrics(e, cfg.Metrics)
	mountHealth(rest.NewRouter(e, healthBody), &probes{checks: cfg.Checks, log: log})
	timeouts := Config{ReadTimeout: healthTimeout, WriteTimeout: healthTimeout}
	return &Health{listen: cfg.Listen, log: log, http: newHTTP(timeouts, e, log), failed: make(chan error, 1)}
}

// Start listens and serves in the background. ctx bounds the start only.
func (h *Health) Start(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listener != nil || h.stopped {
		return errors.New("start health listener: it was started before")
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", h.listen)
	if err != nil {
		return fmt.Errorf("start health listener: %w", err)
	}
	h.listener = l
	h.serving.Go(func() {
		if err := h.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			h.failed <- err
		}
	})
	h.log.Info("health listener started", zap.String("health_address", l.Addr().String()))
	return nil
}

// Failed receives an error if the listener stops serving by itself.
func (h *Health) Failed() <-chan error { return h.failed }

// Addr returns the address it listens on, "" before Start.
func (h *Health) Addr() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listener == nil {
		return ""
	}
	return h.listener.Addr().String()
}

// Stop waits for the probes being answered until ctx ends; then it cuts them
// off. It may be called twice.
func (h *Health) Stop(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return nil
	}
	h.stopped = true
	if h.listener == nil {
		return nil
	}
	err := h.http.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("stop health listener: probes were cut off: %w", errors.Join(err, h.http.Close()))
	}
	h.serving.Wait()
	return err
}
