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

func TestACrashKeepsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	s := pgtest.Private(t)
	url, before := s.URL(), tables(t, s.URL())
	require.Positive(t, before)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(context.Background()) //nolint:errcheck // it is broken
	_, err = conn.Exec(t.Context(), `create table committed ()`)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `begin; create table open ()`)
	require.NoError(t, err)

	s.Crash(t)
	_, err = conn.Exec(t.Context(), `commit`)
	require.Error(t, err)
	_, err = pgx.Connect(t.Context(), url)
	require.Error(t, err)

	s.Restart(t)
	require.Equal(t, url, s.URL())
	require.Equal(t, before+1, tables(t, url), "the open transaction is gone")
}
