package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

// Grant hands a task and its last grant to decide under a lock of the task's
// row, and writes what decide answers. Id, epoch and method of that grant are
// those of the call.
func (s *Store) Grant(ctx context.Context, id string, m task.Method,
	decide store.Decide) error {
	k, ok := sqlkit.LookID(id)
	if !ok {
		return store.ErrNotFound
	}
	err := sqlkit.Retry(ctx, s.log, transient, func(ctx context.Context, _ bool) error {
		return pgx.BeginFunc(ctx, s.write, func(tx pgx.Tx) error { return grant(ctx, tx, k, m, decide) })
	})
	if err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	return nil
}

func grant(ctx context.Context, tx pgx.Tx, id sqlkit.ID, m task.Method,
	decide store.Decide) error {
	st, now, err := lockState(ctx, tx, id)
	if err != nil {
		return err
	}
	last, err := lastGrants(ctx, tx, id, &st, m)
	if err != nil {
		return err
	}
	g := decide(st, last, now)
	if g == nil {
		return nil
	}
	if err := putGrant(ctx, tx, id, st.Epoch, m, g); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `update task set granted = true, rev = rev + 1 where id = $1`, id)
	return err
}

func lockState(ctx context.Context, tx pgx.Tx, id sqlkit.ID) (st store.State, now time.Time, err error) {
	err = each(ctx, tx, `select `+sqlkit.StateColumns+`, clock_timestamp() from task where id = $1 for update`,
		func(r *row) { st, now = sqlkit.State(r), r.Time() }, id)
	if err == nil && now.IsZero() {
		err = store.ErrNotFound
	}
	return st, now, err
}

// lastGrants returns the last grant of method m in st's epoch, and puts the
// numbers of all methods into st.
func lastGrants(ctx context.Context, tx pgx.Tx, id sqlkit.ID, st *store.State, m task.Method) (last *store.Grant, err error) {
	if st.Grants == nil {
		return nil, nil
	}
	err = each(ctx, tx, `
select distinct on (method) method, number, asked, worker, try, released, time
from grants where id = $1 and epoch = $2 order by method, number desc`, func(r *row) {
		g := sqlkit.Grant(st, r)
		st.Grants[g.Method] = g.Number
		if g.Method == m {
			last = g
		}
	}, id, st.Epoch)
	return last, err
}

func putGrant(ctx context.Context, tx pgx.Tx, id sqlkit.ID, epoch int, m task.Method, g *store.Grant) error {
	_, err := tx.Exec(ctx, `
insert into grants (id, epoch, method, number, asked, worker, try, released, time)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (id, epoch, method, number) do update set asked = excluded.asked, worker = excluded.worker,
  try = excluded.try, released = excluded.released, time = excluded.time`,
		id, epoch, m.Code(), g.Number, g.Asked, sqlkit.Text(g.Worker), g.Try, g.Released, g.Time)
	return err
}
