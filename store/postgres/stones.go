package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var insertStones = statement{"rs_insert_stones", `
insert into used_stone (code) select * from unnest(%s) on conflict do nothing`, "text"}

// PutStone keeps an announcement, unless a later one is known.
func (s *Store) PutStone(ctx context.Context, code string, announcement json.RawMessage, at time.Time) error {
	_, err := s.write.Exec(ctx, `
insert into stone as s (code, time, announcement) values ($1, $2, $3)
on conflict (code) do update set time = excluded.time, announcement = excluded.announcement
where s.time <= excluded.time`, sqlkit.Text(code), at, append([]byte{}, announcement...))
	if err != nil {
		return fmt.Errorf("put stone: %w", err)
	}
	return nil
}

// Stones returns the last announcement of each stone, by code.
func (s *Store) Stones(ctx context.Context) (out []store.KnownStone, err error) {
	err = s.each(ctx, `
select code, time, announcement from stone order by code collate "C"`,
		func(r *row) { out = append(out, sqlkit.KnownStone(r)) })
	if err != nil {
		return nil, fmt.Errorf("stones: %w", err)
	}
	return out, nil
}

// UsedStones returns the codes of all stones that tasks name, sorted.
func (s *Store) UsedStones(ctx context.Context) (out []string, err error) {
	err = s.each(ctx, `
select code from used_stone order by code collate "C"`, func(r *row) { out = append(out, r.Text()) })
	if err != nil {
		return nil, fmt.Errorf("used stones: %w", err)
	}
	return out, nil
}
