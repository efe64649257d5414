package river

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
)

// What moves a process in the background, as the names of spans.
const (
	causeEnd          = "river end" // of a task
	causeTimer        = "river timer"
	causeContinuation = "river continuation"
)

func causeOf(j *store.Job) string {
	if j.Kind == store.AsyncJob {
		return causeContinuation
	}
	return causeTimer
}

// cause begins the span of what moves an instance in the background, if there is
// none for its tree of instances in this step: one step may move several. It
// stands below the step that started the instance, or in a trace of its own for
// one that was started without. What the step publishes stands below it.
func (s *step) cause(in *instance, name string, by attribute.KeyValue) {
	if s.rt.deps.Tracer == nil || s.trace != "" || in.root == nil {
		return
	}
	if _, known := s.watch.causes[in.Root]; known {
		return
	}
	ctx := propagation.TraceContext{}.Extract(s.ctx, propagation.MapCarrier{queue.HeaderTrace: in.root.state.Trace})
	_, span := s.rt.deps.Tracer.Tracer(scope).Start(ctx, name, // done ends it
		trace.WithTimestamp(s.watch.began), trace.WithAttributes(
			attribute.String("riverstones.process_instance_id", in.ID), by))
	if s.watch.causes == nil {
		s.watch.causes = map[string]trace.Span{}
	}
	s.watch.causes[in.Root] = span
}

// causedBy is what the tasks of an instance carry if the step has a cause for
// it, "" for none.
func (w *watch) causedBy(ctx context.Context, in *instance) string {
	if span, ok := w.causes[in.Root]; ok {
		return traceparent(ctx, span)
	}
	return ""
}

// endCauses ends the spans of causes.
func (w *watch) endCauses(err error) {
	for _, span := range w.causes {
		if err != nil {
			span.SetStatus(codes.Error, "the step was not taken")
		}
		span.End()
	}
}
