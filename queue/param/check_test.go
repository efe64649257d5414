package param_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/param"
)

func raws(s ...string) []json.RawMessage {
	all := make([]json.RawMessage, len(s))
	for i := range s {
		all[i] = json.RawMessage(s[i])
	}
	return all
}

// declaration has every rule once.
func declaration() []param.Param {
	return []param.Param{
		{Name: "region", Type: param.String, Required: true},
		{Name: "size", Type: param.Integer, Default: json.RawMessage("2"), MinValue: new(1.0), MaxValue: new(10.0)},
		{Name: "ratio", Type: param.Number, MinValue: new(0.5)},
		{Name: "kind", Type: param.String, AllowedValues: raws(`"m1"`, `"m2"`)},
		{Name: "level", Type: param.Integer, AllowedValues: raws("1", "2")},
		{Name: "code", Type: param.String, AllowedPattern: "[a-z]{2}|x"},
		{Name: "name", Type: param.String, MinLength: new(2), MaxLength: new(3)},
		{Name: "pin", Type: param.String, NoEcho: true, AllowedValues: raws(`"1111"`)},
		{Name: "on", Type: param.Boolean, Default: json.RawMessage("true")},
		{Name: "tags", Type: param.Object},
		{Name: "list", Type: param.Array},
	}
}

func TestCheckRules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ params, param, rule, why string }{
		"required":          {`{}`, "region", "required", "is required"},
		"required null":     {`{"region":null}`, "region", "required", "is required"},
		"no coercion":       {`{"region":"r","size":"5"}`, "size", "type", "must be an integer"},
		"fraction":          {`{"region":"r","size":5.0}`, "size", "type", "must be an integer"},
		"exponent":          {`{"region":"r","size":5e0}`, "size", "type", "must be an integer"},
		"string":            {`{"region":5}`, "region", "type", "must be a string"},
		"boolean":           {`{"region":"r","on":"true"}`, "on", "type", "must be a boolean"},
		"object":            {`{"region":"r","tags":[]}`, "tags", "type", "must be an object"},
		"array":             {`{"region":"r","list":{}}`, "list", "type", "must be an array"},
		"minimum":           {`{"region":"r","size":0}`, "size", "minValue", "must be at least 1"},
		"maximum":           {`{"region":"r","size":12345678901234567890}`, "size", "maxValue", "must be at most 10"},
		"float":             {`{"region":"r","ratio":0.4999999999999999999999}`, "ratio", "minValue", "must be at least 0.5"},
		"values":            {`{"region":"r","kind":"m3"}`, "kind", "allowedValues", `must be one of "m1", "m2"`},
		"numbers":           {`{"region":"r","level":3}`, "level", "allowedValues", "must be one of 1, 2"},
		"secret values":     {`{"region":"r","pin":"2222"}`, "pin", "allowedValues", "must be one of its allowed values"},
		"pattern":           {`{"region":"r","code":"abc"}`, "code", "allowedPattern", "must match [a-z]{2}|x"},
		"pattern and lines": {`{"region":"r","code":"ab\n"}`, "code", "allowedPattern", "must match [a-z]{2}|x"},
		"too short":         {`{"region":"r","name":"é"}`, "name", "minLength", "must have at least 2 characters"},
		"too long":          {`{"region":"r","name":"éééé"}`, "name", "maxLength", "must have at most 3 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := param.Check(declaration(), json.RawMessage(c.params))
			var bad param.Errors
			require.ErrorAs(t, err, &bad)
			require.Equal(t, param.Errors{{Param: c.param, Rule: c.rule, Why: c.why}}, bad)
			require.EqualError(t, err, "parameter "+c.param+": "+c.why)
		})
	}
}

func TestCheckKeepsTheText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"defaults at the end": {
			`{ "z" : 12345678901234567890.10, "region":"\u0072", "a":{"b":1e3} }`,
			`{ "z" : 12345678901234567890.10, "region":"\u0072", "a":{"b":1e3} ,"size":2,"on":true}`,
		},
		"null takes the default": {`{"size":null,"region":"r","on":null}`, `{"size":2,"region":"r","on":true}`},
		"optional null stays":    {`{"region":"r","size":1,"on":false,"tags":null}`, `{"region":"r","size":1,"on":false,"tags":null}`},
		"nothing to fill in":     {` {"region":"r","size":3,"on":false} `, ` {"region":"r","size":3,"on":false} `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := param.Check(declaration(), json.RawMessage(c.in))
			require.NoError(t, err)
			require.Equal(t, c.want, string(out))
		})
	}
	out, err := param.Check([]param.Param{{Name: `a"b`, Type: param.Integer, Default: json.RawMessage("1")}}, nil)
	require.NoError(t, err)
	require.Equal(t, `{"a\"b":1}`, string(out))
}

func TestCheckRefusesWhatIsNoObject(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{"[]", "null", `"{}"`, "{", `{"a":1,"a":2}`, "{}{}", "{\"a\":\"\xff\"}"} {
		_, err := param.Check(nil, json.RawMessage(doc))
		require.ErrorIs(t, err, param.ErrObject, doc)
	}
}

func TestCheckReportsAll(t *testing.T) {
	t.Parallel()
	_, err := param.Check(declaration(), json.RawMessage(`{"size":11,"code":"A"}`))
	require.EqualError(t, err, "parameter region: is required; parameter size: must be at most 10; parameter code: must match [a-z]{2}|x")
}

func TestFillChecksNothing(t *testing.T) {
	t.Parallel()
	c, err := param.NewChecker(declaration())
	require.NoError(t, err)
	out, err := c.Fill(json.RawMessage(`{"code":"A"}`))
	require.NoError(t, err)
	require.Equal(t, `{"code":"A","size":2,"on":true}`, string(out))
}

func TestNewCheckerRefuses(t *testing.T) {
	t.Parallel()
	for want, p := range map[string][]param.Param{
		"no name":                          {{Type: param.String}},
		"declared twice":                   {{Name: "a", Type: param.String}, {Name: "a", Type: param.String}},
		`unknown type "int"`:               {{Name: "a", Type: "int"}},
		"pattern or length is for strings": {{Name: "a", Type: param.Integer, MinLength: new(1)}},
		"is for numbers":                   {{Name: "a", Type: param.String, MaxValue: new(1.0)}},
		"length is negative":               {{Name: "a", Type: param.String, MaxLength: new(-1)}},
		"minimum length is above":          {{Name: "a", Type: param.String, MinLength: new(2), MaxLength: new(1)}},
		"minimum is above":                 {{Name: "a", Type: param.Number, MinValue: new(2.0), MaxValue: new(1.0)}},
		"missing closing )":                {{Name: "a", Type: param.String, AllowedPattern: "("}},
		"unexpected )":                     {{Name: "a", Type: param.String, AllowedPattern: "a)(b"}},
		"allowed value is not of type":     {{Name: "a", Type: param.String, AllowedValues: raws("1")}},
		"default is not JSON":              {{Name: "a", Type: param.String, Default: json.RawMessage("x")}},
		"default must be at most 3":        {{Name: "a", Type: param.Integer, MaxValue: new(3.0), Default: json.RawMessage("4")}},
	} {
		_, err := param.NewChecker(p)
		require.ErrorContains(t, err, want)
	}
}

// FuzzCheck holds Check to its promises for any document: the answer is a
// valid object, checking it again changes nothing, and every member that was
// there before is there still, byte for byte unless it was null.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"region":"r"}`, `{"region":"r","size":null}`, `{"size":1e999999999,"region":"r"}`,
		` { "region" : "r" , "x" : [1,{"y":12345678901234567890}] } `, `{"region":"r","ratio":0.5000000000000000000001}`,
		`{"level":1.0,"region":""}`, `[]`, "", `{"a":1,"a":1}`, `{"region":"\ud800"}`,
	} {
		f.Add(s)
	}
	c, err := param.NewChecker(declaration())
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, doc string) {
		out, err := c.Check(json.RawMessage(doc))
		if err != nil {
			require.Nil(t, out)
			return
		}
		require.True(t, json.Valid(out), "%q", out)
		again, err := c.Check(out)
		require.NoError(t, err)
		require.Equal(t, string(out), string(again))
		var before, after map[string]json.RawMessage
		if doc != "" {
			require.NoError(t, json.Unmarshal([]byte(doc), &before))
		}
		require.NoError(t, json.Unmarshal(out, &after))
		for k, v := range before {
			if string(v) != "null" {
				require.Equal(t, string(v), string(after[k]))
			}
		}
		require.Contains(t, after, "size")
		if s := strings.TrimRight(doc, " \t\r\n"); !strings.Contains(s, "null") && s != "" {
			require.True(t, strings.HasPrefix(string(out), s[:len(s)-1]))
		}
	})
}

// A mask stands for a secret that was checked before, and for nothing else.
func TestCheckMasked(t *testing.T) {
	t.Parallel()
	c, err := param.NewChecker([]param.Param{
		{Name: "pin", Type: param.Integer, NoEcho: true, MaxValue: new(9.0)},
		{Name: "keys", Type: param.Object, NoEcho: true, Required: true},
		{Name: "dbPassword", Type: param.String, MinLength: new(8)},
		{Name: "size", Type: param.Integer},
	})
	require.NoError(t, err)
	const shown = `{"pin":"******","keys":"******","dbPassword":"\u002a*****","size":1}`
	out, err := c.CheckMasked(json.RawMessage(shown))
	require.NoError(t, err)
	require.Equal(t, shown, string(out))
	_, err = c.Check(json.RawMessage(shown))
	require.EqualError(t, err, "parameter pin: must be an integer; parameter keys: must be an object; parameter dbPassword: must have at least 8 characters")
	for doc, want := range map[string]string{
		`{"keys":{},"size":"******"}`:      "parameter size: must be an integer",
		`{"keys":"*****"}`:                 "parameter keys: must be an object",
		`{"keys":{},"pin":10}`:             "parameter pin: must be at most 9",
		`{"pin":"******"}`:                 "parameter keys: is required",
		`{"keys":{},"dbPassword":"*****"}`: "parameter dbPassword: must have at least 8 characters",
	} {
		_, err := c.CheckMasked(json.RawMessage(doc))
		require.EqualError(t, err, want)
	}
}

func BenchmarkCheck(b *testing.B) {
	c, err := param.NewChecker(declaration())
	require.NoError(b, err)
	doc := json.RawMessage(`{"region":"eu-1","size":3,"kind":"m1","code":"ab","on":false,"tags":{"a":[1,2,3]}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.CheckMasked(doc); err != nil {
			b.Fatal(err)
		}
	}
}
