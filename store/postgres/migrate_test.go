package postgres_test

import (
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/postgres"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

// A database of the release before is brought up to date with what is in it.
func TestMigrateFromBefore(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	cfg, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	db := stdlib.OpenDB(*cfg)
	defer func() { require.NoError(t, db.Close()) }()
	p, err := goose.NewProvider(goose.DialectPostgres, db, os.DirFS("migrations"), goose.WithDisableGlobalRegistry(true))
	require.NoError(t, err)
	_, err = p.UpTo(t.Context(), 1)
	require.NoError(t, err)
	_, err = db.Exec(`
insert into task (id, task_id, process_id, name, namespace, stone, create_time, update_time, epoch, seen, log_lines, method, status, final, following)
select gen_random_uuid(), 't' || i, 'p', 'n', 'n', 'S' || i % 2, now(), now(), 1, 0, 0, 1, 1, false, false from generate_series(1, 3) i`)
	require.NoError(t, err)
	s := open(t, url, postgres.Config{Migrate: true})
	defer func() { require.NoError(t, s.Close()) }()
	page, err := s.List(t.Context(), store.Filter{})
	require.NoError(t, err)
	require.Len(t, page.Tasks, 3)
	require.Zero(t, page.Tasks[0].NotBefore)
	used, err := s.UsedStones(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"S0", "S1"}, used)
}
