package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// claim is what one command or event says has happened.
type claim struct {
	place
	task.Names
	epoch   int
	command bool
	unread  bool // it can not be understood: it must be in quarantine
	wants   []store.Transition
}

// commands compares RS_TASKS with the store.
func (a *auditor) commands(ctx context.Context) error {
	recorded := func(p store.Position) uint64 { return p.Tasks }
	return a.messages(ctx, queue.StreamTasks, recorded, &a.report.Commands, commandClaims)
}

// events compares RS_EVENTS with the store.
func (a *auditor) events(ctx context.Context) error {
	recorded := func(p store.Position) uint64 { return p.Events }
	return a.messages(ctx, queue.StreamEvents, recorded, &a.report.Events, eventClaims)
}

func (a *auditor) messages(ctx context.Context, stream string, recorded func(store.Position) uint64, count *int, read func(d *queue.Delivery) []claim) error {
	if err := a.gap(ctx, stream, recorded); err != nil {
		return err
	}
	var claims []claim
	flush := func() error {
		err := a.compare(ctx, claims)
		claims = claims[:0]
		a.progress()
		return err
	}
	err := a.scan(ctx, stream, recorded(a.report.Checkpoint), func(d *queue.Delivery) error {
		if !d.Time.After(a.cfg.After) {
			return nil
		}
		*count++
		if claims = append(claims, read(d)...); len(claims) < a.cfg.Page {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

func commandClaims(d *queue.Delivery) []claim {
	at := place{queue.StreamTasks, d.Sequence, 0}
	c, err := queue.ParseCommand(d.Msg.Data)
	if err != nil || c.Subject() != d.Msg.Subject {
		return []claim{{place: at, command: true, unread: true}}
	}
	return []claim{{place: at, Names: c.Names, epoch: c.Epoch, command: true}}
}

func eventClaims(d *queue.Delivery) []claim {
	if d.Msg.Subject == queue.FactSubject {
		return nil // it claims nothing that is not in the store
	}
	at := place{queue.StreamEvents, d.Sequence, 0}
	events, err := queue.ParseEvents(d.Msg.Data)
	stone, _, wrong := queue.ParseEventSubject(d.Msg.Subject)
	if err != nil || wrong != nil {
		return []claim{{place: at, unread: true}}
	}
	out := make([]claim, len(events))
	for i := range events {
		at.index = i
		e := &events[i].Event
		out[i] = claim{place: at, Names: e.Names, epoch: e.Epoch, unread: events[i].Err != nil || e.Stone != stone}
		for _, t := range e.Transitions {
			out[i].wants = append(out[i].wants, store.Transition{Epoch: e.Epoch, Status: t.Status, Delivery: e.Delivery, Time: t.Time})
		}
	}
	return out
}

// compare looks for what messages say in the store. What is missing is looked
// for once more.
func (a *auditor) compare(ctx context.Context, claims []claim) error {
	missing := claims
	for range 2 {
		var err error
		if missing, err = a.missing(ctx, missing); err != nil || len(missing) == 0 {
			return err
		}
	}
	for i := range missing {
		a.found(missing[i].finding())
	}
	return nil
}

func (c *claim) finding() Finding {
	f := Finding{Kind: Lost, TaskID: c.TaskID, ID: c.ID}
	what := "event"
	if c.command {
		what = "command"
	}
	f.Detail = fmt.Sprintf("%s %d of %s is not recorded", what, c.sequence, c.stream)
	switch {
	case c.unread:
		f.Detail = fmt.Sprintf("message %d of %s can not be read and is not in quarantine", c.sequence, c.stream)
	case c.command:
		f.Detail += fmt.Sprintf(": attempt %d", c.epoch)
	case len(c.wants) > 0:
		f.Detail += fmt.Sprintf(": attempt %d, %s", c.epoch, c.wants[len(c.wants)-1].Status)
	}
	return f
}

// missing returns the claims that neither history nor quarantine has.
func (a *auditor) missing(ctx context.Context, claims []claim) ([]claim, error) {
	var ids []string
	at := map[string]int{}
	for i := range claims {
		if _, seen := at[claims[i].ID]; !seen && !claims[i].unread {
			at[claims[i].ID] = len(ids)
			ids = append(ids, claims[i].ID)
		}
	}
	if len(claims) == 0 {
		return nil, nil
	}
	known, err := a.byID(ctx, ids)
	if err != nil {
		return nil, err
	}
	histories := make([][]store.Note, len(ids))
	err = each(ctx, len(ids), func(ctx context.Context, i int) (err error) {
		if known[ids[i]] != nil {
			histories[i], err = a.store.History(ctx, ids[i], true)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []claim
	for _, c := range claims {
		if _, away := a.away[c.place]; away || !c.unread && c.holds(known[c.ID], histories[at[c.ID]]) {
			continue
		}
		out = append(out, c)
	}
	return out, nil
}

// holds reports whether the history of the claim's task has what it says. t is
// nil for an unknown task.
func (c *claim) holds(t *task.Task, history []store.Note) bool {
	if t == nil || c.epoch > t.Epoch || !sameNames(&c.Names, &t.Names) {
		return false
	}
	if c.command {
		return c.produced(t, history)
	}
	for _, w := range c.wants {
		if !has(t, history, w) {
			return false
		}
	}
	return true
}

// produced reports whether the attempt's acceptance is recorded. A message that
// turned up after a later command had taken over leaves its produce.failed.
func (c *claim) produced(t *task.Task, history []store.Note) bool {
	for i := range history {
		n := &history[i]
		if n.Epoch == c.epoch && n.Why == "" && (n.Status == task.ProduceSuccess || n.Status == task.ProduceFailed && c.epoch < t.Epoch) {
			return true
		}
	}
	return false
}

// has reports whether a transition is recorded or noted. A begin of an older
// attempt that is recorded already leaves nothing more.
func has(t *task.Task, history []store.Note, w store.Transition) bool {
	at := w.Time.UTC().Truncate(time.Microsecond)
	for i := range history {
		n := &history[i]
		if n.Epoch != w.Epoch || n.Status != w.Status {
			continue
		}
		if n.Delivery == w.Delivery && n.Time.Equal(at) || n.Why == "" && w.Status.Late() && w.Epoch < t.Epoch {
			return true
		}
	}
	return false
}

func sameNames(a, b *task.Names) bool {
	return a.TaskID == b.TaskID && a.ProcessInstanceID == b.ProcessInstanceID && a.Name == b.Name && a.Namespace == b.Namespace && a.Stone == b.Stone
}
