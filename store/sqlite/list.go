package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/huandu/go-sqlbuilder"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var lists = sqlkit.Lists{Flavor: sqlbuilder.SQLite, Time: func(t time.Time) any { return sqlkit.Micros(t) }}

// List returns one page of the tasks that match f, and how many match. Page
// and count see the same tasks.
func (s *Store) List(ctx context.Context, f store.Filter) (store.Page, error) {
	ctx, stop := context.WithTimeout(ctx, s.readTimeout)
	defer stop()
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return store.Page{}, fmt.Errorf("list: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	var p store.Page
	query, args := lists.Page(sqlkit.TaskColumns, f)
	if err := each(ctx, tx, query, func(r *row) { p.Tasks = append(p.Tasks, sqlkit.Task(r)) }, args...); err != nil {
		return store.Page{}, fmt.Errorf("list: %w", err)
	}
	if err := count(ctx, tx, f, &p); err != nil {
		return store.Page{}, fmt.Errorf("list: %w", err)
	}
	return p, nil
}

// count sets how many tasks match, without a query where the page tells.
func count(ctx context.Context, tx *sql.Tx, f store.Filter, p *store.Page) error {
	var ok bool
	if p.Total, p.Exact, ok = sqlkit.Counted(f, len(p.Tasks)); ok {
		return nil
	}
	query, args := lists.Count(f)
	n := 0
	if err := tx.QueryRowContext(ctx, query, args...).Scan(&n); err != nil {
		return fmt.Errorf("count: %w", err)
	}
	p.Total, p.Exact = sqlkit.Total(n)
	return nil
}
