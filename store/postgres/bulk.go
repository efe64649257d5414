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

// encoder is a [sqlkit.Writer] of binary values. Where a value goes is decided
// by next: it writes the length, -1 for null, and returns the buffer.
type encoder struct {
	types []uint32 // of the columns
	at    int      // the column of the next value
	next  func(column int, size uint32) *[]byte
}

func newEncoder(types string) encoder {
	var e encoder
	for t := range strings.FieldsSeq(types) {
		e.types = append(e.types, oids[t])
	}
	return e
}

func (e *encoder) begin(size uint32) *[]byte {
	buf := e.next(e.at, size)
	if e.at++; e.at == len(e.types) {
		e.at = 0
	}
	return buf
}

// Null implements [sqlkit.Writer].
func (e *encoder) Null() { e.begin(null) }

// ID implements [sqlkit.Writer].
func (e *encoder) ID(id sqlkit.ID) {
	b := e.begin(uint32(len(id)))
	*b = append(*b, id[:]...)
}

// Int implements [sqlkit.Writer] for the three integer types.
func (e *encoder) Int(v int64) {
	switch oid := e.types[e.at]; oid {
	case pgtype.Int2OID:
		b := e.begin(2)
		*b = binary.BigEndian.AppendUint16(*b, uint16(v)) //nolint:gosec // two's complement is meant
	case pgtype.Int4OID:
		b := e.begin(4)
		*b = binary.BigEndian.AppendUint32(*b, uint32(v)) //nolint:gosec // two's complement is meant
	case pgtype.Int8OID:
		e.int8(v)
	default:
		panic(fmt.Sprintf("integer for a column of type %d", oid))
	}
}

func (e *encoder) int8(v int64) {
	b := e.begin(8)
	*b = binary.BigEndian.AppendUint64(*b, uint64(v)) //nolint:gosec // two's complement is meant
}

// Bool implements [sqlkit.Writer].
func (e *encoder) Bool(v bool) {
	b := e.begin(1)
	if v {
		*b = append(*b, 1)
	} else {
		*b = append(*b, 0)
	}
}

// Text implements [sqlkit.Writer].
func (e *encoder) Text(s string) {
	b := e.begin(uint32(len(s))) //nolint:gosec // far below 2 GiB
	*b = append(*b, s...)
}

// Raw implements [sqlkit.Writer].
func (e *encoder) Raw(raw []byte) {
	b := e.begin(uint32(len(raw))) //nolint:gosec // far below 2 GiB
	*b = append(*b, raw...)
}

// Time implements [sqlkit.Writer].
func (e *encoder) Time(t time.Time) { e.int8(sqlkit.Micros(t) - epochMicros) }

// arrays are the parameters of a bulk statement: value after value goes to the
// next column.
type arrays struct {
	encoder
	columns [][]byte
	rows    uint32
}

// newArrays makes room for values of usual size.
func newArrays(types string, rows int) *arrays {
	a := &arrays{encoder: newEncoder(types)}
	for _, oid := range a.types {
		header := make([]byte, headerLen, headerLen+rows*(4+16))
		binary.BigEndian.PutUint32(header[0:], 1) // dimensions
		binary.BigEndian.PutUint32(header[4:], 1) // there may be nulls
		binary.BigEndian.PutUint32(header[8:], oid)
		binary.BigEndian.PutUint32(header[16:], 1) // lower bound
		a.columns = append(a.columns, header)
	}
	a.next = func(column int, size uint32) *[]byte {
		if column == 0 {
			a.rows++
		}
		buf := &a.columns[column]
		*buf = binary.BigEndian.AppendUint32(*buf, size)
		return buf
	}
	return a
}

// params returns the finished arrays.
func (a *arrays) params() [][]byte {
	for _, c := range a.columns {
		binary.BigEndian.PutUint32(c[12:], a.rows)
	}
	return a.columns
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
