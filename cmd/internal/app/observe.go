package app

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/cmd/internal/telemetry"
	"github.com/riverstones/riverstones/gateway"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store/recorder"
)

// Metrics are the numbers that GET /metrics shows.
func (a *App) Metrics() *prometheus.Registry { return a.metrics.Registry() }

// startTracing comes first, so that it is stopped last and sends every span.
func (a *App) startTracing(ctx context.Context) error {
	if a.cfg.Traces == "" {
		return nil
	}
	var roles []string
	for _, r := range config.Roles() {
		if a.cfg.Has(r) {
			roles = append(roles, string(r))
		}
	}
	tp, stop, err := telemetry.Tracer(ctx, telemetry.Tracing{Endpoint: a.cfg.Traces,
		Service: "riverstones-" + strings.Join(roles, "-"), Version: a.hooks.Version}, a.log)
	if err != nil {
		return err
	}
	a.tracer = tp
	a.stack.push("traces", stop)
	return nil
}

func (a *App) partNames() []string {
	var names []string
	for _, p := range a.parts {
		names = append(names, p.name)
	}
	return names
}

func (a *App) partReady(ctx context.Context, name string) error {
	i := slices.IndexFunc(a.parts, func(p *part) bool { return p.name == name })
	if i < 0 {
		return errors.New("there is no such part")
	}
	return a.ask(ctx, a.parts[i])
}

// observeRecorder has the recorder's work counted, and what waits in the whole
// system shown.
func (a *App) observeRecorder(nc *nats.Conn, cfg *recorder.Config) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	a.metrics.Cluster(a.store, js, a.log)
	counts := a.metrics.Recorder(a.tracer)
	cfg.OnAnswer = counts.Answer
	cfg.OnCommit = counts.Commit
	if more := a.hooks.Commit; more != nil {
		cfg.OnCommit = func(c recorder.Commit) { counts.Commit(c); more(c) }
	}
	return nil
}

// observer has the work of a gateway, or of the process runtime alone, counted.
func (a *App) observer() gateway.Observer {
	counts := a.metrics.Gateway()
	return gateway.Observer{Request: counts.Request, Step: counts.Step, Told: counts.Told, Tracer: a.tracer, Metrics: a.metrics.Handler()}
}

// middleware is what stands around the stones of this process.
func (a *App) middleware(log *zap.Logger) ([]stone.Middleware, error) {
	counts, err := stone.Metrics(a.metrics.Registry())
	if err != nil {
		return nil, err
	}
	all := []stone.Middleware{stone.Logging(log)}
	if a.tracer != nil {
		all = append(all, stone.Tracing(a.tracer))
	}
	return append(all, counts, stone.Recovery(log)), nil
}
