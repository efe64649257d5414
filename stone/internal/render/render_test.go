package render_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/stone/internal/render"
)

func data(t *testing.T, params string) map[string]any {
	t.Helper()
	d, err := render.Data(stone.NewTask(&queue.Command{Names: task.Names{ID: "id-1", Stone: "S"}, Method: task.Start, Epoch: 2,
		Outputs: json.RawMessage(`{"ref":"r-1"}`)}, 1, 1, nil), json.RawMessage(params))
	require.NoError(t, err)
	return d
}

const sample = `{"s":"a\"b\\c/ d","n":12345678901234567890.10,"o":{"k":[1,"x"]},"z":null,"e":"","t":true,"d":"..","c":"a\nb","l":["p","q"],"inj":", \"admin\": true, \"x\": \""}`

func TestJSON(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		`{"a":{{.params.s}}}`:                                           `{"a":"a\"b\\c/ d"}`,
		`{"a":"<{{.params.s}}>"}`:                                       `{"a":"<a\"b\\c/ d>"}`,
		`{"a":{{.params.n}},"b":{{.params.o}}}`:                         `{"a":12345678901234567890.10,"b":{"k":[1,"x"]}}`,
		`{"a":"{{json .params.o}}"}`:                                    `{"a":"{\"k\":[1,\"x\"]}"}`,
		`{"a":{{json .params.s}},"z":{{.params.z}}}`:                    `{"a":"a\"b\\c/ d","z":null}`,
		`{"a":"\"{{.params.t}}"}`:                                       `{"a":"\"true"}`,
		`{"a":{{if .params.t}}{{.params.s}}{{else}}1{{end}}}`:           `{"a":"a\"b\\c/ d"}`,
		`[{{range $i, $v := .params.l}}{{if $i}},{{end}}{{$v}}{{end}}]`: `["p","q"]`,
		`{"a":{{.params.inj}}}`:                                         `{"a":", \"admin\": true, \"x\": \""}`,
		`{"a":"{{.params.inj}}"}`:                                       `{"a":", \"admin\": true, \"x\": \""}`,
		`{"k":"{{.task.key}}","r":{{.outputs.ref}}}`:                    `{"k":"id-1/2/start","r":"r-1"}`,
	} {
		tmpl, err := render.JSON("body", src)
		require.NoError(t, err, src)
		got, err := tmpl.Execute(data(t, sample))
		require.NoError(t, err, src)
		require.Equal(t, want, got)
		require.True(t, json.Valid([]byte(got)))
	}
}

func TestJSONRefuses(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		`{"a":"{{if .params.t}}x"{{else}}y{{end}}`: "end in different places",
		`{"a":{{range .params.l}}"{{end}}`:         "end in different places",
		`{"a":"x`:                                  "a string is not closed",
		`{"a":"\{{.params.s}}"}`:                   "stands behind a backslash",
		`{{define "x"}}{{end}}`:                    "define and block",
		`{{template "x"}}`:                         "is not supported",
		`{{.params.s | _escape1}}`:                 "_escape1",
		`{{`:                                       "body:1",
	} {
		_, err := render.JSON("body", src)
		require.ErrorContains(t, err, want, src)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		esc             render.Escape
		src, want, fail string
	}{
		{render.Path, "/v/{{.params.s}}", "/v/a%22b%5Cc%2F%20d", ""},
		{render.Path, "/v/{{.params.n}}", "/v/12345678901234567890.10", ""},
		{render.Path, "/v/{{.params.e}}", "", "url: .params.e: the value is empty"},
		{render.Path, "/v/{{.params.d}}", "", "url: .params.d: the value is dots"},
		{render.Path, "/v/{{.params.c}}", "", "control character"},
		{render.Path, "/v/{{.params.z}}", "", "url: .params.z: the value is null"},
		{render.Path, "/v/{{.params.none}}", "", `no entry for key "none"`},
		{render.Query, "q={{.params.inj}}&n={{.params.e}}", "q=%2C%20%22admin%22%3A%20true%2C%20%22x%22%3A%20%22&n=", ""},
		{render.Host, "{{.params.s}}", "", "no label"},
		{render.Host, "{{.params.t}}", "true", ""},
		{render.Header, "{{.params.c}}", "", "control character"},
		{render.Plain, "{{.params.c}} {{.params.o}}", "a\nb {\"k\":[1,\"x\"]}", ""},
	} {
		tmpl, err := render.Text("url", c.src, c.esc)
		require.NoError(t, err)
		got, err := tmpl.Execute(data(t, sample))
		if c.fail != "" {
			require.ErrorContains(t, err, c.fail)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	tmpl, err := render.Text("url", `{{.outputs.a.b}}{{if $.outputs.c}}{{$.outputs.a}}{{end}}{{(json .outputs.d)}}{{.params.outputs}}`, render.Plain)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "c", "d"}, tmpl.Outputs())
}

// FuzzJSON inserts any text in both places; the result must be valid JSON with
// the text in it and nothing else.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{"", `"`, `\`, `\"`, `","x":1,"y":"`, "\u2028\x00", "é", `{{.params}}`} {
		f.Add(s)
	}
	tmpl, err := render.JSON("body", `{"a":{{.params.s}},"b":"-{{.params.s}}-"}`)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, s string) {
		out, err := tmpl.Execute(map[string]any{"params": map[string]any{"s": s}})
		require.NoError(t, err)
		var got map[string]string
		require.NoError(t, json.Unmarshal([]byte(out), &got))
		require.Len(t, got, 2)
		require.Equal(t, "-"+got["a"]+"-", got["b"])
		want, err := json.Marshal(s)
		require.NoError(t, err)
		var clean string
		require.NoError(t, json.Unmarshal(want, &clean))
		require.Equal(t, clean, got["a"])
	})
}
