package callback

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
)

// scope names this package to tracing.
const scope = "github.com/riverstones/riverstones/gateway/callback"

// follow makes a span of a try below the one that published the attempt, and
// returns nil where nothing is traced. The URL is the orchestrator's, and may hold
// what is nobody's business: no attribute has it.
func (s *Service) follow(ctx context.Context, d *store.Delivery) (context.Context, trace.Span) {
	if s.cfg.Tracer == nil {
		return ctx, nil
	}
	attempts, err := s.store.Attempts(ctx, d.ID)
	if err != nil {
		return ctx, nil // the try itself will tell
	}
	var parent string
	for i := range attempts {
		if attempts[i].Epoch == d.Epoch {
			parent = s.cfg.Trace(ctx, &attempts[i])
		}
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{queue.HeaderTrace: parent})
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, nil
	}
	return s.cfg.Tracer.Tracer(scope).Start(ctx, //nolint:spancheck // tried ends it
		"callback", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("riverstones.id", d.ID), attribute.Int("riverstones.attempt", d.Epoch),
			attribute.String("riverstones.process_instance_id", d.ProcessInstanceID),
			attribute.String("riverstones.status", d.Status.String()), attribute.Int("riverstones.try", d.Tries+1)))
}

// tried ends the span and tells who listens.
func (s *Service) tried(span trace.Span, d *store.Delivery, told *store.Told, took time.Duration) {
	var sc trace.SpanContext
	if span != nil {
		sc = span.SpanContext()
		if told.State != store.DeliveryDone {
			span.SetStatus(codes.Error, "not told")
		}
		span.End()
	}
	if s.cfg.Tried != nil {
		s.cfg.Tried(Tried{Kind: d.Kind, State: told.State, Took: took, Trace: sc})
	}
}
