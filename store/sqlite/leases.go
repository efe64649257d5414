package sqlite

import (
	"context"
	"fmt"
	"time"
)

// now is SQLite's clock in microseconds; it ticks in milliseconds.
const now = `cast(unixepoch('subsec') * 1000000 as integer)`

// Lease takes or renews the lease of a duty, and reports whether holder has it.
func (s *Store) Lease(ctx context.Context, duty, holder string, ttl time.Duration) (bool, error) {
	r, err := s.write.ExecContext(ctx, `
insert into lease as l (duty, holder, until) values (?, ?, `+now+` + ?)
on conflict (duty) do update set holder = excluded.holder, until = excluded.until
where l.holder = excluded.holder or l.until <= `+now, duty, holder, ttl.Microseconds())
	if err != nil {
		return false, fmt.Errorf("lease %s: %w", duty, err)
	}
	n, err := r.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("lease %s: %w", duty, err)
	}
	return n == 1, nil
}

// Release gives a lease back; one that is not held is no error.
func (s *Store) Release(ctx context.Context, duty, holder string) error {
	if _, err := s.write.ExecContext(ctx, `delete from lease where duty = ? and holder = ?`, duty, holder); err != nil {
		return fmt.Errorf("release %s: %w", duty, err)
	}
	return nil
}
