package sqlite

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

//go:embed migrations/*.sql
var files embed.FS

func migrations() (fs.FS, error) { return fs.Sub(files, "migrations") }

// Migrate brings the schema up to date. One process does it; should two try,
// one of them may fail and can be started again.
func (s *Store) Migrate(ctx context.Context) error {
	dir, err := migrations()
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.write, dir,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	done, err := p.Up(ctx)
	for _, m := range done {
		s.log.Info("database migrated", zap.Int64("version", m.Source.Version), zap.Duration("took", m.Duration))
	}
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	have, want, err := s.Version(ctx)
	if err != nil {
		return err
	}
	return sqlkit.CheckVersion(have, want)
}

// Version returns the version of the database's schema, 0 if it has none, and
// the one this program needs. It changes nothing.
func (s *Store) Version(ctx context.Context) (have, want int64, err error) {
	dir, err := migrations()
	if err != nil {
		return 0, 0, fmt.Errorf("schema version: %w", err)
	}
	if want, err = sqlkit.LatestMigration(dir); err != nil {
		return 0, 0, err
	}
	var there bool
	err = s.read.QueryRowContext(ctx, `select count(*) > 0 from sqlite_master where name = ?`, goose.DefaultTablename).Scan(&there)
	if err == nil && there {
		err = s.read.QueryRowContext(ctx,
			`select coalesce(max(version_id), 0) from `+goose.DefaultTablename+` where is_applied`).Scan(&have)
	}
	if err != nil {
		return 0, want, fmt.Errorf("schema version: %w", err)
	}
	return have, want, nil
}
