package telemetry

import (
	"cmp"
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/trace"
)

// Names of labels.
const (
	labelStone   = "stone"
	labelMethod  = "method"
	labelOutcome = "outcome"
	labelReason  = "reason"
	labelStream  = "stream"
	labelKind    = "kind"
)

// Metrics are the numbers of one process. Each part of it that counts takes its
// own from here: [Metrics.Recorder] and the others.
type Metrics struct {
	registry *prometheus.Registry
	stones   *bounded
}

// maxStones is how many stones have series of their own. Whoever may publish can
// name any stone, and each name would cost memory for good.
const maxStones = 200

// NewMetrics returns the numbers of a process of this version: those of the Go
// runtime and of the operating system, until others are added.
func NewMetrics(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), stones: &bounded{most: maxStones}}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "riverstones_build_info",
		Help: "1, with the version of the binary as a label.", ConstLabels: prometheus.Labels{"version": cmp.Or(version, "unknown")}})
	build.Set(1)
	m.registry.MustRegister(build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Registry is where further numbers are registered, such as those of stones.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Handler serves all of them, as text, or with exemplars and native histograms
// to a server that asks for OpenMetrics or protobuf.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: 4})
}

// Parts reports whether the parts of the process work: ready asks one of them.
func (m *Metrics) Parts(names []string, ready func(ctx context.Context, part string) error) {
	m.registry.MustRegister(&parts{names, ready, prometheus.NewDesc("riverstones_part_ready",
		"1 if a part of this process works, 0 if /readyz would say why not.", []string{"part"}, nil)})
}

type parts struct {
	names []string
	ready func(ctx context.Context, part string) error
	desc  *prometheus.Desc
}

// Describe implements [prometheus.Collector].
func (p *parts) Describe(ch chan<- *prometheus.Desc) { ch <- p.desc }

// partsTime bounds the question whether all parts work.
const partsTime = 2 * time.Second

// Collect implements [prometheus.Collector]: it asks all parts at once.
func (p *parts) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), partsTime)
	defer cancel()
	var asking sync.WaitGroup
	for _, name := range p.names {
		asking.Go(func() {
			works := 0.0
			if p.ready(ctx, name) == nil {
				works = 1
			}
			ch <- prometheus.MustNewConstMetric(p.desc, prometheus.GaugeValue, works, name)
		})
	}
	asking.Wait()
}

// bounded lets a limited number of values of a label through.
type bounded struct {
	most int

	mu    sync.RWMutex
	known map[string]struct{}
}

// others stands for all values past the limit; no stone can be named so.
const others = "(others)"

// of returns the value, or [others].
func (b *bounded) of(value string) string {
	b.mu.RLock()
	_, ok := b.known[value]
	full := len(b.known) >= b.most
	b.mu.RUnlock()
	switch {
	case ok:
		return value
	case full:
		return others
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.known) >= b.most {
		return others
	}
	if b.known == nil {
		b.known = map[string]struct{}{}
	}
	b.known[value] = struct{}{}
	return value
}

// histogram describes one that a server may take as a native histogram; others
// get the buckets.
func histogram(name, help string, buckets []float64) prometheus.HistogramOpts {
	const (
		factor  = 1.1 // each native bucket is a tenth wider than the one before
		most    = 160
		minimum = time.Hour
	)
	return prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets, NativeHistogramBucketFactor: factor,
		NativeHistogramMaxBucketNumber: most, NativeHistogramMinResetDuration: minimum}
}

// seconds are the buckets of durations: from 1 ms up, each four times the one
// before, n of them.
func seconds(n int) []float64 { return prometheus.ExponentialBuckets(0.001, 4, n) }

// observe notes v, with the trace it belongs to if that is kept.
func observe(o prometheus.Observer, v float64, sc trace.SpanContext) {
	if sc.IsSampled() {
		if with, ok := o.(prometheus.ExemplarObserver); ok {
			with.ObserveWithExemplar(v, prometheus.Labels{"trace_id": sc.TraceID().String()})
			return
		}
	}
	o.Observe(v)
}
