package rest

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// scope names this package to tracing.
const scope = "github.com/riverstones/riverstones/gateway/rest"

// headerTrace is W3C's, in the spelling of net/http.
const headerTrace = "Traceparent"

func tracerOf(tp trace.TracerProvider) trace.Tracer {
	if tp == nil {
		return nil
	}
	return tp.Tracer(scope)
}

// follow puts the caller's trace into the context of a request, and makes a span
// of the request below it if there is a tracer. It returns nil for a request
// that is not traced.
func follow(tracer trace.Tracer, c echo.Context, quiet bool) trace.Span {
	r := c.Request()
	sent := r.Header[headerTrace]
	if quiet || tracer == nil && len(sent) == 0 {
		return nil
	}
	ctx := r.Context()
	if len(sent) == 1 { // another number of them is none (W3C)
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	span := trace.SpanFromContext(ctx)
	if tracer != nil {
		ctx, span = start(ctx, tracer, c)
	}
	c.SetRequest(r.WithContext(ctx))
	return span
}

// start makes the span. It has the route and not the path, which may hold what
// nobody but the caller should know.
func start(ctx context.Context, tracer trace.Tracer, c echo.Context) (context.Context, trace.Span) {
	method, route := methodOf(c.Request().Method), c.Path()
	return tracer.Start(ctx, method+" "+route, //nolint:spancheck // finish ends it
		trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			attribute.String("http.request.method", method), attribute.String("http.route", route),
			attribute.String("riverstones.request_id", requestID(c))))
}

// methodOf is a method that can be a name: callers can make others up.
func methodOf(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "_OTHER"
	}
}

// finish ends the span with what became of the request.
func finish(span trace.Span, c echo.Context) {
	if span == nil || !span.IsRecording() {
		return
	}
	status := c.Response().Status
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(status))
	}
	span.End()
}

func spanContextOf(span trace.Span) trace.SpanContext {
	if span == nil {
		return trace.SpanContext{}
	}
	return span.SpanContext()
}
