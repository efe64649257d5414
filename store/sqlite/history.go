package sqlite

import (
	"context"
	"fmt"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var (
	insertTransitions = &bulk{`
insert into transition (` + sqlkit.TransitionColumns + `) values %s on conflict do nothing`, 8}

	insertNotes = &bulk{`
insert into note (` + sqlkit.NoteColumns + `) values %s`, 9}

	insertLog = &bulk{`
insert into log_line (` + sqlkit.LogColumns + `) values %s on conflict do nothing`, 7}

	deleteLog = &bulk{`
delete from log_line where (id, n) in (
  select l.id, l.n from (values %s) as u join log_line l on l.id = u.column1 and l.n <= u.column2)`, 2}

	insertQuarantine = &bulk{`
insert into quarantine (` + sqlkit.QuarantineColumns + `) values %s on conflict do nothing`, 8}
)

const (
	selectHistory = `
select epoch, status, final, time, delivery, worker, reason, '' as why, 0 as seq from transition where id = ?1
union all
select epoch, status, final, time, delivery, worker, reason, why, seq from note where id = ?1 and ?2
order by seq`

	selectLog = `
select n, epoch, time, level, line, worker from log_line where id = ?1
order by n limit coalesce(nullif(?3, 0), -1) offset ?2`

	selectNewestLog = `
select * from (select n, epoch, time, level, line, worker from log_line where id = ?1 order by n desc limit ?2)
order by n limit coalesce(nullif(?3, 0), -1)`
)

// History returns the transitions of a task, with notes also what changed nothing.
func (s *Store) History(ctx context.Context, id string, notes bool) ([]store.Note, error) {
	k, ok := sqlkit.LookID(id)
	if !ok {
		return nil, nil
	}
	var out []store.Note
	err := s.each(ctx, selectHistory, func(r *row) { out = append(out, sqlkit.Note(id, r)) }, k[:], notes)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	return sqlkit.History(out), nil
}

// Log returns kept log lines of a task; a size of 0 means all.
func (s *Store) Log(ctx context.Context, id string, start, size int) ([]store.LogLine, error) {
	k, ok := sqlkit.LookID(id)
	if !ok {
		return nil, nil
	}
	text := selectLog
	if start < 0 {
		start, text = -start, selectNewestLog
	}
	var out []store.LogLine
	err := s.each(ctx, text, func(r *row) { out = append(out, sqlkit.LogLine(id, r)) }, k[:], start, size)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	return out, nil
}
