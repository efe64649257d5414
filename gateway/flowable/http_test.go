package flowable_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/flowable"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/store"
)

// desk is a runtime and a store with one execution, "5", which is a root with
// one variable. It is for what is told from a request alone; any call that it
// does not have is a panic.
type desk struct {
	flowable.Runtime
	flowable.Reader

	down bool
}

var errDown = errors.New("pq: password authentication failed")

func (d *desk) Executions(_ context.Context, f store.ExecutionFilter) ([]store.ExecutionView, int, error) {
	if d.down {
		return nil, 0, errDown
	}
	if f.ID != "" && f.ID != "5" {
		return nil, 0, nil
	}
	return []store.ExecutionView{{Execution: store.Execution{ID: "5", Instance: "5", Root: "5", Kind: store.RootExecution}}}, 1, nil
}

func (d *desk) Variables(context.Context, string, river.Scope) ([]river.Variable, error) {
	return []river.Variable{{Name: "there", Value: variable.Integer(1), Scope: river.Local}}, nil
}

// reader is the desk as a store, whose Variables are others.
type reader struct{ *desk }

func (r reader) Variables(context.Context, ...string) ([]store.Variable, error) { return nil, nil }

func (d *desk) deps() flowable.Deps { return flowable.Deps{Runtime: d, Store: reader{d}} }

func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	c := serve(t, flowable.Config{}, (&desk{}).deps())
	const e, gone = "/runtime/executions/5", "/runtime/executions/6"
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		says                     string
	}{
		{"action: body first", "PUT", gone, `{"action":5}`, 400, "action"},
		{"action: no JSON", "PUT", gone, `{"action"`, 400, "ends too early"},
		{"action: null", "PUT", gone, `null`, 400, "null"},
		{"action: an array", "PUT", gone, `[]`, 400, "the body"},
		{"action: then the execution", "PUT", gone, `{"action":"dance"}`, 404, `"6"`},
		{"action: then the action", "PUT", e, `{"action":"dance","variables":[{}]}`, 400, "dance"},
		{"action: missing", "PUT", e, `{}`, 400, "action is missing"},
		{"action: case counts", "PUT", e, `{"action":"Signal"}`, 400, "Signal"},
		{"action: then the name", "PUT", e, `{"action":"signalEventReceived","variables":[{}]}`, 400, "signalName"},
		{"action: of a message", "PUT", e, `{"action":"messageEventReceived","signalName":"x"}`, 400, "messageName"},
		{"action: then variables", "PUT", e, `{"action":"signal","variables":[{"value":1}]}`, 400, "name"},
		{"action: null variable", "PUT", e, `{"action":"signal","variables":[null]}`, 400, "name"},
		{"action: value", "PUT", e, `{"action":"signal","variables":[{"name":"n","type":"integer","value":"1"}]}`, 400, `"n"`},
		{"action: transient too", "PUT", e, `{"action":"signal","transientVariables":[{"value":1}]}`, 400, "name"},
		{"broadcast: action", "PUT", "/runtime/executions", `{"action":"signal","signalName":"s"}`, 400, "signalEventReceived"},
		{"broadcast: name", "PUT", "/runtime/executions", `{"action":"signalEventReceived","variables":[{}]}`, 400, "signalName"},
		{"broadcast: variables", "PUT", "/runtime/executions", `{"action":"signalEventReceived","signalName":"s","variables":[{}]}`, 400, "name"},
		{"signal: name", "POST", "/runtime/signals", `{}`, 400, "signalName"},
		{"signal: async with variables", "POST", "/runtime/signals", `{"signalName":"s","async":true,"variables":[{"name":"n"}]}`, 400, "async"},
		{"activities", "GET", gone + "/activities", "", 404, `"6"`},
		{"variables: execution", "GET", gone + "/variables?scope=x", "", 404, `"6"`},
		{"variables: scope", "GET", e + "/variables?scope=x", "", 400, "scope"},
		{"variables: empty scope", "GET", e + "/variables?scope=", "", 400, "scope"},
		{"variable: execution", "GET", gone + "/variables/v?scope=x", "", 404, `"6"`},
		{"variable: scope", "GET", e + "/variables/v?scope=x", "", 400, "scope"},
		{"data: scope", "GET", e + "/variables/v/data?scope=x", "", 400, "scope"},
		{"delete: scope", "DELETE", e + "/variables/v?scope=x", "", 400, "scope"},
		{"create: execution before the body", "POST", gone + "/variables", `{`, 404, `"6"`},
		{"create: an object", "POST", e + "/variables", `{"name":"a"}`, 400, "the body"},
		{"create: an element that is none", "POST", e + "/variables", `[{"name":"a"},5]`, 400, `"1"`},
		{"create: null element", "POST", e + "/variables", `[null]`, 400, "variable 0"},
		{"create: empty", "POST", e + "/variables", `[]`, 400, "empty"},
		{"create: scope of any before names", "POST", e + "/variables", `[{},{"name":"a","scope":"x"}]`, 400, "scope"},
		{"create: name", "POST", e + "/variables", `[{"value":1}]`, 400, "name"},
		{"create: mixed scopes", "POST", e + "/variables", `[{"name":"a"},{"name":"b","scope":"global"}]`, 400, "one scope"},
		{"create: exists before its own type", "POST", e + "/variables", `[{"name":"there","type":"x"}]`, 409, "there"},
		{"create: exists before the next name", "POST", e + "/variables", `[{"name":"there"},{}]`, 409, "there"},
		{"create: type before what exists later", "POST", e + "/variables", `[{"name":"a","type":"x"},{"name":"there"}]`, 400, `"a"`},
		{"put: type", "PUT", e + "/variables", `[{"name":"there","type":"x"}]`, 400, `"there"`},
		{"put: empty type", "PUT", e + "/variables", `[{"name":"there","type":""}]`, 400, `type`},
		{"put: binary", "PUT", e + "/variables", `[{"name":"b","type":"binary","value":null}]`, 400, `"b"`},
		{"update: execution", "PUT", gone + "/variables/v", `[`, 404, `"6"`},
		{"update: an array", "PUT", e + "/variables/v", `[]`, 400, "the body"},
		{"update: no name", "PUT", e + "/variables/v", `{"value":1}`, 400, "name"},
		{"update: another name", "PUT", e + "/variables/v", `{"name":"w","value":1}`, 400, `"w"`},
		{"update: value", "PUT", e + "/variables/v", `{"name":"v","type":"boolean","value":1}`, 400, `"v"`},
		{"update: scope", "PUT", e + "/variables/v", `{"scope":"x"}`, 400, "scope"},
		{"query: body", "POST", "/query/executions?sort=x", `{"id":7}`, 400, `"id"`},
		{"query: filter", "POST", "/query/executions?sort=x", `{"variables":[{"name":"a","value":1}]}`, 400, "operation"},
		{"query: sort", "POST", "/query/executions?sort=x&order=y", `{}`, 400, "sort"},
		{"query: order", "POST", "/query/executions?order=y", `{}`, 400, "order"},
		{"query: start", "POST", "/query/executions", `{"start":1.5}`, 400, "start"},
		{"query: size of 33 bits", "POST", "/query/executions", `{"size":"4294967296"}`, 400, "size"},
		{"start: none", "POST", "/runtime/process-instances", `{"businessKey":"k"}`, 400, "exactly one"},
		{"start: two", "POST", "/runtime/process-instances", `{"processDefinitionKey":"k","message":"m"}`, 400, "exactly one"},
		{"start: tenant", "POST", "/runtime/process-instances", `{"processDefinitionId":"k","tenantId":"m"}`, 400, "tenantId"},
		{"start: variables", "POST", "/runtime/process-instances", `{"processDefinitionKey":"k","variables":[{}]}`, 400, "name"},
		{"acquire: topic", "POST", "/external-job-api/acquire/jobs", `{"lockDuration":"x"}`, 400, "topic"},
		{"acquire: lock missing", "POST", "/external-job-api/acquire/jobs", `{"topic":"t"}`, 400, "lockDuration"},
		{"acquire: lock", "POST", "/external-job-api/acquire/jobs", `{"topic":"t","lockDuration":"10m"}`, 400, "lockDuration"},
		{"acquire: no time", "POST", "/external-job-api/acquire/jobs", `{"topic":"t","lockDuration":"PT0S"}`, 400, "lockDuration"},
		{"acquire: worker", "POST", "/external-job-api/acquire/jobs", `{"topic":"t","lockDuration":"PT10M"}`, 400, "workerId"},
		{"acquire: number", "POST", "/external-job-api/acquire/jobs", `{"topic":"t","lockDuration":"PT10M","workerId":"w","numberOfTasks":0}`, 400, "numberOfTasks"},
		{"complete: worker", "POST", "/external-job-api/acquire/jobs/1/complete", `{}`, 400, "workerId"},
		{"unacquire: worker", "POST", "/external-job-api/unacquire/jobs", `{}`, 400, "workerId"},
		{"deploy: no form", "POST", "/repository/deployments", `{}`, 415, "multipart/form-data"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := c.do(t, tt.method, tt.path, tt.body).is(t, tt.status)
			require.Contains(t, r.problem(t), tt.says)
		})
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	c := serve(t, flowable.Config{Values: variable.Limits{MaxBytes: 1000}, MaxDeployment: 1000}, (&desk{}).deps())
	const vars, deployments = "/runtime/executions/5/variables", "/repository/deployments"
	file := part{"f", "f.bin", "content"}
	for _, tt := range []struct {
		name, path string
		status     int
		says       string
		parts      []part
	}{
		{"unknown execution", "/runtime/executions/6/variables", 404, `"6"`, []part{{"name", "", "n"}}},
		{"no file", vars, 400, "no file", []part{{"scope", "", "x"}}},
		{"no name", vars, 400, "name", []part{file, {"type", "", "x"}}},
		{"type", vars, 400, "type", []part{{"NAME", "", "n"}, file, {"Type", "", "string"}, {"scope", "", "x"}}},
		{"scope", vars, 400, "scope", []part{{"name", "", "n"}, file, {"sCope", "", "x"}}},
		{"empty scope", vars, 400, "scope", []part{{"name", "", "n"}, file, {"scope", "", ""}}},
		{"no stream", vars, 400, "serialized Java", []part{{"name", "", "n"}, file, {"type", "", "serializable"}}},
		{"large", vars, 413, "1000", []part{{"name", "", "n"}, {"f", "f", strings.Repeat("a", 1001)}}},
		{"name is no UTF-8", vars, 400, "UTF-8", []part{{"name", "", "\xff"}, file}},
		{"many parts", vars, 400, "100 parts", parts(101)},
		{"deploy without a file", deployments, 400, "no file", []part{{"a.bpmn", "", "x"}}},
		{"deploy another ending", deployments, 400, ".bpmn", []part{{"f", "a.xml", "x"}}},
		{"deploy too much", deployments, 413, "1000", []part{{"f", "a.bpmn", strings.Repeat("a", 1001)}}},
		{"deploy what is no archive", deployments, 400, "zip", []part{{"f", "a.bar", "x"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := c.form(t, "POST", tt.path, tt.parts...).is(t, tt.status)
			require.Contains(t, r.problem(t), tt.says)
		})
	}
	c.do(t, "POST", vars, "--x--", "Content-Type", "multipart/form-data").is(t, 400)
	c.do(t, "POST", vars, "--x\r\n", "Content-Type", "multipart/form-data; boundary=x").is(t, 400)
	c.do(t, "POST", vars, strings.Repeat("a", 2<<20), "Content-Type", "multipart/form-data; boundary=x").is(t, 413)
}

// parts returns n text parts.
func parts(n int) []part {
	out := make([]part, n)
	for i := range out {
		out[i] = part{fmt.Sprint("p", i), "", "x"}
	}
	return out
}

func TestMediaTypesAndRoutes(t *testing.T) {
	t.Parallel()
	c := serve(t, flowable.Config{Prefixes: []string{"", "/flowable-rest/service", "/process-api/"}}, (&desk{}).deps())
	for _, prefix := range []string{"", "/flowable-rest/service", "/process-api"} {
		c.get(t, prefix+"/runtime/executions/5").is(t, 200)
		c.get(t, prefix+"/runtime/nothing").is(t, 404)
		c.get(t, prefix+"/runtime/executions/").is(t, 404)
		c.get(t, prefix+"/runtime/executions/5/variables/a/b").is(t, 404)
		c.do(t, "PATCH", prefix+"/runtime/executions/5", `{}`).is(t, 405)
		c.get(t, prefix+"/query/executions").is(t, 405)
		c.do(t, "PUT", prefix+"/runtime/executions/5", `{}`, "Content-Type", "text/plain").is(t, 415)
		c.do(t, "PUT", prefix+"/runtime/executions/5/variables", `[]`, "Content-Type", "application/xml").is(t, 415)
		c.do(t, "POST", prefix+"/query/executions", `{}`, "Content-Type", "application/json; charset=utf-8").is(t, 200)
		c.do(t, "POST", prefix+"/query/executions", `{"unknown":[1],"start":null}`).is(t, 200)
	}
	c.post(t, "/flowable-rest/external-job-api/acquire/jobs", `{}`).is(t, 400)
	c.post(t, "/external-job-api/acquire/jobs", `{}`).is(t, 400)
	r := c.do(t, "HEAD", "/runtime/executions/5", "").is(t, 200)
	require.Empty(t, r.body)
}

func TestStoreIsAway(t *testing.T) {
	t.Parallel()
	c := serve(t, flowable.Config{}, (&desk{down: true}).deps())
	for _, path := range []string{"/runtime/executions", "/runtime/executions/5", "/runtime/executions/5/variables"} {
		r := c.get(t, path).is(t, 503)
		require.NotContains(t, string(r.body), "password")
		require.NotEmpty(t, r.header.Get("Retry-After"))
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	cfg := flowable.Config{Prefixes: []string{"", "/flowable-rest/service"}, Users: map[string]string{"rest-admin": "test", "ünï": "pä:ss"}}
	c := serve(t, cfg, (&desk{}).deps())
	for _, path := range []string{
		"/runtime/executions/5", "/runtime/nothing", "/flowable-rest/service/runtime/executions/5", "/flowable-rest/service/nothing",
		"/flowable-rest/external-job-api/jobs/1", "/external-job-api/jobs/1", "/query/executions", "/repository/deployments", "/history/x",
	} {
		r := c.get(t, path).is(t, 401)
		require.Equal(t, `Basic realm="Riverstones", charset="UTF-8"`, r.header.Get("WWW-Authenticate"), path)
	}
	c.get(t, "/elsewhere").is(t, 404)
	const path = "/runtime/executions/5"
	for name, header := range map[string]string{
		"wrong password": basic("rest-admin", "test1"), "no password": basic("rest-admin", ""), "unknown": basic("admin", "test"),
		"nobody": basic("", ""), "no Basic": "Bearer x", "no base64": "Basic $",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.do(t, "GET", path, "", "Authorization", header).is(t, 401)
		})
	}
	c.do(t, "GET", path, "", "Authorization", basic("rest-admin", "test")).is(t, 200)
	c.do(t, "GET", path, "", "Authorization", basic("ünï", "pä:ss")).is(t, 200)
	c.do(t, "PATCH", path, "", "Authorization", basic("rest-admin", "test")).is(t, 405)
}

func basic(name, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(name, password)
	return r.Header.Get("Authorization")
}

func TestURLs(t *testing.T) {
	t.Parallel()
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, tt := range []struct {
		name   string
		cfg    flowable.Config
		prefix string
		header []string
		want   string
	}{
		{"the request's", flowable.Config{}, "", []string{"Host", "flow.example:8306"}, "http://flow.example:8306"},
		{"with the prefix", flowable.Config{Prefixes: []string{"/flowable-rest/service"}}, "/flowable-rest/service", []string{"Host", "flow"}, "http://flow/flowable-rest/service"},
		{"of a stranger", flowable.Config{}, "", []string{"Host", "flow", "X-Forwarded-Host", "evil", "X-Forwarded-Proto", "https"}, "http://flow"},
		{"of a proxy", flowable.Config{TrustedProxies: loopback}, "", []string{"Host", "flow", "X-Forwarded-Host", "flow.example.com, inner", "X-Forwarded-Proto", "https"}, "https://flow.example.com"},
		{"its port", flowable.Config{TrustedProxies: loopback}, "", []string{"Host", "flow:80", "X-Forwarded-Proto", "https", "X-Forwarded-Port", "8443"}, "https://flow:8443"},
		{"its usual port", flowable.Config{TrustedProxies: loopback}, "", []string{"Host", "flow", "X-Forwarded-Proto", "https", "X-Forwarded-Port", "443"}, "https://flow"},
		{"its path", flowable.Config{TrustedProxies: loopback}, "", []string{"Host", "flow", "X-Forwarded-Prefix", "/river/"}, "http://flow/river"},
		{"nonsense of a proxy", flowable.Config{TrustedProxies: loopback}, "", []string{"Host", "flow", "X-Forwarded-Host", `a/"b`, "X-Forwarded-Proto", "ftp", "X-Forwarded-Prefix", "//evil"}, "http://flow"},
		{"public", flowable.Config{PublicURL: "https://flow.example.com/river/", TrustedProxies: loopback}, "", []string{"X-Forwarded-Host", "other"}, "https://flow.example.com/river"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, tt.cfg, (&desk{}).deps())
			r := c.do(t, "GET", tt.prefix+"/runtime/executions/5", "", tt.header...).is(t, 200)
			require.Equal(t, `{"id":"5","url":"`+tt.want+`/runtime/executions/5","parentId":null,"parentUrl":null,"superExecutionId":null,"superExecutionUrl":null,`+
				`"processInstanceId":"5","processInstanceUrl":"`+tt.want+`/runtime/process-instances/5","suspended":false,"activityId":null,"tenantId":null}`, r.text())
		})
	}
}

func TestMountRefuses(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]flowable.Config{
		"prefix":     {Prefixes: []string{"flowable"}},
		"parameter":  {Prefixes: []string{"/a/:b"}},
		"dots":       {Prefixes: []string{"/a/../b"}},
		"public":     {PublicURL: "flow.example.com"},
		"query":      {PublicURL: "https://flow.example.com?x"},
		"nobody":     {Users: map[string]string{"": "x"}},
		"with colon": {Users: map[string]string{"a:b": "x"}},
	} {
		require.Error(t, flowable.Mount(nil, cfg, flowable.Deps{}), name)
	}
}
