package dispatch

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
)

// scope names this package to tracing.
const scope = "github.com/riverstones/riverstones/gateway/dispatch"

// traceOf is the W3C traceparent of the span in ctx, "" for none.
func traceOf(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	c := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, c)
	return c[queue.HeaderTrace]
}

// trace lets the commands of a traced request carry its trace: that of a span
// for each of them if there is a tracer, which end ends, else the caller's own.
func (d *Dispatcher) trace(ctx context.Context, drafts []draft) (end func(error)) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return func(error) {}
	}
	var spans []trace.Span
	for i := range drafts {
		c := drafts[i].cmd
		if drafts[i].mine == nil {
			continue
		}
		at := ctx
		if d.deps.Tracer != nil {
			var span trace.Span
			at, span = d.deps.Tracer.Tracer(scope).Start(ctx, "publish "+c.Stone, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
				attribute.String("riverstones.stone", c.Stone), attribute.String("riverstones.method", string(c.Method)),
				attribute.String("riverstones.id", c.ID), attribute.String("riverstones.task_id", c.TaskID),
				attribute.String("riverstones.process_instance_id", c.ProcessInstanceID)))
			spans = append(spans, span)
		}
		c.Trace = traceOf(at)
	}
	return func(err error) {
		for _, s := range spans {
			if err != nil {
				s.SetStatus(codes.Error, "not published")
			}
			s.End()
		}
	}
}

// carry lets the commands that a step sends carry the trace of the request.
func carry(traceparent string, step *store.Step) {
	for i := range step.Outbox {
		if step.Outbox[i].Kind == store.Send {
			step.Outbox[i].Command.Trace = traceparent
		}
	}
}
