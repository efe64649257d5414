package sqlite

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is written costs the same however large the tables are: no statement
// scans one, for any number of rows.
func TestWritesFindRowsByKey(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "tasks.db"), Config{Migrate: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	for _, b := range slices.Concat(writing, runtimeWriting) {
		for _, rows := range sizes {
			plan, err := s.write.QueryContext(t.Context(), "explain query plan "+b.text(rows), make([]any, rows*b.width)...)
			require.NoError(t, err)
			var scanned []string
			for plan.Next() {
				var id, parent, unused int
				var step string
				assert.NoError(t, plan.Scan(&id, &parent, &unused, &step))
				table, scans := strings.CutPrefix(step, "SCAN ")
				given := table == "u" || strings.HasSuffix(table, "VALUES CLAUSE") || strings.Contains(table, "CONSTANT") || strings.HasPrefix(table, "(subquery")
				if scans && !given {
					scanned = append(scanned, table)
				}
			}
			require.NoError(t, plan.Err())
			require.NoError(t, plan.Close())
			require.Empty(t, scanned, b.text(1))
		}
	}
}
