package stone

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

// scope names this package to tracing.
const scope = "github.com/riverstones/riverstones/stone"

// ContextWithTrace returns a context whose remote parent is a W3C traceparent,
// such as the one a command carries. One that can not be read changes nothing.
func ContextWithTrace(ctx context.Context, traceparent string) context.Context {
	if traceparent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{queue.HeaderTrace: traceparent})
}

// TraceOf returns the W3C traceparent of the span in ctx, "" for none. Send it
// along with calls to other services.
func TraceOf(ctx context.Context) string {
	c := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, c)
	return c[queue.HeaderTrace]
}

// Tracing makes a span of each run, below the span in its context. Retry and
// Reject are errors of the span; their reasons, which may repeat what a task
// was sent, do not travel with it.
func Tracing(tp trace.TracerProvider) Middleware {
	tracer := tp.Tracer(scope)
	return func(next Handler) Handler {
		return func(ctx context.Context, t *Task) error {
			ctx, span := tracer.Start(ctx, t.Stone+" "+string(t.Method),
				trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
					attribute.String("riverstones.stone", t.Stone),
					attribute.String("riverstones.method", string(t.Method)),
					attribute.String("riverstones.id", t.ID),
					attribute.String("riverstones.task_id", t.TaskID),
					attribute.String("riverstones.process_instance_id", t.ProcessInstanceID),
					attribute.Int("riverstones.attempt", t.Attempt),
					attribute.Int("riverstones.try", t.Try)))
			defer span.End()
			err := next(ctx, t)
			outcome := outcomeOf(ctx, err)
			span.SetAttributes(attribute.String("riverstones.outcome", outcome))
			if outcome == outcomeRetry || outcome == outcomeReject {
				span.SetStatus(codes.Error, outcome)
			}
			return err
		}
	}
}

// metrics are what [Metrics] counts.
type metrics struct {
	seconds *prometheus.HistogramVec
	runs    *prometheus.CounterVec
	running *prometheus.GaugeVec
}

// Metrics counts runs and measures their durations, by stone and method:
// riverstones_stone_runs_total (with the outcome), riverstones_stone_run_seconds
// and riverstones_stone_running. Put it inside of [Tracing] to have the trace of a
// run kept with its duration. It may be made several times with one
// registerer. It fails when other collectors took these names.
func Metrics(reg prometheus.Registerer) (Middleware, error) {
	m, err := newMetrics(reg)
	if err != nil {
		return nil, fmt.Errorf("register stone metrics: %w", err)
	}
	return func(next Handler) Handler {
		var last atomic.Pointer[series] // a worker calls each handler for one stone and method
		return func(ctx context.Context, t *Task) error {
			s, began := last.Load(), time.Now()
			if s == nil || s.stone != t.Stone || s.method != t.Method {
				s = m.series(t.Stone, t.Method)
				last.Store(s)
			}
			s.running.Inc()
			outcome := outcomeRetry // of a panic that passes through
			defer func() {
				s.running.Dec()
				observe(ctx, s.seconds, time.Since(began))
				if outcome == outcomeSuccess {
					s.success.Inc()
				} else {
					m.runs.WithLabelValues(t.Stone, string(t.Method), outcome).Inc()
				}
			}()
			err := next(ctx, t)
			outcome = outcomeOf(ctx, err)
			return err
		}
	}, nil
}

// series are the metrics of one method of a stone, found once.
type series struct {
	stone   string
	method  task.Method
	running prometheus.Gauge
	seconds prometheus.Observer
	success prometheus.Counter
}

func (m *metrics) series(stone string, method task.Method) *series {
	return &series{stone: stone, method: method, running: m.running.WithLabelValues(stone, string(method)),
		seconds: m.seconds.WithLabelValues(stone, string(method)), success: m.runs.WithLabelValues(stone, string(method), outcomeSuccess)}
}

// observe notes a duration, with the trace of ctx if that is kept.
func observe(ctx context.Context, o prometheus.Observer, took time.Duration) {
	sc := trace.SpanContextFromContext(ctx)
	if with, ok := o.(prometheus.ExemplarObserver); ok && sc.IsSampled() {
		with.ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": sc.TraceID().String()})
		return
	}
	o.Observe(took.Seconds())
}

func newMetrics(reg prometheus.Registerer) (m metrics, err error) {
	labels := []string{"stone", "method"}
	m.seconds, err = register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "riverstones_stone_run_seconds", Help: "How long one run of a method took.",
		Buckets:                     prometheus.ExponentialBuckets(0.001, 4, 10), // 1 ms to 4.4 min, for servers that take no native histograms
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160, NativeHistogramMinResetDuration: time.Hour,
	}, labels))
	if err != nil {
		return m, err
	}
	m.runs, err = register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "riverstones_stone_runs_total", Help: "Runs of a method by their outcome.",
	}, append(labels, "outcome")))
	if err != nil {
		return m, err
	}
	m.running, err = register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "riverstones_stone_running", Help: "Runs of a method under way.",
	}, labels))
	return m, err
}

// register returns c, or the same collector if it was registered before.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) (C, error) {
	err := reg.Register(c)
	if before, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if old, ok := before.ExistingCollector.(C); ok {
			return old, nil
		}
	}
	return c, err
}
