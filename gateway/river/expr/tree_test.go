package expr_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/river/expr"
	"github.com/riverstones/riverstones/gateway/river/variable"
)

var errNoProcess = errors.New("no such process")

// outputs are the outputs of processes by "process/namespace".
type outputs map[string]string

func (o outputs) ProcessOutputs(_ context.Context, process, namespace string) (jsontext.Value, error) {
	out, ok := o[process+"/"+namespace]
	if !ok {
		return nil, errNoProcess
	}
	return jsontext.Value(out), nil
}

func TestResolveTree(t *testing.T) {
	t.Parallel()
	env := scene(t)
	env["trap"] = variable.String("${missing}")
	env["pid"] = variable.String("p1")
	other := outputs{"p1/web": `{"ip":"1.2.3.4","port":80,"deep":{"a":[1,2]}}`}
	for _, c := range []struct{ in, want string }{
		{`{ "a" : [ 1.50, true, null, "x" ] }`, `{"a":[1.50,true,null,"x"]}`},
		{`"${n}"`, `5`},
		{`{"a":"${parameters.A}","b":"n=${n}","c":{"d":["${yes}"]}}`, `{"a":{"size":3,"big":9007199254740993},"b":"n=5","c":{"d":[true]}}`},
		{`{"a":"\u0024{n}"}`, `{"a":5}`},
		{`{"a":"\\${n} #{n} {n}"}`, `{"a":"${n} #{n} {n}"}`},
		{`{"a":"${trap}","b":"${none}","c":"${day}"}`, `{"a":"${missing}","b":null,"c":"2020-02-29T00:00:00Z"}`},
		{`["${big}","${dec}"]`, `[10,10.00]`},
		{`{"${n}":1}`, `{"${n}":1}`},
		{`{"Fn::GetAtt":[{"a":{"b":1}},"a"]}`, `{"b":1}`},
		{`{"x":{"Fn::GetAtt":["${parameters}","region"]}}`, `{"x":"eu"}`},
		{`{"Fn::GetAtt":[["x","y"],1]}`, `"y"`},
		{`{"Fn::GetAtt":["${parameters['my-key']}","${n - 5}"]}`, `10`},
		{`{"Fn::GetProcessOutputs":["p1","web"]}`, `{"ip":"1.2.3.4","port":80,"deep":{"a":[1,2]}}`},
		{`{"Fn::GetProcessOutputs":["${pid}","web",["port","ip","nope"]]}`, `{"ip":"1.2.3.4","port":80}`},
		{`{"Fn::GetProcessOutputs":["p1","web",{"Exclude":["deep"]}]}`, `{"ip":"1.2.3.4","port":80}`},
		{`{"Fn::GetProcessOutputs":["p1","web",[]]}`, `{}`},
		{`{"u":{"Fn::GetAtt":[{"Fn::GetAtt":[{"Fn::GetProcessOutputs":["p1","web"]},"deep"]},"a"]}}`, `{"u":[1,2]}`},
	} {
		got, err := expr.ResolveTree(t.Context(), jsontext.Value(c.in), env, other)
		require.NoError(t, err, c.in)
		require.Equal(t, c.want, string(got), c.in)
	}
}

func TestResolveTreeErrors(t *testing.T) {
	t.Parallel()
	env := scene(t)
	for _, c := range []struct{ in, path, want string }{
		{`{"a":{"b":["x","${missing}"]}}`, "a.b[1]", `unknown variable "missing"`},
		{`{"a":"${n +}"}`, "a", "a value is expected"},
		{`{"a":"${blob}"}`, "a", "can not stand in JSON"},
		{`{"a":`, "a", "no valid JSON"},
		{`{"a":1,"a":2}`, "", "no valid JSON"},
		{`{} {}`, "", "more than one JSON value"},
		{``, "", "no valid JSON"},
		{`{"f":{"Fn::GetAtt":[{},"x"]}}`, "f", `there is no "x"`},
		{`{"f":{"Fn::GetAtt":["text","x"]}}`, "f", "must be an object or an array"},
		{`{"f":{"Fn::GetAtt":[{},true]}}`, "f", "the key must be"},
		{`{"f":{"Fn::GetAtt":{}}}`, "f", "takes an array: [object, key]"},
		{`{"f":{"Fn::GetAtt":[1,2,3]}}`, "f", "takes an array"},
		{`{"f":{"Fn::GetAtt":[{},"${missing}"]}}`, "f.Fn::GetAtt[1]", "unknown variable"},
		{`{"f":{"Fn::Join":[]}}`, "f", `function "Fn::Join" is not known`},
		{`{"f":{"a":1,"Fn::GetAtt":[]}}`, "f", "only member"},
		{`{"f":{"Fn::GetProcessOutputs":["p","n"]}}`, "f", "no such process"},
		{`{"f":{"Fn::GetProcessOutputs":[1,"n"]}}`, "f", "must be strings"},
		{`{"f":{"Fn::GetProcessOutputs":["p1","web",{"Only":[]}]}}`, "f", "the selection must be"},
		{`{"f":{"Fn::GetProcessOutputs":["p1","web",[1]]}}`, "f", "the selection must be"},
		{strings.Repeat("[", 200) + strings.Repeat("]", 200), strings.Repeat("[0]", 101), "nested deeper than 100"},
	} {
		_, err := expr.ResolveTree(t.Context(), jsontext.Value(c.in), env, outputs{"p1/web": `{}`})
		var param *expr.ParamError
		require.ErrorAs(t, err, &param, c.in)
		require.ErrorContains(t, err, c.want, c.in)
		require.Equal(t, c.path, param.Path, c.in)
	}
}

func TestCompileTreeTellsAll(t *testing.T) {
	t.Parallel()
	_, err := expr.CompileTree(jsontext.Value(`{"a":"${","b":["${x y}"],"c":{"Fn::X":[]}}`), expr.Limits{})
	require.ErrorContains(t, err, `parameter "a"`)
	require.ErrorContains(t, err, `parameter "b[0]"`)
	require.ErrorContains(t, err, `parameter "c"`)
}

func TestTreeReferences(t *testing.T) {
	t.Parallel()
	tree, err := expr.CompileTree(jsontext.Value(`{"a":"${outputs.x.y} ${b}","l":[{"Fn::GetAtt":["${c.d}","e"]}]}`), expr.Limits{})
	require.NoError(t, err)
	var got []string
	for _, r := range tree.References() {
		got = append(got, r.Param+" "+r.String())
	}
	require.Equal(t, []string{"a outputs.x.y", "a b", "l[0].Fn::GetAtt[0] c.d"}, got)
}

func TestTreeLimits(t *testing.T) {
	t.Parallel()
	_, err := expr.CompileTree(jsontext.Value(`"`+strings.Repeat("x", 100)+`"`), expr.Limits{MaxTree: 50})
	require.ErrorContains(t, err, "longer than 50 bytes")
	tree, err := expr.CompileTree(jsontext.Value(`["${a}","${a}"]`), expr.Limits{MaxTree: 150})
	require.NoError(t, err)
	_, err = tree.Resolve(t.Context(), vars{"a": variable.String(strings.Repeat("x", 100))}, outputs{})
	var limit *expr.LimitError
	require.ErrorAs(t, err, &limit)
	_, err = expr.CompileTree(jsontext.Value(`[`+strings.Repeat(`"${a}",`, 10_000)+`"${a}"]`), expr.Limits{})
	require.ErrorContains(t, err, "more than 10000 strings")
	_, err = expr.ResolveTree(t.Context(), jsontext.Value(`{"Fn::GetProcessOutputs":["p","n"]}`), vars{}, nil)
	require.ErrorContains(t, err, "can not be had here")
	calls := `[` + strings.Repeat(`{"Fn::GetProcessOutputs":["${vars:get(x)}","n"]},`, 150) + `1]`
	_, err = expr.ResolveTree(t.Context(), jsontext.Value(calls), counting{new(int)}, everything{})
	require.ErrorAs(t, err, &limit)
}

// counting is an Env in which a variable is another text at each look.
type counting struct{ n *int }

func (c counting) Lookup(string) (variable.Value, bool) {
	*c.n++
	return variable.String(strings.Repeat("i", *c.n)), true
}

// everything has outputs for every process.
type everything struct{}

func (everything) ProcessOutputs(context.Context, string, string) (jsontext.Value, error) {
	return jsontext.Value(`{}`), nil
}

func FuzzResolveTree(f *testing.F) {
	for _, in := range []string{
		`{"a":["${n}",{"b":"x${s}"}]}`, `{"Fn::GetAtt":[{"Fn::GetProcessOutputs":["p","n",{"Exclude":["a"]}]},"b"]}`, `{"Fn::GetAtt":["${list}","${n}"]}`,
	} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out, err := expr.ResolveTree(t.Context(), jsontext.Value(in), scene(t), outputs{"p/n": `{"a":1,"b":"${n}"}`})
		if err != nil {
			var param *expr.ParamError
			require.ErrorAs(t, err, &param)
			return
		}
		require.True(t, out.IsValid(), "%s", out)
	})
}

func BenchmarkResolve(b *testing.B) {
	tree, err := expr.CompileTree(jsontext.Value(`{"region":"${parameters.region}","size":"${parameters.A.size}","name":"web-${n}","fixed":[1,2,3]}`), expr.Limits{})
	require.NoError(b, err)
	env := scene(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tree.Resolve(b.Context(), env, outputs{}); err != nil {
			b.Fatal(err)
		}
	}
}
