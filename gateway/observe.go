package gateway

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/trace"

	"github.com/riverstones/riverstones/gateway/callback"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
)

// Observer hears what a gateway does, to count it, and makes its spans. Each
// field may be left out; none may block. Its zero value hears nothing.
type Observer struct {
	Request func(rest.Served)
	Step    func(river.Stepped)
	Told    func(callback.Tried)
	// Tracer makes spans. Without one a caller's trace goes along with its tasks
	// all the same.
	Tracer trace.TracerProvider
	// Metrics answers GET /metrics, which is not there without it.
	Metrics http.Handler
}

const pathMetrics = "/metrics"

func mountMetrics(e *echo.Echo, h http.Handler) {
	if h != nil {
		e.GET(pathMetrics, rest.Wrap(h))
	}
}

// traceOf reads which trace a command carried, as long as the queue has it.
func traceOf(js jetstream.JetStream) func(ctx context.Context, a *store.Attempt) string {
	return func(ctx context.Context, a *store.Attempt) string {
		if a.Sequence == 0 {
			return ""
		}
		s, err := js.Stream(ctx, queue.StreamTasks)
		if err != nil {
			return ""
		}
		m, err := s.GetMsg(ctx, a.Sequence)
		if err != nil || m.Header.Get(queue.HeaderTask) != a.ID {
			return ""
		}
		return m.Header.Get(queue.HeaderTrace)
	}
}
