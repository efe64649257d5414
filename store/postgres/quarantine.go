package postgres

import (
	"context"
	"fmt"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

const (
	newestQuarantined = `
order by time desc, stream collate "C" desc, sequence desc, idx desc limit nullif($2::int8, 0) offset $1`

	selectQuarantine = `
select ` + sqlkit.QuarantineColumns + ` from quarantine` + newestQuarantined

	selectQuarantineOf = `
select ` + sqlkit.QuarantineColumns + ` from quarantine where task_id = $3` + newestQuarantined
)

// Quarantine returns a page of the messages that could not be recorded, the
// newest first; a size of 0 means all.
func (s *Store) Quarantine(ctx context.Context, taskID string, start, size int) (out []store.Quarantined, err error) {
	query, args := selectQuarantine, []any{start, size}
	if taskID != "" {
		query, args = selectQuarantineOf, append(args, sqlkit.Text(taskID))
	}
	if err = s.each(ctx, query, func(r *row) { out = append(out, sqlkit.Quarantined(r)) }, args...); err != nil {
		return nil, fmt.Errorf("quarantine: %w", err)
	}
	return out, nil
}
