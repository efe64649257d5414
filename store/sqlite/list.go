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
	ctx, stop := context.WithTimeout(ctx, s.readTimeout)
	defer stop()
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, 0, false, err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	query, args := c.Page()
	if err = each(ctx, tx, query, func(r *row) { rows = append(rows, read(r)) }, args...); err != nil {
		return nil, 0, false, err
	}
	total, exact, err = count(ctx, tx, c, len(rows))
	return rows, total, exact, err
}

// count counts what matches, without a query where the rows read tell.
func count(ctx context.Context, tx *sql.Tx, c sqlkit.Cut, read int) (total int, exact bool, err error) {
	total, exact, ok := c.Counted(read)
	if ok {
		return total, exact, nil
	}
	query, args := c.Count()
	if err = tx.QueryRowContext(ctx, query, args...).Scan(&total); err != nil {
		return 0, false, fmt.Errorf("count: %w", err)
	}
	total, exact = sqlkit.Total(total)
	return total, exact, nil
}
