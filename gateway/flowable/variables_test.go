package flowable_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/flowable"
)

// nested is an instance whose execution "in" has its root, a subprocess and
// itself as scopes.
type nested struct {
	*world
	root, scope, leaf string
}

func nest(t testing.TB, w *world) nested {
	t.Helper()
	w.deploy(t, line(`<subProcess id="sub"><startEvent id="s"/><endEvent id="e"/>`+receive("in")+flow("s", "in")+flow("in", "e")+`</subProcess>`))
	in := w.start(t)
	return nested{w, in.ID, w.at(t, in.ID, "sub").ID, w.at(t, in.ID, "in").ID}
}

func vars(execution string) string { return "/runtime/executions/" + execution + "/variables" }

// names returns what a list shows, as name=value@scope.
func names(t testing.TB, r response) []string {
	t.Helper()
	out := []string{}
	for _, v := range as[[]shownVariable](t, r.is(t, 200)) {
		out = append(out, fmt.Sprintf("%s=%s@%s", v.Name, v.Value, *v.Scope))
	}
	return out
}

func TestScopes(t *testing.T) {
	t.Parallel()
	each(t, scopes)
}

func scopes(t *testing.T, w *world) {
	t.Helper()
	n := nest(t, w)
	for id, value := range map[string]string{n.root: "root", n.scope: "scope", n.leaf: "leaf"} {
		n.post(t, vars(id), fmt.Sprintf(`[{"name":"v","value":%q},{"name":"of %[1]s","value":1}]`, value)).is(t, 201)
	}
	list := func(id, query string) []string { return names(t, n.get(t, vars(id)+query)) }
	require.ElementsMatch(t, []string{`v="leaf"@local`, "of leaf=1@local", "of scope=1@global", "of root=1@global"}, list(n.leaf, ""))
	require.ElementsMatch(t, []string{`v="leaf"@local`, "of leaf=1@local"}, list(n.leaf, "?scope=local"))
	require.ElementsMatch(t, []string{`v="scope"@global`, "of scope=1@global", "of root=1@global"}, list(n.leaf, "?scope=GLOBAL"))
	require.ElementsMatch(t, []string{`v="root"@local`, "of root=1@local"}, list(n.root, ""))
	require.Empty(t, list(n.root, "?scope=global"))

	get := func(id, name, query string, status int) string {
		return n.get(t, vars(id)+"/"+url.PathEscape(name)+query).is(t, status).text()
	}
	require.Equal(t, `{"name":"v","type":"string","value":"leaf","scope":"local"}`, get(n.leaf, "v", "", 200))
	require.Equal(t, `{"name":"v","type":"string","value":"scope","scope":"global"}`, get(n.leaf, "v", "?scope=global", 200))
	require.Equal(t, `{"name":"of root","type":"integer","value":1,"scope":"global"}`, get(n.leaf, "of root", "", 200))
	get(n.leaf, "of root", "?scope=local", 404)
	get(n.leaf, "of leaf", "?scope=global", 404)
	get(n.root, "v", "?scope=global", 404)
	get(n.leaf, "nothing", "", 404)

	// create: local does not mind what an ancestor has; global does.
	n.post(t, vars(n.leaf), `[{"name":"of root","value":2}]`).is(t, 201)
	n.post(t, vars(n.leaf), `[{"name":"of scope","value":2,"scope":"global"}]`).is(t, 409)
	n.post(t, vars(n.leaf), `[{"name":"new","value":2,"scope":"global"},{"name":"newer","value":3,"scope":"Global"}]`).is(t, 201)
	require.Equal(t, `{"name":"new","type":"integer","value":2,"scope":"local"}`, get(n.root, "new", "", 200), "global from inside lands on the root")
	n.put(t, vars(n.leaf), `[{"name":"of scope","value":3,"scope":"global"}]`).is(t, 201)
	require.Equal(t, `{"name":"of scope","type":"integer","value":3,"scope":"local"}`, get(n.scope, "of scope", "", 200), "unless a scope owns the name")
	n.post(t, vars(n.root), `[{"name":"g","value":2,"scope":"global"}]`).is(t, 400)
	n.put(t, vars(n.root), `[{"name":"v","value":2,"scope":"global"}]`).is(t, 400)

	// update: it must be in that scope.
	n.put(t, vars(n.leaf)+"/newer", `{"name":"newer","value":4}`).is(t, 404)
	r := n.put(t, vars(n.leaf)+"/newer", `{"name":"newer","type":"string","value":"4","scope":"global"}`).is(t, 200)
	require.Equal(t, `{"name":"newer","type":"string","value":"4","scope":"global"}`, r.text())
	require.Equal(t, `{"name":"newer","type":"string","value":"4","scope":"local"}`, get(n.root, "newer", "", 200))
	n.put(t, vars(n.root)+"/v", `{"name":"v","value":4,"scope":"global"}`).is(t, 404)

	// delete: likewise; the nearest one goes.
	n.del(t, vars(n.leaf)+"/new").is(t, 404)
	n.del(t, vars(n.root)+"/v?scope=global").is(t, 404)
	n.del(t, vars(n.leaf)+"/v?scope=global").is(t, 204)
	require.Equal(t, `{"name":"v","type":"string","value":"root","scope":"global"}`, get(n.leaf, "v", "?scope=global", 200))
	n.del(t, vars(n.leaf)+"/v").is(t, 204)
	require.Equal(t, `{"name":"v","type":"string","value":"root","scope":"global"}`, get(n.leaf, "v", "", 200))
	n.del(t, vars(n.leaf)).is(t, 204)
	n.del(t, vars(n.leaf)).is(t, 204)
	require.Empty(t, list(n.leaf, "?scope=local"))
	require.NotEmpty(t, list(n.leaf, ""))
	for _, path := range []string{"", "/v", "/v/data"} {
		n.get(t, vars("unknown")+path).is(t, 404)
	}
	n.del(t, vars("unknown")).is(t, 404)
	n.del(t, vars("unknown")+"/v").is(t, 404)
}

func TestWritesAreWhole(t *testing.T) {
	t.Parallel()
	n := nest(t, setup(t, flowable.Config{}))
	at := vars(n.leaf)
	r := n.post(t, at, `[{"name":"b","value":1},{"name":"a","type":"long","value":9007199254740993},{"name":"n"},{"name":"m","type":"string","value":null}]`).is(t, 201)
	require.Equal(t, `[{"name":"b","type":"integer","value":1,"scope":"local"},{"name":"a","type":"long","value":9007199254740993,"scope":"local"},`+
		`{"name":"n","value":null,"scope":"local"},{"name":"m","value":null,"scope":"local"}]`, r.text(), "in the order sent")
	require.Equal(t, `{"name":"n","value":null,"scope":"local"}`, n.get(t, at+"/n").is(t, 200).text(), "a null variable exists")
	n.post(t, at, `[{"name":"c","value":1},{"name":"b","value":2}]`).is(t, 409)
	n.post(t, at, `[{"name":"c","value":1},{"name":"d","type":"integer","value":"2"}]`).is(t, 400)
	n.put(t, at, `[{"name":"b","value":2},{"name":"d","type":"integer","value":"2"}]`).is(t, 400)
	n.get(t, at+"/c").is(t, 404)
	require.Equal(t, "1", string(as[shownVariable](t, n.get(t, at+"/b").is(t, 200)).Value))
	r = n.put(t, at, `[{"name":"b","value":"x"},{"name":"c","value":2},{"name":"c","value":3}]`).is(t, 201)
	require.Len(t, as[[]shownVariable](t, r), 3)
	require.Equal(t, "3", string(as[shownVariable](t, n.get(t, at+"/c").is(t, 200)).Value))
	n.put(t, "/runtime/process-instances/"+n.root, `{"action":"suspend"}`).is(t, 200)
	n.post(t, at, `[{"name":"s","value":1}]`).is(t, 500)
	n.put(t, at+"/b", `{"name":"b","value":1}`).is(t, 500)
	n.del(t, at+"/b").is(t, 500)
	n.del(t, at).is(t, 500)
	n.get(t, at+"/b").is(t, 200)
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprintf(`{"name":"v%d","value":1}`, i)
	}
	n.post(t, at, `[`+strings.Join(many, ",")+`]`).is(t, 400)
}

func TestNamesOfVariables(t *testing.T) {
	t.Parallel()
	n := nest(t, setup(t, flowable.Config{}))
	for _, name := range []string{"a b", "a/b", "ä", "名前", "a%2Fb", "a?b#c", "😀", "data", "..", "a+b", `"`, "a;b", "{x}", strings.Repeat("n", 255)} {
		raw, err := json.Marshal(name)
		require.NoError(t, err)
		n.post(t, vars(n.leaf), fmt.Sprintf(`[{"name":%s,"value":1}]`, raw)).is(t, 201)
		path := vars(n.leaf) + "/" + url.PathEscape(name)
		require.Equal(t, name, as[shownVariable](t, n.get(t, path).is(t, 200)).Name)
		n.put(t, path, fmt.Sprintf(`{"name":%s,"value":2}`, raw)).is(t, 200)
		n.form(t, "PUT", path, part{"file", "f", "\x00"}, part{"name", "", name}).is(t, 200)
		v := as[shownVariable](t, n.get(t, path).is(t, 200))
		require.True(t, strings.HasPrefix(*v.ValueURL, n.base), *v.ValueURL)
		require.Equal(t, "\x00", string(n.get(t, strings.TrimPrefix(*v.ValueURL, n.base)).is(t, 200).body))
		n.del(t, path).is(t, 204)
		n.get(t, path).is(t, 404)
	}
	for _, bad := range []string{`""`, `null`, `5`, `"a\u0000"`, `"` + strings.Repeat("n", 256) + `"`, `"\ud800"`} {
		n.post(t, vars(n.leaf), fmt.Sprintf(`[{"name":%s,"value":1}]`, bad)).is(t, 400)
	}
}

// Each row of the types (6.6).
func TestTypes(t *testing.T) {
	t.Parallel()
	n := nest(t, setup(t, flowable.Config{}))
	long := `"` + strings.Repeat("a", 5000) + `"`
	for _, tt := range []struct{ typ, value, wantType, want string }{
		{"string", `"x"`, "string", `"x"`}, {"string", long, "string", long},
		{"integer", "3.9", "integer", "3"}, {"integer", "2147483648", "integer", "-2147483648"}, {"integer", "-3.9", "integer", "-3"},
		{"short", "70000", "short", "4464"}, {"long", "9007199254740993", "long", "9007199254740993"},
		{"double", "5", "double", "5.0"}, {"double", "1.25", "double", "1.25"}, {"boolean", "false", "boolean", "false"},
		{"date", `"2013-04-03"`, "date", `"2013-04-03T00:00:00Z"`}, {"date", `"2013-04-03T23:45Z"`, "date", `"2013-04-03T23:45:00Z"`},
		{"date", `"2013-04-03T23:45:10.250+02:00"`, "date", `"2013-04-03T21:45:10.250Z"`},
		{"instant", `"2013-04-03T23:45:10.123456Z"`, "instant", `"2013-04-03T23:45:10.123Z"`}, {"localDate", `"2020-02-29"`, "localDate", `"2020-02-29"`},
		{"localDateTime", `"2020-02-29T10:15:30"`, "localDateTime", `"2020-02-29T10:15:30"`}, {"json", `{"a": [1.50, 9007199254740993]}`, "json", `{"a":[1.50,9007199254740993]}`},
		{"json", "5", "integer", "5"}, {"uuid", `"123e4567-e89b-12d3-a456-426614174000"`, "uuid", `"123e4567-e89b-12d3-a456-426614174000"`},
		{"bigInteger", "123456789012345678901234567890", "bigInteger", `"123456789012345678901234567890"`}, {"bigDecimal", `"1e3"`, "bigDecimal", `"1000"`},
		{"", `"x"`, "string", `"x"`}, {"", "true", "boolean", "true"}, {"", "5", "integer", "5"}, {"", "2147483648", "long", "2147483648"},
		{"", "9223372036854775808", "bigInteger", `"9223372036854775808"`}, {"", "1.5", "double", "1.5"}, {"", "1e2", "double", "100.0"}, {"", "[1,{}]", "json", "[1,{}]"},
		{"integer", "null", "", "null"}, {"", "null", "", "null"}, {"date", "null", "", "null"},
	} {
		body := fmt.Sprintf(`{"name":"v","value":%s`, tt.value)
		if tt.typ != "" {
			body += fmt.Sprintf(`,"type":%q`, tt.typ)
		}
		r := n.put(t, vars(n.leaf), "["+body+"}]").is(t, 201)
		typ := ""
		if tt.wantType != "" {
			typ = `"type":"` + tt.wantType + `",`
		}
		want := `{"name":"v",` + typ + `"value":` + tt.want + `,"scope":"local"}`
		require.Equal(t, "["+want+"]", r.text())
		require.Equal(t, want, n.get(t, vars(n.leaf)+"/v").is(t, 200).text(), "stored")
	}
	for _, bad := range []string{
		`"type":"int","value":1`, `"type":"Integer","value":1`, `"type":"string","value":1`, `"type":"integer","value":"1"`, `"type":"integer","value":true`,
		`"type":"boolean","value":"true"`, `"type":"boolean","value":1`, `"type":"date","value":"yesterday"`, `"type":"date","value":5`, `"type":"instant","value":"2013-04-03T23:45:10"`,
		`"type":"localDate","value":"2020-02-30"`, `"type":"uuid","value":"x"`, `"type":"bigInteger","value":"1.5x"`, `"type":"bigDecimal","value":""`,
		`"type":"binary","value":"AA=="`, `"type":"serializable","value":"x"`, `"type":5,"value":1`, `"value":1,"scope":"process"`, `"value":1,"scope":""`, `"value":1,"scope":5`,
	} {
		n.put(t, vars(n.leaf), `[{"name":"v",`+bad+`}]`).is(t, 400)
		n.put(t, vars(n.leaf)+"/v", `{"name":"v",`+bad+`}`).is(t, 400)
	}
}

func TestBinaries(t *testing.T) {
	t.Parallel()
	n := nest(t, setup(t, flowable.Config{}))
	at := vars(n.leaf)
	any256 := make([]byte, 256)
	for i := range any256 {
		any256[i] = byte(i)
	}
	large := make([]byte, 1<<20)
	for i := range large {
		large[i] = byte(rand.Uint32())
	}
	want := func(name, typ, scope string) string {
		return fmt.Sprintf(`{"name":%q,"type":%q,"value":null,"valueUrl":"%s%s/%s/data","scope":%q}`, name, typ, n.base, at, name, scope)
	}
	for i, content := range []string{string(any256), "", "\r\n--x--\r\n ", string(large)} {
		name := fmt.Sprint("b", i)
		r := n.form(t, "POST", at, part{"anything", "f.bin", content}, part{"name", "", name}).is(t, 201)
		require.Equal(t, want(name, "binary", "local"), r.text())
		require.Equal(t, want(name, "binary", "local"), n.get(t, at+"/"+name).is(t, 200).text())
		r = n.get(t, at+"/"+name+"/data").is(t, 200)
		require.Equal(t, "application/octet-stream", r.header.Get("Content-Type"))
		require.True(t, bytes.Equal([]byte(content), r.body), name)
	}
	n.form(t, "POST", at, part{"f", "f", "x"}, part{"name", "", "b0"}).is(t, 409)
	n.form(t, "PUT", at, part{"f", "f", "x"}, part{"name", "", "b0"}).is(t, 201)
	require.Equal(t, "x", string(n.get(t, at+"/b0/data").is(t, 200).body))
	r := n.form(t, "POST", at, part{"SCOPE", "", "Global"}, part{"Name", "", "g"}, part{"TYPE", "", "binary"}, part{"f", "f", "first"}, part{"f2", "f2", "second"}).is(t, 201)
	require.Equal(t, want("g", "binary", "global"), r.text())
	require.Equal(t, "first", string(n.get(t, at+"/g/data?scope=global").is(t, 200).body))
	require.Equal(t, "first", string(n.get(t, at+"/g/data").is(t, 200).body))
	require.Equal(t, "first", string(n.get(t, vars(n.root)+"/g/data?scope=local").is(t, 200).body))
	n.get(t, at+"/g/data?scope=local").is(t, 404)
	n.form(t, "POST", at, part{"f", "f", "x"}, part{"name", "", "g"}, part{"scope", "", "global"}).is(t, 409)
	n.form(t, "POST", vars(n.root), part{"f", "f", "x"}, part{"name", "", "h"}, part{"scope", "", "global"}).is(t, 400)

	one := at + "/b1"
	require.Equal(t, want("b1", "binary", "local"), n.form(t, "PUT", one, part{"f", "f", "y"}, part{"name", "", "b1"}).is(t, 200).text())
	require.Equal(t, "y", string(n.get(t, one+"/data").is(t, 200).body))
	n.form(t, "PUT", at+"/nothing", part{"f", "f", "y"}, part{"name", "", "nothing"}).is(t, 404)
	n.form(t, "PUT", one, part{"f", "f", "z"}, part{"name", "", "nothing"}).is(t, 404)
	n.form(t, "PUT", one, part{"f", "f", "z"}, part{"name", "", "b2"}).is(t, 400)
	n.form(t, "PUT", one, part{"f", "f", "z"}, part{"name", "", "b1"}, part{"scope", "", "global"}).is(t, 404)
	require.Equal(t, "y", string(n.get(t, one+"/data").is(t, 200).body))

	n.post(t, at, `[{"name":"plain","value":"x"}]`).is(t, 201)
	n.get(t, at+"/plain/data").is(t, 404)
	n.get(t, at+"/nothing/data").is(t, 404)
	n.get(t, at+"/b1/data?scope=x").is(t, 400)
	r = n.do(t, "HEAD", at+"/b1/data", "").is(t, 200)
	require.Equal(t, "1", r.header.Get("Content-Length"))

	list, err := hex.DecodeString("aced0005737200136a6176612e7574696c2e41727261794c6973747881d21d99c7619d03000149000473697a657870000000017704000000017400016178")
	require.NoError(t, err)
	java := func(content string) []part {
		return []part{{"f", "f", content}, {"name", "", "j"}, {"type", "", "serializable"}}
	}
	n.form(t, "PUT", at, java(string(list))...).is(t, 201)
	r = n.get(t, at+"/j/data").is(t, 200)
	require.Equal(t, "application/x-java-serialized-object", r.header.Get("Content-Type"))
	require.Equal(t, list, r.body)
	n.form(t, "PUT", at, java("no stream")...).is(t, 400)
	evil := strings.Replace(string(list), "java.util.ArrayList", "java.evil.ArrayList", 1)
	n.form(t, "PUT", at, java(evil)...).is(t, 415)
	n.form(t, "PUT", at+"/j", java(evil)...).is(t, 415)
	require.Equal(t, list, n.get(t, at+"/j/data").is(t, 200).body)
	require.Contains(t, n.get(t, at).is(t, 200).text(), want("j", "serializable", "local"))
}

func TestSerializableRefused(t *testing.T) {
	t.Parallel()
	n := nest(t, setup(t, flowable.Config{RefuseSerializable: true}))
	n.form(t, "POST", vars(n.leaf), part{"f", "f", "\xac\xed\x00\x05p"}, part{"name", "", "j"}, part{"type", "", "serializable"}).is(t, 415)
}

// The variables of an instance are those of its root, and always local.
func TestInstanceVariables(t *testing.T) {
	t.Parallel()
	n := nest(t, setup(t, flowable.Config{}))
	at := "/runtime/process-instances/" + n.root + "/variables"
	r := n.post(t, at, `[{"name":"a","value":1},{"name":"b","value":2,"scope":"global"}]`).is(t, 201)
	require.Equal(t, `[{"name":"a","type":"integer","value":1,"scope":"local"},{"name":"b","type":"integer","value":2,"scope":"local"}]`, r.text())
	n.post(t, at, `[{"name":"a","value":1}]`).is(t, 409)
	n.put(t, at, `[{"name":"a","value":2}]`).is(t, 201)
	n.put(t, at+"/b", `{"name":"b","value":3}`).is(t, 200)
	n.put(t, at+"/c", `{"name":"c","value":3}`).is(t, 404)
	r = n.form(t, "POST", at, part{"f", "f", "\xff"}, part{"name", "", "c"}).is(t, 201)
	require.Equal(t, fmt.Sprintf(`{"name":"c","type":"binary","value":null,"valueUrl":"%s%s/c/data","scope":"local"}`, n.base, at), r.text())
	require.Equal(t, "\xff", string(n.get(t, at+"/c/data").is(t, 200).body))
	require.ElementsMatch(t, []string{"a=2@local", "b=3@local", "c=null@local"}, names(t, n.get(t, at)))
	require.ElementsMatch(t, []string{"a=2@global", "b=3@global", "c=null@global"}, names(t, n.get(t, vars(n.leaf))))
	n.get(t, at+"?scope=x").is(t, 400)
	n.del(t, at+"/a").is(t, 204)
	n.del(t, at+"/a").is(t, 404)
	n.del(t, at).is(t, 204)
	require.Empty(t, names(t, n.get(t, at)))
	for _, id := range []string{"unknown", n.leaf} {
		n.get(t, "/runtime/process-instances/"+id+"/variables").is(t, 404)
		n.get(t, "/runtime/process-instances/"+id+"/variables/a").is(t, 404)
	}
}
