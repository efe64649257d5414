package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store/postgres"
	"github.com/riverstones/riverstones/store/storetest"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

// Lists find their pages and count their matches by index. With a method turned
// off, a planner takes it only where no other leads to the rows.
func TestListPlans(t *testing.T) {
	t.Parallel()
	db := raw(t, pgtest.Postgres(t))
	set := func(method, to string) {
		_, err := db.Exec(t.Context(), "set enable_"+method+" = "+to)
		require.NoError(t, err)
	}
	set("seqscan", "off")
	all, err := storetest.PlannedLists(postgres.Lists())
	require.NoError(t, err)
	for _, l := range all {
		set("bitmapscan", "on")
		assert.NotContains(t, planOf(t, db, l.Count, l.CountArgs), "Seq Scan", l.Name)
		assert.NotContains(t, planOf(t, db, l.Page, l.PageArgs), "Seq Scan", l.Name)
		if l.Ordered {
			set("sort", "off")
			page := planOf(t, db, l.Page, l.PageArgs)
			assert.LessOrEqual(t, strings.Count(page, "Sort Key"), 1, "%s sorts more than a page: %s", l.Name, page)
			set("sort", "on")
		}
		if l.Covered {
			set("bitmapscan", "off")
			for step := range strings.SplitSeq(planOf(t, db, l.Count, l.CountArgs), "\n") {
				rows := strings.Contains(step, "->  Index Scan") && !strings.HasSuffix(step, " on definition") // of which there are few
				assert.False(t, rows, "%s looks at rows to count them: %s", l.Name, step)
			}
		}
	}
}

func planOf(t *testing.T, db *pgx.Conn, query string, args []any) string {
	t.Helper()
	rows, err := db.Query(context.WithoutCancel(t.Context()), "explain (costs off) "+query, append([]any{pgx.QueryExecModeSimpleProtocol}, args...)...)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return strings.Join(lines, "\n")
}
