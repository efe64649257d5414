package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/huandu/go-sqlbuilder"
	"github.com/jackc/pgx/v5"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var lists = sqlkit.Lists{Flavor: sqlbuilder.PostgreSQL, Time: func(t time.Time) any { return t }}

// List returns one page of the tasks that match f, and how many match.
func (s *Store) List(ctx context.Context, f store.Filter) (p store.Page, err error) {
	p.Tasks, p.Total, p.Exact, err = cut(ctx, s, lists.Tasks(f), sqlkit.Task)
	if err != nil {
		return store.Page{}, fmt.Errorf("list: %w", err)
	}
	return p, nil
}

// cut reads a page, and counts what matches. Page and count see the same rows.
func cut[T any](ctx context.Context, s *Store, c sqlkit.Cut, read func(sqlkit.Row) T) (rows []T, total int, exact bool, err error) {
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, s.read, snapshot, func(tx pgx.Tx) error {
		rows = nil
		query, args := c.Page()
		err := each(ctx, tx, query, func(r *row) { rows = append(rows, read(r)) }, args...)
		if err != nil {
			return err
		}
		total, exact, err = count(ctx, tx, c, len(rows))
		return err
	})
	return rows, total, exact, err
}

// count counts what matches, without a query where the rows read tell.
func count(ctx context.Context, tx pgx.Tx, c sqlkit.Cut, read int) (total int, exact bool, err error) {
	total, exact, ok := c.Counted(read)
	if ok {
		return total, exact, nil
	}
	query, args := c.Count()
	if err = tx.QueryRow(ctx, query, args...).Scan(&total); err != nil {
		return 0, false, fmt.Errorf("count: %w", err)
	}
	total, exact = sqlkit.Total(total)
	return total, exact, nil
}
