package sqlite

import (
	"context"
	"fmt"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var (
	selectByKey = `
select ` + sqlkit.StateColumns + ` from task where task_id = ?1 or id = ?2
order by task_id = ?1 desc limit 1`

	selectAttempt = `
select ` + sqlkit.AttemptFields + ` from attempt where id = ? and epoch = ?`

	selectCircumstances = `
select exists (select 1 from transition where id = ? and status in (` + sqlkit.Begins() + `)),
  (select debug from process where id = ?)`

	// SQLite names the columns of values column1 and so on.
	updateCommanded = &bulk{`
update task set not_before = u.column2, method = u.column3, epoch = u.column4, status = u.column5, final = u.column6,
  update_time = u.column7, end_time = u.column8, reason = u.column9, outputs = u.column10, progress = u.column11,
  worker = u.column12, seen = u.column13, following = u.column14, log_lines = u.column15, rev = rev + 1
from (values %s) as u
where task.id = u.column1`, 15}

	delayTasks = &bulk{`
insert into task (` + sqlkit.NewColumns + `, not_before, timeout) values %s on conflict do nothing`, 23}

	selectByOneID = `
select ` + sqlkit.TaskColumns + `
from task t` + sqlkit.TaskJoins + `where t.id = ?`
)

// Command hands a task to decide while nobody else writes, and writes the step
// that decide answers.
func (s *Store) Command(ctx context.Context, key string,
	decide func(store.Standing) (*store.Step, error)) (t task.Task, err error) {
	var refused error // decide's own
	err = sqlkit.Retry(ctx, s.log, transient, func(ctx context.Context, _ bool) error {
		refused = nil
		return s.inTx(ctx, func(ctx context.Context, tx *recording) error {
			was, err := tx.standing(ctx, key)
			if err != nil {
				return err
			}
			step, err := decide(was)
			if err != nil {
				refused = err
				return err
			}
			if err := tx.step(ctx, &was, step); err != nil {
				return err
			}
			t, err = tx.task(ctx, was.ID)
			return err
		})
	})
	switch {
	case refused != nil:
		return task.Task{}, refused
	case err != nil:
		return task.Task{}, fmt.Errorf("command: %w", err)
	default:
		return t, nil
	}
}

// standing reads the task with this taskId or else this id.
func (tx *recording) standing(ctx context.Context, key string) (was store.Standing, err error) {
	var id any // null for a key that is no id
	if k, ok := sqlkit.LookID(key); ok {
		id = k[:]
	}
	found := false
	err = each(ctx, tx.tx, selectByKey, func(r *row) { was.State, found = sqlkit.State(r), true }, sqlkit.Text(key), id)
	if err == nil && !found {
		err = store.ErrNotFound
	}
	if err != nil {
		return was, err
	}
	k, err := sqlkit.ParseID(was.ID)
	if err != nil {
		return was, err
	}
	was.Current = store.Attempt{ID: was.ID, Epoch: was.Epoch, Method: was.Method}
	err = each(ctx, tx.tx, selectAttempt, func(r *row) { was.Current = sqlkit.Attempt(was.ID, r) }, k[:], was.Epoch)
	if err != nil {
		return was, err
	}
	err = each(ctx, tx.tx, selectCircumstances, func(r *row) { was.Begun, was.Debug = r.Bool(), r.Bool() }, k[:], was.ProcessInstanceID)
	if err != nil {
		return was, err
	}
	return was, tx.grants(ctx, map[string]store.State{was.ID: was.State})
}

// step writes what a command changes; nothing for nil.
func (tx *recording) step(ctx context.Context, was *store.Standing, step *store.Step) error {
	if step == nil {
		return nil
	}
	c, err := sqlkit.Step(was, step)
	if err != nil {
		return err
	}
	if err := all(put(ctx, tx, updateCommanded, c.Changed, sqlkit.PutCommanded)); err != nil {
		return err
	}
	if step.State.Epoch > was.Epoch {
		if err := tx.recall(ctx, was.ID, step.State.Epoch); err != nil {
			return err
		}
	}
	if step.Debug != nil {
		if _, err := tx.tx.ExecContext(ctx, putDebug, was.ProcessInstanceID, *step.Debug); err != nil {
			return err
		}
	}
	c.Changed = nil
	if err := tx.write(ctx, c, nil); err != nil {
		return err
	}
	return tx.tell(ctx, sqlkit.Resumption(was, step))
}

// task reads a task as this transaction leaves it.
func (tx *recording) task(ctx context.Context, id string) (t task.Task, err error) {
	k, err := sqlkit.ParseID(id)
	if err != nil {
		return t, err
	}
	return t, each(ctx, tx.tx, selectByOneID, func(r *row) { t = sqlkit.Task(r) }, k[:])
}

// Delay records tasks whose commands are published later, and returns the ids
// of those that were new.
func (s *Store) Delay(ctx context.Context, commands []store.Delayed) (fresh map[string]bool, err error) {
	if len(commands) == 0 {
		return map[string]bool{}, nil
	}
	c := sqlkit.Delayed(commands)
	err = sqlkit.Retry(ctx, s.log, transient, func(ctx context.Context, _ bool) error {
		return s.inTx(ctx, func(ctx context.Context, tx *recording) (err error) {
			if fresh, err = tx.fresh(ctx, delayTasks, c.New, sqlkit.PutDelayed(commands)); err != nil {
				return err
			}
			return tx.write(ctx, sqlkit.Only(c, fresh), nil)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("delay: %w", err)
	}
	return fresh, nil
}

const selectAttempts = `
select ` + sqlkit.AttemptFields + ` from attempt where id = ? order by epoch`

// Attempts returns the commands of a task, oldest first.
func (s *Store) Attempts(ctx context.Context, id string) ([]store.Attempt, error) {
	k, ok := sqlkit.LookID(id)
	if !ok {
		return nil, nil
	}
	var out []store.Attempt
	err := s.each(ctx, selectAttempts, func(r *row) { out = append(out, sqlkit.Attempt(id, r)) }, k[:])
	if err != nil {
		return nil, fmt.Errorf("attempts: %w", err)
	}
	return out, nil
}
