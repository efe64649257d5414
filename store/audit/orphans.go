package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

// orphans looks for the commands of the tasks under way. A command that is
// neither in the stream, or is acknowledged there, nor in the outbox will never
// be worked on. What is missing is looked for once more, and then the task is
// looked at: it may have ended in the meantime.
//
// The server tells the sequence up to which everything is acknowledged, not
// what is acknowledged behind it: an orphan shows once its stone has worked off
// what came before.
func (a *auditor) orphans(ctx context.Context) error {
	left := a.open
	a.open = map[string]under{}
	for range 2 {
		if len(left) == 0 {
			return nil
		}
		// In the order in which a command travels, so that it can not slip by:
		// from the outbox into the stream, from there, acknowledged, into events.
		if err := a.unsent(ctx, left); err != nil {
			return err
		}
		if err := a.waiting(ctx, left); err != nil {
			return err
		}
	}
	return a.adopt(ctx, left)
}

// unsent strikes off the tasks that have something in the outbox.
func (a *auditor) unsent(ctx context.Context, left map[string]under) error {
	for part := range slices.Chunk(slices.Collect(maps.Keys(left)), unsentPart) {
		unsent, err := a.store.Unsent(ctx, part)
		if err != nil {
			return err
		}
		for _, id := range unsent {
			delete(left, id)
		}
	}
	return nil
}

// unsentPart is of how many tasks the outbox is asked about at once.
const unsentPart = 1000

// waiting strikes off the tasks that have a command in the stream that is not
// acknowledged.
func (a *auditor) waiting(ctx context.Context, left map[string]under) error {
	floors, err := a.floors(ctx)
	if err != nil {
		return err
	}
	ends, err := a.ends(ctx)
	if err != nil {
		return err
	}
	return a.scan(ctx, queue.StreamTasks, ends.Tasks, func(d *queue.Delivery) error {
		id, epoch := identity(d)
		if u, ok := left[id]; ok && epoch >= u.epoch && d.Sequence > floors[d.Msg.Subject] && d.Sequence > floors[wholly(d.Msg.Subject)] {
			delete(left, id)
		}
		return nil
	})
}

// identity says whose command a message is.
func identity(d *queue.Delivery) (id string, epoch int) {
	epoch, err := strconv.Atoi(d.Msg.Header.Get(queue.HeaderEpoch))
	if id = d.Msg.Header.Get(queue.HeaderTask); id != "" && err == nil {
		return id, epoch
	}
	c, err := queue.ParseCommand(d.Msg.Data)
	if err != nil {
		return "", 0
	}
	return c.ID, c.Epoch
}

// wholly returns the subject that a stone's consumer for all business keys
// reads a command's subject by.
func wholly(subject string) string {
	stone, _, m, err := queue.ParseTaskSubject(subject)
	if err != nil {
		return ""
	}
	for _, l := range queue.Lanes() {
		if i := slices.Index(l.Methods(), m); i >= 0 {
			return l.Subjects(stone, "")[i]
		}
	}
	return ""
}

// floors returns, for the subjects that consumers read, the sequence up to
// which all is acknowledged.
func (a *auditor) floors(ctx context.Context) (map[string]uint64, error) {
	s, err := a.js.Stream(ctx, queue.StreamTasks)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", queue.StreamTasks, err)
	}
	floors := map[string]uint64{}
	list := s.ListConsumers(ctx)
	for info := range list.Info() {
		if info.Config.Durable == "" {
			continue // a reader's
		}
		for _, subject := range append(info.Config.FilterSubjects, info.Config.FilterSubject) {
			floors[subject] = max(floors[subject], info.AckFloor.Stream)
		}
	}
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("list consumers: %w", err)
	}
	return floors, nil
}

// adopt reports the tasks that are still under way.
func (a *auditor) adopt(ctx context.Context, left map[string]under) error {
	if len(left) == 0 {
		return nil
	}
	settled, err := a.settle(ctx)
	if err != nil {
		return err
	}
	if !settled {
		a.report.Undecided += len(left)
		return nil
	}
	ids := make([]string, 0, len(left))
	for id := range left {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for part := range slices.Chunk(ids, a.cfg.Page) {
		known, err := a.byID(ctx, part)
		if err != nil {
			return err
		}
		for _, id := range part {
			if t := known[id]; t != nil && t.Epoch == left[id].epoch && !t.Ended() {
				a.found(orphan(t))
			}
		}
	}
	return nil
}

func orphan(t *task.Task) Finding {
	return Finding{Kind: Orphaned, TaskID: t.TaskID, ID: t.ID,
		Detail: fmt.Sprintf("attempt %d stands at %s, and its command waits nowhere", t.Epoch, t.Status)}
}
