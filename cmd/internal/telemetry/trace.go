package telemetry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store/recorder"
)

// scope names this program to tracing.
const scope = "github.com/riverstones/riverstones"

// Tracing says who is sent the spans of a process.
type Tracing struct {
	Endpoint string // URL of an OTLP collector over HTTP, such as http://127.0.0.1:4318/v1/traces
	Service  string // the name of the process, such as riverstones-gateway
	Version  string
}

// Tracer returns a provider that sends spans in batches, in the background: one
// whose collector is away drops them and holds up nobody. What is sampled and
// what goes along as headers is read from the variables that OpenTelemetry
// defines (OTEL_TRACES_SAMPLER and others). stop sends what waits.
func Tracer(ctx context.Context, cfg Tracing, log *zap.Logger) (tp trace.TracerProvider, stop func(context.Context) error, err error) {
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(cfg.Endpoint))
	if err != nil {
		return nil, nil, fmt.Errorf("make exporter of traces: %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(attribute.String("service.name", cfg.Service), attribute.String("service.version", cfg.Version)),
		resource.WithFromEnv()) // the last one holds
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, nil, fmt.Errorf("describe the process for traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(&told{exporter, log.Named("traces")}), sdktrace.WithResource(about))
	return provider, provider.Shutdown, nil
}

// told is an exporter whose failures go to the log of the process.
type told struct {
	sdktrace.SpanExporter

	log *zap.Logger
}

// ExportSpans sends spans.
func (t *told) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := t.SpanExporter.ExportSpans(ctx, spans); err != nil {
		t.log.Warn("spans not sent, they are dropped", zap.Int("spans", len(spans)), zap.Error(err))
	}
	return nil // it would be told once more, past the log
}

// spanContext reads a W3C traceparent; one that can not be read is no context.
func spanContext(traceparent string) trace.SpanContext {
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{queue.HeaderTrace: traceparent})
	return trace.SpanContextFromContext(ctx)
}

// recordSpans makes spans of what the recorder recorded.
type recordSpans struct{ tracer trace.Tracer }

func newRecordSpans(tp trace.TracerProvider) *recordSpans {
	if tp == nil {
		return nil
	}
	return &recordSpans{tp.Tracer(scope)}
}

// record makes a span of each message of a traced task: from its storing in the
// stream to its commit, below the one that sent it. Events of workers that tell no
// trace stand below the span that published the task, if that is known by then.
func (r *Recorder) record(c *recorder.Commit) {
	if r.spans == nil {
		return
	}
	now := time.Now()
	for m := range c.Messages {
		if m.Command != nil {
			r.spans.one(spanContext(m.Command.Trace), &m.Command.Names, m.Command.Epoch, task.ProduceSuccess.String(), m.Stored, now)
		}
		for i := range m.Events {
			e := &m.Events[i].Event
			if len(e.Transitions) == 0 {
				continue
			}
			parent := spanContext(e.Trace)
			if a, ok := r.open.Peek(e.ID); ok && !parent.IsValid() && a.epoch == e.Epoch {
				parent = a.trace
			}
			r.spans.one(parent, &e.Names, e.Epoch, e.Transitions[len(e.Transitions)-1].Status.String(), m.Stored, now)
		}
	}
}

func (s *recordSpans) one(parent trace.SpanContext, n *task.Names, epoch int, status string, from, to time.Time) {
	if !parent.IsSampled() {
		return
	}
	ctx := trace.ContextWithRemoteSpanContext(context.Background(), parent)
	_, span := s.tracer.Start(ctx, "record "+status, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(from),
		trace.WithAttributes(attribute.String("riverstones.stone", n.Stone), attribute.String("riverstones.id", n.ID),
			attribute.String("riverstones.task_id", n.TaskID), attribute.String("riverstones.process_instance_id", n.ProcessInstanceID),
			attribute.Int("riverstones.attempt", epoch), attribute.String("riverstones.status", status)))
	span.End(trace.WithTimestamp(to))
}
