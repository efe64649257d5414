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
	"github.com/riverstones/riverstones/gateway/requestid"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue"
)

const (
	pathLive     = "/healthz"
	pathReady    = "/readyz"
	checkTimeout = 2 * time.Second // of all checks together
)

// Check is one part that must work for the process to be ready.
type Check struct {
	Name string // short, in lower case: a member of the answer
	// Problem is shown when Run fails. The error is only logged, since it may
	// hold addresses and secrets, unless [Reason] made it.
	Problem string
	// Run returns nil if the part works. It must end with ctx.
	Run func(ctx context.Context) error
}

// Reason returns an error whose text may be shown to anybody who asks
// /readyz, in place of the check's Problem. cause, which may be nil, is logged.
func Reason(text string, cause error) error { return &reason{text, cause} }

type reason struct {
	text  string
	cause error
}

func (r *reason) Error() string {
	if r.cause == nil {
		return r.text
	}
	return r.text + ": " + r.cause.Error()
}

func (r *reason) Unwrap() error { return r.cause }

// probes answers whether the process lives and whether it can do its part.
type probes struct {
	checks []Check
	log    *zap.Logger
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
type report []line

// line is one of its checks; problem is "" if all is well.
type line struct{ name, problem string }

// live says that the process serves requests. It asks nobody else: a restart
// would help neither the database nor the queue.
func (p *probes) live(context.Context, probe) (report, error) { return report{}, nil }

// ready asks all parts at once.
func (p *probes) ready(ctx context.Context, _ probe) (report, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	out := make(report, len(p.checks))
	var wg sync.WaitGroup
	for i, c := range p.checks {
		wg.Go(func() { out[i] = p.run(ctx, &c) })
	}
	wg.Wait()
	return out, nil
}

func (p *probes) run(ctx context.Context, c *Check) line {
	err := c.Run(ctx)
	if err == nil {
		return line{name: c.Name}
	}
	p.log.Warn("not ready", zap.String("check", c.Name), requestid.Field(ctx), zap.Error(err))
	if r, ok := errors.AsType[*reason](err); ok {
		return line{c.Name, r.text}
	}
	return line{c.Name, c.Problem}
}

// own are the checks of what the gateway itself works with.
type own struct {
	store      Store
	nc         *nats.Conn
	js         jetstream.JetStream
	checkpoint *dispatch.Checkpoint
}

func (o *own) checks() []Check {
	return []Check{
		{"store", "the database does not answer", o.store.Ping},
		{"nats", "not connected", o.connected},
		{"streams", "the streams are missing or do not answer", o.streams},
		{"checkpoint", "how far the recorder has come is not known", o.position},
	}
}

func (o *own) connected(context.Context) error {
	if s := o.nc.Status(); s != nats.CONNECTED {
		return fmt.Errorf("connection is %s", s)
	}
	return nil
}

func (o *own) streams(ctx context.Context) error {
	for _, name := range []string{queue.StreamTasks, queue.StreamEvents} {
		if _, err := o.js.Stream(ctx, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (o *own) position(context.Context) error {
	if !o.checkpoint.Known() {
		return errors.New("no checkpoint was heard or read")
	}
	return nil
}

func (r report) ok() bool { return len(r.problems()) == 0 }

// problems are the lines of the checks that failed.
func (r report) problems() []string {
	var out []string
	for _, c := range r {
		if c.problem != "" {
			out = append(out, c.name+": "+c.problem)
		}
	}
	return out
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
