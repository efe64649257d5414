package postgres

import (
	"context"
	"fmt"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var (
	insertTransitions = statement{"rs_insert_transitions", `
insert into transition (` + sqlkit.TransitionColumns + `) select * from unnest(%s) on conflict do nothing`, transitionTypes}

	insertNotes = statement{"rs_insert_notes", `
insert into note (` + sqlkit.NoteColumns + `) select * from unnest(%s)`, transitionTypes + " text"}

	insertLog = statement{"rs_insert_log", `
insert into log_line (` + sqlkit.LogColumns + `) select * from unnest(%s) on conflict do nothing`,
		"uuid int4 int4 timestamptz text text text"}

	deleteLog = statement{"rs_delete_log", `
delete from log_line l using unnest(%s) as u(id, n) where l.id = u.id and l.n <= u.n`, "uuid int4"}

	insertQuarantine = statement{"rs_insert_quarantine", `
insert into quarantine (` + sqlkit.QuarantineColumns + `) select * from unnest(%s) on conflict do nothing`,
		"text int8 int4 text timestamptz text text bytea"}
)

const transitionTypes = "uuid int4 int2 bool timestamptz int4 text text"

// History returns the transitions of a task, with notes also what changed nothing.
func (s *Store) History(ctx context.Context, id string, notes bool) ([]store.Note, error) {
	k, ok := sqlkit.LookID(id)
	if !ok {
		return nil, nil
	}
	var out []store.Note
	err := s.each(ctx, `
select epoch, status, final, time, delivery, worker, reason, '' as why, 0 as seq from transition where id = $1
union all
select epoch, status, final, time, delivery, worker, reason, why, seq from note where id = $1 and $2
order by seq`, func(r *row) { out = append(out, sqlkit.Note(id, r)) }, k, notes)
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
	text := `
select n, epoch, time, level, line, worker from log_line where id = $1
order by n limit nullif($3::int8, 0) offset $2`
	if start < 0 {
		start, text = -start, `
select * from (select n, epoch, time, level, line, worker from log_line where id = $1 order by n desc limit $2) newest
order by n limit nullif($3::int8, 0)`
	}
	var out []store.LogLine
	err := s.each(ctx, text,
		func(r *row) { out = append(out, sqlkit.LogLine(id, r)) }, k, start, size)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	return out, nil
}
