package app

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/gateway"
	"github.com/riverstones/riverstones/gateway/callback"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/queue"
)

func (a *App) startGateway(ctx, background context.Context, nc *nats.Conn) error {
	pub, err := queue.NewPublisher(nc, queue.PublisherConfig{})
	if err != nil {
		return err
	}
	s, err := gateway.New(gateway.Config{
		Listen: a.cfg.Listen, Zone: a.cfg.TimeZone, MaxBody: a.cfg.Limits.Body,
		Concurrent: a.cfg.Limits.Concurrency, BacklogLimit: a.cfg.Limits.Backlog,
		River: a.riverConfig(), RunRiver: a.cfg.Has(config.River), Flowable: a.flowable(),
		Callbacks: callback.Config{Allow: a.cfg.Callbacks.Allow, Secrets: a.cfg.Callbacks.Secrets, Logins: a.cfg.Callbacks.Logins},
	}, gateway.Deps{Store: a.store, Publisher: pub, NATS: nc, Log: a.log, Secrets: a.sealed, Observer: a.observer(),
		Checks: a.checks(partStore, string(config.Gateway))})
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	a.addr = s.Addr()
	a.stack.push("gateway", s.Stop)
	a.works(string(config.Gateway), s.Ready)
	a.watch(background, "gateway", s.Failed())
	return nil
}

// flowable says how Flowable's API is served.
func (a *App) flowable() gateway.Flowable {
	p := &a.cfg.Processes
	return gateway.Flowable{Prefixes: p.Mounts(), Users: p.Users, PublicURL: p.PublicURL, TrustedProxies: p.Trusted()}
}

// riverConfig is that of the process runtime.
func (a *App) riverConfig() river.Config {
	return river.Config{Models: bpmn.Options{StoneFor: func(j bpmn.Java) (string, bool) { return a.cfg.Processes.StoneFor(j.Value) }}}
}

// startRiver starts the background work of processes, unless the gateway of
// this process does it.
func (a *App) startRiver(ctx context.Context, nc *nats.Conn) error {
	if a.cfg.Has(config.Gateway) {
		a.works(string(config.River), func(context.Context) error { return nil })
		return nil
	}
	r, err := gateway.NewRiver(a.riverConfig(), gateway.Deps{Store: a.store, NATS: nc, Log: a.log, Observer: a.observer()})
	if err != nil {
		return err
	}
	if err := r.Start(ctx); err != nil {
		return err
	}
	a.stack.push("river", r.Stop)
	a.works(string(config.River), a.store.Ping)
	return nil
}

// watch ends the system when one of its parts gives up.
func (a *App) watch(background context.Context, part string, failed <-chan error) {
	a.watches.Go(func() {
		select {
		case err := <-failed:
			a.fail(fmt.Errorf("%s: %w", part, err))
		case <-background.Done():
		}
	})
}
