package app

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/gateway"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store/recorder"
)

// partStore is the part beside the roles.
const partStore = "store"

// part is something that must be ready for the process to be. It is not while
// it starts, and while the process stops.
type part struct {
	name, problem string
	ready         atomic.Pointer[func(ctx context.Context) error]
}

// makeParts lists what this process will have to have ready.
func makeParts(cfg *config.Config) []*part {
	var all []*part
	if cfg.Has(config.Recorder) || cfg.Has(config.Gateway) || cfg.Has(config.River) {
		all = append(all, &part{name: partStore, problem: "the database does not answer"})
	}
	for _, r := range config.Roles() {
		if cfg.Has(r) {
			all = append(all, &part{name: string(r), problem: "it does not work; the log says why"})
		}
	}
	return all
}

// works tells that a part has started, and how to ask it.
func (a *App) works(name string, ready func(ctx context.Context) error) {
	for _, p := range a.parts {
		if p.name == name {
			p.ready.Store(&ready)
		}
	}
}

func (a *App) ask(ctx context.Context, p *part) error {
	ready := p.ready.Load()
	switch {
	case a.stopping.Load():
		return gateway.Reason("the process is stopping", nil)
	case ready == nil:
		return gateway.Reason("it is starting", nil)
	default:
		return (*ready)(ctx)
	}
}

// checks are those of all parts but some.
func (a *App) checks(without ...string) []gateway.Check {
	var all []gateway.Check
	for _, p := range a.parts {
		skip := false
		for _, name := range without {
			skip = skip || name == p.name
		}
		if !skip {
			all = append(all, gateway.Check{Name: p.name, Problem: p.problem, Run: func(ctx context.Context) error { return a.ask(ctx, p) }})
		}
	}
	return all
}

// startHealth serves the probes where the configuration says. It comes before
// everything else, so that a process that waits for NATS can be probed.
func (a *App) startHealth(ctx, background context.Context) error {
	if a.cfg.HealthListen == "" {
		return nil
	}
	h := gateway.NewHealth(gateway.HealthConfig{Listen: a.cfg.HealthListen, Log: a.log, Checks: a.checks(), Metrics: a.metrics.Handler()})
	if err := h.Start(ctx); err != nil {
		return err
	}
	a.health = h.Addr()
	a.stack.push("health listener", h.Stop)
	a.watch(background, "health listener", h.Failed())
	return nil
}

// recording asks the recorder. What it says may be shown when it is known to
// hold no address.
func recording(r *recorder.Recorder, nc *nats.Conn) func(context.Context) error {
	return func(context.Context) error {
		if err := connected(nc); err != nil {
			return err
		}
		err := r.Ready()
		for _, known := range []error{queue.ErrGap, queue.ErrBehind} {
			if errors.Is(err, known) {
				return gateway.Reason(known.Error(), err)
			}
		}
		if err != nil {
			return gateway.Reason("messages are not being recorded; the log says why", err)
		}
		return nil
	}
}

// working asks the worker.
func working(w *stone.Worker, nc *nats.Conn) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := connected(nc); err != nil {
			return err
		}
		err := w.Ready(ctx)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, jetstream.ErrConsumerNotFound):
			return gateway.Reason("a consumer of its stones is missing", err)
		default:
			return gateway.Reason("the consumers of its stones do not answer", err)
		}
	}
}

func connected(nc *nats.Conn) error {
	if s := nc.Status(); s != nats.CONNECTED {
		return gateway.Reason("not connected to NATS", errors.New("connection is "+s.String()))
	}
	return nil
}
