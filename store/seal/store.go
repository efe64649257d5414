package seal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Config tunes a [Store].
type Config struct {
	// Keys seal and open. Without them secrets are stored in clear, and what
	// was sealed before stays masked.
	Keys Keys
	// NoEcho returns the names of a stone's params that are secret whatever
	// they are called; nil knows none. It must not block.
	NoEcho func(stone string) []string
	Logger *zap.Logger // nothing is logged by default
}

// Store is a store whose secrets are sealed. Callers see them in clear, so
// that comparing and merging is theirs as before.
type Store struct {
	store.Store

	keys   Keys
	noEcho func(stone string) []string
	log    *zap.Logger
	known  *memory
}

// New wraps a store.
func New(st store.Store, cfg Config) *Store {
	s := &Store{Store: st, keys: cfg.Keys, noEcho: cfg.NoEcho, log: sparing(cfg.Logger), known: newMemory()}
	if s.noEcho == nil {
		s.noEcho = func(string) []string { return nil }
	}
	return s
}

// sparing lets a few lines of each message a minute through: a lost key must
// not fill the log.
func sparing(log *zap.Logger) *zap.Logger {
	if log == nil {
		return zap.NewNop()
	}
	const lines = 5
	return log.Named("seal").WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, time.Minute, lines, 0)
	}))
}

// Task returns the task with this taskId or else this id; [store.ErrNotFound].
func (s *Store) Task(ctx context.Context, key string) (task.Task, error) {
	t, err := s.Store.Task(ctx, key)
	s.show(&t)
	return t, err
}

// Lookup returns the tasks that have one of these taskIds or one of these ids.
func (s *Store) Lookup(ctx context.Context, taskIDs, ids []string) ([]store.Known, error) {
	all, err := s.Store.Lookup(ctx, taskIDs, ids)
	for i := range all {
		s.show(&all[i].Task)
		s.showCommand(&all[i].First)
	}
	return all, err
}

// List returns one page of the tasks that match f.
func (s *Store) List(ctx context.Context, f store.Filter) (store.Page, error) {
	p, err := s.Store.List(ctx, f)
	for i := range p.Tasks {
		s.show(&p.Tasks[i])
	}
	return p, err
}

// Log returns kept log lines of a task. Those that were kept before a secret
// they repeat was known, such as an output that came later, are masked here.
func (s *Store) Log(ctx context.Context, id string, first, size int) ([]store.LogLine, error) {
	lines, err := s.Store.Log(ctx, id, first, size)
	if err != nil || len(lines) == 0 {
		return lines, err
	}
	found, err := s.Lookup(ctx, nil, []string{id})
	if err != nil {
		return nil, fmt.Errorf("look up secrets to mask: %w", err)
	}
	for i := range found {
		known := s.secrets(&found[i])
		for j := range lines {
			lines[j].Line = known.Mask(lines[j].Line)
		}
	}
	return lines, nil
}

// secrets returns those of a task's first and last command and of its outputs.
func (s *Store) secrets(of *store.Known) *task.Concealer {
	noEcho, known := s.noEcho(of.Task.Stone), &task.Concealer{}
	known.Add(of.First.Params, noEcho)
	known.Add(of.First.Outputs, nil)
	known.Add(of.Task.Params, noEcho)
	known.Add(of.Task.Outputs, nil)
	known.Ready()
	return known
}

// Refuse records produce.failed for commands that the queue did not take.
func (s *Store) Refuse(ctx context.Context, commands []*queue.Command, reason string, at time.Time) error {
	sealed := make([]*queue.Command, len(commands))
	known, x := &task.Concealer{}, s.sealer()
	for i, c := range commands {
		known.Add(c.Params, s.noEcho(c.Stone))
		known.Add(c.Outputs, nil)
		one := *c
		s.hideCommand(x, &one)
		sealed[i] = &one
	}
	return s.Store.Refuse(ctx, sealed, known.Mask(reason), at)
}

// show opens what a task holds.
func (s *Store) show(t *task.Task) {
	t.Params, _ = s.open(t.ID, t.Params)
	t.Outputs, _ = s.open(t.ID, t.Outputs)
}

// showCommand opens what a command holds, and reports whether something could
// not be opened.
func (s *Store) showCommand(c *queue.Command) (lost bool) {
	var lostToo bool
	c.Params, lost = s.open(c.ID, c.Params)
	c.Outputs, lostToo = s.open(c.ID, c.Outputs)
	return lost || lostToo
}

// hideCommand seals what a command holds.
func (s *Store) hideCommand(x *sealer, c *queue.Command) {
	c.Params = x.seal(c.ID, s.noEcho(c.Stone), c.Params)
	c.Outputs = x.seal(c.ID, nil, c.Outputs)
}

// hideAttempt seals what an attempt of a stone holds.
func (s *Store) hideAttempt(x *sealer, a *store.Attempt, stone string) (changed bool) {
	params, outputs := x.seal(a.ID, s.noEcho(stone), a.Params), x.seal(a.ID, nil, a.Outputs)
	changed = !same(params, a.Params) || !same(outputs, a.Outputs)
	a.Params, a.Outputs = params, outputs
	return changed
}

// same reports whether both are the same bytes in memory.
func same(a, b json.RawMessage) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
