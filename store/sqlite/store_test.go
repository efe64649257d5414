package sqlite_test

import (
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/sqlite"
	"github.com/riverstones/riverstones/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store { return storetest.SQLite(t) })
}

func newFile(t *testing.T) string { return filepath.Join(t.TempDir(), "a file?with#odd%20name.db") }

func open(t *testing.T, path string, migrate bool) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, sqlite.Config{Migrate: migrate})
	require.NoError(t, err)
	return s
}

// raw opens the file below the store.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func TestRestart(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	storetest.RunRestart(t, func(t *testing.T) store.Store { return open(t, path, true) })
	require.FileExists(t, path)
}

func TestOpenRefusesOtherSchema(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.db")
	_, err := sqlite.Open(t.Context(), missing, sqlite.Config{})
	require.ErrorContains(t, err, "riverstones migrate")
	require.NoFileExists(t, missing, "a refused open makes no file")

	empty := filepath.Join(dir, "empty.db")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, err = sqlite.Open(t.Context(), empty, sqlite.Config{})
	require.ErrorContains(t, err, "riverstones migrate")

	path := filepath.Join(dir, "tasks.db")
	s := open(t, path, true)
	have, want, err := s.Version(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, have)
	require.NoError(t, s.Migrate(t.Context()), "once more")
	require.NoError(t, s.Close())
	require.NoError(t, open(t, path, false).Close())

	_, err = raw(t, path).Exec(`insert into goose_db_version (version_id, is_applied) values (9999, 1)`)
	require.NoError(t, err)
	_, err = sqlite.Open(t.Context(), path, sqlite.Config{Migrate: true})
	require.ErrorContains(t, err, "newer riverstones")
}

func TestOpenRefusesPaths(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", ":memory:", filepath.Join(t.TempDir(), "no folder", "x.db")} {
		_, err := sqlite.Open(t.Context(), path, sqlite.Config{Migrate: true})
		require.Error(t, err, path)
	}
}

func TestFileIsPrivateAndDurable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tasks.db")
	s := open(t, path, true)
	defer func() { require.NoError(t, s.Close()) }()
	for _, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), name)
	}
	var mode string
	require.NoError(t, raw(t, path).QueryRow(`pragma journal_mode`).Scan(&mode))
	require.Equal(t, "wal", mode)
}

func TestStatusTable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tasks.db")
	require.NoError(t, open(t, path, true).Close())
	rows, err := raw(t, path).Query(`select code, name from status order by code`)
	require.NoError(t, err)
	defer rows.Close() //nolint:errcheck // read to the end
	var got []string
	for rows.Next() {
		var code int
		var name string
		require.NoError(t, rows.Scan(&code, &name))
		require.Equal(t, task.Status(code).String(), name)
		got = append(got, name)
	}
	require.NoError(t, rows.Err())
	require.Len(t, got, len(task.Statuses()))
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tasks.db")
	s := open(t, path, true)
	defer func() { require.NoError(t, s.Close()) }()
	storetest.RecordQuarantined(t, s)
	rows, err := raw(t, path).Query(`select stream, sequence, idx, subject, time, reason, coalesce(task_id, ''), bytes from quarantine order by idx`)
	require.NoError(t, err)
	defer rows.Close() //nolint:errcheck // read to the end
	i := 0
	for ; rows.Next(); i++ {
		var got store.Quarantined
		var micros int64
		require.NoError(t, rows.Scan(&got.Stream, &got.Sequence, &got.Index, &got.Subject, &micros, &got.Reason, &got.TaskID, &got.Bytes))
		want := storetest.Quarantined[i]
		require.Equal(t, want.Time.UnixMicro(), micros)
		require.Equal(t, []any{want.Stream, want.Sequence, want.Index, want.Subject, want.TaskID, len(want.Bytes)},
			[]any{got.Stream, got.Sequence, got.Index, got.Subject, got.TaskID, len(got.Bytes)})
		require.Equal(t, strings.ReplaceAll(want.Reason, "\x00", "\uFFFD"), got.Reason)
	}
	require.NoError(t, rows.Err())
	require.Equal(t, len(storetest.Quarantined), i)
}

// A database of the release before is brought up to date with what is in it.
func TestMigrateFromBefore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tasks.db")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	db := raw(t, path)
	p, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS("migrations"), goose.WithDisableGlobalRegistry(true))
	require.NoError(t, err)
	_, err = p.UpTo(t.Context(), 1)
	require.NoError(t, err)
	for i, stone := range []string{"B", "A", "B"} {
		_, err = db.Exec(`
insert into task (id, task_id, process_id, name, namespace, stone, create_time, update_time, epoch, seen, log_lines, method, status, final, following)
values (randomblob(16), 't' || ?, 'p', 'n', 'n', ?, 0, 0, 1, 2, 0, 1, 1, 0, 0)`, i, stone)
		require.NoError(t, err)
	}
	s := open(t, path, true)
	defer func() { require.NoError(t, s.Close()) }()
	page, err := s.List(t.Context(), store.Filter{})
	require.NoError(t, err)
	require.Len(t, page.Tasks, 3)
	require.Zero(t, page.Tasks[0].NotBefore)
	used, err := s.UsedStones(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"A", "B"}, used)
}

// What the relay asks for again and again reads no more than it returns.
func TestOutboxPlan(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tasks.db")
	require.NoError(t, open(t, path, true).Close())
	db := raw(t, path)
	for _, query := range sqlite.RelayQueries() {
		all := plan(t, db, query)
		require.Contains(t, all, "SEARCH o USING")
		require.Contains(t, all, "INDEX outbox_due")
		require.Contains(t, all, "SEARCH b USING COVERING INDEX outbox_task (id=? AND number<?)")
		// Only the few rows that were picked by their sizes are gone through and sorted.
		for line := range strings.Lines(all) {
			require.False(t, strings.HasPrefix(line, "SCAN") && !strings.Contains(line, "SCAN p") && !strings.Contains(line, "SCAN (subquery"), all)
		}
	}
}

func plan(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	return planOf(t, db, query, []any{1, 500, 1000}[:strings.Count(query, "?")])
}

func planOf(t *testing.T, db *sql.DB, query string, args []any) string {
	t.Helper()
	rows, err := db.Query("explain query plan "+query, args...)
	require.NoError(t, err)
	defer rows.Close() //nolint:errcheck // read to the end
	var lines []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		lines = append(lines, detail)
	}
	require.NoError(t, rows.Err())
	return strings.Join(lines, "\n")
}
