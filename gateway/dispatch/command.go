package dispatch

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// CommandStore is what a [Commander] needs of the store.
type CommandStore interface {
	Command(ctx context.Context, key string, decide func(store.Standing) (*store.Step, error)) (task.Task, error)
	SetDebug(ctx context.Context, processInstanceID string, debug bool) error
}

// Commander changes recorded tasks on behalf of clients. Everything it returns
// as an error is a [fault.Error]: NotFound, Conflict (the rule that does not
// hold), Invalid, or Unavailable. It is safe for concurrent use: of two
// commands on one task the database lets one through first.
type Commander struct {
	// Store keeps the tasks; required.
	Store CommandStore
	// Wake tells the relay that something waits in the outbox; it must not block.
	Wake func()
	// Methods tells which methods a declared stone has; nil knows none.
	Methods func(stone string) (methods []task.Method, declared bool)
	// Check fills in and checks the params of a declared stone; nil checks nothing.
	Check Check
	// NoEcho names the params that a client sees masked; nil knows none.
	NoEcho func(stone string) []string
	// Debugged is told of each change of a process's debug mode; nil tells nobody.
	Debugged func(ctx context.Context, processInstanceID string, debug bool)
	// Now is the clock, time.Now by default.
	Now func() time.Time
}

// ReRun runs a failed task of a process in debug mode again.
func (c *Commander) ReRun(ctx context.Context, key string, r Rerun) (task.Task, error) {
	var err error
	if r.Params, err = edited("parameters", r.Params); err != nil {
		return task.Task{}, err
	}
	if r.Outputs, err = edited("outputs", r.Outputs); err != nil {
		return task.Task{}, err
	}
	return c.command(ctx, key, func(s store.Standing, now time.Time) (*store.Step, error) {
		again := r
		again.Params, again.Outputs = task.RestoreWith(r.Params, s.Current.Params, c.hidden(s.Stone)), task.Restore(r.Outputs, s.Outputs)
		if err := c.fits(&s, &again); err != nil {
			return nil, err
		}
		if size := len(again.Params) + len(again.Outputs); size > queue.MaxBlob {
			return nil, fault.New(fault.TooLarge, "parameters and outputs have %d bytes together, at most %d are taken", size, queue.MaxBlob)
		}
		return reRun(&s, again, now)
	})
}

func (c *Commander) hidden(stone string) []string {
	if c.NoEcho == nil {
		return nil
	}
	return c.NoEcho(stone)
}

// fits checks what the stone has declared.
func (c *Commander) fits(s *store.Standing, r *Rerun) error {
	if r.Method == task.Monitor && c.Methods != nil {
		if methods, declared := c.Methods(s.Stone); declared && !slices.Contains(methods, task.Monitor) {
			return fault.New(fault.Conflict, "stone %s has no monitor: run task %s again with start", s.Stone, s.TaskID)
		}
	}
	if r.Method != task.Start || c.Check == nil || len(r.Params) <= len("{}") {
		return nil
	}
	params, err := c.Check(s.Stone, r.Method, r.Params)
	if err != nil {
		return fault.New(fault.Invalid, "parameters: %v", err)
	}
	r.Params = params
	return nil
}

// Resume ends debugging of a failed task: it stays failed, and its process
// leaves debug mode.
func (c *Commander) Resume(ctx context.Context, key string) (task.Task, error) {
	return c.command(ctx, key, func(s store.Standing, _ time.Time) (*store.Step, error) { return resume(&s) })
}

// Cancel stops a task that has not ended.
func (c *Commander) Cancel(ctx context.Context, key string) (task.Task, error) {
	return c.command(ctx, key, func(s store.Standing, now time.Time) (*store.Step, error) { return cancel(&s, now) })
}

// Undo rolls back or deletes what an ended task has done: m is Rollback or Delete.
func (c *Commander) Undo(ctx context.Context, key string, m task.Method) (task.Task, error) {
	return c.command(ctx, key, func(s store.Standing, now time.Time) (*store.Step, error) { return undo(&s, m, now) })
}

// Pursue cancels a task that was cancelled at this epoch before its begin and
// turned out to have begun.
func (c *Commander) Pursue(ctx context.Context, id string, epoch int) error {
	_, err := c.command(ctx, id, func(s store.Standing, now time.Time) (*store.Step, error) { return pursue(&s, epoch, now), nil })
	return err
}

// SetDebug switches the debug mode of a process.
func (c *Commander) SetDebug(ctx context.Context, processInstanceID string, debug bool) error {
	if !queue.CheckName(processInstanceID) {
		return fault.New(fault.Invalid, "processInstanceId must be 1 to 255 characters without control characters")
	}
	if err := c.Store.SetDebug(ctx, processInstanceID, debug); err != nil {
		return away(err)
	}
	c.debugged(ctx, processInstanceID, debug)
	return nil
}

func (c *Commander) debugged(ctx context.Context, processInstanceID string, debug bool) {
	if c.Debugged != nil {
		c.Debugged(ctx, processInstanceID, debug)
	}
}

func (c *Commander) command(ctx context.Context, key string, decide func(store.Standing, time.Time) (*store.Step, error)) (task.Task, error) {
	sends, debug, traced := false, (*bool)(nil), traceOf(ctx)
	t, err := c.Store.Command(ctx, key, func(s store.Standing) (*store.Step, error) {
		step, err := decide(s, c.now())
		if sends, debug = false, nil; step != nil {
			sends, debug = len(step.Outbox) > 0, step.Debug
			carry(traced, step)
		}
		return step, err
	})
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return t, err
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return t, fault.New(fault.NotFound, "task %s does not exist", key)
	case err != nil:
		return t, away(err)
	}
	if debug != nil {
		c.debugged(ctx, t.ProcessInstanceID, *debug)
	}
	if sends && c.Wake != nil {
		c.Wake()
	}
	return t, nil
}

func (c *Commander) now() time.Time {
	if c.Now == nil {
		return time.Now().UTC().Truncate(time.Microsecond)
	}
	return c.Now().UTC().Truncate(time.Microsecond)
}

func away(err error) error {
	return fault.New(fault.Unavailable, "the database can not answer now: send it again").Because(err).After(tryAgain)
}

// edited returns params or outputs as a client sent them with a reRun.
func edited(field string, raw []byte) ([]byte, error) {
	var c checker
	out := c.object(field, raw)
	if len(out) > queue.MaxBlob {
		return nil, fault.New(fault.TooLarge, "%s has %d bytes, at most %d are taken", field, len(out), queue.MaxBlob)
	}
	return out, c.err()
}
