package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

// querier is a pool, a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// each runs a query and hands its rows to read.
func each(ctx context.Context, q querier, sql string, read func(*row), args ...any) error {
	rows, err := q.Query(ctx, sql, append([]any{pgx.QueryResultFormats{pgx.BinaryFormatCode}}, args...)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		read(&row{values: rows.RawValues()})
	}
	return rows.Err()
}

func (s *Store) each(ctx context.Context, sql string, read func(*row), args ...any) error {
	return each(ctx, s.read, sql, read, args...)
}

// Task returns the task with this taskId or else this id.
func (s *Store) Task(ctx context.Context, key string) (task.Task, error) {
	var id any // null for a key that is no id
	if k, ok := sqlkit.LookID(key); ok {
		id = k
	}
	var found []task.Task
	err := s.each(ctx, `
select `+sqlkit.TaskColumns+`
from task t`+sqlkit.TaskJoins+`where t.task_id = $1 or t.id = $2
order by t.task_id = $1 desc limit 1`, func(r *row) { found = append(found, sqlkit.Task(r)) }, sqlkit.Text(key), id)
	switch {
	case err != nil:
		return task.Task{}, fmt.Errorf("task: %w", err)
	case len(found) == 0:
		return task.Task{}, store.ErrNotFound
	default:
		return found[0], nil
	}
}

// Lookup returns the tasks that have one of these taskIds or one of these ids.
// First is without method and epoch while the first command is not recorded.
func (s *Store) Lookup(ctx context.Context, taskIDs, ids []string) ([]store.Known, error) {
	keys := make([][16]byte, 0, len(ids))
	for _, id := range ids {
		if k, ok := sqlkit.LookID(id); ok {
			keys = append(keys, k)
		}
	}
	clean := make([]string, len(taskIDs))
	for i, id := range taskIDs {
		clean[i] = sqlkit.Text(id)
	}
	var out []store.Known
	err := s.each(ctx, `
select `+sqlkit.KnownColumns+`
from task t`+sqlkit.TaskJoins+`left join attempt f on f.id = t.id and f.epoch = 1
where t.task_id = any($1) or t.id = any($2)`, func(r *row) { out = append(out, sqlkit.Known(r)) }, clean, keys)
	if err != nil {
		return nil, fmt.Errorf("lookup: %w", err)
	}
	return out, nil
}

var refuseTasks = statement{"rs_refuse_tasks", insertTaskRows + ` returning id`, taskTypes}

// Refuse records produce.failed for commands that the queue did not take.
func (s *Store) Refuse(ctx context.Context, commands []*queue.Command, reason string, at time.Time) error {
	if len(commands) == 0 {
		return nil
	}
	c := sqlkit.Refused(commands, reason, at)
	err := sqlkit.Retry(ctx, s.log, transient, func(ctx context.Context, _ bool) error {
		return s.inConn(ctx, func(tx *recording) error {
			fresh, err := tx.fresh(ctx, refuseTasks, c.New, sqlkit.PutNew)
			if err != nil {
				return err
			}
			stones := tx.stones.Unknown(sqlkit.Fresh(c.New, fresh))
			refused := sqlkit.Only(c, fresh)
			return tx.close(ctx, refused, rest{stones: stones, ends: sqlkit.Ends(refused.Transitions)}, nil)
		})
	})
	if err != nil {
		return fmt.Errorf("refuse: %w", err)
	}
	return nil
}

// fresh begins the transaction and returns the ids of the tasks it wrote.
func (tx *recording) fresh(ctx context.Context, st statement, rows []store.State,
	write func(sqlkit.Writer, *store.State) error) (map[string]bool, error) {
	var batch pgconn.Batch
	run(&batch, begin)
	if err := put(&batch, st, rows, write); err != nil {
		return nil, err
	}
	results := tx.conn.ExecBatch(ctx, &batch)
	fresh := map[string]bool{}
	for results.NextResult() {
		for r := results.ResultReader(); r.NextRow(); {
			written := row{values: r.Values()}
			fresh[written.ID()] = true
		}
	}
	return fresh, refusal(results.Close())
}
