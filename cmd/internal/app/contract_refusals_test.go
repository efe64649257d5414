package app_test

import (
	"context"
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/stone"
)

// declaredSpec is a stone that says what it takes.
var declaredSpec = stone.Spec{Code: "SIP::Declared", DisplayName: "Declared", Service: "sip", Version: "1.2", Params: []stone.Param{
	{Name: "region", Type: stone.String, Required: true, AllowedPattern: "[a-z]+"},
	{Name: "size", Type: stone.Integer, Default: []byte("5")},
	{Name: "pin", Type: stone.String, NoEcho: true},
}, Outputs: []stone.Output{{Name: "id"}}}

// declaredWork fails, so that the task can be run again.
func declaredWork(_ context.Context, t *stone.Task) error {
	var p struct {
		Region string `json:"region"`
		Pin    string `json:"pin"`
	}
	if err := t.Bind(&p); err != nil {
		return err
	}
	if p.Region == "fail" {
		return stone.Reject("it fails, and the pin is " + p.Pin)
	}
	return nil
}

// Params of a stone that declares them.
func contractDeclared(s stranger) {
	const code = "SIP::Declared"
	var shown map[string]any
	s.soon(func() bool {
		r := s.get("/stone/" + code)
		if r.status != http.StatusOK {
			return false
		}
		shown = r.object()
		return shown["declared"] != false
	}, never("it is not announced"))
	require.Subset(s, keys(shown), []string{"code", "displayName", "service", "version", "methods", "params", "outputs", "workers", "backlog", "oldestWaiting", "paused"})
	require.Equal(s, []any{code, "Declared", false}, []any{shown["code"], shown["displayName"], shown["paused"]})
	worker := shown["workers"].([]any)[0].(map[string]any) //nolint:errcheck,forcetypeassert // they are
	require.Subset(s, keys(worker), []string{"worker", "host", "version", "businessKey", "concurrency", "lastFetch", "live"})
	require.NotEmpty(s, s.get("/stone").is(200).array())
	s.get("/stone/Unheard").refused(404, "Unheard")

	for params, says := range map[string]string{
		`{}`:                        "region",
		`{"region":"Up"}`:           "region",
		`{"region":"a","size":"5"}`: "size",
		`{"region":"a","pin":5}`:    "pin",
	} {
		s.post(s.task(s.id(), code, "params", raw(params))).refused(400, "params", says)
		s.post(s.task(s.id(), code, "params", raw(params), "queueType", "mock")).refused(400, says)
	}
	s.until(s.published(code, "params", raw(`{}`), "queueType", "rollback"), "rollback.success") // only start and mock are checked
	id := s.id()
	const given = `{"region":"fail","other":1,"pin":"4711-geheim"}`
	const filled = `{"region":"fail","other":1,"pin":"******","size":5}`
	got := s.post(s.task(id, code, "params", raw(given), "debug", true)).is(201, 202).object()
	require.Equal(s, filled, got["params"], "defaults are filled in, unknown params stay, NoEcho is masked")
	failed := s.until(id, "start.failed")
	require.Equal(s, "it fails, and the pin is ******", failed["reason"])
	s.post(s.task(id, code, "params", raw(given), "debug", true)).is(200)
	s.form("/task/"+id+"/reRun", anew("start", `{"region":"UP"}`, `{}`)).refused(400, "parameters", "region")
	s.form("/task/"+id+"/reRun", anew("start", `{"region":"a","pin":"******"}`, `{}`)).is(200)
	s.until(id, "start.success")
}

// What a POST refuses, naming the field and leaving nothing behind.
func contractRefusals(s stranger) {
	id := s.id()
	with := func(more ...any) string { return s.task(id, "Script", more...) }
	for _, c := range []struct{ body, says string }{
		{``, "empty"}, {`{`, "JSON"}, {`"x"`, "must be a task"}, {`null`, "must be a task"}, {with() + with(), "more than one JSON value"},
		{`{}`, "processInstanceId is missing; taskId is missing; stone is missing"},
		{with("taskId", ""), "taskId must not be empty"},
		{with("taskId", strings.Repeat("x", 256)), "taskId must be 1 to 255"},
		{with("taskId", "a\nb"), "taskId must be"},
		{with("processInstanceId", "\u0000"), "processInstanceId must be"},
		{with("name", strings.Repeat("ü", 256)), "name must be"},
		{with("namespace", "\t"), "namespace must be"},
		{with("taskId", 5), "taskId must be a string"},
		{with("stone", "1st"), "stone"}, {with("stone", "a b"), "stone"}, {with("stone", strings.Repeat("x", 65)), "stone"},
		{with("businessKey", "_"), "businessKey"}, {with("businessKey", "a/b"), "businessKey"},
		{with("queueType", "restart"), "queueType"},
		{with("id", "no-uuid"), "id must be a UUID"},
		{with("params", raw(`[]`)), "params must be"}, {with("params", "[1]"), "params must be"}, {with("outputs", raw(`7`)), "outputs must be"},
		{with("params", raw(`{"a":1,"a":2}`)), "/params/a"},
		{with("params", `{"a":1,"a":2}`), "params must be"},
		{with("params", raw(strings.Repeat(`{"a":`, 65)+"1"+strings.Repeat("}", 65))), "deeper"},
		{with("debug", "yes"), "debug must be"},
		{with("retry", raw(`{"maxAttempts":0}`)), "retry.maxAttempts"},
		{with("retry", raw(`{"tries":3}`)), `"retry.tries"`},
		{with("callback", raw(`{"kind":"webhook"}`)), "callback"},
		{with("callback", raw(`{"url":"http://127.0.0.1:1/","kind":"webhook"}`)), "callback"}, // on no allow-list
		{with("status", "start.success"), `unknown field "status"`},
		{with("attempt", 2), `unknown field "attempt"`},
	} {
		s.post(c.body).refused(400, c.says)
	}
	s.get("/task/"+id).refused(404, id)
	require.Empty(s, s.get("/task?processInstanceId=p-"+id).is(200).array())

	for _, kind := range []string{"", "text/plain", asForm, "application/xml", "application/json;charset=latin1"} {
		s.call(http.MethodPost, "/task", kind, with()).refused(415, "application/json")
	}
	for _, kind := range []string{"application/json;charset=UTF-8", "application/json; charset=utf-8"} {
		s.call(http.MethodPost, "/task", kind, with()).is(200, 201, 202)
	}
	s.call(http.MethodPut, "/task/"+id+"/reRun", "text/plain", "{}").refused(415, "application/json")
	s.post(with("taskId", s.id(), "params", `{"a":"`+strings.Repeat("x", 8<<20)+`"}`)).refused(413, "8388608")
}

// Paths and methods that are not there.
func contractRoutes(s stranger) {
	id := s.published("Script")
	for _, path := range []string{"/", "/tasks", "/task/" + id + "/nothing", "/task/" + id + "/history/1", "/v1/task"} {
		s.get(path).refused(404)
	}
	for path, methods := range map[string][]string{
		"/task": {http.MethodPut, http.MethodDelete, http.MethodPatch}, "/task/" + id: {http.MethodPost, http.MethodPut, http.MethodDelete},
		"/task/" + id + "/reRun": {http.MethodGet, http.MethodPost}, "/task/" + id + "/cancel": {http.MethodGet, http.MethodPost},
		"/task/" + id + "/history": {http.MethodPost}, "/stone": {http.MethodPost}, "/deadletter": {http.MethodPost},
	} {
		for _, method := range methods {
			r := s.call(method, path, asJSON, `{}`).refused(405)
			require.NotEmpty(s, r.header.Get("Allow"), "%s %s", method, path)
		}
	}
	for _, path := range []string{"/deadletter", "/quarantine", "/callback"} {
		s.get(path).is(200).array()
	}
	s.get("/events").refused(400, "processInstanceId")
	req, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.url+"/events?taskId="+id, http.NoBody)
	require.NoError(s, err)
	req.Header.Set("Last-Event-ID", "no number")
	resp, err := s.http.Do(req)
	require.NoError(s, err)
	require.NoError(s, resp.Body.Close())
	require.Equal(s, http.StatusBadRequest, resp.StatusCode)
	require.NotEmpty(s, resp.Header.Get("X-Request-Id"))
}
