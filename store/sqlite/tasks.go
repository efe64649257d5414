package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, sql string, args ...any) (*sql.Rows, error)
}

// each runs a query and hands its rows to read.
func each(ctx context.Context, q querier, sql string, read func(*row), args ...any) error {
	rows, err := q.QueryContext(ctx, sql, args...)
	return collect(rows, err, read)
}

// each runs one of the prepared reads.
func (s *Store) each(ctx context.Context, query string, read func(*row), args ...any) error {
	ctx, stop := context.WithTimeout(ctx, s.readTimeout)
	defer stop()
	rows, err := s.reads[query].QueryContext(ctx, args...)
	return collect(rows, err, read)
}

const selectTask = `
select ` + sqlkit.TaskColumns + `
from task t` + sqlkit.TaskJoins + `where t.task_id = ?1 or t.id = ?2
order by t.task_id = ?1 desc limit 1`

// Task returns the task with this taskId or else this id.
func (s *Store) Task(ctx context.Context, key string) (task.Task, error) {
	var id any // null for a key that is no id
	if k, ok := sqlkit.LookID(key); ok {
		id = k[:]
	}
	var found []task.Task
	err := s.each(ctx, selectTask, func(r *row) { found = append(found, sqlkit.Task(r)) }, sqlkit.Text(key), id)
	switch {
	case err != nil:
		return task.Task{}, fmt.Errorf("task: %w", err)
	case len(found) == 0:
		return task.Task{}, store.ErrNotFound
	default:
		return found[0], nil
	}
}

const known = `
select ` + sqlkit.KnownColumns + `
from task t` + sqlkit.TaskJoins + `left join attempt f on f.id = t.id and f.epoch = 1
where `

var (
	selectByTaskID = &bulk{known + `t.task_id in (values %s)`, 1}
	selectByID     = &bulk{known + `t.id in (values %s)`, 1}
)

// Lookup returns the tasks that have one of these taskIds or one of these ids.
// First is without method and epoch while the first command is not recorded.
func (s *Store) Lookup(ctx context.Context, taskIDs, ids []string) ([]store.Known, error) {
	var names, keys values
	for _, id := range taskIDs {
		names.Text(sqlkit.Text(id))
	}
	for _, id := range ids {
		if k, ok := sqlkit.LookID(id); ok {
			keys.ID(k)
		}
	}
	ctx, stop := context.WithTimeout(ctx, s.readTimeout)
	defer stop()
	found := map[string]bool{}
	var out []store.Known
	add := func(r *row) {
		k := sqlkit.Known(r)
		if !found[k.Task.ID] {
			found[k.Task.ID] = true
			out = append(out, k)
		}
	}
	for _, part := range []struct {
		query *bulk
		keys  values
	}{{selectByTaskID, names}, {selectByID, keys}} {
		err := s.bulks[part.query].padded(part.query, part.keys, func(st *sql.Stmt, args []any) error {
			rows, err := st.QueryContext(ctx, args...)
			return collect(rows, err, add)
		})
		if err != nil {
			return nil, fmt.Errorf("lookup: %w", err)
		}
	}
	return out, nil
}

// Refuse records produce.failed for commands that the queue did not take.
func (s *Store) Refuse(ctx context.Context, commands []*queue.Command, reason string, at time.Time) error {
	if len(commands) == 0 {
		return nil
	}
	c := sqlkit.Refused(commands, reason, at)
	err := sqlkit.Retry(ctx, s.log, transient, func(ctx context.Context, _ bool) error {
		return s.inTx(ctx, func(ctx context.Context, tx *recording) error {
			fresh, err := tx.fresh(ctx, insertTasks, c.New, sqlkit.PutNew)
			if err != nil {
				return err
			}
			return tx.write(ctx, sqlkit.Only(c, fresh), nil)
		})
	})
	if err != nil {
		return fmt.Errorf("refuse: %w", err)
	}
	return nil
}

// fresh writes tasks one by one and returns the ids of those that were new.
func (tx *recording) fresh(ctx context.Context, b *bulk, rows []store.State,
	write func(sqlkit.Writer, *store.State) error) (map[string]bool, error) {
	fresh := map[string]bool{}
	for i := range rows {
		missing, err := put(ctx, tx, b, rows[i:i+1], write)
		if err != nil {
			return nil, err
		}
		if missing == 0 {
			fresh[rows[i].ID] = true
		}
	}
	return fresh, tx.name(ctx, sqlkit.Fresh(rows, fresh))
}
