package task_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
)

func TestRestore(t *testing.T) {
	t.Parallel()
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, c := range map[string]struct{ masked, original, want string }{
		"one":                   {`{"pwd":"******"}`, `{"pwd":"x"}`, `{"pwd":"x"}`},
		"any type, digits kept": {`{"b":2,"pwd":"******"}`, `{"pwd":{"n":12345678901234567890}}`, `{"b":2,"pwd":{"n":12345678901234567890}}`},
		"white space stays":     {"{\n \"pwd\": \"******\" }", `{"pwd":"x"}`, "{\n \"pwd\": \"x\" }"},
		"edited beside":         {`{"z":1,"a":{"pwd":"******","n":1.50}}`, `{"a":{"n":1,"pwd":"x"}}`, `{"z":1,"a":{"pwd":"x","n":1.50}}`},
		"new value is kept":     {`{"pwd":"new"}`, `{"pwd":"x"}`, `{"pwd":"new"}`},
		"no counterpart":        {`{"pwd":"******","b":{"pwd":"******"}}`, `{"a":{"pwd":"x"},"b":1}`, `{"pwd":"******","b":{"pwd":"******"}}`},
		"stays null":            {`{"pwd":"******"}`, `{"pwd":null}`, `{"pwd":null}`},
		"arrays by index":       {`[{"pwd":"******"},{"pwd":"******"},{"pwd":"******"}]`, `[{"pwd":1},{"pwd":2}]`, `[{"pwd":1},{"pwd":2},{"pwd":"******"}]`},
		"twice the name":        {`{"pwd":"******","pwd":"******"}`, `{"pwd":1,"pwd":2}`, `{"pwd":1,"pwd":2}`},
		"escaped name":          {`{"p\u0077d":"******"}`, `{"pwd":1}`, `{"p\u0077d":1}`},
		"not a secret's place":  {`{"note":"******"}`, `{"note":"hello"}`, `{"note":"******"}`},
		"string untouched":      {`{"t":"{\"pwd\":\"******\"}"}`, `{"t":"{\u0022pwd\u0022:\"x\"}"}`, `{"t":"{\u0022pwd\u0022:\"x\"}"}`},
		"string edited":         {`{"t":"{\"a\":2,\"pwd\":\"******\"}"}`, `{"t":"{\"pwd\":\"x\",\"a\":1}"}`, `{"t":"{\"a\":2,\"pwd\":\"x\"}"}`},
		"string in string":      {`["{\"n\":1,\"t\":\"{\\\"pwd\\\":\\\"******\\\",\\\"n\\\":1}\"}"]`, `["{\"t\":\"{\\\"pwd\\\":7}\"}"]`, `["{\"n\":1,\"t\":\"{\\\"pwd\\\":7,\\\"n\\\":1}\"}"]`},
		"several in a row":      {`["{\"pwd\":\"******\"} {\"pwd\":\"******\",\"n\":1}"]`, `["{\"pwd\":1} {\"pwd\":2}"]`, `["{\"pwd\":1} {\"pwd\":2,\"n\":1}"]`},
		"base64 edited":         {`["` + b64(`{"n":1,"pwd":"******"}`) + `"]`, `["` + b64(`{"pwd":"x"}`) + `"]`, `["` + b64(`{"n":1,"pwd":"x"}`) + `"]`},
		"base64 in a string": {`["{\"n\":1,\"u\":\"` + b64(`{"n":1,"pwd":"******"}`) + `\"}"]`, `["{\"u\":\"` + b64(`{"pwd":"x"}`) + `\"}"]`,
			`["{\"n\":1,\"u\":\"` + b64(`{"n":1,"pwd":"x"}`) + `\"}"]`},
		"clear became base64":     {`["` + b64(`{"pwd":"******"}`) + `"]`, `["{\"pwd\":1}"]`, `["` + b64(`{"pwd":"******"}`) + `"]`},
		"text was masked whole":   {`{"t":"******","n":1}`, `{"t":"{\"pwd\":\"x\",\"b"}`, `{"t":"{\"pwd\":\"x\",\"b","n":1}`},
		"masked whole":            {`"******"`, `{"pwd":`, `{"pwd":`},
		"other kinds":             {`{"a":[{"pwd":"******"}]}`, `{"a":{"pwd":"x"}}`, `{"a":[{"pwd":"******"}]}`},
		"what is sent is no JSON": {`{"pwd":"******"`, `{"pwd":"x"}`, `{"pwd":"******"`},
		"nothing kept":            {`{"pwd":"******"}`, ``, `{"pwd":"******"}`},
		"nothing sent":            {``, `{"pwd":"x"}`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			masked, original := json.RawMessage(c.masked), json.RawMessage(c.original)
			require.Equal(t, c.want, string(task.Restore(masked, original)))
			require.Equal(t, c.masked, string(masked), "what was sent was changed")
			require.Equal(t, c.original, string(original), "the original was changed")
		})
	}
}

func TestNoEcho(t *testing.T) {
	t.Parallel()
	noEcho := []string{"pin", "config"}
	in := `{"pin":4711,"config":{"a":1},"inner":{"pin":5},"text":"{\"pin\":6}","note":"x","p\u0069n":8}`
	masked := task.RedactWith([]byte(in), noEcho)
	require.Equal(t, `{"pin":"******","config":"******","inner":{"pin":5},"text":"{\"pin\":6}","note":"x","p\u0069n":"******"}`, string(masked))
	require.Equal(t, in, string(task.RestoreWith(masked, json.RawMessage(in), noEcho)))
	require.Equal(t, string(masked), string(task.Restore(masked, json.RawMessage(in))), "not known to be secret")
	require.Equal(t, []string{"4711", "1", "8"}, task.Secrets([]byte(in), noEcho))
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	u := base64.StdEncoding.EncodeToString([]byte(`{"accessKey":"in base64"}`))
	in := `{"pwd":"a\"b","n":1,"token":{"x":["deep",1.50,true,null]},"t":"{\"secret\":\"in text\",\"u\":\"` + u + `\"}","apiKey":"******","password":""}`
	require.Equal(t, []string{`a"b`, "deep", "1.50", "in text", "in base64"}, task.Secrets([]byte(in), nil))
	require.Equal(t, []string{"x"}, task.Secrets([]byte(`{"pwd":"x",`), nil), "what breaks later")
	require.Empty(t, task.Secrets(nil, nil))
}

func TestHide(t *testing.T) {
	t.Parallel()
	hide := func(v []byte) []byte { return []byte(`"<` + base64.RawURLEncoding.EncodeToString(v) + `>"`) }
	for name, c := range map[string]struct{ in, want string }{
		"nothing":             {`{"a":"x"}`, `{"a":"x"}`},
		"a member":            {`{"pwd": {"a":1}}`, `{"pwd": ` + string(hide([]byte(`{"a":1}`))) + `}`},
		"null and mask":       {`{"pwd":null,"token":"******"}`, `{"pwd":null,"token":"******"}`},
		"a text whole":        {`["{\"pwd\":1}"]`, `[` + string(hide([]byte(`"{\"pwd\":1}"`))) + `]`},
		"a text of masks":     {`["{\"pwd\":\"******\"}"]`, `["{\"pwd\":\"******\"}"]`},
		"no echo":             {`{"pin":1,"b":{"pin":1}}`, `{"pin":` + string(hide([]byte(`1`))) + `,"b":{"pin":1}}`},
		"reserved":            {`{"a":"<x>","<b":"<"}`, `{"a":` + string(hide([]byte(`"<x>"`))) + `,"<b":` + string(hide([]byte(`"<"`))) + `}`},
		"reserved, escaped":   {`["\u003cx>"]`, `[` + string(hide([]byte(`"\u003cx>"`))) + `]`},
		"reserved and secret": {`{"pwd":"<x>"}`, `{"pwd":` + string(hide([]byte(`"<x>"`))) + `}`},
		"no JSON":             {`{"pwd":`, string(hide([]byte(`{"pwd":`)))},
		"empty":               {``, ``},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := []byte(c.in)
			require.Equal(t, c.want, string(task.Hide(in, []string{"pin"}, "<", hide)))
			require.Equal(t, c.in, string(in), "the document was changed")
		})
	}
}

func TestRestoreHidden(t *testing.T) {
	t.Parallel()
	hidden := json.RawMessage(`{"pwd":"<1>","t":"<2>","list":["<3>"],"note":"x","pin":"<4>"}`)
	opened := json.RawMessage(`{"new":1,"t":"******","list":["******"],"note":"******","pwd":"other","pin":4}`)
	require.Equal(t, `{"new":1,"t":"<2>","list":["<3>"],"note":"******","pwd":"other","pin":4}`, string(task.RestoreHidden(opened, hidden, "<")))
	require.Equal(t, `{`, string(task.RestoreHidden(json.RawMessage(`{`), hidden, "<")))
}

// compact is what a client may make of what it got.
func compact(t *testing.T, doc []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, json.Compact(&b, doc))
	return b.Bytes()
}

// What was shown and is sent back unchanged means what was there before, also
// in another layout and within something larger.
func FuzzRestore(f *testing.F) {
	f.Add(seed(f))
	for _, s := range []string{
		`{"password":"x","a":[1,{"token":{}}]}`, `{"t":"{\"pwd\":\"x\"}"}`, `["eyJwd2QiOjF9"]`, `{"a":"\ud800","Token":{}}`, `"\"[]\""`,
		`{"pin":1,"Pwd":1,"Pwd":2}`, `["{\"pwd\":1} {\"pwd\":2}"]`, `["{\"pwd\":\"\\u0041\",\"b"]`, `{"****":"******","pwd":null}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if !json.Valid(in) {
			task.Restore(in, in) // must not panic
			return
		}
		noEcho := []string{"pin"}
		masked, before := task.RedactWith(in, noEcho), bytes.Clone(in)
		if string(masked) == `"******"` {
			return // nested too deeply
		}
		require.Equal(t, string(in), string(task.RestoreWith(masked, in, noEcho)))
		require.Equal(t, string(compact(t, in)), string(compact(t, task.RestoreWith(compact(t, masked), in, noEcho))))
		larger := func(doc []byte) []byte { return []byte(`{"new":[1.0],"doc":` + string(doc) + `}`) }
		kept := []byte(`{"doc":` + string(in) + `}`)
		if plain := task.Redact(in); string(plain) != `"******"` && string(task.Redact(kept)) != `"******"` {
			require.Equal(t, string(larger(in)), string(task.Restore(larger(plain), kept)))
		}
		require.Equal(t, before, in, "the document was changed")
	})
}

// Hiding and putting back is the identity, byte for byte, and what is hidden
// is all that Redact would mask.
func FuzzHide(f *testing.F) {
	f.Add(seed(f))
	for _, s := range []string{`{"password":"x"}`, `{"t":"{\"pwd\":\"x\"}"}`, `["eyJwd2QiOjF9"]`, `["<"]`, `{"pin":[]}`, `[`, `{"pwd":`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		hidden := map[string][]byte{}
		out := task.Hide(in, []string{"pin"}, "<", func(v []byte) []byte {
			key := `"<` + string(rune('a'+len(hidden)%26)) + base64.RawURLEncoding.EncodeToString([]byte{byte(len(hidden) >> 8), byte(len(hidden))}) + `>"`
			hidden[key] = bytes.Clone(v)
			return []byte(key)
		})
		for _, s := range task.Secrets(out, nil) {
			require.True(t, strings.HasPrefix(s, "<"), "secret %q is left in %s", s, out)
		}
		for key, v := range hidden {
			require.LessOrEqual(t, bytes.Count(out, []byte(key)), 1)
			out = bytes.Replace(out, []byte(key), v, 1)
		}
		require.Equal(t, string(in), string(out))
	})
}

// A document without secrets is looked over without more garbage than ever.
func TestFastPathAllocates(t *testing.T) { //nolint:paralleltest // counts allocations
	doc := []byte(`{"regionId":"701","count":5,"n":true,"data":"Xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}`)
	noEcho := []string{"pin"}
	same := func(v []byte) []byte { return v }
	for name, f := range map[string]func(){
		"redact":  func() { task.Redact(doc) },
		"hide":    func() { task.Hide(doc, noEcho, "<", same) },
		"no echo": func() { task.RedactWith(doc, noEcho) },
	} {
		require.LessOrEqual(t, testing.AllocsPerRun(100, f), 0.0, name)
	}
}
