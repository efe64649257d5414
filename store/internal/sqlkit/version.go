package sqlkit

import (
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// LatestMigration returns the greatest version among the migrations in dir.
func LatestMigration(dir fs.FS) (int64, error) {
	names, err := fs.Glob(dir, "*.sql")
	if err != nil {
		return 0, fmt.Errorf("migrations: %w", err)
	}
	var latest int64
	for _, name := range names {
		v, err := goose.NumericComponent(name)
		if err != nil {
			return 0, fmt.Errorf("migration %s: %w", name, err)
		}
		latest = max(latest, v)
	}
	return latest, nil
}

// CheckVersion returns nil if the schema is the one this program needs, or
// else an error that says what to do.
func CheckVersion(have, want int64) error {
	switch {
	case have < want:
		return fmt.Errorf("the database has schema version %d and this program needs %d: run `riverstones migrate`", have, want)
	case have > want:
		return fmt.Errorf("the database has schema version %d and this program only knows %d: use a newer riverstones", have, want)
	default:
		return nil
	}
}
