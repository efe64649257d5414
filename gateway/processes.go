package gateway

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/flowable"
	"github.com/riverstones/riverstones/gateway/processapi"
	"github.com/riverstones/riverstones/gateway/registry"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
)

// RiverStore is what the process runtime needs of the store.
type RiverStore interface {
	river.Store
	store.Attempts
	Position(ctx context.Context) (store.Position, error)
}

// newRiver makes the process runtime. Its tasks are checked as those of any
// client, and leave by the same outbox.
func newRiver(cfg river.Config, st RiverStore, reg *registry.Registry, check dispatch.Check, wake func(), js jetstream.JetStream, o *Observer, log *zap.Logger) (*river.Runtime, error) {
	taker := &dispatch.Taker{JS: js, Position: st.Position}
	r, err := river.New(cfg, river.Deps{
		Store: st, Wake: wake, Check: check, Attempts: st.Attempts, Withdraw: taker.Take, Gone: taker.Gone, Log: log,
		Stepped: o.Step, Tracer: o.Tracer,
		Declared: func(stone string) bool { _, known := reg.Methods(stone); return known },
		Stones:   reg.Declared,
		Stone:    func(code string) (river.Declaration, bool) { return declaration(reg, code) },
	})
	if err != nil {
		return nil, fmt.Errorf("make gateway: %w", err)
	}
	return r, nil
}

// declaration is what a stone says of its params and outputs.
func declaration(reg *registry.Registry, code string) (river.Declaration, bool) {
	d, known := reg.Declaration(code)
	if !known {
		return river.Declaration{}, false
	}
	var out river.Declaration
	for i := range d.Params {
		p := &d.Params[i]
		out.Params = append(out.Params, p.Name)
		if p.Required && p.Default == nil {
			out.Required = append(out.Required, p.Name)
		}
		if p.NoEcho {
			out.NoEcho = append(out.NoEcho, p.Name)
		}
	}
	for i := range d.Outputs {
		out.Outputs = append(out.Outputs, d.Outputs[i].Name)
	}
	return out, true
}

// processes adds the process runtime to a server: its REST, and where the
// configuration says so its background work.
func (s *Server) processes(r *rest.Router, cfg *Config, deps *Deps, check dispatch.Check, commander *dispatch.Commander, js jetstream.JetStream) error {
	var err error
	if s.river, err = newRiver(cfg.River, debugSteps{deps.Store, s.debugged.Note}, s.registry, check, commander.Wake, js, &deps.Observer, s.log); err != nil {
		return err
	}
	s.ends = ends{nc: deps.NATS, wake: s.river.Wake}
	if err := flowable.Mount(r, cfg.Flowable, flowable.Deps{Runtime: s.river, Store: deps.Store}); err != nil {
		return fmt.Errorf("make gateway: %w", err)
	}
	shown := processapi.Deps{Runtime: s.river, Store: deps.Store, Outside: commander}
	if err := processapi.Mount(r, processapi.Config{Zone: cfg.Zone}, shown); err != nil {
		return fmt.Errorf("make gateway: %w", err)
	}
	return nil
}

// River is the background work of processes in a process that serves no REST:
// timers, continuations, and hearing the ends of tasks.
type River struct {
	runtime  *river.Runtime
	registry *registry.Registry
	ends     ends
}

// ends wakes the process runtime each time that the recorder has committed
// events.
type ends struct {
	nc   *nats.Conn
	wake func()
	sub  *nats.Subscription
}

func (e *ends) start() (err error) {
	e.sub, err = e.nc.Subscribe(queue.CheckpointSubject(queue.StreamEvents), func(*nats.Msg) { e.wake() })
	return err
}

func (e *ends) stop() {
	if e.sub != nil {
		_ = e.sub.Unsubscribe() // fails only if the connection is gone
	}
}

// NewRiver returns what is not started. Publisher, Checks and Secrets of deps
// are not needed.
func NewRiver(cfg river.Config, deps Deps) (*River, error) {
	log := deps.Log
	if log == nil {
		log = zap.NewNop()
	}
	js, err := jetstream.New(deps.NATS)
	if err != nil {
		return nil, fmt.Errorf("make river: %w", err)
	}
	out := &River{}
	if out.registry, err = registry.New(deps.NATS, deps.Store, registry.Config{Log: log}); err != nil {
		return nil, fmt.Errorf("make river: %w", err)
	}
	tell := func(_ context.Context, process string, debug bool) {
		_ = dispatch.TellDebugged(deps.NATS, process, debug) // gateways look by themselves too
	}
	wake := func() { _ = deps.NATS.Publish(queue.OutboxSubject, nil) } // the relay looks by itself too
	if out.runtime, err = newRiver(cfg, debugSteps{deps.Store, tell}, out.registry, out.registry.Check, wake, js, &deps.Observer, log); err != nil {
		return nil, err
	}
	out.ends = ends{nc: deps.NATS, wake: out.runtime.Wake}
	return out, nil
}

// Start begins to work. ctx bounds the start only.
func (r *River) Start(ctx context.Context) error {
	if err := r.ends.start(); err != nil {
		return fmt.Errorf("start river: %w", err)
	}
	if err := r.registry.Start(ctx); err != nil {
		r.ends.stop()
		return fmt.Errorf("start river: %w", err)
	}
	r.runtime.Start(ctx)
	return nil
}

// Stop ends the work and waits for it.
func (r *River) Stop(context.Context) error {
	r.ends.stop()
	r.runtime.Stop()
	r.registry.Stop()
	return nil
}

// firstPrefix is one of those that Flowable's API is mounted under.
func firstPrefix(cfg flowable.Config) string {
	if len(cfg.Prefixes) == 0 {
		return ""
	}
	return cfg.Prefixes[0]
}
