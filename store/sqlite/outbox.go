package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var (
	insertOutbox = &bulk{`
insert into outbox (` + sqlkit.OutboxColumns + `, since) select *, max(column4, ` + now + `) from (values %s)`, 8}

	selectHeld = &bulk{`
select ` + sqlkit.HeldColumns + ` from outbox where number in (values %s)`, 1}

	updatePublished = &bulk{`
update attempt set sequence = u.column3, deadline = coalesce(u.column4, deadline)
from (values %s) as u
where attempt.id = u.column1 and attempt.epoch = u.column2 and attempt.sequence = 0`, 4}

	deleteOutbox = &bulk{`
delete from outbox where number in (values %s)`, 1}

	updateRecalled = &bulk{`
update outbox set sequence = u.column2 from (values %s) as u where outbox.number = u.column1`, 2}

	updateAgain = &bulk{`
update outbox set due = u.column2, problem = u.column3, tries = tries + 1
from (values %s) as u where outbox.number = u.column1`, 3}
)

const (
	first = `not exists (select 1 from outbox b where b.id = o.id and b.number < o.number)`

	// The rows are picked by their sizes, which are known without reading the
	// commands: each may have megabytes.
	selectOutgoing = `
select ` + sqlkit.OutgoingColumns + `
from (select p.*, sum(p.size) over (order by p.due, p.number) - p.size as before
  from (select o.number, o.due, coalesce(length(o.command), 0) as size from outbox o indexed by outbox_due
    where o.due <= ? and ` + first + ` order by o.due, o.number limit ?) p) p
cross join outbox o on o.number = p.number cross join task t on t.id = o.id
where p.before < ?
order by o.due, o.number`

	selectNext = `
select o.due from outbox o indexed by outbox_due where o.due > ? and ` + first + ` order by o.due limit 1`

	selectWaiting = `
select count(*), min(iif(since <= ?, since, null)) from outbox`

	// A command that was not sent yet and that a later one has taken over is
	// not sent any more. Should the relay be sending it right now, [Store.Sent]
	// finds a row that withdraws it.
	recallOutbox = `
update outbox set kind = 2, epoch = epoch + 1, due = 0, since = min(since, ` + now + `), command = null, trace = null
where id = ? and kind = 1 and epoch < ?`
)

// Outgoing returns rows that are due, and when the next one will be.
func (s *Store) Outgoing(ctx context.Context, now time.Time, limit int) (rows []store.Outgoing, next time.Time, err error) {
	var errs []error
	err = s.each(ctx, selectOutgoing, func(r *row) {
		o, err := sqlkit.Outgoing(r)
		rows, errs = append(rows, o), append(errs, err)
	}, sqlkit.Micros(now), limit, store.OutgoingBytes)
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, next, fmt.Errorf("outgoing: %w", err)
	}
	if err = s.each(ctx, selectNext, func(r *row) { next = r.Time() }, sqlkit.Micros(now)); err != nil {
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
		return s.inTx(ctx, func(ctx context.Context, tx *recording) error { return tx.sent(ctx, done) })
	})
	if err != nil {
		return fmt.Errorf("sent: %w", err)
	}
	return nil
}

func (tx *recording) sent(ctx context.Context, done []store.Sent) error {
	var numbers values
	for i := range done {
		numbers.Int(done[i].Number)
	}
	var held []sqlkit.Held
	if err := tx.query(ctx, selectHeld, numbers, func(r *row) { held = append(held, sqlkit.ReadHeld(r)) }); err != nil {
		return err
	}
	out := sqlkit.Settle(held, done)
	for _, write := range []func() error{
		func() error { return some(put(ctx, tx, updatePublished, out.Published, sqlkit.PutPublished)) },
		func() error { return some(put(ctx, tx, deleteOutbox, out.Gone, sqlkit.PutNumber)) },
		func() error { return some(put(ctx, tx, updateRecalled, out.Recalled, sqlkit.PutRecalled)) },
		func() error { return some(put(ctx, tx, updateAgain, out.Again, sqlkit.PutAgain)) },
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

// recall takes back the commands of a task that are not sent yet, below epoch.
func (tx *recording) recall(ctx context.Context, id string, epoch int) error {
	k, err := sqlkit.ParseID(id)
	if err != nil {
		return err
	}
	_, err = tx.tx.ExecContext(ctx, recallOutbox, k[:], epoch)
	return err
}

// Waiting returns how many rows there are, and since when the oldest due one waits.
func (s *Store) Waiting(ctx context.Context, now time.Time) (rows int, oldest time.Time, err error) {
	err = s.each(ctx, selectWaiting, func(r *row) { rows, oldest = r.Int(), r.Time() }, sqlkit.Micros(now))
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("waiting: %w", err)
	}
	return rows, oldest, nil
}
