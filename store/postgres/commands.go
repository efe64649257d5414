package postgres

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var (
	lockTask = statement{"rs_lock_task", `
select ` + sqlkit.StateColumns + ` from task where task_id = $1 or id = $2
order by task_id = $1 desc limit 1 for update`, ""}

	// The rows of the outbox are locked before the attempt is read: so either
	// the attempt has the sequence of a message, or its row is still there.
	lockOutgoing = statement{"rs_lock_outgoing", `
select from outbox where id = $1 for update`, ""}

	selectAttempt = statement{"rs_select_attempt", `
select ` + sqlkit.AttemptFields + ` from attempt where id = $1 and epoch = $2`, ""}

	selectCircumstances = statement{"rs_select_circumstances", `
select exists (select from transition where id = $1 and status in (` + sqlkit.Begins() + `)),
  (select debug from process where id = $2)`, ""}

	updateCommanded = statement{"rs_update_commanded", `
update task set not_before = u.not_before, method = u.method, epoch = u.epoch, status = u.status, final = u.final,
  update_time = u.update_time, end_time = u.end_time, reason = u.reason, outputs = u.outputs, progress = u.progress,
  worker = u.worker, seen = u.seen, following = u.following, log_lines = u.log_lines, rev = rev + 1
from unnest(%s) as u(id, not_before, ` + sqlkit.MutableColumns + `)
where task.id = u.id`, "uuid timestamptz " + mutableTypes}

	delayTasks = statement{"rs_delay_tasks", `
insert into task (` + sqlkit.NewColumns + `, not_before, timeout) select * from unnest(%s) on conflict do nothing returning id`,
		taskTypes + " timestamptz int8"}

	selectByOneID = statement{"rs_select_task", `
select ` + sqlkit.TaskColumns + `
from task t` + sqlkit.TaskJoins + `where t.id = $1`, ""}
)

// Command hands a task to decide under a lock of its row, and writes the step
// that decide answers.
func (s *Store) Command(ctx context.Context, key string,
	decide func(store.Standing) (*store.Step, error)) (t task.Task, err error) {
	var refused error // decide's own
	err = sqlkit.Retry(ctx, s.log, transient, func(ctx context.Context, _ bool) error {
		refused = nil
		return s.inConn(ctx, func(tx *recording) error {
			var b pgconn.Batch
			run(&b, begin)
			was, err := tx.standing(ctx, &b, 1, key)
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
			t, err = tx.finish(ctx, was.ID)
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

// standing locks and reads the task with this taskId or else this id. It goes
// behind those statements of b that are before it.
func (tx *recording) standing(ctx context.Context, b *pgconn.Batch, before int, key string) (was store.Standing, err error) {
	var id []byte // null for a key that is no id
	if k, ok := sqlkit.LookID(key); ok {
		id = k[:]
	}
	run(b, lockTask, []byte(sqlkit.Text(key)), id)
	found := false
	read := make([]func(*row), before, before+1)
	err = tx.answers(ctx, b, append(read, func(r *row) { was.State, found = sqlkit.State(r), true })...)
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
	var more pgconn.Batch
	run(&more, lockOutgoing, k[:])
	run(&more, selectAttempt, k[:], int4Param(was.Epoch))
	run(&more, selectCircumstances, k[:], []byte(was.ProcessInstanceID))
	was.Current = store.Attempt{ID: was.ID, Epoch: was.Epoch, Method: was.Method}
	err = tx.answers(ctx, &more, nil,
		func(r *row) { was.Current = sqlkit.Attempt(was.ID, r) },
		func(r *row) { was.Begun, was.Debug = r.Bool(), r.Bool() })
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
	id, err := sqlkit.ParseID(was.ID)
	if err != nil {
		return err
	}
	var b pgconn.Batch
	if err := put(&b, updateCommanded, c.Changed, sqlkit.PutCommanded); err != nil {
		return err
	}
	if step.State.Epoch > was.Epoch {
		run(&b, recallOutbox, id[:], int4Param(step.State.Epoch))
	}
	if step.Debug != nil {
		run(&b, putDebug, []byte(was.ProcessInstanceID), boolParam(*step.Debug))
	}
	c.Changed = nil
	if err := write(&b, c, rest{ends: append(sqlkit.Ends(c.Transitions), sqlkit.Resumption(was, step)...)}, nil); err != nil {
		return err
	}
	return refusal(tx.conn.ExecBatch(ctx, &b).Close())
}

// finish reads a task as this transaction leaves it, and commits.
func (tx *recording) finish(ctx context.Context, id string) (t task.Task, err error) {
	k, err := sqlkit.ParseID(id)
	if err != nil {
		return t, err
	}
	var b pgconn.Batch
	run(&b, selectByOneID, k[:])
	run(&b, commit)
	return t, tx.answers(ctx, &b, func(r *row) { t = sqlkit.Task(r) })
}

// answers runs b and hands the rows of each of its results to the reader at
// the same place, if there is one.
func (tx *recording) answers(ctx context.Context, b *pgconn.Batch, read ...func(*row)) error {
	results := tx.conn.ExecBatch(ctx, b)
	for i := 0; results.NextResult(); i++ {
		r := results.ResultReader()
		for r.NextRow() {
			if i < len(read) && read[i] != nil {
				read[i](&row{values: r.Values()})
			}
		}
	}
	return results.Close()
}

func int4Param(v int) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(v)) //nolint:gosec // two's complement is meant
}

func boolParam(v bool) []byte {
	if v {
		return []byte{1}
	}
	return []byte{0}
}

// Delay records tasks whose commands are published later, and returns the ids
// of those that were new.
func (s *Store) Delay(ctx context.Context, commands []store.Delayed) (fresh map[string]bool, err error) {
	if len(commands) == 0 {
		return map[string]bool{}, nil
	}
	c := sqlkit.Delayed(commands)
	err = sqlkit.Retry(ctx, s.log, transient, func(ctx context.Context, _ bool) error {
		return s.inConn(ctx, func(tx *recording) (err error) {
			if fresh, err = tx.fresh(ctx, delayTasks, c.New, sqlkit.PutDelayed(commands)); err != nil {
				return err
			}
			stones := tx.stones.Unknown(sqlkit.Fresh(c.New, fresh))
			return tx.close(ctx, sqlkit.Only(c, fresh), rest{stones: stones}, nil)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("delay: %w", err)
	}
	return fresh, nil
}

// Attempts returns the commands of a task, oldest first.
func (s *Store) Attempts(ctx context.Context, id string) ([]store.Attempt, error) {
	k, ok := sqlkit.LookID(id)
	if !ok {
		return nil, nil
	}
	var out []store.Attempt
	err := s.each(ctx, `
select `+sqlkit.AttemptFields+` from attempt where id = $1 order by epoch`,
		func(r *row) { out = append(out, sqlkit.Attempt(id, r)) }, k)
	if err != nil {
		return nil, fmt.Errorf("attempts: %w", err)
	}
	return out, nil
}
