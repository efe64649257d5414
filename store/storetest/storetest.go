// Package storetest is the definition of a store: [Run] holds an implementation
// of [store.Store] to every sentence of its contract. It also opens both
// stores for the tests of other packages, with [Each], and measures them, with
// [Bench].
package storetest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/postgres"
	"github.com/riverstones/riverstones/store/sqlite"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

// Run holds the stores that open returns to the contract. Each call must
// return a new, empty store, and close it when the test ends.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	RunSome(t, open, func(string) bool { return true })
}

// RunSome is [Run] for a layer over a store that passes some of the contract
// through: it runs the tests that want takes, by names such as Outbox/due.
func RunSome(t *testing.T, open func(t *testing.T) store.Store, want func(name string) bool) {
	t.Helper()
	for _, suite := range []map[string]func(*testing.T, store.Store){
		taskTests, listTests, historyTests, recordTests, batchTests, repeatTests, grantTests, leaseTests, oddTests, errorTests,
		commandTests, outboxTests, delayTests, catalogTests, callbackTests, callbackListTests, upkeepTests, gaugeTests,
		runtimeTests, runtimeTaskTests, runtimeReadTests, runtimeListTests,
	} {
		for name, test := range suite {
			if !want(name) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, open(t))
			})
		}
	}
}

// Each runs f as a subtest on each kind of store, empty and migrated. The
// package's TestMain has to call [pgtest.Main].
func Each(t *testing.T, f func(t *testing.T, s store.Store)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB) store.Store{"sqlite": SQLite, "postgres": Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, open(t))
		})
	}
}

// SQLite returns a new store in a temporary file, of memory where the machine
// has such: syncing to a disk is most of the time of a small transaction.
func SQLite(t testing.TB) store.Store {
	t.Helper()
	path := filepath.Join(folder(t), "riverstones.db")
	require.NoError(t, os.WriteFile(path, empty(t), 0o600))
	_, bench := t.(*testing.B)
	s, err := sqlite.Open(t.Context(), path, sqlite.Config{Migrate: true, Rows: atOnce(bench), ReadTimeout: time.Minute})
	require.NoError(t, err)
	closeAtEnd(t, s)
	return s
}

// atOnce says for how many rows statements are prepared. To prepare them for as
// many as in earnest is most of the time of most tests; the tests of package
// sqlite do.
func atOnce(earnest bool) int {
	if earnest {
		return 0
	}
	return 4
}

// template is the file of an empty, migrated store: a copy is made in no time,
// while the migrations take longer than most tests.
var template struct {
	sync.Mutex
	file []byte
}

func empty(t testing.TB) []byte {
	t.Helper()
	template.Lock()
	defer template.Unlock()
	if template.file != nil {
		return template.file
	}
	path := filepath.Join(t.TempDir(), "template.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Config{Migrate: true})
	require.NoError(t, err)
	require.NoError(t, s.Close()) // writes its journal into the file
	template.file, err = os.ReadFile(path)
	require.NoError(t, err)
	return template.file
}

// folder returns a new folder that goes with the test. Benchmarks get one on the
// disk, since what they measure has to be durable.
func folder(t testing.TB) string {
	t.Helper()
	const memory = "/dev/shm"
	if _, bench := t.(*testing.B); bench {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "rs-sqlite") //nolint:usetesting // TempDir is on the disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// Postgres returns a store on a database of its own.
func Postgres(t testing.TB) store.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), pgtest.Postgres(t), postgres.Config{})
	require.NoError(t, err)
	closeAtEnd(t, s)
	return s
}

func closeAtEnd(t testing.TB, s store.Store) {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, s.Close()) })
}
