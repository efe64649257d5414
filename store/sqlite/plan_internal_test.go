package sqlite

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store"
)

// A page of deliveries, and its count, read what they return or count and no
// more: by the state in order, or by the task or its process.
func TestDeliveriesPlan(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "tasks.db"), Config{Migrate: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	const byState = "SEARCH d USING COVERING INDEX delivery_state (state=?)"
	const ofTask = "SEARCH d USING INDEX sqlite_autoindex_delivery_1 (id=?)"
	for _, test := range []struct {
		filter store.DeliveryFilter
		want   []string // each a step, of the page and of the count
	}{
		{store.DeliveryFilter{Size: 50}, []string{"SCAN d"}},
		{store.DeliveryFilter{State: store.DeliveryDone, Size: 50}, []string{byState}},
		{store.DeliveryFilter{ProcessInstanceID: "p", State: store.DeliveryDone, Size: 50}, []string{"SEARCH t USING COVERING INDEX task_process (process_id=?)", ofTask}},
		{store.DeliveryFilter{TaskID: "t", State: store.DeliveryDone, Size: 50}, []string{"SEARCH t USING INDEX sqlite_autoindex_task_2 (task_id=?)", ofTask}},
	} {
		c := lists.Deliveries(test.filter)
		query, args := c.Page()
		page := explain(t, s, query, args...)
		require.Subset(t, page, test.want)
		inOrder := test.filter.TaskID+test.filter.ProcessInstanceID == ""
		require.Equal(t, inOrder, page[2] == "SCAN cut", "whether the rows are read in their order: %v", page)
		query, args = c.Count()
		require.Contains(t, strings.Join(explain(t, s, query, args...), "\n"), test.want[0])
	}
	require.Contains(t, explain(t, s, selectDue, 1, 2, 3), "SEARCH d USING INDEX delivery_due (due<?)")
	require.Contains(t, explain(t, s, forgetDeliveries, 1, 2), "SEARCH delivery USING INDEX delivery_over (since<?)")
}

// explain returns the steps of a query.
func explain(t *testing.T, s *Store, query string, args ...any) (steps []string) {
	t.Helper()
	plan, err := s.write.QueryContext(t.Context(), "explain query plan "+query, args...)
	require.NoError(t, err)
	defer plan.Close() //nolint:errcheck // read to the end
	for plan.Next() {
		var id, parent, unused int
		var step string
		require.NoError(t, plan.Scan(&id, &parent, &unused, &step))
		steps = append(steps, step)
	}
	require.NoError(t, plan.Err())
	return steps
}

// What is written costs the same however large the tables are: no statement
// scans one, for any number of rows.
func TestWritesFindRowsByKey(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "tasks.db"), Config{Migrate: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	for _, b := range slices.Concat(writing, runtimeWriting) {
		for _, rows := range sizes {
			var scanned []string
			for _, step := range explain(t, s, b.text(rows), make([]any, rows*b.width)...) {
				table, scans := strings.CutPrefix(step, "SCAN ")
				given := table == "u" || strings.HasSuffix(table, "VALUES CLAUSE") || strings.Contains(table, "CONSTANT") || strings.HasPrefix(table, "(subquery")
				if scans && !given {
					scanned = append(scanned, table)
				}
			}
			require.Empty(t, scanned, b.text(1))
		}
	}
}

// Commands without a deadline, and those whose deadlines were looked at, cost the
// search for overdue ones nothing.
func TestOverdueIsFoundByItsIndex(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "tasks.db"), Config{Migrate: true, Rows: 1})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	plan, err := s.read.QueryContext(t.Context(), "explain query plan "+selectOverdue, 0, make([]byte, 16), 0, 0, 1)
	require.NoError(t, err)
	var steps []string
	require.NoError(t, collect(plan, nil, func(r *row) {
		_, _, _ = r.Int(), r.Int(), r.Int()
		steps = append(steps, r.Text())
	}))
	require.Contains(t, strings.Join(steps, "; "), "SEARCH attempt USING COVERING INDEX attempt_deadline ((deadline,id,epoch)>(?,?,?) AND deadline<?)")
}
