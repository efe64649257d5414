package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var (
	putCallbacks = statement{"rs_put_callbacks", `
insert into callback (id, kind, process, url) select distinct on (u.id) * from unnest(%s) as u(id, kind, process, url)
on conflict (id) do update set kind = excluded.kind, process = excluded.process, url = excluded.url`, "uuid int2 text text"}

	// It goes along with the other statements of a batch. While nobody wants to
	// be told of any task, that is one look into an empty table.
	insertDeliveries = statement{"rs_insert_deliveries", `
with told as (
  select u.*, c.kind, c.process from unnest(%s) as u(` + sqlkit.EndColumns + `) join callback c on c.id = u.id
  where (select exists (select from callback))),
heard as (
  insert into runtime_end (task, instance, epoch, status, occasion, time)
  select id, process, epoch, status, occasion, time from told where kind = 3 order by time, id on conflict do nothing)
insert into delivery (` + sqlkit.EndColumns + `, since, due)
select ` + sqlkit.EndColumns + `, clock_timestamp(), timestamptz 'epoch' from told where kind <> 3
order by time, id on conflict do nothing`, "uuid int4 int2 int2 timestamptz"}

	updateTold = statement{"rs_update_told", `
update delivery set state = u.state, due = u.due, problem = u.problem, tries = tries + 1
from unnest(%s) as u(number, since, state, due, problem)
where delivery.number = u.number and delivery.since = u.since`, "int8 timestamptz int2 timestamptz text"}
)

const (
	selectDeliveries = `
select ` + sqlkit.DeliveryColumns + ` from delivery d join callback c on c.id = d.id where d.id = $1 order by d.number`

	selectDue = `
select ` + sqlkit.DeliveryColumns + `
from (select d.*, row_number() over (partition by c.process order by d.due, d.number) as place
  from delivery d join callback c on c.id = d.id
  where d.state <= 2 and d.due <= $1
    and not exists (select from delivery b where b.id = d.id and b.number < d.number and b.state <= 2)) d
join callback c on c.id = d.id
where d.place <= $2 order by d.due, d.number limit $3`

	replayDeliveries = `
update delivery set state = 1, due = timestamptz 'epoch', tries = 0, problem = null,
  since = greatest($2, since + interval '1 microsecond')
where id = $1`
)

// Want notes whom to tell of each task's ends.
func (s *Store) Want(ctx context.Context, all []store.Callback) error {
	err := s.writeRows(ctx, func(b *pgconn.Batch) error { return put(b, putCallbacks, all, sqlkit.PutCallback) })
	if err != nil {
		return fmt.Errorf("want callbacks: %w", err)
	}
	return nil
}

// Told notes what became of deliveries.
func (s *Store) Told(ctx context.Context, all []store.Told) error {
	err := s.writeRows(ctx, func(b *pgconn.Batch) error { return put(b, updateTold, all, sqlkit.PutTold) })
	if err != nil {
		return fmt.Errorf("told: %w", err)
	}
	return nil
}

// writeRows runs what add adds, in one transaction.
func (s *Store) writeRows(ctx context.Context, add func(*pgconn.Batch) error) error {
	return sqlkit.Retry(ctx, s.log, transient, func(ctx context.Context, _ bool) error {
		return s.inConn(ctx, func(tx *recording) error {
			var b pgconn.Batch
			run(&b, begin)
			if err := add(&b); err != nil {
				return err
			}
			run(&b, commit)
			return refusal(tx.conn.ExecBatch(ctx, &b).Close())
		})
	})
}

// Deliveries returns what is and was to be told of a task, oldest first.
func (s *Store) Deliveries(ctx context.Context, id string) ([]store.Delivery, error) {
	k, ok := sqlkit.LookID(id)
	if !ok {
		return nil, nil
	}
	return s.deliveries(ctx, "deliveries", selectDeliveries, k)
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
	return s.deliveries(ctx, "due deliveries", selectDue, now, perProcess, limit)
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
	tag, err := s.write.Exec(ctx, replayDeliveries, k, now)
	if err != nil {
		return 0, fmt.Errorf("replay: %w", err)
	}
	return int(tag.RowsAffected()), nil
}
