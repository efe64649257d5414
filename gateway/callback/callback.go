// Package callback tells orchestrators that their tasks ended: by a signed
// webhook (Standard Webhooks), or by letting an execution or a user task of a
// Flowable engine go on. What is to be told stands in the store, written with
// the end itself; this package says which URLs may be told, sends, tries again,
// and gives up after a day. It tells at least once, one end at a time for each
// process. It serves no routes; callbackapi does. Only package gateway starts it.
package callback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/duty"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Config says who may be told and how. Its zero value tells nobody.
type Config struct {
	// Allow lists who may be told: host, host:port, *.domain (http:// before it
	// allows it without TLS), and addresses and networks, without which no
	// address that is not public is called.
	Allow []string
	// Secrets sign webhooks; without one there are none.
	Secrets Secrets
	// Logins are for receivers that ask for one, as Flowable does.
	Logins Logins
	// Tasks writes the task objects.
	Tasks rest.Tasks

	// Timeout (10 s) bounds one call.
	Timeout time.Duration
	// Backoff (1 s) is the pause after the first failure. It doubles up to
	// MaxBackoff (15 min), or MaxParked (1 min) while the receiver does not
	// wait for the end yet.
	Backoff, MaxBackoff, MaxParked time.Duration
	// Patience (24 h) is how long a delivery is tried.
	Patience time.Duration
	// Look (500 ms) is how often the store is asked what is due.
	Look time.Duration
	// Processes (16) are told at once at most.
	Processes int
	// Lease (10 s) is how long the one that works may be silent until another
	// gateway takes over.
	Lease time.Duration
	// Now is the clock, time.Now by default.
	Now func() time.Time

	// Tried hears of each try; nil hears nothing. It must not block.
	Tried func(Tried)
	// Tracer makes a span of each try for a traced task; with nil, none is traced.
	Tracer trace.TracerProvider
	// Trace returns the W3C traceparent that the command of an attempt carried, ""
	// for none or one that is not known any more; required with Tracer.
	Trace func(ctx context.Context, a *store.Attempt) string
}

// Tried is one try to tell somebody.
type Tried struct {
	Kind  store.CallbackKind
	State store.DeliveryState // as it leaves the delivery
	Took  time.Duration
	Trace trace.SpanContext // the zero value for one that is not traced
}

func (c Config) withDefaults() Config {
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.Backoff = cmp.Or(c.Backoff, time.Second)
	c.MaxBackoff = cmp.Or(c.MaxBackoff, 15*time.Minute)
	c.MaxParked = cmp.Or(c.MaxParked, time.Minute)
	c.Patience = cmp.Or(c.Patience, 24*time.Hour)
	c.Look = cmp.Or(c.Look, 500*time.Millisecond)
	c.Processes = cmp.Or(c.Processes, 16)
	c.Lease = cmp.Or(c.Lease, 10*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Store is what a [Service] needs of the store.
type Store interface {
	store.Callbacks
	store.Leases
	Task(ctx context.Context, key string) (task.Task, error)
	History(ctx context.Context, id string, notes bool) ([]store.Note, error)
	Attempts(ctx context.Context, id string) ([]store.Attempt, error)
}

// Service tells. It is safe for concurrent use.
type Service struct {
	cfg   Config
	store Store
	guard *guard
	http  *http.Client
	log   *zap.Logger
	name  string // as a holder of the lease

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// New returns a service that is not started. An error names the entry of the
// allow-list that means nothing. Without a logger nothing is logged.
func New(cfg Config, st Store, log *zap.Logger) (*Service, error) {
	cfg = cfg.withDefaults()
	g, err := parseAllow(cfg.Allow)
	if err != nil {
		return nil, fmt.Errorf("callbacks: allow-list: %w", err)
	}
	if log == nil {
		log = zap.NewNop()
	}
	return &Service{cfg: cfg, store: st, guard: g, http: g.client(cfg.Timeout), log: log.Named("callback"), name: uuid.NewString()}, nil
}

// ErrNobody says that callbacks are switched off.
var ErrNobody = errors.New("is not served here: the operator has named nobody who may be told (--callback-allow)")

// maxURL is the greatest length of a URL.
const maxURL = 2048

// Check says why a URL may not be told in the words of kind, nil if it may. The
// error completes a sentence that begins with the field.
func (s *Service) Check(kind store.CallbackKind, url string) error {
	if len(s.cfg.Allow) == 0 {
		return ErrNobody
	}
	if kind == store.Webhook && len(s.cfg.Secrets) == 0 {
		return errors.New("can not be a webhook: the operator has set no secret that signs it (--callback-secret-file)")
	}
	if len(url) > maxURL {
		return fmt.Errorf("must have at most %d bytes", maxURL)
	}
	_, err := s.guard.check(url)
	return err
}

// Start begins to tell in the background, unless nobody may be told.
func (s *Service) Start(ctx context.Context) {
	if len(s.cfg.Allow) == 0 {
		return
	}
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d := &duty.Duty{Name: "callback", Holder: s.name, Lease: s.cfg.Lease, Store: s.store, Log: s.log}
	s.done.Go(func() { d.Run(ctx, s.tell) })
}

// Stop cuts off what is being told, which is told again later.
func (s *Service) Stop() {
	if s.cancel != nil {
		s.cancel()
		s.done.Wait()
		s.http.CloseIdleConnections()
	}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
