package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var (
	insertOutbox = statement{"rs_insert_outbox", `
insert into outbox (` + sqlkit.OutboxColumns + `, since)
select *, greatest(due, clock_timestamp()) from unnest(%s) as u(` + sqlkit.OutboxColumns + `)`,
		"uuid int4 int2 timestamptz int8 int8 bytea text"}

	lockHeld = statement{"rs_lock_held", `
select ` + sqlkit.HeldColumns + ` from outbox where number = any(%s) order by number for update`, "int8"}

	updatePublished = statement{"rs_update_published", `
update attempt set sequence = u.sequence, deadline = coalesce(u.deadline, attempt.deadline)
from unnest(%s) as u(id, epoch, sequence, deadline)
where attempt.id = u.id and attempt.epoch = u.epoch and attempt.sequence = 0`, "uuid int4 int8 timestamptz"}

	deleteOutbox = statement{"rs_delete_outbox", `
delete from outbox where number = any(%s)`, "int8"}

	updateRecalled = statement{"rs_update_recalled", `
update outbox set sequence = u.sequence from unnest(%s) as u(number, sequence) where outbox.number = u.number`, "int8 int8"}

	updateAgain = statement{"rs_update_again", `
update outbox set due = u.due, problem = u.problem, tries = tries + 1
from unnest(%s) as u(number, due, problem) where outbox.number = u.number`, "int8 timestamptz text"}

	// A command that was not sent yet and that a later one has taken over is
	// not sent any more. Should the relay be sending it right now, [Store.Sent]
	// finds a row that withdraws it.
	recallOutbox = statement{"rs_recall_outbox", `
update outbox set kind = 2, epoch = epoch + 1, due = timestamptz 'epoch', since = least(since, clock_timestamp()),
  command = null, trace = null
where id = $1 and kind = 1 and epoch < $2`, ""}
)

const (
	first = `not exists (select from outbox b where b.id = o.id and b.number < o.number)`

	// The rows are picked by their sizes, which are known without reading the
	// commands: each may have megabytes.
	selectOutgoing = `
select ` + sqlkit.OutgoingColumns + `
from (select p.*, sum(p.size) over (order by p.due, p.number) - p.size as before
  from (select o.number, o.due, coalesce(length(o.command), 0)::bigint as size from outbox o
    where o.due <= $1 and ` + first + ` order by o.due, o.number limit $2) p) p
join outbox o on o.number = p.number join task t on t.id = o.id
where p.before < $3
order by o.due, o.number`

	selectNext = `
select o.due from outbox o where o.due > $1 and ` + first + ` order by o.due limit 1`
)

// anew has a query planned each time, by what is in its tables then: the outbox
// may be empty at one moment and large at the next, and a plan that was made when it
// was empty, and kept, read all of it for each of its rows.
const anew = pgx.QueryExecModeDescribeExec

// Outgoing returns rows that are due, and when the next one will be.
func (s *Store) Outgoing(ctx context.Context, now time.Time, limit int) (rows []store.Outgoing, next time.Time, err error) {
	var errs []error
	err = each(ctx, s.write, selectOutgoing, func(r *row) {
		o, err := sqlkit.Outgoing(r)
		rows, errs = append(rows, o), append(errs, err)
	}, anew, now, limit, store.OutgoingBytes)
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, next, fmt.Errorf("outgoing: %w", err)
	}
	if err = each(ctx, s.write, selectNext, func(r *row) { next = r.Time() }, anew, now); err != nil {
		return nil, next, fmt.Errorf("outgoing: %w", err)
	}
	return rows, next, nil
}

// Sent notes what became of rows.
func (s *Store) Sent(ctx context.Context, done []store.Sent) error {
	if len(done) == 0 {
		return nil
	}
	err := sqlkit.Retry(ctx, s.log, transient, func(ctx context.Context, _ bool) error {
		return s.inConn(ctx, func(tx *recording) error { return tx.sent(ctx, done) })
	})
	if err != nil {
		return fmt.Errorf("sent: %w", err)
	}
	return nil
}

func (tx *recording) sent(ctx context.Context, done []store.Sent) error {
	numbers := newArrays(lockHeld.types, len(done))
	for i := range done {
		numbers.Int(done[i].Number)
	}
	var b pgconn.Batch
	run(&b, begin)
	run(&b, lockHeld, numbers.params()...)
	var held []sqlkit.Held
	if err := tx.answers(ctx, &b, nil, func(r *row) { held = append(held, sqlkit.ReadHeld(r)) }); err != nil {
		return err
	}
	out := sqlkit.Settle(held, done)
	b = pgconn.Batch{}
	for _, add := range []func() error{
		func() error { return put(&b, updatePublished, out.Published, sqlkit.PutPublished) },
		func() error { return put(&b, deleteOutbox, out.Gone, sqlkit.PutNumber) },
		func() error { return put(&b, updateRecalled, out.Recalled, sqlkit.PutRecalled) },
		func() error { return put(&b, updateAgain, out.Again, sqlkit.PutAgain) },
	} {
		if err := add(); err != nil {
			return err
		}
	}
	run(&b, commit)
	return tx.conn.ExecBatch(ctx, &b).Close()
}

// Waiting returns how many rows there are, and since when the oldest due one waits.
func (s *Store) Waiting(ctx context.Context, now time.Time) (rows int, oldest time.Time, err error) {
	err = s.each(ctx, `
select count(*), min(since) filter (where since <= $1) from outbox`,
		func(r *row) { rows, oldest = r.Int(), r.Time() }, now)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("waiting: %w", err)
	}
	return rows, oldest, nil
}
