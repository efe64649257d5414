package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var insertStones = &bulk{`
insert into used_stone (code) values %s on conflict do nothing`, 1}

const (
	putStone = `
insert into stone as s (code, time, announcement) values (?, ?, ?)
on conflict (code) do update set time = excluded.time, announcement = excluded.announcement
where s.time <= excluded.time`

	selectStones = `
select code, time, announcement from stone order by code`

	selectUsedStones = `
select code from used_stone order by code`
)

// PutStone keeps an announcement, unless a later one is known.
func (s *Store) PutStone(ctx context.Context, code string, announcement json.RawMessage, at time.Time) error {
	_, err := s.write.ExecContext(ctx, putStone, sqlkit.Text(code), sqlkit.Micros(at), append([]byte{}, announcement...))
	if err != nil {
		return fmt.Errorf("put stone: %w", err)
	}
	return nil
}

// Stones returns the last announcement of each stone, by code.
func (s *Store) Stones(ctx context.Context) (out []store.KnownStone, err error) {
	if err = s.each(ctx, selectStones, func(r *row) { out = append(out, sqlkit.KnownStone(r)) }); err != nil {
		return nil, fmt.Errorf("stones: %w", err)
	}
	return out, nil
}

// UsedStones returns the codes of all stones that tasks name, sorted.
func (s *Store) UsedStones(ctx context.Context) (out []string, err error) {
	if err = s.each(ctx, selectUsedStones, func(r *row) { out = append(out, r.Text()) }); err != nil {
		return nil, fmt.Errorf("used stones: %w", err)
	}
	return out, nil
}
