package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const stoneJSON = `{"code":"DemoStone","displayName":"Demo <b>","description":"shows & tells","service":null,"version":"1.2","methods":["start","cancel"],
"params":[{"name":"regionId","type":"string","required":true,"allowedPattern":"[0-9]+","minLength":1},{"name":"pin","type":"string","noEcho":true}],
"outputs":[{"name":"id","description":null}],"declared":true,
"workers":[{"worker":"w1","host":"h","version":"1.2","businessKey":null,"concurrency":4,"lastFetch":"2026-11-21T09:00:00.000000Z","live":true}],
"backlog":{"start":3,"monitor":0,"rollback":0,"delete":0,"cancel":1,"mock":0},"oldestWaiting":"2026-11-21T08:00:00.000000Z","paused":false}`

// taskJSON is a task of the name given.
func taskJSON(name, status string, debug bool) string {
	return fmt.Sprintf(`{"id":"6e2c7a52-0000-4000-8000-000000000001","processInstanceId":"p 1","taskId":"t/1","name":%q,"namespace":"machine","stone":"DemoStone",
"createTime":"2026-11-21 09:00:00","endTime":%s,"status":%q,"reason":null,"params":"{\"regionId\":\"701\",\"big\":12345678901234567890,\"password\":\"******\"}","outputs":"{}",
"progress":42,"queueType":"start","attempt":2,"businessKey":null,"debug":%v,"notBefore":null,"updateTime":"2026-11-21T09:00:01.000000Z"}`, name, ended(status), status, debug)
}

func ended(status string) string {
	if strings.HasSuffix(status, ".begin") || status == "produce.success" {
		return "null"
	}
	return `"2026-11-21 09:00:01"`
}

var calm = fixture{
	"GET /stone":           "[" + stoneJSON + "]",
	"GET /stone/DemoStone": stoneJSON,
	"GET /task":            "[" + taskJSON("machine", "start.failed", false) + "]",
	"GET /deadletter":      "[]",
	"GET /readyz":          `{"status":"ok","checks":{"store":"ok","nats":"ok"}}`,
}

func TestFrame(t *testing.T) {
	t.Parallel()
	got := visit(t, calm, "/console/")
	require.Equal(t, http.StatusOK, got.status)
	policy := got.header.Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'self'")
	require.NotContains(t, policy, "unsafe")
	require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Contains(t, got.body, `aria-current="page"`)
	require.Contains(t, got.text, "Tasks")
	require.Contains(t, got.body, `<a href="/docs">`)
	require.Contains(t, got.body, `<a href="/asyncapi.yaml">`)

	moved := visit(t, calm, "/console")
	require.Equal(t, "/console/", moved.header.Get("Location"))
	nowhere := visit(t, calm, "/console/nowhere")
	require.Equal(t, http.StatusNotFound, nowhere.status)
	require.Contains(t, nowhere.text, "there is no such page")
}

// All assets that a page names are there, to be kept for ever.
func TestAssets(t *testing.T) {
	t.Parallel()
	page := visit(t, calm, "/console/").body
	n := 0
	for part := range strings.SplitSeq(page, `"`) {
		if !strings.HasPrefix(part, "/console/assets/") {
			continue
		}
		n++
		got := visit(t, calm, part)
		require.Equal(t, http.StatusOK, got.status, part)
		require.Contains(t, got.header.Get("Cache-Control"), "immutable", part)
		require.Equal(t, http.StatusNotModified, visit(t, calm, part, "If-None-Match", got.header.Get("ETag")).status)
	}
	require.GreaterOrEqual(t, n, 5)
	require.Equal(t, http.StatusNotFound, visit(t, calm, "/console/assets/none.js").status)
	require.Equal(t, "no-cache", visit(t, calm, "/console/assets/console.css").header.Get("Cache-Control"))
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	for accept, tag := range map[string]string{
		"": "en", "zh-CN,zh;q=0.9,en;q=0.8": "zh-CN", "zh-TW": "zh-CN", "de, en;q=0.5, zh;q=0.4": "en", "en;q=0, zh;q=0.1": "zh-CN", "fr": "en",
	} {
		require.Contains(t, visit(t, calm, "/console/", "Accept-Language", accept).body, `<html lang="`+tag+`"`, accept)
	}
	got := ask(t, calm, http.MethodPost, "/console/language", url.Values{"to": {"zh-CN"}, "back": {"/console/tasks?stone=x"}})
	require.Equal(t, http.StatusSeeOther, got.status)
	require.Equal(t, "/console/tasks?stone=x", got.header.Get("Location"))
	cookie, _, _ := strings.Cut(got.header.Get("Set-Cookie"), ";")
	require.Contains(t, visit(t, calm, "/console/", "Cookie", cookie).text, "概览")
	for _, away := range []string{"https://evil.example/", "//evil.example/console/", `/console/\evil`, "/task", "/consolex"} {
		got := ask(t, calm, http.MethodPost, "/console/language", url.Values{"to": {"en"}, "back": {away}})
		require.Equal(t, "/console/", got.header.Get("Location"), away)
	}
	require.Equal(t, http.StatusBadRequest, ask(t, calm, http.MethodPost, "/console/language", url.Values{"to": {"de"}}).status)
}

// A form of another site is refused.
func TestForgery(t *testing.T) {
	t.Parallel()
	api := calm.with(fixture{"PUT /stone/DemoStone/pause": stoneJSON})
	own := ask(t, api, http.MethodPost, "/console/stones/DemoStone/pause", url.Values{}, "Sec-Fetch-Site", "same-origin")
	require.Equal(t, http.StatusSeeOther, own.status)
	require.Equal(t, "/console/stones/DemoStone?done=stone.pause", own.header.Get("Location"))
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "", "Origin", "https://evil.example"}} {
		got := ask(t, api, http.MethodPost, "/console/stones/DemoStone/pause", url.Values{}, header...)
		require.Equal(t, http.StatusForbidden, got.status, header)
		require.Contains(t, got.text, "sent by a page of another site")
		require.Empty(t, got.header.Get("Set-Cookie"), "the visitor's pages would not count any more")
		require.NotContains(t, got.body, "<form")
	}
}

// The API is asked on behalf of the visitor, and with nothing else of the request.
func TestOnBehalf(t *testing.T) {
	t.Parallel()
	var seen []http.Header
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header)
		calm.ServeHTTP(w, r)
	})
	visit(t, api, "/console/stones", "Authorization", "Bearer abc", "Cookie", "a=1; riverstones_token=x; b=\"2\"", "X-Request-Id", "r1", "Hx-Request", "true")
	require.Len(t, seen, 1)
	require.Equal(t, "Bearer abc", seen[0].Get("Authorization"))
	require.Equal(t, "r1", seen[0].Get("X-Request-Id"))
	require.Equal(t, `a=1; b="2"`, seen[0].Get("Cookie"), "what is the console's own stays with it")
	require.Empty(t, seen[0].Get("Hx-Request"))
}

func TestOverview(t *testing.T) {
	t.Parallel()
	got := visit(t, calm, "/console/")
	for _, want := range []string{"Commands waiting 4", "Live workers 1", "All parts work.", "a minute", "machine", "2026-11-21 08:00:00"} {
		require.Contains(t, got.text, want)
	}
	require.Contains(t, got.body, "<svg")
	// Nothing yet.
	require.NotContains(t, got.text, "silent")
	got = visit(t, fixture{"GET /stone": "[]", "GET /task": "[]", "GET /deadletter": "[]"}, "/console/")
	require.Contains(t, got.text, "No stone is known yet")
	require.Contains(t, got.text, "No task of the last 24 hours has failed.")
	require.Contains(t, got.text, "No task was made in the last hour.")
	// More than is counted.
	require.Contains(t, visit(t, calm.with(fixture{"GET /task": ">[]"}), "/console/").text, "> 100 000")
	// Parts that are away are named, and the others shown.
	got = visit(t, calm.with(fixture{
		"GET /task": "!503 the database can not answer now", "GET /readyz": `{"status":"unavailable","checks":{"store":"the database does not answer","nats":"ok"}}`,
	}), "/console/")
	require.Equal(t, http.StatusOK, got.status)
	require.Contains(t, got.text, "the database can not answer now")
	require.Contains(t, got.text, "the database does not answer")
	require.Contains(t, got.text, "Commands waiting 4")
	require.NotContains(t, got.text, "has failed.")
}

func TestStones(t *testing.T) {
	t.Parallel()
	got := visit(t, calm, "/console/stones")
	require.Contains(t, got.text, "DemoStone Demo <b>")
	require.Contains(t, visit(t, fixture{"GET /stone": "[]"}, "/console/stones").text, "No stone is known yet")
	got = visit(t, fixture{"GET /stone": "!503 the queue is away"}, "/console/stones")
	require.Equal(t, http.StatusServiceUnavailable, got.status)
	require.Contains(t, got.text, "the queue is away")
	require.Contains(t, got.text, "0123abcd")
	require.Contains(t, got.body, `http-equiv="refresh"`)

	got = visit(t, calm, "/console/stones/DemoStone?done=stone.pause")
	for _, want := range []string{"The stone is paused.", "regionId", "required", "[0-9]+", "at least 1 characters", "secret", "w1", "shows & tells", "cancel 1", "t/1"} {
		require.Contains(t, got.text, want)
	}
	require.Contains(t, got.body, "/console/tasks/t%2F1")
	require.Contains(t, got.body, `data-events="stone=DemoStone"`)
	require.NotContains(t, visit(t, calm, "/console/stones/DemoStone?done=evil").text, "evil")
	require.Equal(t, http.StatusNotFound, visit(t, calm, "/console/stones/None").status)
	bare := strings.NewReplacer(`"declared":true`, `"declared":false`).Replace(stoneJSON)
	got = visit(t, calm.with(fixture{"GET /stone/DemoStone": bare}), "/console/stones/DemoStone")
	require.Contains(t, got.text, "never announced")
	require.NotContains(t, got.text, "Pause")
}

func TestTasks(t *testing.T) {
	t.Parallel()
	got := visit(t, calm, "/console/tasks")
	require.Contains(t, got.text, "machine t/1")
	require.Contains(t, got.text, "1 found")
	require.Contains(t, got.body, `data-every="5"`)
	require.Contains(t, visit(t, fixture{"GET /task": "[]"}, "/console/tasks?name=x").text, "Nothing found.")

	got = visit(t, fixture{"GET /task": "!400 name must be 1 to 255 characters"}, "/console/tasks?name=%3Cscript%3E&stone=s")
	require.Equal(t, http.StatusBadRequest, got.status)
	require.Contains(t, got.text, "name must be 1 to 255 characters")
	require.Contains(t, got.body, `value="&lt;script&gt;"`)
	got = visit(t, calm, "/console/tasks?createdAfter=yesterday")
	require.Equal(t, http.StatusBadRequest, got.status)
	require.Contains(t, got.text, "createdAfter must be a time")
	require.Equal(t, http.StatusServiceUnavailable, visit(t, fixture{"GET /task": "!503 away"}, "/console/tasks").status)

	many := ">[" + strings.Repeat(taskJSON("机器 🚀 \u202e", "start.begin", true)+",", 49) + taskJSON("x", "canceled", false) + "]"
	got = visit(t, fixture{"GET /task": many}, "/console/tasks?stone=DemoStone&start=50")
	require.Contains(t, got.text, "more than 100 000 found · 51 to 100")
	require.Contains(t, got.text, "机器 🚀")
	require.Contains(t, got.body, "start=100")
	require.Contains(t, got.body, `data-events="stone=DemoStone"`)
	got = visit(t, fixture{"GET /task": many}, "/console/tasks?start=99999999")
	require.Contains(t, got.text, "Pages end here")
}
