package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

// Grant hands a task and its last grant to decide while nobody else writes,
// and writes what decide answers. Id, epoch and method of that grant are those
// of the call.
func (s *Store) Grant(ctx context.Context, id string, m task.Method,
	decide store.Decide) error {
	k, ok := sqlkit.LookID(id)
	if !ok {
		return store.ErrNotFound
	}
	err := sqlkit.Retry(ctx, s.log, transient, func(ctx context.Context, _ bool) error {
		return s.inTx(ctx, func(ctx context.Context, tx *recording) error { return tx.grant(ctx, k, m, decide) })
	})
	if err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	return nil
}

func (tx *recording) grant(ctx context.Context, id sqlkit.ID, m task.Method,
	decide store.Decide) error {
	st, err := tx.state(ctx, id)
	if err != nil {
		return err
	}
	last, err := tx.lastGrants(ctx, id, &st, m)
	if err != nil {
		return err
	}
	g := decide(st, last, time.Now().UTC().Truncate(time.Microsecond)) // one machine has one clock
	if g == nil {
		return nil
	}
	if err := tx.putGrant(ctx, id, st.Epoch, m, g); err != nil {
		return err
	}
	_, err = tx.tx.ExecContext(ctx, `update task set granted = 1, rev = rev + 1 where id = ?`, id[:])
	return err
}

func (tx *recording) state(ctx context.Context, id sqlkit.ID) (store.State, error) {
	var found []store.State
	err := tx.query(ctx, selectStates, values{id[:]}, func(r *row) { found = append(found, sqlkit.State(r)) })
	if err != nil {
		return store.State{}, err
	}
	if len(found) == 0 {
		return store.State{}, store.ErrNotFound
	}
	return found[0], nil
}

// lastGrants returns the last grant of method m in st's epoch, and puts the
// numbers of all methods into st.
func (tx *recording) lastGrants(ctx context.Context, id sqlkit.ID, st *store.State, m task.Method) (last *store.Grant, err error) {
	if st.Grants == nil {
		return nil, nil
	}
	rows, err := tx.tx.QueryContext(ctx, `
select method, number, asked, worker, try, released, time
from grants where id = ? and epoch = ? order by method, number`, id[:], st.Epoch)
	err = collect(rows, err, func(r *row) {
		g := sqlkit.Grant(st, r)
		st.Grants[g.Method] = g.Number
		if g.Method == m {
			last = g
		}
	})
	return last, err
}

func (tx *recording) putGrant(ctx context.Context, id sqlkit.ID, epoch int, m task.Method, g *store.Grant) error {
	_, err := tx.tx.ExecContext(ctx, `
insert into grants (id, epoch, method, number, asked, worker, try, released, time)
values (?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict (id, epoch, method, number) do update set asked = excluded.asked, worker = excluded.worker,
  try = excluded.try, released = excluded.released, time = excluded.time`,
		id[:], epoch, m.Code(), g.Number, g.Asked, sqlkit.Text(g.Worker), g.Try, g.Released, sqlkit.Micros(g.Time))
	return err
}
