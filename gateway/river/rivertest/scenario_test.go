package rivertest_test

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/river/rivertest"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

var update = flag.Bool("update", false, "write what is shown into the scenarios")

func TestMain(m *testing.M) {
	_ = flag.Set("rapid.checks", "25") // a flag of the command line overrides it
	pgtest.Main(m, goleak.IgnoreCurrent())
}

// each runs f for all scenarios.
func each(t *testing.T, f func(t *testing.T, file string, sc *rivertest.Scenario)) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			sc, err := rivertest.Load(file)
			require.NoError(t, err)
			f(t, file, sc)
		})
	}
}

func TestScenariosOnSQLite(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, file string, sc *rivertest.Scenario) {
		t.Helper()
		t.Parallel()
		got := rivertest.Play(t, runtimeOf(t, storetest.SQLite(t)), sc)
		if *update {
			require.NoError(t, rivertest.Save(file, got))
			return
		}
		same(t, sc, got)
	})
}

// They share one database, since making one takes longer than a scenario.
func TestScenariosOnPostgres(t *testing.T) {
	t.Parallel()
	st := runtimeOf(t, storetest.Postgres(t))
	each(t, func(t *testing.T, _ string, sc *rivertest.Scenario) {
		t.Helper()
		rivertest.Clear(t, st)
		same(t, sc, rivertest.Play(t, st, sc))
	})
}

func same(t *testing.T, sc *rivertest.Scenario, got []rivertest.Step) {
	t.Helper()
	for i := range got {
		require.Equal(t, sc.Steps[i].Want, got[i].Want, "%s: %s", got[i].Command, sc.About)
	}
}

func runtimeOf(t *testing.T, s store.Store) river.Store {
	t.Helper()
	st, ok := s.(river.Store)
	require.True(t, ok)
	return st
}
