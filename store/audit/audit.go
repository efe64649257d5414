// Package audit reconciles what the system knows of its tasks: the messages in
// the streams RS_TASKS and RS_EVENTS, the recorded history, and the current
// states. It finds tasks and transitions that are lost, doubled, orphaned or
// out of order. It reads only, repairs nothing, and starts nothing. The command
// `riverstones verify` calls it, and the tests that break things do.
//
// It may run beside a live system: what is compared ends at the checkpoint that
// is read first, and whatever looks wrong is looked at once more before it is
// reported, when the recorder has read what was on its way.
package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Store is what an audit reads; [store.Store] has it all.
type Store interface {
	store.Quarantine
	Tasks
	Outbox
	Position(ctx context.Context) (store.Position, error)
}

// Tasks reads tasks and histories, see [store.Tasks].
type Tasks interface {
	Lookup(ctx context.Context, taskIDs, ids []string) ([]store.Known, error)
	List(ctx context.Context, f store.Filter) (store.Page, error)
	History(ctx context.Context, id string, notes bool) ([]store.Note, error)
}

// Outbox tells what is to be sent, see [store.Outbox].
type Outbox interface {
	Unsent(ctx context.Context, ids []string) ([]string, error)
}

// Config tunes an audit. The zero value is the default: everything.
type Config struct {
	// After leaves out the tasks that were created, and the messages that were
	// stored, up to this time. [Report.Reached] of an audit that was cut off
	// lets the next one go on behind it.
	After time.Time
	// Page is how many tasks, or messages, are compared at a time, 500 by default.
	Page int
	// Keep is how many findings are kept for the report, 1000 by default. All
	// are counted.
	Keep int
	// Open is how many tasks under way are kept in memory before the task stream
	// is searched for their commands, 100,000 by default.
	Open int
	// Patience is how long the recorder may take to read what was in the streams
	// when something looked wrong, 10 s by default. What it has not read by then
	// is left undecided.
	Patience time.Duration
	// Progress is told how far the audit is after each page, if it is not nil.
	Progress func(Report)
}

func (c Config) withDefaults() Config {
	for _, n := range []struct {
		value *int
		usual int
	}{{&c.Page, 500}, {&c.Keep, 1000}, {&c.Open, 100_000}} {
		if *n.value <= 0 {
			*n.value = n.usual
		}
	}
	if c.Patience <= 0 {
		c.Patience = 10 * time.Second
	}
	return c
}

// ErrStopped says that the streams can not be read to the end: the queue does
// not answer.
var ErrStopped = errors.New("the stream can not be read on")

// auditor is one audit under way. It belongs to one goroutine; only the reads
// of a page run side by side.
type auditor struct {
	store  Store
	nc     *nats.Conn
	js     jetstream.JetStream
	cfg    Config
	begin  time.Time
	report Report
	open   map[string]under   // by id: tasks whose command has to be somewhere
	away   map[place]struct{} // quarantine
}

// under is a task under way.
type under struct {
	taskID string
	epoch  int
}

// place is a message, or one event of it.
type place struct {
	stream   string
	sequence uint64
	index    int
}

// Run audits. An error means that it could not be done to the end; the report
// then has what was found until there. [queue.ErrBehind] says that queue and
// database do not belong together.
func Run(ctx context.Context, st Store, nc *nats.Conn, cfg Config) (Report, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return Report{}, fmt.Errorf("audit: jetstream: %w", err)
	}
	a := &auditor{store: st, nc: nc, js: js, cfg: cfg.withDefaults(), begin: time.Now(), open: map[string]under{}, away: map[place]struct{}{}}
	a.report.Totals = map[Kind]int{}
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"checkpoint", a.checkpoint}, {"quarantine", a.quarantine}, {"tasks", a.tasks}, {"orphans", a.orphans},
		{"commands", a.commands}, {"events", a.events},
	} {
		if err := step.do(ctx); err != nil {
			return a.report, fmt.Errorf("audit: %s: %w", step.what, err)
		}
	}
	return a.report, nil
}

// checkpoint notes up to where the streams must be reflected.
func (a *auditor) checkpoint(ctx context.Context) (err error) {
	a.report.Checkpoint, err = a.store.Position(ctx)
	return err
}

// quarantine notes which messages were put away. What the checkpoint covers is
// there by now, since both are written in one transaction.
func (a *auditor) quarantine(ctx context.Context) error {
	const size = 500
	for start := 0; ; start += size {
		page, err := a.store.Quarantine(ctx, "", start, size)
		if err != nil {
			return err
		}
		for i := range page {
			a.away[place{page[i].Stream, page[i].Sequence, page[i].Index}] = struct{}{}
		}
		a.report.Quarantined = len(a.away)
		if len(page) < size {
			return nil
		}
	}
}

func (a *auditor) progress() {
	if a.cfg.Progress != nil {
		a.cfg.Progress(a.report)
	}
}

// settle waits until the recorder has read all that is in the streams now, and
// reports whether it did within the patience.
func (a *auditor) settle(ctx context.Context) (bool, error) {
	ends, err := a.ends(ctx)
	if err != nil {
		return false, err
	}
	for limit := time.Now().Add(a.cfg.Patience); ; {
		pos, err := a.store.Position(ctx)
		if err != nil {
			return false, err
		}
		if pos.Tasks >= ends.Tasks && pos.Events >= ends.Events {
			return true, nil
		}
		if time.Now().After(limit) {
			return false, nil
		}
		if err := pause(ctx, settlePause); err != nil {
			return false, err
		}
	}
}

const settlePause = 50 * time.Millisecond

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// byID looks tasks up by their ids.
func (a *auditor) byID(ctx context.Context, ids []string) (map[string]*task.Task, error) {
	known, err := a.store.Lookup(ctx, nil, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string]*task.Task, len(known))
	for i := range known {
		out[known[i].Task.ID] = &known[i].Task
	}
	return out, nil
}
