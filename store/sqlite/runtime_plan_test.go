package sqlite_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store/sqlite"
	"github.com/riverstones/riverstones/store/storetest"
)

// Lists find their pages and count their matches by index.
func TestListPlans(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tasks.db")
	require.NoError(t, open(t, path, true).Close())
	db := raw(t, path)
	all, err := storetest.PlannedLists(sqlite.Lists())
	require.NoError(t, err)
	for _, l := range all {
		count, page := planOf(t, db, l.Count, l.CountArgs), planOf(t, db, l.Page, l.PageArgs)
		for step := range strings.SplitSeq(count+"\n"+page, "\n") {
			table, scans := strings.CutPrefix(step, "SCAN ")
			assert.False(t, scans && !strings.Contains(table, " USING ") && table != "page" && table != "matching", "%s goes through a table: %s", l.Name, step)
		}
		if l.Covered {
			rows := strings.ReplaceAll(count, "USING INDEX sqlite_autoindex", "USING KEY") // of the few others that are joined
			assert.NotContains(t, rows, "USING INDEX", "%s looks at rows to count them", l.Name)
		}
		if l.Ordered { // the rows of one page may be sorted
			assert.LessOrEqual(t, strings.Count(page, "USE TEMP B-TREE"), 1, "%s sorts all: %s", l.Name, page)
		}
	}
}
