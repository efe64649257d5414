package task_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
)

var contractName = regexp.MustCompile(`(?i)(password|passwd|pwd|secret|token|api_?key|access_?key|private_?key|secret_?key)$`)

func TestSecret(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"Password": true, "dbPassword": true, "PASSWD": true, "x_pwd": true, "client_secret": true, "accessToken": true,
		"apiKey": true, "API_KEY": true, "accessKey": true, "secret_key": true, "PRIVATEKEY": true, "secretKey": true,
		"toKen": true, "to\u212aen": true, "pa\u017fsword": true, "é-token": true,
		"": false, "Key": false, "KeyName": false, "passwordHint": false, "tokens": false, "api-key": false, "password ": false,
		"\u212a": false, "monkey": false, "pwd\n": false,
	} {
		require.Equal(t, want, task.Secret(name), "%q", name)
		require.Equal(t, contractName.MatchString(name), task.Secret(name), "%q against the contract", name)
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	raw := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	deep := strings.Repeat("[", 500) + `{"pwd":1}` + strings.Repeat("]", 500)
	for name, c := range map[string]struct{ in, want string }{
		"nothing":              {`{"a": 1, "Key":"k"}`, `{"a": 1, "Key":"k"}`},
		"white space stays":    {" {\n \"pwd\" :\t\"x\" , \"b\": 1.50e+07 }\n", " {\n \"pwd\" :\t\"******\" , \"b\": 1.50e+07 }\n"},
		"any type":             {`{"token":[1,{"a":"]"}],"pwd":5,"secret":true,"apiKey":{"password":"x"}}`, `{"token":"******","pwd":"******","secret":"******","apiKey":"******"}`},
		"null stays":           {`{"password":null}`, `{"password":null}`},
		"empty string":         {`{"password":""}`, `{"password":"******"}`},
		"masked stays":         {`{"password":"******"}`, `{"password":"******"}`},
		"twice":                {`{"pwd":1,"pwd":2}`, `{"pwd":"******","pwd":"******"}`},
		"escaped name":         {`{"p\u0061ssword":"x"}`, `{"p\u0061ssword":"******"}`},
		"digits":               {`[12345678901234567890,{"pwd":1}]`, `[12345678901234567890,{"pwd":"******"}]`},
		"escapes of others":    {`{"a":"\u00e9\/\ud83d\ude00","pwd":"x"}`, `{"a":"\u00e9\/\ud83d\ude00","pwd":"******"}`},
		"string with object":   {`{"t":"{\"pwd\":\"x\",\"b\":\"\\\"\"}"}`, `{"t":"{\"pwd\":\"******\",\"b\":\"\\\"\"}"}`},
		"string with array":    {`{"t":" [{\"pwd\":\"x\"}]"}`, `{"t":" [{\"pwd\":\"******\"}]"}`},
		"string in string":     {`"{\"a\":\"{\\\"pwd\\\":1}\"}"`, `"{\"a\":\"{\\\"pwd\\\":\\\"******\\\"}\"}"`},
		"string of a string":   {`["\"{\\\"pwd\\\":1}\""]`, `["\"{\\\"pwd\\\":\\\"******\\\"}\""]`},
		"escaped brace":        {`{"t":"\u007b\"pwd\":1}"}`, `{"t":"{\"pwd\":\"******\"}"}`},
		"untouched string":     {`{"t":"{\u0022a\u0022:1}"}`, `{"t":"{\u0022a\u0022:1}"}`},
		"several in a row":     {`{"t":"{\"a\":1}\n{\"pwd\":1}"}`, `{"t":"{\"a\":1}\n{\"pwd\":\"******\"}"}`},
		"only looks like JSON": {`{"t":"{pwd: x}","u":"[pwd] x"}`, `{"t":"{pwd: x}","u":"[pwd] x"}`},
		"cut off":              {`{"t":"{\"pwd\":\"x\",\"b"}`, `{"t":"******"}`},
		"cut off in the value": {`{"t":"{\"pwd\":\"x"}`, `{"t":"******"}`},
		"base64 padded":        {`{"u":"` + b64(`{"pwd":1}x`)[:12] + `"}`, `{"u":"` + b64(`{"pwd":"******"}`) + `"}`},
		"base64 with =":        {`{"u":"` + b64(`{"pwd":"ab"}1`) + `"}`, `{"u":"` + b64(`{"pwd":"******"}1`) + `"}`},
		"base64 raw":           {`{"u":"` + raw(`{"pwd":"a"}22`) + `"}`, `{"u":"` + strings.TrimRight(b64(`{"pwd":"******"}22`), "=") + `"}`},
		"base64 url raw":       {`{"u":"` + raw(`{"a":"~~?","pwd":"a"}1`) + `"}`, `{"u":"` + raw(`{"a":"~~?","pwd":"******"}1`) + `"}`},
		"base64 escaped slash": {`{"u":"` + strings.ReplaceAll(b64(`{"a":"~~?","pwd":"a"}`), "/", `\/`) + `"}`, `{"u":"` + b64(`{"a":"~~?","pwd":"******"}`) + `"}`},
		"base64 of nothing":    {`{"u":"` + b64(`{"a":1234}`) + `"}`, `{"u":"` + b64(`{"a":1234}`) + `"}`},
		"base64 in base64":     {`["` + b64(`{"a":"`+b64(`{"pwd":1}`)+`"}`) + `"]`, `["` + b64(`{"a":"`+b64(`{"pwd":"******"}`)+`"}`) + `"]`},
		"a word":               {`{"u":"Websphere","v":"Windows2019"}`, `{"u":"Websphere","v":"Windows2019"}`},
		"nested":               {deep, strings.Replace(deep, "1", `"******"`, 1)},
		"too deep":             {strings.Repeat("[", 2000) + strings.Repeat("]", 2000), `"******"`},
		"no JSON":              {`{"pwd":`, `"******"`},
		"no JSON without name": {`hello world:`, `"******"`},
		"empty":                {``, ``},
		"more behind":          {`{"a":1} {"pwd":2}`, `"******"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := []byte(c.in)
			require.Equal(t, c.want, string(task.Redact(in)))
			require.Equal(t, c.in, string(in), "the document was changed")
			require.Equal(t, c.want, string(task.Redact([]byte(c.want))), "not the same a second time")
		})
	}
}

func TestRedactText(t *testing.T) {
	t.Parallel()
	require.Equal(t, `{"pwd":"******"}`, task.RedactText(`{"pwd":"x"}`))
	require.Equal(t, `connection refused: {"pwd":"x"}`, task.RedactText(`connection refused: {"pwd":"x"}`))
	require.Empty(t, task.RedactText(""))
}

// seed returns params of the sample in the task API's documentation.
func seed(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/seed.json")
	require.NoError(t, err)
	var tasks []struct{ Params string }
	require.NoError(t, json.Unmarshal(b, &tasks))
	return []byte(tasks[0].Params)
}

func TestRedactSeed(t *testing.T) {
	t.Parallel()
	in := seed(t)
	out := task.Redact(in)
	require.True(t, json.Valid(out))
	require.NotContains(t, string(out), "LPP$o3P8")
	var params struct{ Template string }
	require.NoError(t, json.Unmarshal(out, &params))
	var template struct {
		Resources map[string]struct {
			Properties struct {
				Password string
				KeyName  *string
				UserData map[string]string
				Tags     []struct{ Key string }
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(params.Template), &template))
	p := template.Resources["AWSEC2Instance19763363"].Properties
	require.Equal(t, task.Mask, p.Password)
	require.Empty(t, *p.KeyName)
	require.Equal(t, "service", p.Tags[0].Key)
	plain, err := base64.StdEncoding.DecodeString(p.UserData["Fn::Base64"])
	require.NoError(t, err)
	require.Equal(t, `{"userdata":"aHR0cDovLzEwLjIwMi43MC4x","instanceId":"d39c06db-3ee6-4ed8-97e7-264734dcfdc6","secretKey":"******","accessKey":"******","deployerUrl":"http:\/\/10.201.78.129:8301"}`, string(plain))
	before, _, _ := bytes.Cut(in, []byte("template"))
	require.True(t, bytes.HasPrefix(out, before))
}

// leaks reports whether a secret can be read in v. It decodes as a reader
// would, by the standard library.
func leaks(v any, depth int) bool {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if contractName.MatchString(name) && value != nil && value != task.Mask || leaks(value, depth) {
				return true
			}
		}
	case []any:
		for _, e := range v {
			if leaks(e, depth) {
				return true
			}
		}
	case string:
		if depth > 8 {
			return false
		}
		texts := [][]byte{[]byte(v)}
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			if b, err := enc.DecodeString(v); err == nil {
				texts = append(texts, b)
			}
		}
		for _, text := range texts {
			var inner any
			if json.Unmarshal(text, &inner) == nil && leaks(inner, depth+1) {
				return true
			}
		}
	}
	return false
}

// nests reports whether a string of the document could hold a document, in clear
// or in base64, be it whole or broken.
func nests(doc []byte) bool {
	d := json.NewDecoder(bytes.NewReader(doc))
	for {
		tok, err := d.Token()
		if err != nil {
			return false
		}
		s, _ := tok.(string)
		texts := []string{s}
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			if b, err := enc.DecodeString(s); err == nil {
				texts = append(texts, string(b))
			}
		}
		for _, text := range texts {
			if strings.ContainsAny(text, `{["`) {
				return true
			}
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add(seed(f))
	for _, s := range []string{
		`{"password":"x"}`, `{"t":"{\"pwd\":\"x\"}"}`, `["eyJwd2QiOjF9"]`, `{"a":"\ud800","Token":{}}`, `"\"[]\""`, `{"u":"eyJ"}`, `[`, ``,
		`["eyJwd0QiOj"]`, `["eyJwd0QiOm19"]`, // cut off, and broken, behind a secret's name
		`["eyJBY0Nlc1NLZXkiOiI00000In0"]`, // no UTF-8 within the secret
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		before := bytes.Clone(in)
		out := task.Redact(in)
		require.Equal(t, before, in, "the document was changed")
		require.Equal(t, out, task.Redact(out), "not the same a second time")
		var old, v any
		if json.Unmarshal(in, &old) != nil {
			return
		}
		require.NoError(t, json.Unmarshal(out, &v), "%s", out)
		require.False(t, leaks(v, 0), "%s", out)
		// A document within a string may be cut off or broken, and is masked all
		// the same where it could be read: only documents without one must stay.
		if !leaks(old, 0) && !bytes.Contains(out, []byte("******")) && !nests(in) {
			require.Equal(t, in, out)
		}
	})
}

func FuzzSecret(f *testing.F) {
	f.Add("Password")
	f.Add("to\u212aen")
	f.Fuzz(func(t *testing.T, name string) {
		require.Equal(t, contractName.MatchString(name), task.Secret(name), "%q", name)
	})
}

func BenchmarkRedact(b *testing.B) {
	for name, doc := range map[string][]byte{
		"plain 1KiB": []byte(`{"regionId":"701","data":"` + strings.Repeat("x", 1000) + `"}`),
		"seed":       seed(b),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				task.Redact(doc)
			}
		})
	}
}
