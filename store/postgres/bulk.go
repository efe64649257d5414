package postgres

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

// The recorder writes and reads hundreds of rows at a time, and half its CPU
// would go into converting single values. So bulk statements take one array
// for each column, which is built here in PostgreSQL's binary format at once,
// and rows are read from that format in the order of their columns.

// statement is prepared on each connection of the writing pool. A %s in its
// SQL stands for one array parameter for each of types, and %d for the
// parameter behind those, the number of rows.
type statement struct {
	name, sql, types string
}

func (st statement) text() string {
	if st.types == "" {
		return st.sql
	}
	types := strings.Fields(st.types)
	for i, t := range types {
		types[i] = "$" + strconv.Itoa(i+1) + "::" + t + "[]"
	}
	sql := strings.Replace(st.sql, "%s", strings.Join(types, ", "), 1)
	return strings.Replace(sql, "%d", "$"+strconv.Itoa(len(types)+1)+"::int8", 1)
}

var oids = map[string]uint32{
	"bool": pgtype.BoolOID, "int2": pgtype.Int2OID, "int4": pgtype.Int4OID, "int8": pgtype.Int8OID,
	"uuid": pgtype.UUIDOID, "timestamptz": pgtype.TimestamptzOID, "text": pgtype.TextOID, "bytea": pgtype.ByteaOID,
}

// put adds st with one element of its arrays for each of rows.
func put[T any](b *pgconn.Batch, st statement, rows []T, write func(sqlkit.Writer, *T) error) error {
	if len(rows) == 0 {
		return nil
	}
	a := newArrays(st.types, len(rows))
	for i := range rows {
		if err := write(a, &rows[i]); err != nil {
			return err
		}
	}
	params := a.params()
	if strings.Contains(st.sql, "%d") {
		params = append(params, int8Param(uint64(len(rows))))
	}
	run(b, st, params...)
	return nil
}

// run adds st with parameters in binary format.
func run(b *pgconn.Batch, st statement, params ...[]byte) {
	b.ExecPrepared(st.name, params, binaryFormat, binaryFormat)
}

var binaryFormat = []int16{1}

func int8Param(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

// An array has a header; its elements follow, each behind its length in four
// bytes, -1 for null.
const (
	headerLen = 20
	null      = 0xffff_ffff
)

// epochMicros is where PostgreSQL's times begin, 2000-01-01, since 1970.
const epochMicros = 946_684_800_000_000

// arrays is the [sqlkit.Writer] of a bulk statement: value after value goes to
// the next column.
type arrays struct {
	columns []column
	at      int
}

type column struct {
	buf  []byte
	oid  uint32
	rows uint32
}

// newArrays makes room for values of usual size.
func newArrays(types string, rows int) *arrays {
	a := &arrays{}
	for t := range strings.FieldsSeq(types) {
		c := column{oid: oids[t], buf: make([]byte, headerLen, headerLen+rows*(4+16))}
		binary.BigEndian.PutUint32(c.buf[0:], 1) // dimensions
		binary.BigEndian.PutUint32(c.buf[4:], 1) // there may be nulls
		binary.BigEndian.PutUint32(c.buf[8:], c.oid)
		binary.BigEndian.PutUint32(c.buf[16:], 1) // lower bound
		a.columns = append(a.columns, c)
	}
	return a
}

// params returns the finished arrays.
func (a *arrays) params() [][]byte {
	out := make([][]byte, len(a.columns), len(a.columns)+1)
	for i := range a.columns {
		c := &a.columns[i]
		binary.BigEndian.PutUint32(c.buf[12:], c.rows)
		out[i] = c.buf
	}
	return out
}

// next returns the column of the next value, whose length it writes.
func (a *arrays) next(size uint32) *column {
	c := &a.columns[a.at]
	if a.at++; a.at == len(a.columns) {
		a.at = 0
	}
	c.rows++
	c.buf = binary.BigEndian.AppendUint32(c.buf, size)
	return c
}

// Null implements [sqlkit.Writer].
func (a *arrays) Null() { a.next(null) }

// ID implements [sqlkit.Writer].
func (a *arrays) ID(id sqlkit.ID) {
	c := a.next(uint32(len(id)))
	c.buf = append(c.buf, id[:]...)
}

// Int implements [sqlkit.Writer] for the three integer types.
func (a *arrays) Int(v int64) {
	switch oid := a.columns[a.at].oid; oid {
	case pgtype.Int2OID:
		c := a.next(2)
		c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(v)) //nolint:gosec // two's complement is meant
	case pgtype.Int4OID:
		c := a.next(4)
		c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(v)) //nolint:gosec // two's complement is meant
	case pgtype.Int8OID:
		c := a.next(8)
		c.buf = binary.BigEndian.AppendUint64(c.buf, uint64(v)) //nolint:gosec // two's complement is meant
	default:
		panic(fmt.Sprintf("integer for a column of type %d", oid))
	}
}

// Bool implements [sqlkit.Writer].
func (a *arrays) Bool(v bool) {
	c := a.next(1)
	if v {
		c.buf = append(c.buf, 1)
	} else {
		c.buf = append(c.buf, 0)
	}
}

// Text implements [sqlkit.Writer].
func (a *arrays) Text(s string) {
	c := a.next(uint32(len(s))) //nolint:gosec // far below 2 GiB
	c.buf = append(c.buf, s...)
}

// Raw implements [sqlkit.Writer].
func (a *arrays) Raw(b []byte) {
	c := a.next(uint32(len(b))) //nolint:gosec // far below 2 GiB
	c.buf = append(c.buf, b...)
}

// Time implements [sqlkit.Writer].
func (a *arrays) Time(t time.Time) {
	c := a.next(8)
	c.buf = binary.BigEndian.AppendUint64(c.buf, uint64(sqlkit.Micros(t)-epochMicros)) //nolint:gosec // two's complement is meant
}

// row is a [sqlkit.Row] in binary format.
type row struct {
	values [][]byte
	at     int
}

func (r *row) next() []byte {
	v := r.values[r.at]
	r.at++
	return v
}

// Int implements [sqlkit.Row] for the three integer types.
func (r *row) Int() int {
	switch v := r.next(); len(v) {
	case 2:
		return int(int16(binary.BigEndian.Uint16(v))) //nolint:gosec // two's complement is meant
	case 4:
		return int(int32(binary.BigEndian.Uint32(v))) //nolint:gosec // two's complement is meant
	case 8:
		return int(int64(binary.BigEndian.Uint64(v))) //nolint:gosec // two's complement is meant
	default:
		return 0
	}
}

// IntOrNil implements [sqlkit.Row].
func (r *row) IntOrNil() *int {
	if r.values[r.at] == nil {
		r.at++
		return nil
	}
	v := r.Int()
	return &v
}

// Bool implements [sqlkit.Row].
func (r *row) Bool() bool {
	v := r.next()
	return len(v) == 1 && v[0] == 1
}

// Text implements [sqlkit.Row].
func (r *row) Text() string { return string(r.next()) }

// Raw implements [sqlkit.Row].
func (r *row) Raw() json.RawMessage {
	v := r.next()
	if v == nil {
		return nil
	}
	return append(make(json.RawMessage, 0, len(v)), v...)
}

// ID implements [sqlkit.Row].
func (r *row) ID() string { return sqlkit.ID(r.next()).String() }

// Time implements [sqlkit.Row].
func (r *row) Time() time.Time {
	v := r.next()
	if v == nil {
		return time.Time{}
	}
	return sqlkit.Time(int64(binary.BigEndian.Uint64(v)) + epochMicros) //nolint:gosec // two's complement is meant
}
