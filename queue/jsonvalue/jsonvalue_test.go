package jsonvalue_test

import (
	"math"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/jsonvalue"
)

func TestScan(t *testing.T) {
	t.Parallel()
	doc := ` {"b" : 12345678901234567890, "a\u0041":{"x":[1]} , "n":null} `
	o, err := jsonvalue.Scan([]byte(doc))
	require.NoError(t, err)
	require.Len(t, o.Members, 3)
	require.Equal(t, "b", o.Members[0].Name)
	require.Equal(t, "12345678901234567890", string(o.Members[0].Value))
	require.Equal(t, "aA", o.Members[1].Name)
	require.JSONEq(t, `{"x":[1]}`, doc[o.Members[1].Start:o.Members[1].End])
	require.Equal(t, byte('}'), doc[o.Close])
}

func TestScanRefuses(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{"", "[]", `"x"`, "null", `{"a":1`, `{"a":1,"a":2}`, `{"a":{"b":1,"b":1}}`, `{} {}`, `{}x`, "{\"a\":\"\xff\"}", `{"a":01}`} {
		_, err := jsonvalue.Scan([]byte(doc))
		require.Error(t, err, doc)
	}
	_, err := jsonvalue.Scan([]byte("[1]"))
	require.ErrorIs(t, err, jsonvalue.ErrNotObject)
}

func TestEqual(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`1`, `1.0`, true},
		{`100`, `1e2`, true},
		{`-0`, `0`, true},
		{`12345678901234567890`, `12345678901234567891`, false},
		{`1e999999999`, `1e999999999`, true},
		{`1e999999999`, `1e999999998`, false},
		{`"a"`, `"\u0061"`, true},
		{`"1"`, `1`, false},
		{`{"a":1,"b":[1,2]}`, `{ "b":[1, 2],"a":1}`, true},
		{`[1,2]`, `[2,1]`, false},
		{`null`, `null`, true},
		{`true`, `false`, false},
	} {
		require.Equal(t, c.want, jsonvalue.Equal(jsontext.Value(c.a), jsontext.Value(c.b)), "%s %s", c.a, c.b)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lit   string
		bound float64
		want  int
	}{
		{"1", 2, -1}, {"2", 2, 0}, {"3", 2, 1},
		{"9007199254740993", 9007199254740992, 1}, // differs only beyond a float64
		{"9007199254740991.9999", 9007199254740992, -1},
		{"1e-999999999", 0, 1}, {"-1e-999999999", 0, -1}, {"0e999999999", 0, 0}, {"-0.0", 0, 0},
		{"1e999999999", math.MaxFloat64, 1}, {"-1e999999999", 0, -1},
		{"1" + strings.Repeat("0", 100_000), 5, 1},
	} {
		require.Equal(t, c.want, jsonvalue.Compare(c.lit, c.bound), "%.40s", c.lit)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	doc := jsontext.Value(`{"a":{"b":[{"c":1.50},{"x.y":"z"}]},"e":null}`)
	for path, want := range map[string]string{
		"a.b.0.c": "1.50", "/a/b/1/x.y": `"z"`, "e": "null", "": string(doc), ".": string(doc),
	} {
		p, err := jsonvalue.ParsePath(path)
		require.NoError(t, err)
		v, ok := p.Find(doc)
		require.True(t, ok, path)
		require.Equal(t, want, string(v))
	}
	for _, path := range []string{"a.b.2", "a.b.-1", "a.b.x", "a.c", "e.f"} {
		p, err := jsonvalue.ParsePath(path)
		require.NoError(t, err)
		_, ok := p.Find(doc)
		require.False(t, ok, path)
	}
	for _, path := range []string{"a..b", ".a", "/a~2"} {
		_, err := jsonvalue.ParsePath(path)
		require.Error(t, err, path)
	}
}
