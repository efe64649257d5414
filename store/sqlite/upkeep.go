package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var (
	putResends = &bulk{`
insert into resent (` + sqlkit.ResendColumns + `) select * from (values %s) where true
on conflict (id, epoch, method) do update set times = excluded.times, sequence = excluded.sequence, time = excluded.time`, 6}

	selectUnfinished = &bulk{`
select ` + sqlkit.StateColumns + ` from task where id in (values %s) and end_time is null`, 1}

	selectUnsent = &bulk{`
select distinct id from outbox where id in (values %s)`, 1}

	selectResends = &bulk{`
select ` + sqlkit.ResendColumns + ` from resent where id in (values %s)`, 1}
)

const (
	selectOverdue = `
select a.deadline, a.id, a.epoch, coalesce(t.end_time is null and t.epoch = a.epoch, 0)
from (select deadline, id, epoch from attempt where (deadline, id, epoch) > (?, ?, ?) and deadline <= ?
  order by deadline, id, epoch limit ?) a left join task t on t.id = a.id
order by a.deadline, a.id, a.epoch`

	forgetDeliveries = `
delete from delivery where number in (select number from delivery where state > 2 and since < ? order by since, number limit ?)`

	forgetResends = `
delete from resent where (id, epoch, method) in (select id, epoch, method from resent where time < ? order by time limit ?)`
)

// Unfinished returns the states of those of these tasks that have not ended.
func (s *Store) Unfinished(ctx context.Context, ids []string) (out []store.State, err error) {
	err = s.keyed(ctx, selectUnfinished, ids, func(r *row) {
		st := sqlkit.State(r)
		st.Outputs, st.Grants = nil, nil
		out = append(out, st)
	})
	if err != nil {
		return nil, fmt.Errorf("unfinished: %w", err)
	}
	return out, nil
}

// Resends returns what was published again of the tasks with these ids.
func (s *Store) Resends(ctx context.Context, ids []string) (out []store.Resend, err error) {
	err = s.keyed(ctx, selectResends, ids, func(r *row) { out = append(out, sqlkit.Resend(r)) })
	if err != nil {
		return nil, fmt.Errorf("resends: %w", err)
	}
	return out, nil
}

// keyed asks for a set of ids, each once, on a reading connection.
func (s *Store) keyed(ctx context.Context, b *bulk, ids []string, read func(*row)) error {
	ctx, stop := context.WithTimeout(ctx, s.readTimeout)
	defer stop()
	keys := sqlkit.Keys(ids)
	slices.SortFunc(keys, func(a, b sqlkit.ID) int { return bytes.Compare(a[:], b[:]) })
	return s.bulks[b].padded(b, idValues(slices.Compact(keys)), func(st *sql.Stmt, args []any) error {
		rows, err := st.QueryContext(ctx, args...)
		return collect(rows, err, read)
	})
}

// Resend notes that a command was published again.
func (s *Store) Resend(ctx context.Context, r store.Resend) error {
	if err := writeRows(ctx, s, putResends, []store.Resend{r}, sqlkit.PutResend); err != nil {
		return fmt.Errorf("resend: %w", err)
	}
	return nil
}

// Overdue returns commands whose deadline has passed. It is asked for once a
// minute, so that no statement is prepared for it.
func (s *Store) Overdue(ctx context.Context, after store.Due, until time.Time, limit int) (open []store.Due, last store.Due, err error) {
	ctx, stop := context.WithTimeout(ctx, s.readTimeout)
	defer stop()
	id, _ := sqlkit.LookID(after.ID) // all zero before the first
	rows, err := s.read.QueryContext(ctx, selectOverdue, sqlkit.Micros(after.Deadline), id[:], after.Epoch, sqlkit.Micros(until), limit)
	err = collect(rows, err, func(r *row) {
		var waits bool
		if last, waits = sqlkit.Due(r); waits {
			open = append(open, last)
		}
	})
	if err != nil {
		return nil, store.Due{}, fmt.Errorf("overdue: %w", err)
	}
	return open, last, nil
}

// Forget removes what is over since before a time.
func (s *Store) Forget(ctx context.Context, before time.Time, limit int) (gone int, err error) {
	for _, query := range []string{forgetDeliveries, forgetResends} {
		r, err := s.write.ExecContext(ctx, query, sqlkit.Micros(before), limit)
		if err != nil {
			return gone, fmt.Errorf("forget: %w", err)
		}
		n, err := r.RowsAffected()
		gone += int(n)
		if err != nil {
			return gone, fmt.Errorf("forget: %w", err)
		}
	}
	return gone, nil
}

// Unsent returns those of these ids whose tasks have rows in the outbox.
func (s *Store) Unsent(ctx context.Context, ids []string) (out []string, err error) {
	if err = s.keyed(ctx, selectUnsent, ids, func(r *row) { out = append(out, r.ID()) }); err != nil {
		return nil, fmt.Errorf("unsent: %w", err)
	}
	return out, nil
}
