package rest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/requestid"
)

const (
	maxRequestID = 64
	maxLogged    = 1 << 10 // bytes of a caller's text in a log
)

// AccessMessage is the message of the access log's lines, by which a logger may
// tell them from those that must be written at once.
const AccessMessage = "request"

// Guard says what stands around all handlers.
type Guard struct {
	Log *zap.Logger
	// Concurrent is how many requests are served at once; those past it are
	// refused with 429. Probes do not count. 0 is no limit.
	Concurrent int
	// Quiet are the routes of probes, logged at debug level only, and neither
	// traced nor told.
	Quiet []string
	// Told hears of each request that was served; nil hears nothing. It must not block.
	Told func(Served)
	// Tracer makes a span of each request; without one a caller's trace goes on
	// all the same.
	Tracer trace.TracerProvider
}

// Served is a request that was served.
type Served struct {
	Method string // "_OTHER" for one that HTTP does not define
	Route  string // the pattern, as in /task/:key; "" for a path that nothing is at
	Status int
	Took   time.Duration
	Trace  trace.SpanContext // the zero value for one that is not traced
}

// Around returns the middleware: a request id, refusal of paths that nothing
// good is at, the limit of concurrent requests, recovery from panics, and one
// line in the access log, without query, headers and bodies. A caller's
// traceparent is in the context of the handler.
func Around(g Guard) echo.MiddlewareFunc {
	var running atomic.Int64
	quiet, tracer := map[string]bool{}, tracerOf(g.Tracer)
	for _, route := range g.Quiet {
		quiet[route] = true
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			began := time.Now()
			s := identify(c)
			serve := next
			if err := refuse(c); err != nil {
				serve = func(echo.Context) error { return err }
			} else if g.Concurrent > 0 && !quiet[c.Path()] {
				defer running.Add(-1)
				if running.Add(1) > int64(g.Concurrent) {
					serve = func(echo.Context) error {
						return fault.New(fault.TooMany, "too many requests are being served: send again later").After(time.Second)
					}
				}
			}
			silent := quiet[c.Path()]
			span := follow(tracer, c, silent)
			s.ctx.Context = c.Request().Context() //nolint:fatcontext // s is of this request alone
			if err := protect(serve, s); err != nil {
				c.Error(err)
			}
			finish(span, c)
			access(g.Log, c, began, silent, span)
			if g.Told != nil && !silent {
				g.Told(Served{Method: methodOf(c.Request().Method), Route: c.Path(), Status: c.Response().Status, Took: time.Since(began), Trace: spanContextOf(span)})
			}
			return nil
		}
	}
}

// served is a request with its id: what handlers are given. One piece of memory
// is the context for use cases and the header of the answer too.
type served struct {
	echo.Context

	ctx    requestid.Context
	header [1]string
}

// contextOf returns the context for whatever serves a request: it has the
// request's id.
func contextOf(c echo.Context) context.Context {
	if s, ok := c.(*served); ok {
		return &s.ctx
	}
	return c.Request().Context()
}

// Wrap serves by a handler of net/http, which gets the request's id in the
// context.
func Wrap(h http.Handler) echo.HandlerFunc {
	return func(c echo.Context) error {
		h.ServeHTTP(c.Response(), c.Request().WithContext(contextOf(c)))
		return nil
	}
}

// identify takes the caller's request id, if it is one, or makes one.
func identify(c echo.Context) *served {
	id := c.Request().Header.Get(echo.HeaderXRequestID)
	if !sane(id) {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails
		id = hex.EncodeToString(b[:])
	}
	s := &served{Context: c, ctx: requestid.Context{ID: id}, header: [1]string{id}}
	c.Response().Header()[echo.HeaderXRequestID] = s.header[:]
	return s
}

func sane(id string) bool {
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("-_.:", c) < 0 {
			return false
		}
	}
	return id != "" && len(id) <= maxRequestID
}

func requestID(c echo.Context) string { return c.Response().Header().Get(echo.HeaderXRequestID) }

// refuse returns an error for a path that holds what no path should.
func refuse(c echo.Context) error {
	r := c.Request()
	if len(r.TransferEncoding) > 0 {
		// net/http takes a chunked body also when there was a Content-Length,
		// and hides that there was. A proxy in front may have believed the
		// other one: what it takes for the rest of this request must not be
		// read as the next one.
		c.Response().Header().Set(echo.HeaderConnection, "close")
	}
	if badText(r.URL.Path) {
		return fault.New(fault.Invalid, "the path has control characters or is no UTF-8")
	}
	return nil
}

// protect calls next and turns a panic into an error.
func protect(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = &fault.Error{Kind: fault.Internal, Cause: &panicked{p, zap.StackSkip("", 2).String}}
		}
	}()
	return next(c)
}

// panicked is a panic as an error.
type panicked struct {
	value any
	stack string
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// access writes the line of a request.
func access(log *zap.Logger, c echo.Context, began time.Time, quiet bool, span trace.Span) {
	level := zapcore.InfoLevel
	if quiet {
		level = zapcore.DebugLevel
	}
	line := log.Check(level, AccessMessage)
	if line == nil {
		return
	}
	fields := [...]zap.Field{zap.String("method", c.Request().Method), zap.String("path", pathOf(c)), zap.Int("status", c.Response().Status),
		zap.Int64("bytes", c.Response().Size), zap.Duration("took", time.Since(began)),
		zap.String(requestid.Key, requestID(c)), zap.String("remote", c.RealIP()), zap.Skip()}
	if sc := spanContextOf(span); sc.IsValid() {
		fields[len(fields)-1] = zap.Stringer("trace_id", sc.TraceID())
	}
	line.Write(fields[:]...)
}

// pathOf is the path as logs have it; that of a task has its id.
func pathOf(c echo.Context) string {
	path := c.Request().URL.Path
	return path[:min(len(path), maxLogged)]
}
