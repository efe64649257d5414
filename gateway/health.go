package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue"
)

const (
	pathLive     = "/healthz"
	pathReady    = "/readyz"
	checkTimeout = 2 * time.Second // of all checks together
)

// probes answers whether the process lives and whether it can do its part.
type probes struct {
	store      Store
	nc         *nats.Conn
	js         jetstream.JetStream
	checkpoint *dispatch.Checkpoint
	log        *zap.Logger
}

func mountHealth(r *rest.Router, p *probes) {
	rest.Handle(r, http.MethodGet, pathLive, p.live)
	rest.Handle(r, http.MethodGet, pathReady, p.ready)
}

// probe has nothing to read.
type probe struct{}

// Bind reads nothing.
func (*probe) Bind(*rest.Input) error { return nil }

// report is the answer to a probe.
type report []check

// check is one of its lines; problem is "" if all is well.
type check struct{ name, problem string }

// live says that the process serves requests. It asks nobody else: a restart
// would help neither the database nor the queue.
func (p *probes) live(context.Context, probe) (report, error) { return report{}, nil }

// ready asks all parts at once.
func (p *probes) ready(ctx context.Context, _ probe) (report, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	checks := []struct {
		name    string
		problem string
		run     func(context.Context) error
	}{
		{"store", "the database does not answer", p.store.Ping},
		{"nats", "not connected", p.connected},
		{"streams", "the streams are missing or do not answer", p.streams},
		{"recorder", "how far the recorder has come is not known", p.recorder},
	}
	out := make(report, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() {
			out[i].name = c.name
			if err := c.run(ctx); err != nil {
				out[i].problem = c.problem
				p.log.Warn("not ready", zap.String("check", c.name), zap.Error(err))
			}
		})
	}
	wg.Wait()
	return out, nil
}

func (p *probes) connected(context.Context) error {
	if s := p.nc.Status(); s != nats.CONNECTED {
		return fmt.Errorf("connection is %s", s)
	}
	return nil
}

func (p *probes) streams(ctx context.Context) error {
	for _, name := range []string{queue.StreamTasks, queue.StreamEvents} {
		if _, err := p.js.Stream(ctx, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (p *probes) recorder(context.Context) error {
	if !p.checkpoint.Known() {
		return errors.New("no checkpoint was heard or read")
	}
	return nil
}

func (r report) ok() bool {
	for _, c := range r {
		if c.problem != "" {
			return false
		}
	}
	return true
}

// Status is 200, or 503 if a check fails.
func (r report) Status() int {
	if !r.ok() {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

// AppendJSON appends {"status":"ok","checks":{"store":"ok", …}}.
func (r report) AppendJSON(dst []byte) []byte {
	word := func(ok bool, otherwise string) string {
		if ok {
			return "ok"
		}
		return otherwise
	}
	dst = rest.AppendString(append(dst, `{"status":`...), word(r.ok(), "unavailable"))
	if len(r) > 0 {
		dst = append(dst, `,"checks":{`...)
		for i, c := range r {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(rest.AppendString(dst, c.name), ':')
			dst = rest.AppendString(dst, word(c.problem == "", c.problem))
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}
