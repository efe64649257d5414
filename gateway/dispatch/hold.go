package dispatch

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/requestid"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// hold says until when a task is held back: for a while, until a time, or (as
// the zero value) not at all.
type hold struct {
	delay time.Duration
	until time.Time
}

func (h hold) any() bool { return h != hold{} }

// end is when a task that is made at a time may be published.
func (h hold) end(made time.Time) time.Time {
	if h.delay > 0 {
		return made.Add(h.delay)
	}
	return h.until
}

// same reports whether a recorded task is held back just so.
func (h hold) same(t *task.Task) bool {
	if !h.any() {
		return t.NotBefore.IsZero()
	}
	return t.NotBefore.Equal(h.end(t.CreateTime))
}

func (c *checker) hold(r *Request) (h hold) {
	if r.Delay != "" && r.NotBefore != "" {
		c.add("delay and notBefore exclude each other: send one")
		return h
	}
	if r.Delay != "" {
		h.delay = c.duration("delay", r.Delay).Truncate(time.Microsecond)
	}
	if r.NotBefore != "" {
		t, err := time.Parse(time.RFC3339Nano, r.NotBefore)
		if y := t.Year(); err != nil || y < 1970 || y > 9999 {
			c.add("notBefore must be a time such as 2026-11-21T09:00:00Z (RFC 3339)")
		}
		h.until = t.UTC().Truncate(time.Microsecond)
	}
	return h
}

// keep records the tasks that are held back, and leaves the others.
func (d *Dispatcher) keep(ctx context.Context, drafts []draft, now time.Time) error {
	var kept []*draft
	var rows []store.Delayed
	for i := range drafts {
		one := &drafts[i]
		if one.mine == nil || !one.hold.any() {
			continue
		}
		one.cmd.CreateTime = now
		kept = append(kept, one)
		rows = append(rows, store.Delayed{Command: *one.cmd, NotBefore: one.hold.end(now), Timeout: one.timeout})
	}
	if len(rows) == 0 {
		return nil
	}
	fresh, err := d.deps.Store.Delay(ctx, rows)
	if err != nil {
		return away(err)
	}
	d.deps.Wake()
	for _, one := range kept {
		d.claims.release(one.mine, nil, false)
		one.mine = nil
		if !fresh[one.cmd.ID] {
			// Another gateway has recorded the task between our question and now.
			if err := d.rival(ctx, one); err != nil {
				return err
			}
		}
	}
	return nil
}

// rival takes the task that was recorded under the same keys.
func (d *Dispatcher) rival(ctx context.Context, one *draft) error {
	found, err := d.deps.Store.Lookup(ctx, []string{one.cmd.TaskID}, []string{one.cmd.ID})
	if err != nil {
		return away(err)
	}
	for i := range found {
		if err := one.match("", d.revealed(&found[i].First, one.cmd), &found[i].Task); err != nil {
			return err
		}
	}
	return nil
}

// debugging switches on the debug mode of the processes whose tasks ask for it.
func (d *Dispatcher) debugging(ctx context.Context, drafts []draft) error {
	var done map[string]bool
	for i := range drafts {
		one := &drafts[i]
		process := one.cmd.ProcessInstanceID
		if !one.debug || done[process] {
			continue
		}
		if err := d.deps.Store.SetDebug(ctx, process, true); err != nil {
			d.deps.Log.Warn("debug mode can not be switched on", zap.String("task", one.cmd.ID), requestid.Field(ctx), zap.Error(err))
			return away(err)
		}
		if d.deps.Debugged != nil {
			d.deps.Debugged.Note(ctx, process, true)
		}
		if done == nil {
			done = map[string]bool{}
		}
		done[process] = true
	}
	return nil
}
