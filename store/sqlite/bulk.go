package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

// The recorder writes and reads hundreds of rows at a time, and the gateway
// asks for as many tasks. A statement for one row costs more in the way there
// than in the database, so each bulk statement is prepared for several numbers of rows.

var sizes = [...]int{64, 32, 16, 8, 4, 2, 1}

// bulk is a statement for several rows of width values each. Its SQL has one
// %s, where the rows stand: (?,?),(?,?) and so on.
type bulk struct {
	sql   string
	width int
}

// stepRows is for how many rows the statements of steps are prepared at most: a
// step writes a few rows of each kind.
const stepRows = 64

func (b *bulk) text(rows int) string {
	row := "(" + strings.Repeat("?,", b.width-1) + "?)"
	return strings.Replace(b.sql, "%s", strings.Repeat(row+",", rows-1)+row, 1)
}

// prepared is a bulk statement for each of sizes.
type prepared [len(sizes)]*sql.Stmt

func (p prepared) close() error {
	var errs []error
	for _, st := range p {
		if st != nil {
			errs = append(errs, st.Close())
		}
	}
	return errors.Join(errs...)
}

// prepare prepares every statement whose text is fixed. What takes long with
// SQLite is not finding one row but reading the text that asks for it.
func (s *Store) prepare(ctx context.Context, most int) error {
	s.bulks, s.reads = map[*bulk]prepared{}, map[string]*sql.Stmt{}
	for _, b := range writing {
		if err := s.prepareBulk(ctx, s.write, b, most); err != nil {
			return err
		}
	}
	for _, b := range runtimeWriting {
		if err := s.prepareBulk(ctx, s.write, b, min(stepRows, most)); err != nil {
			return err
		}
	}
	if err := s.prepareSteps(ctx); err != nil {
		return err
	}
	for _, b := range []*bulk{selectByTaskID, selectByID, selectUnfinished, selectResends, selectUnsent} {
		if err := s.prepareBulk(ctx, s.read, b, most); err != nil {
			return err
		}
	}
	for _, text := range []string{selectTask, selectHistory, selectLog, selectNewestLog, selectPosition, selectAttempts,
		selectOutgoing, selectNext, selectWaiting, selectDebug, selectDebugged, selectStones, selectUsedStones, selectQuarantine, selectQuarantineOf, selectDeliveries, selectDue,
		selectHeaps, selectEnds, selectDueJobs, selectNextJob, selectActivities, selectTree, selectVariables, selectResource} {
		st, err := s.read.PrepareContext(ctx, text)
		if err != nil {
			return err
		}
		s.reads[text] = st
	}
	return nil
}

// prepareBulk prepares b for up to most rows at a time.
func (s *Store) prepareBulk(ctx context.Context, db *sql.DB, b *bulk, most int) error {
	var p prepared
	for i, n := range sizes {
		if n > most {
			continue
		}
		var err error
		if p[i], err = db.PrepareContext(ctx, b.text(n)); err != nil {
			return errors.Join(err, p.close())
		}
	}
	s.bulks[b] = p
	return nil
}

// split calls do with the statement and the values of each part of args.
func (p prepared) split(b *bulk, args []any, do func(st *sql.Stmt, args []any) error) error {
	for i, rows := range sizes {
		n := rows * b.width
		for p[i] != nil && len(args) >= n {
			if err := do(p[i], args[:n]); err != nil {
				return err
			}
			args = args[n:]
		}
	}
	return nil
}

// padded is [prepared.split] for statements that ask for a set: few keys are
// filled up with the last one, so that one statement asks for them all.
func (p prepared) padded(b *bulk, keys []any, do func(st *sql.Stmt, args []any) error) error {
	last := len(keys) - 1
	for i := len(sizes) - 1; i >= 0; i-- {
		if n := sizes[i]; last >= 0 && last < n && p[i] != nil {
			for len(keys) < n {
				keys = append(keys, keys[last])
			}
			return do(p[i], keys)
		}
	}
	return p.split(b, keys, do)
}

// values is the [sqlkit.Writer] of a bulk statement.
type values []any

func (v *values) add(x any) { *v = append(*v, x) }

// Null implements [sqlkit.Writer].
func (v *values) Null() { v.add(nil) }

// ID implements [sqlkit.Writer].
func (v *values) ID(id sqlkit.ID) { v.add(id[:]) }

// Int implements [sqlkit.Writer].
func (v *values) Int(n int64) { v.add(n) }

// Text implements [sqlkit.Writer].
func (v *values) Text(s string) { v.add(s) }

// Time implements [sqlkit.Writer].
func (v *values) Time(t time.Time) { v.add(sqlkit.Micros(t)) }

// Bool implements [sqlkit.Writer].
func (v *values) Bool(b bool) {
	if b {
		v.add(int64(1))
	} else {
		v.add(int64(0))
	}
}

// Raw implements [sqlkit.Writer]. The driver takes nil for null.
func (v *values) Raw(b []byte) {
	if b == nil {
		b = []byte{}
	}
	v.add(b)
}

// table is [values] of rows of so many each. Rows that stand together repeat each
// other: a value that is the same as in the row before is not allocated again.
type table struct {
	values

	width int
}

// above returns what stands in the row before, nil for the first row.
func (t *table) above() any {
	if at := len(t.values) - t.width; at >= 0 {
		return t.values[at]
	}
	return nil
}

// ID implements [sqlkit.Writer].
func (t *table) ID(id sqlkit.ID) {
	above := t.above()
	if b, ok := above.([]byte); !ok || !bytes.Equal(b, id[:]) {
		above = bytes.Clone(id[:])
	}
	t.add(above)
}

// Int implements [sqlkit.Writer].
func (t *table) Int(n int64) { addTo(t, n) }

// Text implements [sqlkit.Writer].
func (t *table) Text(s string) { addTo(t, s) }

// Time implements [sqlkit.Writer].
func (t *table) Time(at time.Time) { addTo(t, sqlkit.Micros(at)) }

func addTo[T comparable](t *table, x T) {
	above := t.above()
	if same, ok := above.(T); !ok || same != x {
		above = x
	}
	t.add(above)
}

// row is a [sqlkit.Row] of the driver's values.
type row struct {
	values []value
	at     int
}

// value is one of the driver's, taken as it is: the driver makes bytes anew for
// each row, so that they need no copy.
type value struct{ any }

// Scan implements [sql.Scanner].
func (v *value) Scan(src any) error {
	v.any = src
	return nil
}

func (r *row) next() any {
	v := r.values[r.at].any
	r.at++
	return v
}

// Int implements [sqlkit.Row].
func (r *row) Int() int {
	v, _ := r.next().(int64)
	return int(v)
}

// IntOrNil implements [sqlkit.Row].
func (r *row) IntOrNil() *int {
	v, ok := r.next().(int64)
	if !ok {
		return nil
	}
	n := int(v)
	return &n
}

// Bool implements [sqlkit.Row].
func (r *row) Bool() bool { return r.Int() != 0 }

// Text implements [sqlkit.Row].
func (r *row) Text() string {
	v, _ := r.next().(string)
	return v
}

// Raw implements [sqlkit.Row].
func (r *row) Raw() json.RawMessage {
	v, _ := r.next().([]byte)
	return v
}

// ID implements [sqlkit.Row].
func (r *row) ID() string { return sqlkit.ID(r.Raw()).String() }

// Time implements [sqlkit.Row].
func (r *row) Time() time.Time {
	v, ok := r.next().(int64)
	if !ok {
		return time.Time{}
	}
	return sqlkit.Time(v)
}

// collect hands each of rows to read, which does not keep it. The bytes and texts
// are read's own.
func collect(rows *sql.Rows, err error, read func(*row)) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	r := row{values: make([]value, len(names))}
	pointers := make([]any, len(names))
	for i := range pointers {
		pointers[i] = &r.values[i]
	}
	for rows.Next() {
		if err := rows.Scan(pointers...); err != nil {
			return err
		}
		r.at = 0
		read(&r)
	}
	return rows.Err()
}
