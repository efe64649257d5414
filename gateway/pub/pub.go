// Package pub serves POST /task over NATS, for orchestrators that publish
// without REST: a request on rs.pub is handed to the gateway's own HTTP
// handler, so that checks, limits, errors and the access log are those of
// REST. It parses nothing itself and knows no use case. Only package gateway
// starts it.
package pub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/requestid"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue"
)

// Defaults of [Config].
const (
	DefaultConcurrent = 512
	DefaultTimeout    = 30 * time.Second
)

const (
	// group has one gateway answer each request.
	group = "gateway"
	// busyFor is when to send again what was refused since too much is served.
	busyFor = time.Second
	// headRoom is what headers take of a message, generously.
	headRoom     = 4 << 10
	linesAMinute = 5 // of the log, for each message
	flushTime    = 2 * time.Second
)

// Config says what a [Server] bears. Its zero value is the default.
type Config struct {
	// Concurrent is how many requests are served at once, [DefaultConcurrent]
	// by default. Those past it are answered with 429.
	Concurrent int
	// Timeout bounds the serving of a request, [DefaultTimeout] by default.
	Timeout time.Duration
}

// Server answers requests on rs.pub.
type Server struct {
	nc      *nats.Conn
	handler http.Handler
	cfg     Config
	log     *zap.Logger
	slots   chan struct{}

	mu      sync.Mutex
	sub     *nats.Subscription // nil before Start and after Stop
	cancel  context.CancelFunc
	serving sync.WaitGroup
}

// New returns a server that is not started. handler serves POST /task.
func New(nc *nats.Conn, handler http.Handler, cfg Config, log *zap.Logger) *Server {
	if cfg.Concurrent <= 0 {
		cfg.Concurrent = DefaultConcurrent
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	return &Server{nc: nc, handler: handler, cfg: cfg, log: log.Named("pub"), slots: make(chan struct{}, cfg.Concurrent)}
}

// Start begins to serve, and returns when the server knows of it, or cannot be
// reached: it then hears of it with the connection. ctx bounds the start only.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sub != nil {
		return errors.New("serve rs.pub: it was started before")
	}
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	noise := sparing(s.log)
	sub, err := s.nc.QueueSubscribe(queue.PubSubject, group, func(m *nats.Msg) { s.take(base, m, noise) })
	if err != nil {
		cancel()
		return fmt.Errorf("serve %s: %w", queue.PubSubject, err)
	}
	s.sub, s.cancel = sub, cancel
	ctx, done := context.WithTimeout(ctx, flushTime)
	defer done()
	if err := s.nc.FlushWithContext(ctx); err != nil {
		s.log.Warn("requests can not be taken yet", zap.Error(err))
	}
	return nil
}

// Stop takes no more requests, and waits until those that came are answered,
// or ctx ends; then it gives them up. It may be called twice.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sub == nil {
		return nil
	}
	sub := s.sub
	s.sub = nil
	defer s.serving.Wait()
	defer s.cancel()
	if err := s.drain(ctx, sub); err != nil {
		return fmt.Errorf("stop serving %s: %w", queue.PubSubject, err)
	}
	done := make(chan struct{})
	go func() { s.serving.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop serving %s: requests were given up: %w", queue.PubSubject, ctx.Err())
	}
}

// drain ends a subscription when what is on its way has been taken, or ctx ends.
// Nothing is on its way over a connection that is away, and the library would
// wait for it all the same.
func (s *Server) drain(ctx context.Context, sub *nats.Subscription) error {
	away := s.nc.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	defer s.nc.RemoveStatusListener(away)
	if !s.nc.IsConnected() {
		return ended(sub.Unsubscribe())
	}
	closed := sub.StatusChanged(nats.SubscriptionClosed)
	if err := sub.Drain(); err != nil { // the connection is gone, and with it who waits for an answer
		return nil
	}
	select {
	case <-closed:
		return nil
	case <-away:
		return ended(sub.Unsubscribe())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ended leaves out that a subscription has ended already.
func ended(err error) error {
	if errors.Is(err, nats.ErrBadSubscription) || errors.Is(err, nats.ErrConnectionClosed) {
		return nil
	}
	return err
}

// take begins to serve one request, if there is room. A request names where its
// answer goes, and NATS does not check whether the one who asks may publish
// there: the gateway answers to inboxes only. Without one nobody would hear of
// a refusal, so nothing is published.
func (s *Server) take(ctx context.Context, m *nats.Msg, noise *zap.Logger) {
	if !strings.HasPrefix(m.Reply, nats.InboxPrefix) {
		noise.Warn("request without an inbox is ignored", zap.String("subject", m.Subject))
		return
	}
	select {
	case s.slots <- struct{}{}:
	default:
		s.refuse(m, fault.New(fault.TooMany, "too many requests are being served: send again later").After(busyFor))
		return
	}
	s.serving.Go(func() {
		defer func() { <-s.slots }()
		s.serve(ctx, m)
	})
}

func (s *Server) refuse(m *nats.Msg, f *fault.Error) {
	w := newWriter()
	w.WriteHeader(http.StatusTooManyRequests)
	w.header.Set("Retry-After", "1")
	w.body = rest.AppendError(nil, f)
	s.respond(m, w)
}

// serve hands the request to the HTTP handler and sends what it answers.
func (s *Server) serve(ctx context.Context, m *nats.Msg) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	r, err := request(ctx, m)
	if err != nil { // only for a method or URL that is malformed
		s.log.Error("request not made", zap.Error(err))
		return
	}
	w := newWriter()
	s.handler.ServeHTTP(w, r)
	s.respond(m, w)
}

// respond sends the answer. One that does not fit into a message becomes null:
// what was published stays published, and the status says so.
func (s *Server) respond(m *nats.Msg, w *writer) {
	out := nats.NewMsg(m.Reply)
	out.Header.Set(queue.HeaderStatus, w.statusText())
	for _, name := range passedBack {
		if v := w.header.Get(name); v != "" {
			out.Header.Set(name, v)
		}
	}
	out.Data = w.body
	if limit := s.nc.MaxPayload(); limit > 0 && int64(len(out.Data))+headRoom > limit {
		out.Data = []byte("null\n")
	}
	if err := s.nc.PublishMsg(out); err != nil {
		s.log.Warn("answer not sent", zap.String(requestid.Key, w.header.Get("X-Request-Id")), zap.Error(err))
	}
}

// sparing lets a few lines of each message a minute through: anybody who can
// publish could fill the log otherwise.
func sparing(log *zap.Logger) *zap.Logger {
	return log.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, time.Minute, linesAMinute, 0)
	}))
}
