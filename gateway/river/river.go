package river

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/gateway/river/expr"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Config says how a [Runtime] works. Its zero value is the default.
type Config struct {
	// Name tells this process from others that take the lease, a random one by default.
	Name string
	// Lease (10 s) is how long background work stays with a process that has died.
	Lease time.Duration
	// Look (1 s) is how often ends and jobs are looked for without being woken.
	Look time.Duration
	// Workers (32) is how many instances move at once in the background.
	Workers int
	// Batch (500) is how many ends are read at once.
	Batch int
	// Limits bound expressions.
	Limits expr.Limits
	// Models bound what is deployed, and map Java tasks to stones.
	Models bpmn.Options
	// Now is the clock, time.Now by default.
	Now func() time.Time
}

func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, newID())
	c.Lease, c.Look = cmp.Or(c.Lease, 10*time.Second), cmp.Or(c.Look, time.Second)
	c.Workers, c.Batch = cmp.Or(c.Workers, 32), cmp.Or(c.Batch, 500)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Store is what a [Runtime] needs of the store.
type Store interface {
	store.Runtime
	store.Leases
}

// Deps are the parts a [Runtime] works with; Store is required.
type Deps struct {
	Store Store
	// Wake tells the relay that something waits in the outbox; it must not block.
	Wake func()
	// Check fills in and checks the params of a declared stone.
	Check dispatch.Check
	// Declared reports whether a stone has ever announced itself.
	Declared func(stone string) bool
	// Stones returns those that have.
	Stones func() []string
	// Stone returns what a stone declares, for the check of models.
	Stone func(code string) (Declaration, bool)
	// Attempts returns the commands of a task.
	Attempts func(ctx context.Context, id string) ([]store.Attempt, error)
	// Withdraw takes a command out of the queue.
	Withdraw func(ctx context.Context, id string, sequence uint64) dispatch.Taken
	// Gone reports whether a command is out of the queue; if it is, all is
	// recorded that workers said of it before.
	Gone func(ctx context.Context, sequence uint64) (bool, error)
	Log  *zap.Logger
	// Stepped hears of each step; nil hears nothing. It must not block.
	Stepped func(Stepped)
	// Tracer makes spans of the steps of traced requests; nil makes none.
	Tracer trace.TracerProvider
}

// Declaration is what a stone says of itself.
type Declaration struct {
	Params, Outputs []string
	// Required are those of Params that have no default and must be given.
	Required []string
	// NoEcho are those of Params that are never shown.
	NoEcho []string
	// Open says that it takes or gives more than it declares.
	Open bool
}

// Runtime is the process runtime. It is safe for concurrent use: steps on one
// tree of instances are one after the other.
type Runtime struct {
	cfg       Config
	deps      Deps
	store     Store
	models    *models
	templates *templates
	log       *zap.Logger
	ends      bell
	jobs      bell
	starts    starts

	stop    context.CancelFunc
	running sync.WaitGroup
}

// New returns a runtime whose background work is not started. Its methods work
// without it.
func New(cfg Config, deps Deps) (*Runtime, error) {
	cfg = cfg.withDefaults()
	if deps.Log == nil {
		deps.Log = zap.NewNop()
	}
	if deps.Wake == nil {
		deps.Wake = func() {}
	}
	if deps.Check == nil {
		deps.Check = func(_ string, _ task.Method, params json.RawMessage) (json.RawMessage, error) { return params, nil }
	}
	if deps.Declared == nil {
		deps.Declared = func(string) bool { return false }
	}
	if deps.Stones == nil {
		deps.Stones = func() []string { return nil }
	}
	if deps.Gone == nil {
		deps.Gone = func(context.Context, uint64) (bool, error) { return false, nil }
	}
	if deps.Stone == nil {
		deps.Stone = func(string) (Declaration, bool) { return Declaration{}, false }
	}
	known, err := newModels(deps.Store, cfg.Models)
	if err != nil {
		return nil, fmt.Errorf("make process runtime: %w", err)
	}
	texts, err := newTemplates(cfg.Limits)
	if err != nil {
		return nil, fmt.Errorf("make process runtime: %w", err)
	}
	return &Runtime{cfg: cfg, deps: deps, store: deps.Store, models: known, templates: texts, log: deps.Log.Named("river"),
		ends: newBell(), jobs: newBell(), stop: func() {}}, nil
}

// now is the time as the store keeps it.
func (r *Runtime) now() time.Time { return r.cfg.Now().UTC().Truncate(time.Microsecond) }
