package telemetry

import (
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/riverstones/riverstones/gateway/callback"
	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/store"
)

// Gateway counts what a gateway does: requests, steps of processes, callbacks.
type Gateway struct {
	total   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	kept    sync.Map // endpoint to *request

	steps        *prometheus.CounterVec
	step         prometheus.Histogram
	moves        prometheus.Histogram
	callbacks    *prometheus.CounterVec
	callbackTime *prometheus.HistogramVec
}

// endpoint is what requests are told apart by: routes are those of the code, so
// that nobody outside can make more of them.
type endpoint struct {
	method, route string
	status        int
}

// request are the numbers of one endpoint, found once.
type request struct {
	total   prometheus.Counter
	seconds prometheus.Observer
}

// Gateway returns what counts for the gateway and for the process runtime.
func (m *Metrics) Gateway() *Gateway {
	g := &Gateway{
		total:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "riverstones_http_requests_total", Help: "Requests of the REST API, over NATS too. Status 499 is a client that did not wait."}, []string{labelMethod, "route", "status"}),
		seconds: prometheus.NewHistogramVec(histogram("riverstones_http_request_seconds", "How long requests of the REST API took. Event streams last as long as their listeners stay.", seconds(9)), []string{labelMethod, "route"}),
		steps:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "riverstones_river_steps_total", Help: "Steps of processes: ok, refused (the model or the request does not allow it), or error (the database can not answer, or a fault of ours)."}, []string{labelOutcome}),
		step:    prometheus.NewHistogram(histogram("riverstones_river_step_seconds", "How long one step of a process took, with tries that the database made necessary.", seconds(8))),
		moves:   prometheus.NewHistogram(histogram("riverstones_river_step_moves", "Moves of tokens in one step of a process.", prometheus.ExponentialBuckets(1, 4, 8))),

		callbacks:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "riverstones_callback_tries_total", Help: "Tries to tell an orchestrator of an end: done, again (it failed and is tried later), parked (nobody waits for it yet), or given_up."}, []string{labelKind, labelOutcome}),
		callbackTime: prometheus.NewHistogramVec(histogram("riverstones_callback_seconds", "How long one try to tell an orchestrator took.", seconds(8)), []string{labelKind}),
	}
	m.registry.MustRegister(g.total, g.seconds, g.steps, g.step, g.moves, g.callbacks, g.callbackTime)
	return g
}

// Request counts a request that was served.
func (g *Gateway) Request(s rest.Served) {
	e := endpoint{s.Method, s.Route, s.Status}
	kept, ok := g.kept.Load(e)
	if !ok {
		kept, _ = g.kept.LoadOrStore(e, &request{g.total.WithLabelValues(e.method, e.route, strconv.Itoa(e.status)), g.seconds.WithLabelValues(e.method, e.route)})
	}
	r := kept.(*request) //nolint:errcheck,forcetypeassert // nothing else is kept
	r.total.Inc()
	observe(r.seconds, s.Took.Seconds(), s.Trace)
}

// Step counts a step of a process.
func (g *Gateway) Step(s river.Stepped) {
	outcome := "ok"
	if s.Err != nil {
		outcome = "refused"
		if k := fault.Of(s.Err).Kind; k == fault.Unavailable || k == fault.Internal {
			outcome = "error"
		}
	}
	g.steps.WithLabelValues(outcome).Inc()
	observe(g.step, s.Took.Seconds(), s.Trace)
	g.moves.Observe(float64(s.Moves))
}

// Told counts a try to tell an orchestrator.
func (g *Gateway) Told(t callback.Tried) {
	kind, outcome := "webhook", "again"
	if t.Kind == store.Flowable {
		kind = "flowable"
	}
	switch t.State {
	case store.DeliveryDone:
		outcome = "done"
	case store.DeliveryParked:
		outcome = "parked"
	case store.DeliveryGivenUp:
		outcome = "given_up"
	case store.DeliveryDue:
	}
	g.callbacks.WithLabelValues(kind, outcome).Inc()
	observe(g.callbackTime.WithLabelValues(kind), t.Took.Seconds(), t.Trace)
}
