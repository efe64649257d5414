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

// List returns one page of the tasks that match f, and how many match. Page
// and count see the same tasks.
func (s *Store) List(ctx context.Context, f store.Filter) (p store.Page, err error) {
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, s.read, snapshot, func(tx pgx.Tx) error {
		p = store.Page{}
		query, args := lists.Page(sqlkit.TaskColumns, f)
		err := each(ctx, tx, query, func(r *row) { p.Tasks = append(p.Tasks, sqlkit.Task(r)) }, args...)
		if err != nil {
			return err
		}
		return count(ctx, tx, f, &p)
	})
	if err != nil {
		return store.Page{}, fmt.Errorf("list: %w", err)
	}
	return p, nil
}

// count sets how many tasks match, without a query where the page tells.
func count(ctx context.Context, tx pgx.Tx, f store.Filter, p *store.Page) error {
	var ok bool
	if p.Total, p.Exact, ok = sqlkit.Counted(f, len(p.Tasks)); ok {
		return nil
	}
	query, args := lists.Count(f)
	n := 0
	if err := tx.QueryRow(ctx, query, args...).Scan(&n); err != nil {
		return fmt.Errorf("count: %w", err)
	}
	p.Total, p.Exact = sqlkit.Total(n)
	return nil
}
