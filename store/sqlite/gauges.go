package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var selectHeaps = `
select (select count(*) from (select 1 from quarantine limit ?2)),
  (select count(*) from (select 1 from delivery where state <= 2 limit ?2)),
  (select count(*) from (select 1 from runtime_end limit ?2)),
  (select count(*) from (select 1 from job j where ` + jobDue + ` and j.due <= ?1 and j.lock_until <= ?1 limit ?2))`

// Heaps counts what waits.
func (s *Store) Heaps(ctx context.Context, now time.Time, limit int) (h store.Heaps, err error) {
	err = s.each(ctx, selectHeaps, func(r *row) {
		h = store.Heaps{Quarantine: r.Int(), Deliveries: r.Int(), Ends: r.Int(), Jobs: r.Int()}
	}, sqlkit.Micros(now), limit)
	if err != nil {
		return store.Heaps{}, fmt.Errorf("heaps: %w", err)
	}
	return h, nil
}
