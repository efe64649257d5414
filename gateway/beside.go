package gateway

import (
	"context"
	"net/http"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/eventapi"
	"github.com/riverstones/riverstones/gateway/letters"
	"github.com/riverstones/riverstones/gateway/pub"
	"github.com/riverstones/riverstones/gateway/rest"
)

// beside is what is served beside the plain requests: the event stream, and
// requests over NATS.
type beside struct {
	events *eventapi.Service
	pub    *pub.Server
}

// mountBeside adds the routes of dead letters, quarantine and events, and makes
// what serves h over NATS.
func mountBeside(r *rest.Router, h http.Handler, cfg *Config, deps *Deps, noEcho func(stone string) []string, js jetstream.JetStream, log *zap.Logger) beside {
	letters.Mount(r, letters.Dead{NC: deps.NATS, JS: js, NoEcho: noEcho}, letters.Quarantine{Store: deps.Store, NoEcho: noEcho})
	events := eventapi.Deps{Store: deps.Store, NATS: deps.NATS, JS: js, Log: log}
	if deps.Secrets != nil {
		events.Mask = deps.Secrets.Mask
	}
	b := beside{
		events: eventapi.New(cfg.Events, events),
		pub:    pub.New(deps.NATS, h, cfg.Pub, log),
	}
	eventapi.Mount(r, b.events)
	return b
}

// stop ends the event streams, which the HTTP server would wait for, and
// requests over NATS, until ctx ends.
func (b *beside) stop(ctx context.Context) error {
	b.events.Stop()
	return b.pub.Stop(ctx)
}
