package pgtest_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, goleak.IgnoreCurrent()) }

func tables(t *testing.T, url string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	require.NoError(t, conn.QueryRow(t.Context(), `select count(*) from pg_tables where schemaname = 'public'`).Scan(&n))
	return n
}

func TestDatabases(t *testing.T) {
	t.Parallel()
	one, other := pgtest.Postgres(t), pgtest.Postgres(t)
	require.NotEqual(t, one, other)
	require.Positive(t, tables(t, one))
	require.Equal(t, tables(t, one), tables(t, other))
	require.Zero(t, tables(t, pgtest.Empty(t)))
}
