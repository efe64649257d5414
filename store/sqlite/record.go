package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

const moveCheckpoint = `update checkpoint set sequence = ?3 where stream = ?1 and sequence = ?2`

var (
	selectStates = &bulk{`
select ` + sqlkit.StateColumns + ` from task where id in (values %s)`, 1}
	selectOwners = &bulk{`
select ` + sqlkit.NameColumns + ` from task where task_id in (values %s)`, 1}
	selectGrants = &bulk{`
select g.id, g.method, max(g.number)
from task t join grants g on g.id = t.id and g.epoch = t.epoch
where t.id in (values %s) group by g.id, g.method`, 1}
)

// writing are prepared on the writing connection.
var writing = []*bulk{selectStates, selectOwners, selectGrants,
	insertTasks, updateTasks, insertAttempts, insertTransitions, insertNotes, insertLog, deleteLog, insertQuarantine,
	updateCommanded, delayTasks, insertOutbox, selectHeld, updatePublished, deleteOutbox, updateRecalled, updateAgain, insertStones,
	putCallbacks, insertDeliveries, insertEnds, updateTold, putResends}

const selectPosition = `select stream, sequence from checkpoint`

// Position returns how far both streams are recorded.
func (s *Store) Position(ctx context.Context) (p store.Position, err error) {
	err = s.each(ctx, selectPosition, func(r *row) { sqlkit.Position(&p, r) })
	if err != nil {
		return p, fmt.Errorf("position: %w", err)
	}
	return p, nil
}

// Record commits one batch. After an error other than those of the contract it
// is unknown whether the batch was committed: [Store.Position] tells.
func (s *Store) Record(ctx context.Context, b store.Batch) error {
	ids, err := sqlkit.CheckBatch(b)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	var tried []store.State // the new tasks of the last try
	err = sqlkit.Retry(ctx, s.log, transient, func(ctx context.Context, certain bool) error {
		return s.inTx(ctx, func(ctx context.Context, tx *recording) error {
			states, err := tx.open(ctx, b, ids)
			if err != nil {
				return err
			}
			if certain {
				if err := tx.clash(ctx, b, states, tried); err != nil {
					return err
				}
			}
			c := b.Fold(states)
			sqlkit.Sort(&c)
			tried = c.New
			return tx.write(ctx, c, states)
		})
	})
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}

// recording is the transaction of one try. Nobody else writes while it lasts.
type recording struct {
	tx     *sql.Tx
	store  *Store
	stones []string // named for the first time
}

// inTx runs do in a transaction and commits it, unless ctx has ended by then.
// Single statements get a context that never ends: watching one would take the
// driver a goroutine for each.
func (s *Store) inTx(ctx context.Context, do func(context.Context, *recording) error) error {
	conn, err := s.write.Conn(ctx) // waits for the one before
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // goes back to the pool
	endless := context.WithoutCancel(ctx)
	tx, err := conn.BeginTx(endless, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after a commit
	work := &recording{tx: tx, store: s}
	if err := do(endless, work); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.stones.Add(work.stones)
	return nil
}

// open moves the checkpoint and reads the states.
func (tx *recording) open(ctx context.Context, b store.Batch, ids []sqlkit.ID) (map[string]store.State, error) {
	if err := tx.checkpoint(ctx, queue.StreamEvents, b.From.Events, b.To.Events); err != nil {
		return nil, err
	}
	if err := tx.checkpoint(ctx, queue.StreamTasks, b.From.Tasks, b.To.Tasks); err != nil {
		return nil, err
	}
	states := make(map[string]store.State, len(ids))
	err := tx.query(ctx, selectStates, idValues(ids), func(r *row) {
		st := sqlkit.State(r)
		states[st.ID] = st
	})
	if err != nil {
		return nil, err
	}
	return states, tx.grants(ctx, states)
}

// checkpoint moves a stream, which must stand at from.
func (tx *recording) checkpoint(ctx context.Context, stream string, from, to uint64) error {
	r, err := tx.tx.ExecContext(ctx, moveCheckpoint, stream, int64(from), int64(to)) //nolint:gosec // sequences are far below 2^63
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n != 1 {
		return store.ErrStale
	}
	return nil
}

// grants adds the last grants of the tasks that somebody asked about.
func (tx *recording) grants(ctx context.Context, states map[string]store.State) error {
	ids, err := sqlkit.Granted(states)
	if err != nil {
		return err
	}
	return tx.query(ctx, selectGrants, idValues(ids), func(r *row) {
		id, m := r.ID(), task.MethodOf(r.Int())
		states[id].Grants[m] = r.Int()
	})
}

// clash tells whose the taskIds of the unknown tasks are.
func (tx *recording) clash(ctx context.Context, b store.Batch, states map[string]store.State, tried []store.State) error {
	var taskIDs values
	for _, id := range sqlkit.Unknown(b, states) {
		taskIDs.Text(id)
	}
	var owners []task.Names
	if err := tx.query(ctx, selectOwners, taskIDs, func(r *row) { owners = append(owners, sqlkit.Names(r)) }); err != nil {
		return err
	}
	sqlkit.Clash(b, states, owners, tried)
	return nil
}

// query asks for a set of keys.
func (tx *recording) query(ctx context.Context, b *bulk, keys values, each func(*row)) error {
	return tx.store.bulks[b].padded(b, keys, func(st *sql.Stmt, args []any) error {
		rows, err := tx.tx.StmtContext(ctx, st).QueryContext(ctx, args...)
		return collect(rows, err, each)
	})
}

// exec runs b for all args and returns how many rows it wrote.
func (tx *recording) exec(ctx context.Context, b *bulk, args values) (written int, err error) {
	err = tx.store.bulks[b].split(b, args, func(st *sql.Stmt, args []any) error {
		r, err := tx.tx.StmtContext(ctx, st).ExecContext(ctx, args...)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		written += int(n)
		return err
	})
	return written, err
}

func idValues(ids []sqlkit.ID) values {
	v := make(values, 0, len(ids))
	for i := range ids {
		v.add(ids[i][:])
	}
	return v
}

var (
	insertTasks = &bulk{`
insert into task (` + sqlkit.NewColumns + `) values %s on conflict do nothing`, 21}

	// SQLite names the columns of values column1 and so on.
	updateTasks = &bulk{`
update task set business_key = u.column4, create_time = u.column5,
  method = u.column6, epoch = u.column7, status = u.column8, final = u.column9,
  update_time = u.column10, end_time = u.column11, reason = u.column12,
  outputs = iif(u.column3, task.outputs, u.column13),
  progress = u.column14, worker = u.column15, seen = u.column16, following = u.column17, log_lines = u.column18
from (values %s) as u
where task.id = u.column1 and task.rev = u.column2`, 18}

	insertAttempts = &bulk{`
insert into attempt (` + sqlkit.AttemptColumns + `) values %s ` + sqlkit.StoredAttempt, 10}
)

// write writes c, which is sorted.
func (tx *recording) write(ctx context.Context, c store.Changes, states map[string]store.State) error {
	for _, add := range []func() error{
		func() error { return all(put(ctx, tx, insertTasks, c.New, sqlkit.PutNew)) },
		func() error { return all(put(ctx, tx, updateTasks, c.Changed, sqlkit.PutChanged(states))) },
		func() error { return some(put(ctx, tx, insertAttempts, c.Attempts, sqlkit.PutAttempt)) },
		func() error { return some(put(ctx, tx, updatePublished, c.Published, sqlkit.PutStored)) },
		func() error { return some(put(ctx, tx, insertTransitions, c.Transitions, sqlkit.PutTransition)) },
		func() error { return some(put(ctx, tx, insertNotes, c.Notes, sqlkit.PutNote)) },
		func() error { return some(put(ctx, tx, insertLog, c.Log, sqlkit.PutLog)) },
		func() error { return some(put(ctx, tx, deleteLog, sqlkit.Surplus(c), sqlkit.PutSurplus)) },
		func() error { return some(put(ctx, tx, insertQuarantine, c.Quarantine, sqlkit.PutQuarantined)) },
		func() error { return some(put(ctx, tx, insertOutbox, c.Outbox, sqlkit.PutOutgoing)) },
		func() error { return tx.name(ctx, c.New) },
		func() error { return tx.tell(ctx, sqlkit.Ends(c.Transitions)) },
	} {
		if err := add(); err != nil {
			return err
		}
	}
	return nil
}

// name keeps the stones of new tasks.
func (tx *recording) name(ctx context.Context, rows []store.State) error {
	unknown := tx.store.stones.Unknown(rows)
	if len(unknown) == 0 {
		return nil
	}
	tx.stones = append(tx.stones, unknown...)
	return some(put(ctx, tx, insertStones, unknown, sqlkit.PutCode))
}

// put runs b for rows, and returns how many it wrote fewer than given.
func put[T any](ctx context.Context, tx *recording, b *bulk, rows []T, write func(sqlkit.Writer, *T) error) (missing int, err error) {
	t := table{make(values, 0, len(rows)*b.width), b.width}
	for i := range rows {
		if err := write(&t, &rows[i]); err != nil {
			return 0, err
		}
	}
	written, err := tx.exec(ctx, b, t.values)
	return len(rows) - written, refusal(err)
}

// all is for statements that must write all they are given.
func all(missing int, err error) error {
	if err == nil && missing != 0 {
		return sqlkit.ErrConflict
	}
	return err
}

// some is for statements that leave alone what is there.
func some(_ int, err error) error { return err }
