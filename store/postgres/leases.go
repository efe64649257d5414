package postgres

import (
	"context"
	"fmt"
	"time"
)

// Lease takes or renews the lease of a duty, and reports whether holder has it.
func (s *Store) Lease(ctx context.Context, duty, holder string, ttl time.Duration) (bool, error) {
	tag, err := s.write.Exec(ctx, `
insert into lease as l (duty, holder, until) values ($1, $2, clock_timestamp() + $3)
on conflict (duty) do update set holder = excluded.holder, until = excluded.until
where l.holder = excluded.holder or l.until <= clock_timestamp()`, duty, holder, ttl)
	if err != nil {
		return false, fmt.Errorf("lease %s: %w", duty, err)
	}
	return tag.RowsAffected() == 1, nil
}

// Release gives a lease back; one that is not held is no error.
func (s *Store) Release(ctx context.Context, duty, holder string) error {
	if _, err := s.write.Exec(ctx, `delete from lease where duty = $1 and holder = $2`, duty, holder); err != nil {
		return fmt.Errorf("release %s: %w", duty, err)
	}
	return nil
}
