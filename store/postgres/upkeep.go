package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var putResends = statement{"rs_put_resends", `
insert into resent (` + sqlkit.ResendColumns + `) select * from unnest(%s)
on conflict (id, epoch, method) do update set times = excluded.times, sequence = excluded.sequence, time = excluded.time`,
	"uuid int4 int2 int4 int8 timestamptz"}

const (
	selectUnfinished = `
select ` + sqlkit.StateColumns + ` from task where id = any($1) and end_time is null`

	selectUnsent = `
select distinct id from outbox where id = any($1)`

	selectResends = `
select ` + sqlkit.ResendColumns + ` from resent where id = any($1)`

	selectOverdue = `
select a.deadline, a.id, a.epoch, coalesce(t.end_time is null and t.epoch = a.epoch, false)
from (select deadline, id, epoch from attempt where (deadline, id, epoch) > ($1, $2, $3) and deadline <= $4
  order by deadline, id, epoch limit $5) a left join task t on t.id = a.id
order by a.deadline, a.id, a.epoch`

	forgetDeliveries = `
delete from delivery where number in
  (select number from delivery where state > 2 and since < $1 order by since, number limit $2 for update skip locked)`

	forgetResends = `
delete from resent where (id, epoch, method) in (select id, epoch, method from resent where time < $1 order by time limit $2)`
)

// Unfinished returns the states of those of these tasks that have not ended.
func (s *Store) Unfinished(ctx context.Context, ids []string) (out []store.State, err error) {
	err = s.each(ctx, selectUnfinished, func(r *row) {
		st := sqlkit.State(r)
		st.Outputs, st.Grants = nil, nil
		out = append(out, st)
	}, sqlkit.Keys(ids))
	if err != nil {
		return nil, fmt.Errorf("unfinished: %w", err)
	}
	return out, nil
}

// Resends returns what was published again of the tasks with these ids.
func (s *Store) Resends(ctx context.Context, ids []string) (out []store.Resend, err error) {
	err = s.each(ctx, selectResends, func(r *row) { out = append(out, sqlkit.Resend(r)) }, sqlkit.Keys(ids))
	if err != nil {
		return nil, fmt.Errorf("resends: %w", err)
	}
	return out, nil
}

// Resend notes that a command was published again.
func (s *Store) Resend(ctx context.Context, r store.Resend) error {
	err := s.writeRows(ctx, func(b *pgconn.Batch) error { return put(b, putResends, []store.Resend{r}, sqlkit.PutResend) })
	if err != nil {
		return fmt.Errorf("resend: %w", err)
	}
	return nil
}

// Overdue returns commands whose deadline has passed.
func (s *Store) Overdue(ctx context.Context, after store.Due, until time.Time, limit int) (open []store.Due, last store.Due, err error) {
	id, _ := sqlkit.LookID(after.ID) // all zero before the first
	err = s.each(ctx, selectOverdue, func(r *row) {
		var waits bool
		if last, waits = sqlkit.Due(r); waits {
			open = append(open, last)
		}
	}, after.Deadline, id, after.Epoch, until, limit)
	if err != nil {
		return nil, store.Due{}, fmt.Errorf("overdue: %w", err)
	}
	return open, last, nil
}

// Forget removes what is over since before a time.
func (s *Store) Forget(ctx context.Context, before time.Time, limit int) (gone int, err error) {
	for _, query := range []string{forgetDeliveries, forgetResends} {
		tag, err := s.write.Exec(ctx, query, before, limit)
		if err != nil {
			return gone, fmt.Errorf("forget: %w", err)
		}
		gone += int(tag.RowsAffected())
	}
	return gone, nil
}

// Unsent returns those of these ids whose tasks have rows in the outbox.
func (s *Store) Unsent(ctx context.Context, ids []string) (out []string, err error) {
	err = s.each(ctx, selectUnsent, func(r *row) { out = append(out, r.ID()) }, sqlkit.Keys(ids))
	if err != nil {
		return nil, fmt.Errorf("unsent: %w", err)
	}
	return out, nil
}
