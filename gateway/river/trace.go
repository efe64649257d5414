package river

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/riverstones/riverstones/queue"
)

// scope names this package to tracing.
const scope = "github.com/riverstones/riverstones/gateway/river"

// Stepped is a step that is over.
type Stepped struct {
	Took  time.Duration // with tries that the database made necessary
	Moves int           // of the last try
	Err   error
	Trace trace.SpanContext // of the request it served, the zero value for none
}

// watch looks on while a step is taken.
type watch struct {
	rt    *Runtime
	began time.Time
	span  trace.Span // of the caller, or its own below that
	own   bool
	moves int
	// causes are the spans of what moves instances in the background, by the
	// outermost one of each.
	causes map[string]trace.Span
}

// watch begins a span for a step of a request that is traced. Steps in the
// background have none: one of them may move instances of several traces, and
// has a span for each, see [step.cause].
func (r *Runtime) watch(ctx context.Context) *watch {
	w := &watch{rt: r, began: time.Now(), span: trace.SpanFromContext(ctx)}
	if r.deps.Tracer != nil && w.span.SpanContext().IsValid() {
		_, w.span = r.deps.Tracer.Tracer(scope).Start(ctx, "river step") //nolint:spancheck // done ends it
		w.own = true
	}
	return w
}

// end ends the span of a request that shares the step of another.
func (w *watch) end(err error) {
	if !w.own {
		return
	}
	if err != nil {
		w.span.SetStatus(codes.Error, "the step was not taken")
	}
	w.span.End()
}

// done tells who listens.
func (w *watch) done(err error) {
	if w.own {
		w.span.SetAttributes(attribute.Int("riverstones.moves", w.moves))
	}
	w.end(err)
	w.endCauses(err)
	if w.rt.deps.Stepped != nil {
		w.rt.deps.Stepped(Stepped{Took: time.Since(w.began), Moves: w.moves, Err: err, Trace: w.span.SpanContext()})
	}
}

// traceparent is what the tasks of the step carry, "" for none of its own.
func (w *watch) traceparent(ctx context.Context) string {
	if !w.span.SpanContext().IsValid() {
		return ""
	}
	return traceparent(ctx, w.span)
}

// traceparent names a span as W3C does.
func traceparent(ctx context.Context, span trace.Span) string {
	c := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpan(ctx, span), c)
	return c[queue.HeaderTrace]
}

// traceOf is what a task of an instance carries: the trace of the request that
// moves it, or of what does in the background, or else of the request that
// started the instance.
func (s *step) traceOf(in *instance) string {
	if s.trace != "" {
		return s.trace
	}
	if caused := s.watch.causedBy(s.ctx, in); caused != "" || in.root == nil {
		return caused
	}
	return in.root.state.Trace
}
