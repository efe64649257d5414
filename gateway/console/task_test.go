package console_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// failedTask is a task of an unlucky kind, with all that is known of it.
func failedTask(debug bool) fixture {
	return calm.with(fixture{
		"GET /task/t%2F1": taskJSON("m<i>x</i>", "start.failed", debug),
		"GET /task/t%2F1/history": `[{"status":"produce.success","time":"2026-11-21T09:00:00.000000Z","attempt":1,"delivery":null,"worker":null,"reason":null},
{"status":"start.failed","time":"2026-11-21T09:00:01.000000Z","attempt":1,"delivery":1,"worker":"w1","reason":"first try"},
{"status":"produce.success","time":"2026-11-21T09:01:00.000000Z","attempt":2,"delivery":null,"worker":null,"reason":null,"changes":[{"path":"params.a","from":1,"to":{"b":2}},{"path":"params.gone","from":"x"}]},
{"status":"start.failed","time":"2026-11-21T09:01:01.000000Z","attempt":2,"delivery":3,"worker":"w2","reason":"disk <full>"},
{"status":"start.begin","time":"2026-11-21T09:01:02.000000Z","attempt":2,"delivery":4,"worker":"w3","reason":null,"note":"late result"}]`,
		"GET /task/t%2F1/log": `[{"time":"2026-11-21T09:01:00.000000Z","level":"error","line":"<script>alert(1)</script> 日志","attempt":2,"worker":"w2"}]`,
		"GET /task/t%2F1/why": `{"taskId":"t/1","status":"start.failed","why":"it waits for you","fix":"riverstones task rerun t/1"}`,
		"GET /process/p%201":  "!404 no such process",
	})
}

func TestTask(t *testing.T) {
	t.Parallel()
	got := visit(t, failedTask(true), "/console/tasks/t%2F1")
	require.Equal(t, http.StatusOK, got.status)
	for _, want := range []string{
		"m<i>x</i>", "✕ Failed start.failed · Attempt 2", "debug mode", "Progress: 42 %", "it waits for you", "riverstones task rerun t/1",
		"Run again …", "Resume …", "Roll back …", "Attempt 1", "first try", "by w2 · delivery 3", "disk <full>", "changed nothing: late result",
		`changed: params.a 1 → {"b":2}`, `changed: params.gone "x" → –`, "<script>alert(1)</script> 日志", "12345678901234567890", "******", "Whole text",
		"Switch debug mode of the process off",
	} {
		require.Contains(t, got.text, want)
	}
	require.NotContains(t, got.body, "<script>alert")
	require.Contains(t, got.body, `data-events="taskId=t%2F1"`)
	require.Contains(t, got.body, `href="/console/tasks/t%2F1/reRun" data-sheet`)
	require.NotContains(t, got.text, "Cancel …")

	got = visit(t, failedTask(false), "/console/tasks/t%2F1")
	require.Contains(t, got.text, "Switch debug mode of the process on")
	require.NotContains(t, got.text, "Resume …")
	require.Equal(t, http.StatusNotFound, visit(t, calm, "/console/tasks/none").status)
	require.Equal(t, http.StatusServiceUnavailable, visit(t, calm.with(fixture{"GET /task/x": "!503 away"}), "/console/tasks/x").status)
}

// What can not be asked is named, and the rest shown.
func TestTaskInPart(t *testing.T) {
	t.Parallel()
	got := visit(t, failedTask(true).with(fixture{"GET /task/t%2F1/why": "!503 the queue can not answer now", "GET /task/t%2F1/log": "[]"}), "/console/tasks/t%2F1")
	require.Equal(t, http.StatusOK, got.status)
	require.Contains(t, got.text, "the queue can not answer now")
	require.Contains(t, got.text, "The stone has not written a line.")
	require.Contains(t, got.text, "disk <full>")
}

// Advice of the API is a button where a page can do it.
func TestTaskFixes(t *testing.T) {
	t.Parallel()
	for advice, want := range map[string]string{
		"riverstones task cancel t/1, then send it again": `href="/console/tasks/t%2F1/cancel" data-sheet`,
		"riverstones process debug p 1 on":                `<form method="post" action="/console/tasks/t%2F1/debug"`,
		"riverstones stone resume DemoStone":              `<form method="post" action="/console/stones/DemoStone/resume"`,
		"riverstones task callbacks t/1 --replay":         `<form method="post" action="/console/callbacks/6e2c7a52-0000-4000-8000-000000000001/replay"`,
		"riverstones deadletter redrive t/1":              `href="/console/tasks/t%2F1/redrive" data-sheet`,
		"curl /quarantine?taskId=t/1 of the gateway":      `href="/console/letters?of=quarantine&amp;taskId=t%2F1"`,
		"curl /readyz of the gateway":                     `href="/console/"`,
		"start a worker of DemoStone":                     `href="/console/stones/DemoStone"`,
	} {
		waiting := failedTask(false).with(fixture{
			"GET /task/t%2F1":     taskJSON("m", "produce.success", false),
			"GET /task/t%2F1/why": fmt.Sprintf(`{"taskId":"t/1","status":"produce.success","why":"because","fix":%q}`, advice),
		})
		got := visit(t, waiting, "/console/tasks/t%2F1")
		_, why, _ := strings.Cut(got.body, `class="why"`)
		why, _, _ = strings.Cut(why, "</section>")
		require.Contains(t, why, want, advice)
		require.Contains(t, why, advice)
	}
}

// A huge task is shown in part, and whole as plain text.
func TestTaskHuge(t *testing.T) {
	t.Parallel()
	big := `{"list":[` + strings.TrimSuffix(strings.Repeat(`{"a":"`+strings.Repeat("x", 50)+`","b":[1,2,3]},`, 5000), ",") + `],"text":"` + strings.Repeat("机", 9000) + `"}`
	task := strings.Replace(taskJSON("huge", "start.success", false), `"outputs":"{}"`, fmt.Sprintf(`"outputs":%q`, big), 1)
	lines := `[` + strings.TrimSuffix(strings.Repeat(`{"time":"2026-11-21T09:01:00.000000Z","level":"info","line":"a line","attempt":2,"worker":null},`, 1000), ",") + `]`
	api := failedTask(false).with(fixture{
		"GET /task/t%2F1": task, "GET /task/t%2F1/log": lines, "GET /task/t%2F1/log?start=1000&size=1000": "[]",
		"GET /task/t%2F1/log?size=1000": lines, "GET /task/t%2F1/log?size=1000&start=1000": "[]",
	})
	got := visit(t, api, "/console/tasks/t%2F1")
	require.Equal(t, http.StatusOK, got.status)
	require.Less(t, len(got.body), 1<<20)
	require.Contains(t, got.text, "Shown in part: it is long.")
	require.Contains(t, got.text, "and 4 800 more")
	require.Contains(t, got.text, "The last 200 lines. All lines (1 000)")
	require.Equal(t, 200, strings.Count(got.text, "a line"))
	require.Equal(t, 1000, strings.Count(visit(t, api, "/console/tasks/t%2F1?log=all").text, "a line"))
	whole := visit(t, api, "/console/tasks/t%2F1/outputs")
	require.Equal(t, "text/plain; charset=utf-8", whole.header.Get("Content-Type"))
	require.JSONEq(t, big, whole.body)
	require.Equal(t, http.StatusNotFound, visit(t, api, "/console/tasks/t%2F1/none").status)
}

// sent notes what changes the API is asked for.
type sent struct {
	fixture

	mu    sync.Mutex
	calls []string
}

// ServeHTTP notes and answers.
func (s *sent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.calls = append(s.calls, strings.TrimSpace(r.Method+" "+r.URL.EscapedPath()+" "+string(body)))
		s.mu.Unlock()
	}
	s.fixture.ServeHTTP(w, r)
}

func TestOrders(t *testing.T) {
	t.Parallel()
	waiting := failedTask(false).with(fixture{"GET /task/t%2F1": taskJSON("m", "produce.success", false)})
	require.Contains(t, visit(t, waiting, "/console/tasks/t%2F1/cancel").text, "Nobody has begun the task.")
	running := failedTask(false).with(fixture{"GET /task/t%2F1": taskJSON("m", "start.begin", false)})
	require.Contains(t, visit(t, running, "/console/tasks/t%2F1/cancel").text, "The task runs.")
	require.Contains(t, visit(t, running, "/console/tasks/t%2F1/rollback").text, "does not take this as it stands")
	require.Contains(t, visit(t, failedTask(true), "/console/tasks/t%2F1/delete").text, "This can not be undone.")
	require.Contains(t, visit(t, failedTask(true), "/console/tasks/t%2F1/resume").text, "another orchestrator")
	ours := failedTask(true).with(fixture{"GET /process/p%201": `{"id":"p 1"}`})
	require.Contains(t, visit(t, ours, "/console/tasks/t%2F1/resume").text, "are rolled back, the last one first, where their model says so: 1. machine")
	require.Contains(t, visit(t, ours.with(fixture{"GET /task": "[]"}), "/console/tasks/t%2F1/resume").text, "nothing has to be rolled back")

	api := &sent{fixture: failedTask(true).with(fixture{"PUT /task/t%2F1/resume": taskJSON("m", "start.failed", false), "PUT /process/p%201/debug": "{}"})}
	got := ask(t, api, http.MethodPost, "/console/tasks/t%2F1/resume", url.Values{})
	require.Equal(t, "/console/tasks/t%2F1?done=order.resume", got.header.Get("Location"))
	got = ask(t, api, http.MethodPost, "/console/tasks/t%2F1/debug", url.Values{"to": {"on"}})
	require.Equal(t, "/console/tasks/t%2F1?done=task.debugon", got.header.Get("Location"))
	got = ask(t, api, http.MethodPost, "/console/tasks/t%2F1/debug", url.Values{"to": {"off"}})
	require.Equal(t, "/console/tasks/t%2F1?done=task.debugoff", got.header.Get("Location"))
	require.Equal(t, []string{"PUT /task/t%2F1/resume", `PUT /process/p%201/debug {"debug":true}`, `PUT /process/p%201/debug {"debug":false}`}, api.calls)

	api.calls = nil
	api.fixture["PUT /task/6e2c7a52-0000-4000-8000-000000000001/reRun"] = taskJSON("m", "produce.success", true)
	require.Contains(t, visit(t, api, "/console/tasks/t%2F1/redrive").text, "put into debug mode")
	got = ask(t, api, http.MethodPost, "/console/tasks/t%2F1/redrive", url.Values{})
	require.Equal(t, "/console/tasks/t%2F1?done=order.redrive", got.header.Get("Location"))
	require.Equal(t, []string{`PUT /process/p%201/debug {"debug":true}`, `PUT /task/6e2c7a52-0000-4000-8000-000000000001/reRun {"queueType":"start","parameters":{},"outputs":{}}`}, api.calls)

	refused := failedTask(true).with(fixture{"PUT /task/t%2F1/rollback": "!409 it is running"})
	got = ask(t, refused, http.MethodPost, "/console/tasks/t%2F1/rollback", url.Values{})
	require.Equal(t, http.StatusConflict, got.status)
	require.Contains(t, got.text, "it is running")
}

func TestReRunForm(t *testing.T) {
	t.Parallel()
	api := &sent{fixture: failedTask(true).with(fixture{"PUT /task/t%2F1/reRun": taskJSON("m", "produce.success", true)})}
	got := visit(t, api, "/console/tasks/t%2F1/reRun")
	require.Contains(t, got.text, "Nothing is changed.")
	require.Contains(t, got.text, "The params are what the stone declares.")
	require.Contains(t, got.body, `value="cancel"`)
	require.NotContains(t, got.body, `value="monitor"`, "the stone has none")

	post := func(path, params, outputs string) shown {
		return ask(t, api, http.MethodPost, "/console/tasks/t%2F1/"+path, url.Values{"queueType": {"start"}, "parameters": {params}, "outputs": {outputs}})
	}
	got = post("compare", "{\r\n \"regionId\": \"x\",\r\n \"big\": 12345678901234567890, \"password\":\"******\"}", "{}")
	require.Contains(t, got.text, "The params are not what the stone declares:")
	require.Contains(t, got.text, "parameter regionId")
	require.Contains(t, got.body, "<del>  &#34;regionId&#34;: &#34;701&#34;,</del>")
	require.Contains(t, got.body, "<ins>  &#34;regionId&#34;: &#34;x&#34;,</ins>")
	require.Contains(t, post("compare", "{\n\n\"a\": }", "{}").text, "Line 3 is no JSON")
	require.Contains(t, post("compare", "[]", "{}").text, "This must be a JSON object.")
	require.Equal(t, http.StatusBadRequest, post("reRun", "[", "{}").status)
	require.Empty(t, api.calls)

	require.Equal(t, "/console/tasks/t%2F1?done=task.reRun", post("reRun", ` {"regionId":"701","big":12345678901234567890,"password":"******"}`, "").header.Get("Location"))
	require.Equal(t, http.StatusSeeOther, post("reRun", `{"regionId":"7"}`, `{"id":1}`).status)
	require.Equal(t, []string{
		`PUT /task/t%2F1/reRun {"queueType":"start","parameters":{},"outputs":{}}`,
		`PUT /task/t%2F1/reRun {"queueType":"start","parameters":{"regionId":"7"},"outputs":{"id":1}}`,
	}, api.calls)

	api.fixture["PUT /task/t%2F1/reRun"] = "!409 the process is not in debug mode"
	got = post("reRun", `{"regionId":"9"}`, "{}")
	require.Equal(t, http.StatusConflict, got.status)
	require.Contains(t, got.text, "the process is not in debug mode")
	require.Contains(t, got.body, "&#34;9&#34;", "what was entered is kept")
	require.Contains(t, visit(t, failedTask(false), "/console/tasks/t%2F1/reRun").text, "Only a failed task of a process in debug mode runs again.")
	require.Contains(t, visit(t, failedTask(true).with(fixture{"GET /stone/DemoStone": "!404 none"}), "/console/tasks/t%2F1/reRun").text, "they are not checked")
}

func TestBulkPages(t *testing.T) {
	t.Parallel()
	one := func(id, status string, debug bool) string {
		return strings.Replace(taskJSON("task "+id, status, debug), `"t/1"`, fmt.Sprintf("%q", id), 1)
	}
	api := &sent{fixture: fixture{
		"GET /task":   "[" + one("a", "start.failed", true) + "," + one("b", "start.failed", false) + "," + one("c", "start.begin", true) + "]",
		"GET /task/a": one("a", "start.failed", true), "GET /task/b": one("b", "start.failed", false),
		"PUT /task/a/reRun": one("a", "produce.success", true), "PUT /task/b/reRun": "!409 task b is not in debug mode",
	}}
	got := visit(t, api, "/console/bulk?do=reRun&search=stone%3DDemoStone")
	require.Contains(t, got.text, "3 tasks were looked at.")
	require.Contains(t, got.text, "1 of them take this. 2 do not as they stand")
	require.Contains(t, got.body, `<input type="hidden" name="task" value="a">`)
	require.NotContains(t, got.body, `name="task" value="b"`)
	require.Contains(t, visit(t, api, "/console/bulk?do=cancel&search=").text, "1 of them take this.")
	require.Contains(t, visit(t, api, "/console/bulk?do=reRun&task=b").text, "None of them takes this")
	require.Contains(t, visit(t, fixture{"GET /task": "[]"}, "/console/bulk?do=resume").text, "None of them takes this")
	require.Equal(t, http.StatusBadRequest, visit(t, api, "/console/bulk?do=explode").status)
	require.Equal(t, http.StatusBadRequest, visit(t, api, "/console/bulk?do=cancel&search=%25").status)
	require.Empty(t, api.calls)

	got = ask(t, api, http.MethodPost, "/console/bulk", url.Values{"do": {"reRun"}, "queueType": {"start"}, "task": {"a", "b"}, "back": {"/console/tasks?stone=DemoStone"}})
	require.Contains(t, got.text, "1 tasks took it. 1 did not: b : task b is not in debug mode")
	require.Contains(t, got.body, `href="/console/tasks?stone=DemoStone"`)
	require.Len(t, api.calls, 2)
	for _, form := range []url.Values{{"do": {"explode"}, "task": {"a"}}, {"do": {"cancel"}}} {
		require.Equal(t, http.StatusBadRequest, ask(t, api, http.MethodPost, "/console/bulk", form).status)
	}
}

func TestLetters(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal([]byte(`{"params":{"password":"******","名":"值"}}`)) // base64
	require.NoError(t, err)
	letter := fmt.Sprintf(`{"seq":7,"subject":"rs.dlq.DemoStone","time":"2026-11-21T09:00:00.000000Z","reason":"no such stone <x>","taskId":"t/1","bytes":%s,"size":44,"digest":null}`, raw)
	hidden := `{"seq":8,"subject":"rs.events","time":"2026-11-21T09:00:00.000000Z","reason":null,"taskId":null,"bytes":null,"size":3,"digest":"abcd","stream":"RS_EVENTS"}`
	got := visit(t, fixture{"GET /deadletter": "[" + letter + "," + hidden + "]"}, "/console/letters?stone=DemoStone&taskId=t/1")
	for _, want := range []string{"no such stone <x>", "Redrive …", `名 : "值"`, "******", "abcd", "44 bytes", "2 found"} {
		require.Contains(t, got.text, want)
	}
	require.Contains(t, visit(t, fixture{"GET /deadletter": "[]"}, "/console/letters").text, "There is none: all is well.")
	got = visit(t, fixture{"GET /quarantine": ">[" + hidden + "]"}, "/console/letters?of=quarantine")
	require.Contains(t, got.text, "RS_EVENTS")
	require.NotContains(t, got.text, "Redrive")
	require.Equal(t, http.StatusServiceUnavailable, visit(t, fixture{"GET /deadletter": "!503 NATS can not answer now"}, "/console/letters").status)
}

func TestCallbacks(t *testing.T) {
	t.Parallel()
	id := "6e2c7a52-0000-4000-8000-000000000001"
	deliver := func(name, state string) string {
		return fmt.Sprintf(`{"id":%q,"taskId":"t/1","processInstanceId":"p 1","name":%q,"stone":"S","event":"ended","status":"start.failed","attempt":1,"time":"2026-11-21T09:00:00.000000Z","kind":"webhook","url":"https://o.example/?******","state":%q,"tries":3,"nextTry":null,"problem":"502 <bad>"}`, id, name, state)
	}
	api := &sent{fixture: calm.with(fixture{
		"GET /callback?size=50": "[" + deliver("first <b>", "done") + "," + deliver("名", "givenUp") + "," + deliver("m", "parked") + "," + deliver("m", "due") + "]",
		"GET /callback?processInstanceId=p+1&size=50&start=50&state=givenUp&taskId=t%2F1": ">[" + strings.TrimSuffix(strings.Repeat(deliver("m", "givenUp")+",", 50), ",") + "]",
		"GET /callback?size=50&taskId=none":                                               "[]",
		"GET /task/" + id:                                                                 taskJSON("m", "start.failed", false), "PUT /task/" + id + "/callbacks/replay": "[]",
	})}
	got := visit(t, api, "/console/callbacks?state=whatever&start=-1")
	for _, want := range []string{"✓ told", "✕ given up", "⏸ parked", "◷ to be told", "502 <bad>", "https://o.example/?******", "first <b> t/1", "名", "4 found", "Tell it again"} {
		require.Contains(t, got.text, want)
	}
	require.Contains(t, got.body, `<a href="/console/tasks/t%2F1"`)
	got = visit(t, api, "/console/callbacks?taskId=t/1&processInstanceId=p%201&state=givenUp&start=50")
	require.Contains(t, got.body, `<option value="givenUp" selected>given up</option>`)
	for _, want := range []string{`href="/console/callbacks?processInstanceId=p&#43;1&amp;start=100&amp;state=givenUp&amp;taskId=t%2F1" rel="next"`, `state=givenUp&amp;taskId=t%2F1" rel="prev"`} {
		require.Contains(t, got.body, want)
	}
	require.Contains(t, visit(t, api, "/console/callbacks?taskId=none").text, "Nothing found.")
	require.Contains(t, visit(t, fixture{"GET /callback": "[]"}, "/console/callbacks").text, "Nothing was to be told")
	require.Equal(t, http.StatusServiceUnavailable, visit(t, fixture{"GET /callback": "!503 away"}, "/console/callbacks").status)
	got = ask(t, api, http.MethodPost, "/console/callbacks/"+id+"/replay", url.Values{})
	require.Equal(t, "/console/callbacks?done=callback.replay&taskId=t%2F1", sorted(got.header.Get("Location")))
	require.Len(t, api.calls, 1)
}

// sorted writes the parameters of an address in the order of their names.
func sorted(address string) string {
	path, query, _ := strings.Cut(address, "?")
	q, _ := url.ParseQuery(query)
	return path + "?" + q.Encode()
}
