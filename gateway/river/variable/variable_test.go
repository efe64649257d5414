package variable_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/river/variable"
)

func TestFromJSON(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	for _, c := range []struct{ typ, in, wantType, want string }{
		{"string", `"a\u00e9\n"`, "string", `"aé\n"`},
		{"string", `"` + long + `"`, "string", `"` + long + `"`},
		{"string", `null`, "", `null`},
		{"integer", `3.9`, "integer", `3`},
		{"integer", `-3.9`, "integer", `-3`},
		{"integer", `2147483648`, "integer", `-2147483648`},
		{"integer", `4294967297`, "integer", `1`},
		{"integer", `1e3`, "integer", `1000`},
		{"integer", `12345e-2`, "integer", `123`},
		{"integer", `0.5`, "integer", `0`},
		{"integer", `1e999999999999`, "integer", `0`},
		{"integer", `1e-999999999999`, "integer", `0`},
		{"short", `32768`, "short", `-32768`},
		{"short", `70000`, "short", `4464`},
		{"long", `9007199254740993`, "long", `9007199254740993`},
		{"long", `9007199254740993.7`, "long", `9007199254740993`},
		{"long", `9223372036854775808`, "long", `-9223372036854775808`},
		{"long", `-9223372036854775809`, "long", `9223372036854775807`},
		{"double", `5`, "double", `5.0`},
		{"double", `1.25`, "double", `1.25`},
		{"double", `1e300`, "double", `1e+300`},
		{"boolean", `true`, "boolean", `true`},
		{"boolean", `false`, "boolean", `false`},
		{"date", `"2013-04-03"`, "date", `"2013-04-03T00:00:00Z"`},
		{"date", `"2013-04-03T23:45"`, "date", `"2013-04-03T23:45:00Z"`},
		{"date", `"2013-04-03T23:45Z"`, "date", `"2013-04-03T23:45:00Z"`},
		{"date", `"2013-04-03T23:45:10.250+02:00"`, "date", `"2013-04-03T21:45:10.250Z"`},
		{"date", `"2013-04-03T23:45:10-0130"`, "date", `"2013-04-04T01:15:10Z"`},
		{"instant", `"2013-04-03T23:45:10.123456Z"`, "instant", `"2013-04-03T23:45:10.123Z"`},
		{"localDate", `"2020-02-29"`, "localDate", `"2020-02-29"`},
		{"localDateTime", `"2020-02-29T10:15:30"`, "localDateTime", `"2020-02-29T10:15:30"`},
		{"localDateTime", `"2020-02-29T10:15:30.1239"`, "localDateTime", `"2020-02-29T10:15:30.123"`},
		{"json", `{ "a" : [1, 1.50, 9007199254740993] }`, "json", `{"a":[1,1.50,9007199254740993]}`},
		{"json", `"x"`, "string", `"x"`},
		{"json", `7`, "integer", `7`},
		{"json", `true`, "boolean", `true`},
		{"uuid", `"123E4567-e89b-12d3-a456-426614174000"`, "uuid", `"123e4567-e89b-12d3-a456-426614174000"`},
		{"bigInteger", `123456789012345678901234567890`, "bigInteger", `"123456789012345678901234567890"`},
		{"bigInteger", `"-007"`, "bigInteger", `"-7"`},
		{"bigInteger", `3.7`, "bigInteger", `"3"`},
		{"bigDecimal", `1.50`, "bigDecimal", `"1.50"`},
		{"bigDecimal", `"12e3"`, "bigDecimal", `"12000"`},
		{"bigDecimal", `-1e-3`, "bigDecimal", `"-0.001"`},
		{"", `"s"`, "string", `"s"`},
		{"", `true`, "boolean", `true`},
		{"", `2147483647`, "integer", `2147483647`},
		{"", `2147483648`, "long", `2147483648`},
		{"", `9223372036854775808`, "bigInteger", `"9223372036854775808"`},
		{"", `1.0`, "double", `1.0`},
		{"", `1e2`, "double", `100.0`},
		{"", `null`, "", `null`},
		{"", `[ ]`, "json", `[]`},
	} {
		v, err := variable.FromJSON(c.typ, true, jsontext.Value(c.in))
		require.NoError(t, err, "%s %s", c.typ, clip(c.in))
		require.Equal(t, c.wantType, v.Type(), "%s %s", c.typ, clip(c.in))
		require.Equal(t, c.want, string(v.JSON()), "%s %s", c.typ, clip(c.in))
		again, err := variable.Decode(v.Type(), v.Encode())
		require.NoError(t, err)
		require.True(t, v.Equal(again), "%s %s", c.typ, clip(c.in))
	}
}

func clip(s string) string { return s[:min(len(s), 60)] }

func TestFromJSONMissing(t *testing.T) {
	t.Parallel()
	v, err := variable.FromJSON("integer", false, nil)
	require.NoError(t, err)
	require.True(t, v.IsNull())
}

func TestFromJSONRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, in, want string }{
		{"String", `"x"`, `type "String" is not known`},
		{"map", `null`, `is not known`},
		{"binary", `null`, `multipart`},
		{"serializable", `"x"`, `multipart`},
		{"string", `5`, `a value of type string must be a string, not a number`},
		{"integer", `"5"`, `must be a number, not a string`},
		{"integer", `true`, `must be a number, not true`},
		{"double", `1e999`, `must be a number up to`},
		{"boolean", `"true"`, `must be true or false`},
		{"boolean", `1`, `must be true or false`},
		{"date", `5`, `must be a string`},
		{"date", `"2013-02-30"`, `must be a date such as`},
		{"date", `"2013-04-03T10"`, `must be a date such as`},
		{"date", `"2013-04-03Z"`, `must be a date such as`},
		{"date", `"9999-12-31T23:59-01:00"`, `must be a date such as`},
		{"date", `"yesterday"`, `must be a date such as`},
		{"instant", `"2013-04-03T23:45:10"`, `must be an instant in UTC`},
		{"localDate", `"2021-02-29"`, `must be a day such as`},
		{"localDateTime", `"2020-02-29T10:15:30Z"`, `without zone`},
		{"uuid", `"123"`, `must be a UUID`},
		{"bigInteger", `"x"`, `must be digits`},
		{"bigInteger", `"1.5"`, `must be digits`},
		{"bigDecimal", `1e1000000`, `must be digits`},
		{"bigDecimal", `"1e"`, `must be digits`},
		{"json", `{"a"`, `not valid JSON`},
		{"json", strings.Repeat("[", 200) + strings.Repeat("]", 200), `nested deeper than 128`},
	} {
		_, err := variable.FromJSON(c.typ, true, jsontext.Value(c.in))
		var invalid *variable.InvalidError
		require.ErrorAs(t, err, &invalid, "%s %s", c.typ, c.in)
		require.ErrorContains(t, err, c.want, "%s %s", c.typ, c.in)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	l := variable.Limits{MaxBytes: 4}
	_, err := l.FromJSON("", true, jsontext.Value(`"1234"`))
	require.NoError(t, err)
	_, err = l.FromJSON("", true, jsontext.Value(`"12345"`))
	require.ErrorContains(t, err, "longer than 4 bytes")
	_, err = l.FromJSON("", true, jsontext.Value(`"`+strings.Repeat("1", 100)+`"`))
	require.ErrorContains(t, err, "longer than 4 bytes")
	_, err = l.Binary(make([]byte, 5))
	require.ErrorContains(t, err, "longer than 4 bytes")
	_, err = l.Serializable(make([]byte, 5))
	require.ErrorContains(t, err, "longer than 4 bytes")
}

func TestBytes(t *testing.T) {
	t.Parallel()
	in := []byte{0, 255, 'a'}
	v := variable.Binary(in)
	in[2] = 'b'
	got, ok := v.Bytes()
	require.True(t, ok)
	require.Equal(t, []byte{0, 255, 'a'}, got)
	require.Equal(t, "null", string(v.JSON()))
	require.Equal(t, "binary", v.Type())
	again, err := variable.Decode("binary", v.Encode())
	require.NoError(t, err)
	require.True(t, v.Equal(again))
}

func TestKeys(t *testing.T) {
	t.Parallel()
	five, long5 := variable.Integer(5), variable.Long(5)
	require.NotEqual(t, five.Key(), long5.Key())
	require.Equal(t, five.KindKey(), long5.KindKey())
	require.Equal(t, variable.Boolean(true).KindKey(), variable.Integer(1).KindKey())
	require.Equal(t, variable.Date(time.UnixMilli(5)).KindKey(), five.KindKey())
	require.NotEqual(t, variable.Double(5).KindKey(), five.KindKey())
	require.NotEqual(t, variable.String("5").KindKey(), five.KindKey())
	require.Equal(t, variable.String("ÄB").FoldKey(), variable.String("äb").FoldKey())
	require.NotEqual(t, variable.String("ÄB").Key(), variable.String("äb").Key())
	long := strings.Repeat("x", 1000)
	require.Less(t, len(variable.String(long).Key()), 100)
	require.NotEqual(t, variable.String(long).Key(), variable.String(long+"y").Key())
	require.NotContains(t, variable.String("a\x00b").Key(), "\x00")
	require.NotEqual(t, variable.String("\xff").Key(), variable.String("\xfe").Key())
}

func TestAccessors(t *testing.T) {
	t.Parallel()
	n, ok := variable.Long(7).Int()
	require.True(t, ok)
	require.EqualValues(t, 7, n)
	_, ok = variable.Double(7).Int()
	require.False(t, ok)
	f, ok := variable.Double(7.5).Float()
	require.True(t, ok)
	require.InDelta(t, 7.5, f, 0)
	b, ok := variable.Boolean(true).Bool()
	require.True(t, ok && b)
	when, ok := variable.Date(time.UnixMilli(1500)).Time()
	require.True(t, ok)
	require.EqualValues(t, 1500, when.UnixMilli())
	v, err := variable.FromJSON("", true, jsontext.Value(`{"a":1}`))
	require.NoError(t, err)
	raw, ok := v.Raw()
	require.True(t, ok)
	require.Equal(t, `{"a":1}`, string(raw))
}

func FuzzFromJSON(f *testing.F) {
	for _, typ := range []string{"", "string", "integer", "short", "long", "double", "boolean", "date", "instant", "localDate", "localDateTime", "json", "uuid", "bigInteger", "bigDecimal"} {
		for _, in := range []string{`"x"`, `1.5e3`, `-0`, `true`, `{"a":[1]}`, `"2013-04-03T23:45:10.250+02:00"`, `"0000-01-01T00:00:00.9Z"`, `"12e3"`} {
			f.Add(typ, in)
		}
	}
	f.Fuzz(func(t *testing.T, typ, in string) {
		v, err := variable.FromJSON(typ, true, jsontext.Value(in))
		if err != nil {
			return
		}
		out := v.JSON()
		require.True(t, out.IsValid(jsontext.AllowDuplicateNames(true)), "%s", out)
		again, err := variable.Decode(v.Type(), v.Encode())
		require.NoError(t, err)
		require.True(t, v.Equal(again), "%s: %q", typ, in)
		require.Equal(t, v.Key(), again.Key())
		read, err := variable.FromJSON(v.Type(), true, out)
		require.NoError(t, err, "%s: %s", v.Type(), out)
		require.True(t, v.Equal(read), "%s: %q, then %s", typ, in, out)
	})
}
