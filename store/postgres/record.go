package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var (
	begin  = statement{"rs_begin", `begin isolation level read committed`, ""}
	commit = statement{"rs_commit", `commit`, ""}

	moveCheckpoint = statement{"rs_move_checkpoint", `
update checkpoint set sequence = $3 where stream = $1 and sequence = $2`, ""}
	holdCheckpoint = statement{"rs_hold_checkpoint", `
select from checkpoint where stream = $1 and sequence = $2 for update`, ""}

	selectStates = statement{"rs_select_states", `
select ` + sqlkit.StateColumns + ` from task where id = any(%s)`, "uuid"}
	lockStates = statement{"rs_lock_states", `
select ` + sqlkit.StateColumns + ` from task where id = any(%s) order by id for update`, "uuid"}
	selectOwners = statement{"rs_select_owners", `
select ` + sqlkit.NameColumns + ` from task where task_id = any(%s)`, "text"}
	selectGrants = statement{"rs_select_grants", `
select g.id, g.method, max(g.number)
from task t join grants g on g.id = t.id and g.epoch = t.epoch
where t.id = any(%s) group by g.id, g.method`, "uuid"}
)

var statements = []statement{begin, commit, moveCheckpoint, holdCheckpoint,
	selectStates, lockStates, selectOwners, selectGrants, insertTasks, refuseTasks, updateTasks,
	insertAttempts, insertTransitions, insertNotes, insertLog, deleteLog, insertQuarantine,
	lockTask, lockOutgoing, selectAttempt, selectCircumstances, updateCommanded, delayTasks, selectByOneID, putDebug,
	insertOutbox, lockHeld, updatePublished, deleteOutbox, updateRecalled, updateAgain, recallOutbox, insertStones,
	putCallbacks, insertDeliveries, updateTold, putResends}

// prepare runs once for each connection of the writing pool, in one round trip.
func prepare(ctx context.Context, conn *pgx.Conn) error {
	all := slices.Concat(statements, runtimeStatements)
	p := conn.PgConn().StartPipeline(ctx)
	for _, st := range all {
		p.SendPrepare(st.name, st.text(), nil)
	}
	err := p.Sync()
	for i := 0; err == nil && i < len(all); i++ {
		if _, err = p.GetResults(); err != nil {
			err = fmt.Errorf("prepare %s: %w", all[i].name, err)
		}
	}
	return errors.Join(err, p.Close())
}

// Position returns how far both streams are recorded.
func (s *Store) Position(ctx context.Context) (p store.Position, err error) {
	err = each(ctx, s.write, `select stream, sequence from checkpoint`, func(r *row) { sqlkit.Position(&p, r) })
	if err != nil {
		return p, fmt.Errorf("position: %w", err)
	}
	return p, nil
}

// Record commits one batch: in two round trips and one more for each large
// part, unless another writer gets in between or rows are there already. After
// an error other than those of the contract it is unknown whether the batch was
// committed: [Store.Position] tells.
func (s *Store) Record(ctx context.Context, b store.Batch) error {
	ids, err := sqlkit.CheckBatch(b)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	var tried []store.State // the new tasks of the last try
	err = sqlkit.Retry(ctx, s.log, transient, func(ctx context.Context, certain bool) error {
		return s.inConn(ctx, func(tx *recording) error {
			states, err := tx.open(ctx, b, ids, certain)
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
			more := rest{sqlkit.Surplus(c), tx.stones.Unknown(c.New), sqlkit.Ends(c.Transitions)}
			if !certain {
				if err := tx.copy(ctx, &c); err != nil {
					return refusal(err)
				}
			}
			return tx.close(ctx, c, more, states)
		})
	})
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}

// recording is the transaction of one try. It speaks to the connection below
// pgx, which would convert each value through reflection.
type recording struct {
	conn   *pgconn.PgConn
	stones *sqlkit.Stones
}

const rollbackTimeout = 2 * time.Second

// inConn runs one try and rolls back what it left open.
func (s *Store) inConn(ctx context.Context, do func(*recording) error) error {
	return s.write.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		conn := c.Conn().PgConn()
		err := do(&recording{conn, &s.stones})
		if err != nil && !conn.IsClosed() && conn.TxStatus() != 'I' {
			ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
			defer stop()
			_ = conn.Exec(ctx, "rollback").Close() // the pool drops a connection still in a transaction
		}
		return err
	})
}

// open begins the transaction, moves the checkpoint and reads the states.
func (tx *recording) open(ctx context.Context, b store.Batch, ids []sqlkit.ID, lock bool) (map[string]store.State, error) {
	var batch pgconn.Batch
	run(&batch, begin)
	// Always the same order, so that two recorders wait and do not deadlock.
	checkpoint(&batch, queue.StreamEvents, b.From.Events, b.To.Events)
	checkpoint(&batch, queue.StreamTasks, b.From.Tasks, b.To.Tasks)
	read := selectStates
	if lock {
		read = lockStates
	}
	run(&batch, read, uuidParam(ids))
	const firstCheckpoint, lastCheckpoint = 1, 2 // of the batch's results

	results := tx.conn.ExecBatch(ctx, &batch)
	states := make(map[string]store.State, len(ids))
	stand := int64(0) // checkpoints that are where they should be
	for i := 0; results.NextResult(); i++ {
		r := results.ResultReader()
		for i > lastCheckpoint && r.NextRow() {
			st := sqlkit.State(&row{values: r.Values()})
			states[st.ID] = st
		}
		tag, err := r.Close()
		if err == nil && i >= firstCheckpoint && i <= lastCheckpoint {
			stand += tag.RowsAffected()
		}
	}
	if err := results.Close(); err != nil {
		return nil, err
	}
	if stand != lastCheckpoint {
		return nil, store.ErrStale
	}
	return states, tx.grants(ctx, states)
}

// checkpoint moves a stream, or makes sure that it stands where it should.
func checkpoint(b *pgconn.Batch, stream string, from, to uint64) {
	if from == to {
		run(b, holdCheckpoint, []byte(stream), int8Param(from))
		return
	}
	run(b, moveCheckpoint, []byte(stream), int8Param(from), int8Param(to))
}

// grants adds the last grants of the tasks that somebody asked about.
func (tx *recording) grants(ctx context.Context, states map[string]store.State) error {
	ids, err := sqlkit.Granted(states)
	if err != nil || len(ids) == 0 {
		return err
	}
	return tx.query(ctx, selectGrants, uuidParam(ids), func(r *row) {
		id, m := r.ID(), task.MethodOf(r.Int())
		states[id].Grants[m] = r.Int()
	})
}

// clash tells whose the taskIds of the unknown tasks are.
func (tx *recording) clash(ctx context.Context, b store.Batch, states map[string]store.State, tried []store.State) error {
	taskIDs := newArrays(selectOwners.types, len(b.IDs))
	for _, id := range sqlkit.Unknown(b, states) {
		taskIDs.Text(id)
	}
	var owners []task.Names
	err := tx.query(ctx, selectOwners, taskIDs.params()[0], func(r *row) { owners = append(owners, sqlkit.Names(r)) })
	if err != nil {
		return err
	}
	sqlkit.Clash(b, states, owners, tried)
	return nil
}

func (tx *recording) query(ctx context.Context, st statement, param []byte, each func(*row)) error {
	r := tx.conn.ExecPrepared(ctx, st.name, [][]byte{param}, binaryFormat, binaryFormat)
	for r.NextRow() {
		each(&row{values: r.Values()})
	}
	_, err := r.Close()
	return err
}

func uuidParam(ids []sqlkit.ID) []byte {
	a := newArrays("uuid", len(ids))
	for _, id := range ids {
		a.ID(id)
	}
	return a.params()[0]
}

var (
	insertTasks = statement{"rs_insert_tasks", `
with written as (` + insertTaskRows + ` returning 1)
select expect_rows((select count(*) from written), %d)`, taskTypes}

	updateTasks = statement{"rs_update_tasks", `
with written as (
  update task set business_key = u.business_key, create_time = u.create_time,
    method = u.method, epoch = u.epoch, status = u.status, final = u.final,
    update_time = u.update_time, end_time = u.end_time, reason = u.reason,
    outputs = case when u.kept then task.outputs else u.outputs end,
    progress = u.progress, worker = u.worker, seen = u.seen, following = u.following, log_lines = u.log_lines
  from unnest(%s) as u(id, rev, kept, business_key, create_time, ` + sqlkit.MutableColumns + `)
  where task.id = u.id and task.rev = u.rev
  returning 1)
select expect_rows((select count(*) from written), %d)`, "uuid int4 bool text timestamptz " + mutableTypes}

	insertAttempts = statement{"rs_insert_attempts", `
insert into attempt (` + sqlkit.AttemptColumns + `) select * from unnest(%s) ` + sqlkit.StoredAttempt, attemptTypes}
)

const (
	insertTaskRows = `insert into task (` + sqlkit.NewColumns + `) select * from unnest(%s) on conflict do nothing`

	taskTypes    = "uuid text text text text text text timestamptz " + mutableTypes
	attemptTypes = "uuid int4 int2 timestamptz timestamptz int4 int8 int8 bytea bytea"
	mutableTypes = "int2 int4 int2 bool timestamptz timestamptz text bytea int2 text int4 bool int4"
)

// rest is what follows from the changes of a batch.
type rest struct {
	surplus []store.State // tasks whose logs are too long
	stones  []string      // named for the first time
	ends    []sqlkit.End  // of which somebody may want to be told
}

// close writes c and the rest, and commits. The statements that must write all
// they are given end the transaction themselves if they do not, so COMMIT goes
// along.
func (tx *recording) close(ctx context.Context, c store.Changes, more rest, states map[string]store.State) error {
	var b pgconn.Batch
	if err := write(&b, c, more, states); err != nil {
		return err
	}
	run(&b, commit)
	if err := tx.conn.ExecBatch(ctx, &b).Close(); err != nil {
		return refusal(err)
	}
	tx.stones.Add(more.stones)
	return nil
}

func write(b *pgconn.Batch, c store.Changes, more rest, states map[string]store.State) error {
	for _, add := range []func() error{
		func() error { return put(b, insertTasks, c.New, sqlkit.PutNew) },
		func() error { return put(b, updateTasks, c.Changed, sqlkit.PutChanged(states)) },
		func() error { return put(b, insertAttempts, c.Attempts, sqlkit.PutAttempt) },
		func() error { return put(b, updatePublished, c.Published, sqlkit.PutStored) },
		func() error { return put(b, insertTransitions, c.Transitions, sqlkit.PutTransition) },
		func() error { return put(b, insertNotes, c.Notes, sqlkit.PutNote) },
		func() error { return put(b, insertLog, c.Log, sqlkit.PutLog) },
		func() error { return put(b, deleteLog, more.surplus, sqlkit.PutSurplus) },
		func() error { return put(b, insertQuarantine, c.Quarantine, sqlkit.PutQuarantined) },
		func() error { return put(b, insertOutbox, c.Outbox, sqlkit.PutOutgoing) },
		func() error { return put(b, insertStones, more.stones, sqlkit.PutCode) },
		func() error { return put(b, insertDeliveries, more.ends, sqlkit.PutEnd) },
	} {
		if err := add(); err != nil {
			return err
		}
	}
	return nil
}
