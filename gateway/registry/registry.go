// Package registry knows the stones: what they announced, who serves them, what
// waits for them, and whether they are paused. It watches the announcements in
// the queue, remembers the last one of each stone in the store, and asks
// JetStream for the rest when somebody wants to see it. It runs no stone, and
// knows no HTTP. The use cases check params with it, package stoneapi shows it.
package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/sealkey"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Config tunes a [Registry]. The zero value is the default.
type Config struct {
	Log *zap.Logger
	// TTL is how long a worker counts as there that does not announce itself
	// again, [queue.StoneTTL] by default.
	TTL time.Duration
	// Fetch is how long ago the last fetch of a worker that lives may be, 1 min
	// by default. It has to allow for clocks of two machines.
	Fetch time.Duration
	// Fresh is how old figures of the queue may be that are shown, 1 s by default.
	Fresh time.Duration
	// Resync is how often all announcements are read anew, 30 s by default.
	Resync time.Duration
	// Now is the clock, [time.Now] by default.
	Now func() time.Time
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		value     *time.Duration
		otherwise time.Duration
	}{{&c.TTL, queue.StoneTTL}, {&c.Fetch, time.Minute}, {&c.Fresh, time.Second}, {&c.Resync, 30 * time.Second}} {
		if *d.value <= 0 {
			*d.value = d.otherwise
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	return c
}

// Registry knows the stones. Make it with [New], Start it, Stop it. Its
// questions may be asked by several goroutines, and before Start, when it knows
// none.
type Registry struct {
	cfg   Config
	nc    *nats.Conn
	js    jetstream.JetStream
	store store.Stones
	log   *zap.Logger // sparing, since what others announce must not fill it

	surveys *shared[*survey]  // of the queue
	used    *shared[[]string] // codes that tasks name, sorted

	mu     sync.Mutex
	stones map[string]*known
	dirty  map[string]bool // whose announcement is to be remembered
	wake   chan struct{}   // something is dirty
	loaded bool            // what was remembered is read

	// declared is what [Registry.Check] reads, and is never changed.
	declared atomic.Pointer[map[string]*declaration]

	end   context.CancelFunc // nil before Start
	runs  sync.WaitGroup     // what Start began
	calls sync.WaitGroup     // made for those who ask
}

// New returns a registry that does nothing yet.
func New(nc *nats.Conn, st store.Stones, cfg Config) (*Registry, error) {
	if nc == nil || st == nil {
		return nil, errors.New("make registry: NATS connection and store are required")
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("make registry: %w", err)
	}
	cfg = cfg.withDefaults()
	r := &Registry{cfg: cfg, nc: nc, js: js, store: st, log: sparing(cfg.Log.Named("registry")),
		stones: map[string]*known{}, dirty: map[string]bool{}, wake: make(chan struct{}, 1)}
	r.surveys = &shared[*survey]{runs: &r.calls, run: r.survey}
	r.used = &shared[[]string]{runs: &r.calls, run: st.UsedStones}
	r.declared.Store(&map[string]*declaration{})
	return r, nil
}

// sparing lets a few lines of each message a minute through.
func sparing(log *zap.Logger) *zap.Logger {
	const lines = 5
	return log.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, time.Minute, lines, 0)
	}))
}

// Start reads what was remembered and begins to watch in the background. A
// store or queue that does not answer is tried again there. ctx bounds the
// start only.
func (r *Registry) Start(ctx context.Context) error {
	background, err := r.begin(ctx)
	if err != nil {
		return err
	}
	r.load(ctx)
	r.runs.Go(func() { r.watch(background) })
	r.runs.Go(func() { r.remember(background) })
	return nil
}

// begin returns the context of what runs in the background.
func (r *Registry) begin(ctx context.Context) (context.Context, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end != nil {
		return nil, errors.New("start registry: it was started before")
	}
	background, end := context.WithCancel(context.WithoutCancel(ctx))
	r.end = end
	return background, nil
}

// Stop ends the watching and waits for it. It may be called twice.
func (r *Registry) Stop() {
	r.mu.Lock()
	end := r.end
	r.mu.Unlock()
	if end == nil {
		return
	}
	end()
	r.runs.Wait()
	r.calls.Wait()
}

// Check checks the params of a new start or mock against what the stone
// declares, and returns them with the defaults filled in. Unknown params pass;
// nothing is converted; a secret may be masked, its stored value was checked
// before. Params of other methods, and of a stone that has declared none,
// come back as they are.
//
// The error names each parameter at fault and never its value; it is
// [param.Errors], or wraps [param.ErrObject].
func (r *Registry) Check(stone string, m task.Method, params json.RawMessage) (json.RawMessage, error) {
	d := (*r.declared.Load())[stone]
	if d == nil || d.checker == nil || m != task.Start && m != task.Mock {
		return params, nil
	}
	return d.checker.CheckMasked(params)
}

// Methods returns the methods that a stone says it has, and whether it ever
// said so. The slice must not be changed.
func (r *Registry) Methods(stone string) (methods []task.Method, declared bool) {
	d := (*r.declared.Load())[stone]
	if d == nil {
		return nil, false
	}
	return d.said.Methods, true
}

// NoEcho returns the names of the params that a stone declares to be secrets.
// The slice must not be changed.
func (r *Registry) NoEcho(stone string) []string {
	d := (*r.declared.Load())[stone]
	if d == nil {
		return nil
	}
	return d.noEcho
}

// SealKey returns the key that a stone announces for secrets to be sealed to,
// nil for one that announces none. A key that can not be used is an error: what
// is meant to be sealed must not go in clear.
func (r *Registry) SealKey(stone string) (*sealkey.Public, error) {
	d := (*r.declared.Load())[stone]
	if d == nil {
		return nil, nil //nolint:nilnil // most stones have none
	}
	return d.sealKey, d.sealErr
}

// Declaration returns what a stone said of itself last, and whether it ever
// did. What it points to must not be changed.
func (r *Registry) Declaration(stone string) (said *queue.Announcement, declared bool) {
	d := (*r.declared.Load())[stone]
	if d == nil {
		return nil, false
	}
	return d.said, true
}

// Declared returns the codes of all stones that ever announced themselves, in
// order.
func (r *Registry) Declared() []string { return slices.Sorted(maps.Keys(*r.declared.Load())) }
