package postgres_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/postgres"
	"github.com/riverstones/riverstones/store/storetest"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func BenchmarkRecord(b *testing.B) { storetest.Benchmarks(b, storetest.Postgres) }

func BenchmarkRuntime(b *testing.B) {
	storetest.RuntimeBenchmarks(b, func(t testing.TB) (store.Store, func()) {
		t.Helper()
		url := pgtest.Postgres(t)
		s, err := postgres.Open(t.Context(), url, postgres.Config{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return s, func() { vacuum(t, url) }
	})
}

// vacuum does what autovacuum does within a minute.
func vacuum(t testing.TB, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	_, err = conn.Exec(t.Context(), `vacuum analyze`)
	require.NoError(t, err)
}
