package sqlite

import (
	"context"
	"fmt"

	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

const (
	putDebug = `
insert into process (id, debug) values (?, ?) on conflict (id) do update set debug = excluded.debug`

	selectDebug = `
select debug from process where id = ?`

	selectDebugged = `
select id from process where debug limit ?`
)

// SetDebug sets the debug mode of a process.
func (s *Store) SetDebug(ctx context.Context, processInstanceID string, debug bool) error {
	if _, err := s.write.ExecContext(ctx, putDebug, sqlkit.Text(processInstanceID), debug); err != nil {
		return fmt.Errorf("set debug: %w", err)
	}
	return nil
}

// Debug reports the debug mode of a process.
func (s *Store) Debug(ctx context.Context, processInstanceID string) (debug bool, err error) {
	err = s.each(ctx, selectDebug, func(r *row) { debug = r.Bool() }, sqlkit.Text(processInstanceID))
	if err != nil {
		return false, fmt.Errorf("debug: %w", err)
	}
	return debug, nil
}

// Debugged returns processes in debug mode, at most limit.
func (s *Store) Debugged(ctx context.Context, limit int) (all []string, err error) {
	err = s.each(ctx, selectDebugged, func(r *row) { all = append(all, r.Text()) }, limit)
	if err != nil {
		return nil, fmt.Errorf("debugged: %w", err)
	}
	return all, nil
}
