package expr_test

import (
	"context"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/river/expr"
	"github.com/riverstones/riverstones/gateway/river/variable"
)

// vars is an Env of fixed variables.
type vars map[string]variable.Value

func (v vars) Lookup(name string) (variable.Value, bool) {
	x, ok := v[name]
	return x, ok
}

// value reads JSON as a variable.
func value(tb testing.TB, in string) variable.Value {
	tb.Helper()
	v, err := variable.FromJSON("", true, jsontext.Value(in))
	require.NoError(tb, err)
	return v
}

// scene is what the tests below refer to.
func scene(tb testing.TB) vars {
	tb.Helper()
	day, err := variable.FromJSON("date", true, jsontext.Value(`"2020-02-29"`))
	require.NoError(tb, err)
	dec, err := variable.FromJSON("bigDecimal", true, jsontext.Value(`"10.00"`))
	require.NoError(tb, err)
	return vars{
		"n": variable.Integer(5), "l": variable.Long(5), "f": variable.Double(5), "s": variable.String("eu"), "none": variable.Null(),
		"yes": variable.Boolean(true), "no": variable.Boolean(false), "five": variable.String("5"), "big": variable.BigInteger(big.NewInt(10)),
		"precise": variable.Long(9007199254740993), "blob": variable.Binary([]byte("x")), "day": day, "dec": dec, "blank": variable.String(""),
		"parameters": value(tb, `{"region":"eu","A":{"size":3,"big":9007199254740993},"my-key":[10,{"x":"y"}],"div":4}`),
		"list":       value(tb, `[]`), "let": variable.Integer(1), "größe": variable.Integer(2), "in": variable.Integer(3), "wide": variable.String("ü€😀"),
	}
}

func TestEval(t *testing.T) {
	t.Parallel()
	env := scene(t)
	for _, c := range []struct{ in, typ, want string }{
		// texts and types
		{"", "string", `""`},
		{"plain", "string", `"plain"`},
		{"${n}", "integer", `5`},
		{"#{n}", "integer", `5`},
		{"${ l }", "long", `5`},
		{"a${n}b${s}", "string", `"a5beu"`},
		{"${n} ", "string", `"5 "`},
		{"${none}x", "string", `"x"`},
		{"${f}", "double", `5.0`},
		{`\${n} is ${n}`, "string", `"${n} is 5"`},
		{`C:\dir $n {n} $`, "string", `"C:\\dir $n {n} $"`},
		{"${day}!", "string", `"2020-02-29T00:00:00Z!"`},
		{"${wide}", "string", `"ü€😀"`},
		{"${größe + let + in}", "long", `6`},
		// literals
		{"${'it''s'}", "", "error"},
		{`${'it\'s "x" \\'}`, "string", `"it's \"x\" \\"`},
		{`${"}"}`, "string", `"}"`},
		{"${9007199254740993}", "long", `9007199254740993`},
		{"${1.5e3}", "double", `1500.0`},
		{"${.5}", "double", `0.5`},
		{"${true}", "boolean", `true`},
		{"${null}", "", `null`},
		{"${99999999999999999999}", "", "error"},
		// arithmetic
		{"${1 + 2 * 3}", "long", `7`},
		{"${(1 + 2) * 3}", "long", `9`},
		{"${10 - 2 - 3}", "long", `5`},
		{"${5 / 2}", "double", `2.5`},
		{"${5 div 2}", "double", `2.5`},
		{"${-7 % 3}", "long", `-1`},
		{"${7 mod 3}", "long", `1`},
		{"${7.5 % 2}", "double", `1.5`},
		{"${n + l}", "long", `10`},
		{"${n + 0.5}", "double", `5.5`},
		{"${precise + 1}", "long", `9007199254740994`},
		{"${9223372036854775807 + 1}", "long", `-9223372036854775808`},
		{"${-n}", "integer", `-5`},
		{"${--n}", "integer", `5`},
		{"${-five}", "long", `-5`},
		{"${big + 1}", "bigInteger", `"11"`},
		{"${big / 3}", "bigDecimal", `"3"`},
		{"${big / -4}", "bigDecimal", `"-3"`},
		{"${big % 4}", "bigInteger", `"2"`},
		{"${big + 0.5}", "bigDecimal", `"10.5"`},
		{"${dec / 3}", "bigDecimal", `"3.33"`},
		{"${dec * 2}", "bigDecimal", `"20.00"`},
		{"${dec - big}", "bigDecimal", `"0.00"`},
		{"${'1' + 2}", "long", `3`},
		{"${'1.5' + 2}", "double", `3.5`},
		{"${none + 1}", "long", `1`},
		{"${none + none}", "long", `0`},
		{"${blank + 1}", "long", `1`},
		{"${s + 1}", "", "error"},
		{"${yes + 1}", "", "error"},
		{"${1 / 0}", "", "error"},
		{"${1 % 0}", "", "error"},
		{"${big / 0}", "", "error"},
		{"${1e308 * 10}", "", "error"},
		// comparison
		{"${n == l}", "boolean", `true`},
		{"${n eq f}", "boolean", `true`},
		{"${n == five}", "boolean", `true`},
		{"${n != 6}", "boolean", `true`},
		{"${n ne 5}", "boolean", `false`},
		{"${precise == 9007199254740992}", "boolean", `false`},
		{"${big == 10}", "boolean", `true`},
		{"${dec == 10}", "boolean", `true`},
		{"${s == 'eu'}", "boolean", `true`},
		{`${s == "us"}`, "boolean", `false`},
		{"${s == 5}", "", "error"},
		{"${none == null}", "boolean", `true`},
		{"${n == null}", "boolean", `false`},
		{"${n != null}", "boolean", `true`},
		{"${yes == 'TRUE'}", "boolean", `true`},
		{"${yes == no}", "boolean", `false`},
		{"${n < 6}", "boolean", `true`},
		{"${n le 5}", "boolean", `true`},
		{"${n > 5}", "boolean", `false`},
		{"${n ge 5}", "boolean", `true`},
		{"${'10' < 9}", "boolean", `false`},
		{"${'10' < '9'}", "boolean", `true`},
		{"${none < 1}", "boolean", `false`},
		{"${none >= 1}", "boolean", `false`},
		{"${none <= null}", "boolean", `true`},
		{"${day < '2021'}", "boolean", `true`},
		{"${day == day}", "boolean", `true`},
		{"${parameters < 1}", "", "error"},
		{"${parameters.A < list}", "", "error"},
		{"${list == list}", "boolean", `true`},
		{"${1 < 2 == true}", "boolean", `true`},
		{"${3 > 2 > 1}", "", "error"},
		{"${yes == 1 < 2}", "boolean", `true`},
		// truth
		{"${yes && no}", "boolean", `false`},
		{"${yes and not no}", "boolean", `true`},
		{"${no or yes}", "boolean", `true`},
		{"${!yes}", "boolean", `false`},
		{"${!yes == no}", "boolean", `true`},
		{"${no && missing}", "boolean", `false`},
		{"${yes || missing}", "boolean", `true`},
		{"${none || 'true'}", "boolean", `true`},
		{"${yes || no && no}", "boolean", `true`},
		{"${n && yes}", "", "error"},
		{"${n > 3 ? 'big' : 'small'}", "string", `"big"`},
		{"${no ? missing : yes ? 1 : 2}", "long", `1`},
		{"${(n > 3 ? yes : no) && yes}", "boolean", `true`},
		// empty
		{"${empty none}", "boolean", `true`},
		{"${empty blank}", "boolean", `true`},
		{"${empty list}", "boolean", `true`},
		{"${not empty s}", "boolean", `true`},
		{"${empty parameters.nope}", "boolean", `true`},
		{"${empty parameters}", "boolean", `false`},
		// members
		{"${parameters.region}", "string", `"eu"`},
		{"${parameters.A.size}", "integer", `3`},
		{"${parameters.A.big}", "long", `9007199254740993`},
		{"${parameters['A']['size'] + 1}", "long", `4`},
		{"${parameters['my-key'][0]}", "integer", `10`},
		{"${parameters['my-key'][1].x}", "string", `"y"`},
		{"${parameters['my-key'][n - 4].x}", "string", `"y"`},
		{"${parameters['my-key'][7]}", "", `null`},
		{"${parameters['my-key']['x']}", "", "error"},
		{"${parameters.div}", "integer", `4`},
		{"${parameters.A}", "json", `{"size":3,"big":9007199254740993}`},
		{"${parameters.nope.deeper}", "", `null`},
		{"${s.length}", "", "error"},
		{"${(parameters).region}", "string", `"eu"`},
		// functions
		{"${vars:get(n)}", "integer", `5`},
		{"${variables:get('n') + 1}", "long", `6`},
		{"${var:get(missing)}", "", `null`},
		{"${vars:exists(missing)}", "boolean", `false`},
		{"${vars:exists(n) ? 1 : 2}", "long", `1`},
		{"${vars:getOrDefault(missing, s)}", "string", `"eu"`},
		{"${vars:getOrDefault(n, s)}", "integer", `5`},
		{"${vars:eq(n, 5) && vars:equals('s', \"eu\")}", "boolean", `true`},
		{"${vars:eq(missing, 5)}", "boolean", `false`},
		{"${vars:ne(n, l)}", "boolean", `false`},
		{"${vars:lt(n, 6) && variables:lessThanOrEquals(n, 5) && vars:gt(n, 4) && vars:gte(n, 5)}", "boolean", `true`},
		{"${vars:gt(missing, 4)}", "boolean", `false`},
		{"${vars:empty(missing) && vars:isNotEmpty(s)}", "boolean", `true`},
		{"${yes ? vars:get(n) : 1}", "integer", `5`},
		{"${no ? s : vars:get(n)}", "integer", `5`},
		{"${vars:get(parameters).region}", "string", `"eu"`},
		{"${blob}", "binary", `null`},
		{"x${blob}", "", "error"},
	} {
		tpl, err := expr.Compile(c.in, expr.Limits{})
		var v variable.Value
		if err == nil {
			v, err = tpl.Eval(t.Context(), env)
		}
		if c.want == "error" {
			require.Error(t, err, c.in)
			continue
		}
		require.NoError(t, err, c.in)
		require.Equal(t, c.typ, v.Type(), c.in)
		require.Equal(t, c.want, string(v.JSON()), c.in)
	}
}

func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		at   int
		want string
	}{
		{"${", 2, "the text ends where a value is expected"},
		{"${}", 2, `a value is expected, not "}"`},
		{"${n", 3, "the text ends where an operator or } is expected"},
		{"x${n m}", 5, `an operator or } is expected, not "m"`},
		{"${n +}", 5, "a value is expected"},
		{"${n = 5}", 4, "has no meaning"},
		{"${'x}", 2, "has no end"},
		{`${'\n'}`, 3, "backslash"},
		{"${n.}", 4, "name of a member"},
		{"${n.'x'}", 4, "name of a member"},
		{"${n[1}", 5, `"]" is expected`},
		{"${(n}", 4, `")" is expected`},
		{"${a ? b}", 7, `":" is expected`},
		{"${execution.getVariable('x')}", 23, "methods and functions are not supported"},
		{"${f(1)}", 3, "methods and functions are not supported"},
		{"${vars:nope(x)}", 7, "get, getOrDefault, exists"},
		{"${vars:get(1)}", 11, "the name of a variable"},
		{"${a; b}", 3, "has no meaning"},
		{"${a | b}", 4, "has no meaning"},
		{"${{}}", 2, "has no meaning"},
		{"${$env}${" + strings.Repeat("(", 200), 109, "nested deeper"},
		{"${" + strings.Repeat("-", 200) + "1}", 102, "nested deeper"},
		{"${1" + strings.Repeat("+1", 200) + "}", 201, "in a row"},
		{"${a" + strings.Repeat(".b", 200) + "}", 0, "a path of more than"},
		{strings.Repeat("${1+1}", 500), 0, "more than 1000"},
		{strings.Repeat("x", 20_000), 0, "longer than"},
	} {
		_, err := expr.Compile(c.in, expr.Limits{})
		var syntax *expr.SyntaxError
		require.ErrorAs(t, err, &syntax, c.in)
		require.Contains(t, err.Error(), c.want, c.in)
		if c.at > 0 {
			require.Equal(t, c.at, syntax.Offset, c.in)
		}
	}
}

func TestUnknownVariable(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"${missing}", "${missing.a}", "${missing == null}", "${empty missing}", "${1 + missing}", "${$env}"} {
		tpl, err := expr.Compile(in, expr.Limits{})
		require.NoError(t, err, in)
		_, err = tpl.Eval(t.Context(), vars{})
		var unknown *expr.UnknownVariable
		require.ErrorAs(t, err, &unknown, in)
		require.Contains(t, in, unknown.Name)
	}
}

func TestEvalBool(t *testing.T) {
	t.Parallel()
	env := scene(t)
	for in, want := range map[string]string{
		"${n > 3}": "true", "${no}": "false", "${n}": "it is integer", "${none}": "it is null", "true": "it is string", "${missing}": `unknown variable "missing"`,
	} {
		tpl, err := expr.Compile(in, expr.Limits{})
		require.NoError(t, err)
		got, err := tpl.EvalBool(t.Context(), env)
		if want == "true" || want == "false" {
			require.NoError(t, err)
			require.Equal(t, want == "true", got)
			continue
		}
		require.ErrorContains(t, err, want)
	}
}

func TestReferences(t *testing.T) {
	t.Parallel()
	tpl, err := expr.Compile("${a.b['c'][0]} ${a.b['c'][0]} ${x[y].z} ${vars:get(o).p} ${no ? outputs.ns.key : 'q'.r} ${vars:getOrDefault(d, e).f} ${empty f.g} ${null != g.h && i > 1}", expr.Limits{})
	require.NoError(t, err)
	var got []string
	for _, r := range tpl.References() {
		s := r.String()
		if r.Partial {
			s += " partial"
		}
		if r.Optional {
			s += " optional"
		}
		got = append(got, s)
	}
	require.Equal(t, []string{"a.b.c.0", "x partial", "y", "o.p optional", "no optional", "outputs.ns.key optional", "d optional", "e",
		"f.g optional", "g.h optional", "i"}, got)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	tpl, err := expr.Compile("${a.x} ${a.x}", expr.Limits{MaxWork: 1000})
	require.NoError(t, err)
	_, err = tpl.Eval(t.Context(), vars{"a": value(t, `{"y":"`+strings.Repeat("y", 600)+`"}`)})
	var limit *expr.LimitError
	require.ErrorAs(t, err, &limit)
	n, ok := new(big.Int).SetString(strings.Repeat("9", 9000), 10)
	require.True(t, ok)
	tpl, err = expr.Compile("${a * a}", expr.Limits{})
	require.NoError(t, err)
	_, err = tpl.Eval(t.Context(), vars{"a": variable.BigInteger(n)})
	require.ErrorAs(t, err, &limit)
}

func TestContext(t *testing.T) {
	t.Parallel()
	tpl, err := expr.Compile("${a + 1}", expr.Limits{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	_, err = tpl.Eval(ctx, vars{"a": variable.Long(1)})
	require.ErrorIs(t, err, context.Canceled)
}

// dying is an Env whose lookups are cut short.
type dying struct{ cancel context.CancelFunc }

func (d dying) Lookup(string) (variable.Value, bool) {
	d.cancel()
	return variable.Value{}, false
}

func TestLookupCutShort(t *testing.T) {
	t.Parallel()
	tpl, err := expr.Compile("${a}", expr.Limits{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = tpl.Eval(ctx, dying{cancel})
	require.ErrorIs(t, err, context.Canceled, "not an unknown variable: nobody knows")
}

func TestErrorsHoldNoValues(t *testing.T) {
	t.Parallel()
	env := vars{"secret": variable.String("hunter2")}
	for _, in := range []string{"${secret + 1}", "${secret == 1}", "${secret.x}", "${-secret}", "${secret ? 1 : secret * 2}"} {
		tpl, err := expr.Compile(in, expr.Limits{})
		require.NoError(t, err)
		_, err = tpl.Eval(t.Context(), env)
		require.Error(t, err, in)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func FuzzCompile(f *testing.F) {
	for _, in := range []string{
		"${n > 3 && s == 'eu' || !yes}", "x ${parameters['my-key'][n - 4].x} y", "${vars:getOrDefault(missing, -1.5e3)}", `\${a} #{empty list ? 1 : 'a\'b'}`,
		"${big / 3 + dec * five}", "${let.in.not}",
	} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		tpl, err := expr.Compile(in, expr.Limits{})
		if err != nil {
			var syntax *expr.SyntaxError
			require.ErrorAs(t, err, &syntax)
			require.NotContains(t, err.Error(), "compile:", "the library refused what the front let through")
			return
		}
		env := scene(t)
		v, err := tpl.Eval(t.Context(), env)
		if err != nil {
			require.NotContains(t, err.Error(), "run:", "the library failed by itself")
			return
		}
		require.True(t, v.JSON().IsValid(jsontext.AllowDuplicateNames(true)))
	})
}

func BenchmarkCondition(b *testing.B) {
	tpl, err := expr.Compile("${n > 3 && s == 'eu'}", expr.Limits{})
	require.NoError(b, err)
	env := scene(b)
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := tpl.EvalBool(b.Context(), env); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkPath(b *testing.B) {
	tpl, err := expr.Compile("${parameters.A.size}", expr.Limits{})
	require.NoError(b, err)
	env := scene(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tpl.Eval(b.Context(), env); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := expr.Compile("${n > 3 && s == 'eu'}", expr.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
