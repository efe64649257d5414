package sqlkit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/huandu/go-sqlbuilder"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

func TestID(t *testing.T) {
	t.Parallel()
	for range 100 {
		want := uuid.New()
		got, err := sqlkit.ParseID(want.String())
		require.NoError(t, err)
		require.EqualValues(t, want, got)
		require.Equal(t, want.String(), got.String())
	}
	for _, bad := range []string{
		"", "1", "0190aaaa-0000-7000-8000-00000000000", "0190aaaa-0000-7000-8000-0000000000000", "0190AAAA-0000-7000-8000-000000000000",
		"0190aaaa-0000-7000-8000-00000000000g", "0190aaaa+0000-7000-8000-000000000000", "0190aaaa-0000-7000-8000-0000000-0000",
		"-190aaaa-0000-7000-8000-000000000000", "{190aaaa-0000-7000-8000-00000000000}",
	} {
		_, err := sqlkit.ParseID(bad)
		require.Error(t, err, bad)
		_, err = sqlkit.IDs([]string{uuid.NewString(), bad})
		require.Error(t, err, bad)
	}
}

func FuzzID(f *testing.F) {
	f.Add("0190aaaa-0000-7000-8000-000000000000")
	f.Add("0190aaaa-0000-7000-8000-00000000-000")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := sqlkit.ParseID(s)
		if err == nil && id.String() != s {
			t.Errorf("%q became %s", s, id)
		}
	})
}

func TestText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "plain ü 石": "plain ü 石", "a\x00b": "a\uFFFDb", "a\xff\xfeb": "a\uFFFDb", "\xff\x00": "\uFFFD\uFFFD"} {
		require.Equal(t, want, sqlkit.Text(in))
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{{}, time.Date(2026, 11, 21, 9, 0, 0, 123456000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)} {
		require.Equal(t, at, sqlkit.Time(sqlkit.Micros(at)))
	}
}

func TestCounted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		start, size, read int
		total             int
		exact, ok         bool
	}{
		{0, 0, 0, 0, true, true},
		{0, 0, 5, 5, true, true},
		{3, 0, 5, 8, true, true},
		{3, 0, 0, 0, false, false}, // perhaps beyond the end
		{0, 10, 9, 9, true, true},
		{0, 10, 10, 0, false, false}, // perhaps there are more
		{20, 10, 3, 23, true, true},
		{20, 10, 0, 0, false, false},
		{0, 0, store.CountLimit, store.CountLimit, true, true},
		{0, 0, store.CountLimit + 1, store.CountLimit, false, true},
	} {
		total, exact, ok := sqlkit.Cut{Start: test.start, Size: test.size}.Counted(test.read)
		require.Equal(t, []any{test.total, test.exact, test.ok}, []any{total, exact, ok}, "%+v", test)
	}
	total, exact := sqlkit.Total(store.CountLimit + 1)
	require.Equal(t, store.CountLimit, total)
	require.False(t, exact)
}

func TestCountIsLimited(t *testing.T) {
	t.Parallel()
	query, args := sqlkit.Lists{Flavor: sqlbuilder.PostgreSQL}.Count(store.Filter{Stone: "A"})
	require.Contains(t, query, "LIMIT")
	require.Equal(t, []any{"A", store.CountLimit + 1}, args)
}

var errTransient = errors.New("transient")

func retry(ctx context.Context, try func(certain bool) error) error {
	return sqlkit.Retry(ctx, zap.NewNop(), func(err error) bool { return errors.Is(err, errTransient) },
		func(_ context.Context, certain bool) error { return try(certain) })
}

func TestRetry(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for name, test := range map[string]struct {
		answers []error
		want    error
		certain []bool
	}{
		"success":   {[]error{nil}, nil, []bool{false}},
		"other":     {[]error{boom}, boom, []bool{false}},
		"transient": {[]error{errTransient, errTransient, nil}, nil, []bool{false, false, false}},
		"conflict":  {[]error{sqlkit.ErrConflict, errTransient, nil}, nil, []bool{false, true, true}},
	} {
		var seen []bool
		err := retry(t.Context(), func(certain bool) error {
			seen = append(seen, certain)
			return test.answers[len(seen)-1]
		})
		require.ErrorIs(t, err, test.want, name)
		require.Equal(t, test.certain, seen, name)
	}
}

func TestRetryEnds(t *testing.T) {
	t.Parallel()
	tries := 0
	err := retry(t.Context(), func(bool) error { tries++; return sqlkit.ErrConflict })
	require.ErrorIs(t, err, sqlkit.ErrConflict)
	require.Equal(t, 8, tries)

	ctx, cancel := context.WithCancel(t.Context())
	err = retry(ctx, func(bool) error { cancel(); return errTransient })
	require.ErrorIs(t, err, context.Canceled)
}

func TestVersion(t *testing.T) {
	t.Parallel()
	latest, err := sqlkit.LatestMigration(fstest.MapFS{"00002_b.sql": {}, "00010_c.sql": {}, "00001_a.sql": {}, "doc.md": {}})
	require.NoError(t, err)
	require.EqualValues(t, 10, latest)
	_, err = sqlkit.LatestMigration(fstest.MapFS{"b.sql": {}})
	require.Error(t, err)

	require.NoError(t, sqlkit.CheckVersion(3, 3))
	require.ErrorContains(t, sqlkit.CheckVersion(2, 3), "run `riverstones migrate`")
	require.ErrorContains(t, sqlkit.CheckVersion(4, 3), "newer")
}

// All columns are counted by hand in the dialects' statements.
func TestColumns(t *testing.T) {
	t.Parallel()
	for columns, want := range map[string]int{
		sqlkit.NewColumns: 21, sqlkit.AttemptColumns: 10, sqlkit.TransitionColumns: 8, sqlkit.NoteColumns: 9,
		sqlkit.LogColumns: 7, sqlkit.QuarantineColumns: 8,
	} {
		require.Len(t, strings.Split(columns, ","), want, columns)
	}
}
