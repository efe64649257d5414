package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var (
	putCallbacks = &bulk{`
insert into callback (id, kind, process, url) select * from (values %s) where true
on conflict (id) do update set kind = excluded.kind, process = excluded.process, url = excluded.url`, 4}

	// SQLite names the columns of values column1 and so on.
	insertDeliveries = &bulk{`
insert into delivery (` + sqlkit.EndColumns + `, since, due)
select u.*, ` + now + `, 0 from (values %s) as u join callback c on c.id = u.column1 and c.kind <> 3
order by u.column5, u.column1 on conflict do nothing`, 5}

	insertEnds = &bulk{`
insert into runtime_end (task, instance, epoch, status, occasion, time)
select u.column1, c.process, u.column2, u.column3, u.column4, u.column5 from (values %s) as u join callback c on c.id = u.column1 and c.kind = 3
order by u.column5, u.column1 on conflict do nothing`, 5}

	updateTold = &bulk{`
update delivery set state = u.column3, due = u.column4, problem = u.column5, tries = tries + 1
from (values %s) as u where delivery.number = u.column1 and delivery.since = u.column2`, 5}
)

const (
	selectWanted = `
select exists (select 1 from callback), exists (select 1 from callback where kind = 3)`

	selectDeliveries = `
select ` + sqlkit.DeliveryColumns + ` from delivery d join callback c on c.id = d.id where d.id = ? order by d.number`

	selectDue = `
select ` + sqlkit.DeliveryColumns + `
from (select d.*, row_number() over (partition by c.process order by d.due, d.number) as place
  from delivery d join callback c on c.id = d.id
  where d.state <= 2 and d.due <= ?
    and not exists (select 1 from delivery b where b.id = d.id and b.number < d.number and b.state <= 2)) d
join callback c on c.id = d.id
where d.place <= ? order by d.due, d.number limit ?`

	replayDeliveries = `
update delivery set state = 1, due = 0, tries = 0, problem = null, since = max(?2, since + 1) where id = ?1`
)

// tell writes what receivers are to be told, and the process runtime. While
// nobody wants to be told of any task, that is one look into an empty table;
// while the runtime does not, nothing is looked up for it.
func (tx *recording) tell(ctx context.Context, ends []sqlkit.End) error {
	if len(ends) == 0 {
		return nil
	}
	wanted, heard := tx.store.wanted.Load(), tx.store.heard.Load()
	if !wanted || !heard {
		if err := tx.ask(ctx, selectWanted, func(r *row) { wanted, heard = r.Bool(), r.Bool() }); err != nil || !wanted {
			return err
		}
		tx.store.wanted.Store(true)
		tx.store.heard.Store(heard)
	}
	if err := some(put(ctx, tx, insertDeliveries, ends, sqlkit.PutEnd)); err != nil || !heard {
		return err
	}
	return some(put(ctx, tx, insertEnds, ends, sqlkit.PutEnd))
}

// Want notes whom to tell of each task's ends.
func (s *Store) Want(ctx context.Context, all []store.Callback) error {
	if err := writeRows(ctx, s, putCallbacks, all, sqlkit.PutCallback); err != nil {
		return fmt.Errorf("want callbacks: %w", err)
	}
	return nil
}

// Told notes what became of deliveries.
func (s *Store) Told(ctx context.Context, all []store.Told) error {
	if err := writeRows(ctx, s, updateTold, all, sqlkit.PutTold); err != nil {
		return fmt.Errorf("told: %w", err)
	}
	return nil
}

// writeRows runs b for rows, in one transaction.
func writeRows[T any](ctx context.Context, s *Store, b *bulk, rows []T, write func(sqlkit.Writer, *T) error) error {
	return sqlkit.Retry(ctx, s.log, transient, func(ctx context.Context, _ bool) error {
		return s.inTx(ctx, func(ctx context.Context, tx *recording) error { return some(put(ctx, tx, b, rows, write)) })
	})
}

// Deliveries returns what is and was to be told of a task, oldest first.
func (s *Store) Deliveries(ctx context.Context, id string) ([]store.Delivery, error) {
	k, ok := sqlkit.LookID(id)
	if !ok {
		return nil, nil
	}
	return s.deliveries(ctx, "deliveries", selectDeliveries, k[:])
}

// ListDeliveries returns one page of the deliveries that match f.
func (s *Store) ListDeliveries(ctx context.Context, f store.DeliveryFilter) (p store.DeliveryPage, err error) {
	p.Deliveries, p.Total, p.Exact, err = cut(ctx, s, lists.Deliveries(f), sqlkit.TaskDelivery)
	if err != nil {
		return store.DeliveryPage{}, fmt.Errorf("list deliveries: %w", err)
	}
	return p, nil
}

// DueDeliveries returns deliveries that are due.
func (s *Store) DueDeliveries(ctx context.Context, now time.Time, perProcess, limit int) ([]store.Delivery, error) {
	return s.deliveries(ctx, "due deliveries", selectDue, sqlkit.Micros(now), perProcess, limit)
}

func (s *Store) deliveries(ctx context.Context, op, query string, args ...any) (out []store.Delivery, err error) {
	err = s.each(ctx, query, func(r *row) { out = append(out, sqlkit.Delivery(r)) }, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	return out, nil
}

// Replay makes all deliveries of a task due at once.
func (s *Store) Replay(ctx context.Context, id string, now time.Time) (int, error) {
	k, ok := sqlkit.LookID(id)
	if !ok {
		return 0, nil
	}
	r, err := s.write.ExecContext(ctx, replayDeliveries, k[:], sqlkit.Micros(now))
	if err != nil {
		return 0, fmt.Errorf("replay: %w", err)
	}
	n, err := r.RowsAffected()
	return int(n), err
}
