package gateway_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

func TestPublishAndRead(t *testing.T) {
	t.Parallel()
	each(t, options{}, func(t *testing.T, s *system) {
		created := s.post(t, body("2912516"))
		require.Equal(t, 201, created.status, "%s", created.body)
		one := decode[shown](t, created)
		require.Equal(t, "produce.success", one.Status)
		require.Equal(t, `{"regionId":"701"}`, one.Params)
		require.Equal(t, "{}", one.Outputs)
		require.Equal(t, "start", one.QueueType)
		require.Equal(t, 1, one.Attempt)
		require.Nil(t, one.EndTime)
		require.Nil(t, one.BusinessKey)

		for _, path := range []string{"/task/2912516", "/task/" + one.ID} {
			got := s.get(t, path)
			require.Equal(t, 200, got.status)
			same := decode[shown](t, got)
			same.UpdateTime = one.UpdateTime
			require.Equal(t, one, same)
			head := s.do(t, http.MethodHead, path, "")
			require.Equal(t, 200, head.status)
			require.Empty(t, head.body)
		}
		again := s.post(t, body("2912516"))
		require.Equal(t, 200, again.status)
		require.Equal(t, one.ID, decode[shown](t, again).ID)
		conflict := s.post(t, strings.Replace(body("2912516"), "701", "702", 1))
		require.Equal(t, 409, conflict.status)
		require.Contains(t, conflict.Exception, "params differs")

		history := decode[[]map[string]any](t, s.get(t, "/task/2912516/history"))
		require.Len(t, history, 1)
		require.Equal(t, "produce.success", history[0]["status"])
		require.Len(t, history[0], 6)
		require.Contains(t, history[0]["time"], "Z")
		require.Equal(t, left{1, 1}, s.left(t))
		list := s.get(t, "/task?processInstanceId=2910431")
		require.Equal(t, 200, list.status)
		require.Equal(t, "1", list.header.Get("X-Total-Count"))
		require.Len(t, decode[[]shown](t, list), 1)
	})
}

func TestSeedSampleIsMasked(t *testing.T) {
	t.Parallel()
	s := setup(t, options{gateway: gateway.Config{Zone: time.FixedZone("CST", 8*3600)}})
	raw, err := os.ReadFile("rest/testdata/seed.json")
	require.NoError(t, err)
	var seed []struct{ Params string }
	require.NoError(t, json.Unmarshal(raw, &seed))
	asString, err := json.Marshal(seed[0].Params)
	require.NoError(t, err)
	got := s.post(t, strings.Replace(body("2912516"), `{"regionId":"701"}`, string(asString), 1))
	require.Equal(t, 201, got.status, "%s", got.body)
	for _, r := range []response{got, s.get(t, "/task/2912516"), s.get(t, "/task?taskId=2912516")} {
		require.NotContains(t, string(r.body), "LPP$o3P8")
		require.NotContains(t, string(r.body), "eyJ1c2VyZGF0YSI6ImFIUjBjRG92THpFd0xqSXdNaTQzTUM0eCIsImluc3RhbmNlSWQiOiJkMzljMDZkYi0zZWU2LTRlZDgtOTdlNy0yNjQ3MzRkY2ZkYzYiLCJzZWNyZXRLZXkiOiJNVGt6")
		require.Regexp(t, `KeyName\\*":\\*"\\*"`, string(r.body))
	}
	cmd, err := queue.ParseCommand(s.server.Messages(t, queue.StreamTasks, 1)[0].Data)
	require.NoError(t, err)
	var want bytes.Buffer
	require.NoError(t, json.Compact(&want, []byte(seed[0].Params)))
	require.Equal(t, want.String(), string(cmd.Params), "the stone gets them in clear")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t, options{gateway: gateway.Config{MaxBody: 300 << 10}})
	require.Equal(t, 201, s.post(t, body("taken")).status)
	before := s.left(t)
	big := `{"a":"` + strings.Repeat("x", 400<<10) + `"}`
	for name, c := range map[string]struct {
		method, path, body string
		header             []string
		status             int
		says               string
	}{
		"no filter":            {"GET", "/task", "", nil, 400, "processInstanceId is missing"},
		"paging alone":         {"GET", "/task?start=0&size=10&sort=createTime&order=asc", "", nil, 400, "processInstanceId is missing"},
		"size 0":               {"GET", "/task?processInstanceId=1&size=0", "", nil, 400, "size"},
		"size 1001":            {"GET", "/task?processInstanceId=1&size=1001", "", nil, 400, "size"},
		"start":                {"GET", "/task?processInstanceId=1&start=-1", "", nil, 400, "start"},
		"status":               {"GET", "/task?status=done", "", nil, 400, "status"},
		"time":                 {"GET", "/task?createdAfter=today", "", nil, 400, "createdAfter"},
		"sort":                 {"GET", "/task?processInstanceId=1&sort=name", "", nil, 400, "sort"},
		"order":                {"GET", "/task?processInstanceId=1&order=up", "", nil, 400, "order"},
		"empty process":        {"GET", "/task?processInstanceId=", "", nil, 400, "processInstanceId"},
		"unknown task":         {"GET", "/task/3795504", "", nil, 404, "task 3795504 does not exist"},
		"history of unknown":   {"GET", "/task/3795504/history", "", nil, 404, "task 3795504"},
		"log of unknown":       {"GET", "/task/3795504/log", "", nil, 404, "task 3795504"},
		"notes":                {"GET", "/task/taken/history?notes=maybe", "", nil, 400, "notes"},
		"size of log":          {"GET", "/task/taken/log?size=1001", "", nil, 400, "size"},
		"long taskId":          {"GET", "/task/" + strings.Repeat("x", 300), "", nil, 404, "255"},
		"control character":    {"GET", "/task/a%00b", "", nil, 400, "control characters"},
		"unknown path":         {"GET", "/tasks", "", nil, 404, "path"},
		"wrong method":         {"DELETE", "/task", "", nil, 405, "Allow"},
		"wrong method on task": {"POST", "/task/taken", "{}", nil, 405, "Allow"},
		"no body":              {"POST", "/task", "", []string{"Content-Type", "application/json"}, 400, "empty"},
		"text":                 {"POST", "/task", "x", []string{"Content-Type", "text/plain"}, 415, "application/json"},
		"no JSON":              {"POST", "/task", "{", nil, 400, "not valid JSON"},
		"a string":             {"POST", "/task", `"x"`, nil, 400, "must be a task"},
		"null":                 {"POST", "/task", `null`, nil, 400, "must be a task"},
		"nothing":              {"POST", "/task", "{}", nil, 400, "processInstanceId is missing; taskId is missing; stone is missing"},
		"unknown fields":       {"POST", "/task", `{"status":"x","epoch":2}`, nil, 400, `unknown field "status"; unknown field "epoch"`},
		"number as taskId":     {"POST", "/task", `{"taskId":5}`, nil, 400, "taskId must be a string"},
		"twice":                {"POST", "/task", `{"taskId":"a","taskId":"b"}`, nil, 400, "duplicate"},
		"retry":                {"POST", "/task", `{"retry":{"maxAttempts":0,"x":1}}`, nil, 400, `retry.maxAttempts must be a whole number between 1 and 1000; unknown field "retry.x"`},
		"retry type":           {"POST", "/task", `{"retry":3}`, nil, 400, "retry must be an object"},
		"empty array":          {"POST", "/task", `[]`, nil, 400, "1 to 1000"},
		"long array":           {"POST", "/task", "[" + strings.Repeat("{},", 1000) + "{}]", nil, 400, "1 to 1000"},
		"array of numbers":     {"POST", "/task", `[1]`, nil, 400, "task 0: must be an object"},
		"types in array":       {"POST", "/task", `[{},{"stone":1}]`, nil, 400, "task 1: stone must be a string"},
		"one bad":              {"POST", "/task", "[" + body("a") + `,{"stone":"S","taskId":"b"}]`, nil, 400, "task 1: processInstanceId is missing"},
		"one taskId twice":     {"POST", "/task", "[" + body("a") + "," + body("b") + "," + body("a") + "]", nil, 400, "task 2: taskId is that of task 0"},
		"one conflict":         {"POST", "/task", "[" + body("a") + "," + strings.Replace(body("taken"), "701", "1", 1) + "]", nil, 409, "task 1: taskId taken"},
		"body too large":       {"POST", "/task", strings.Replace(body("l"), `{"regionId":"701"}`, big, 1), nil, 413, "307200"},
		"deep":                 {"POST", "/task", strings.Replace(body("d"), `"701"`, strings.Repeat("[", 64)+strings.Repeat("]", 64), 1), nil, 400, "deeper than 64"},
		"very deep":            {"POST", "/task", strings.Repeat("[", 50_000), nil, 400, "task 0: must be an object"},
		"delay":                {"POST", "/task", `{"delay":"5s","notBefore":"2026-01-01T00:00:00Z","callback":{"url":"x"},"debug":true}`, nil, 400, "delay and notBefore exclude each other"},
	} {
		t.Log(name)
		got := s.do(t, c.method, c.path, c.body, c.header...)
		require.Equal(t, c.status, got.status, "%s", got.body)
		if name != "very deep" {
			require.Contains(t, got.Exception, c.says)
		}
		require.Equal(t, before, s.left(t), "a refused request left something behind")
	}
}

func TestArray(t *testing.T) {
	t.Parallel()
	each(t, options{}, func(t *testing.T, s *system) {
		two := "[" + body("a") + "," + body("b") + "]"
		got := s.post(t, two)
		require.Equal(t, 201, got.status, "%s", got.body)
		tasks := decode[[]shown](t, got)
		require.Equal(t, "a", tasks[0].TaskID)
		require.Equal(t, "b", tasks[1].TaskID)
		require.Equal(t, 200, s.post(t, two).status)
		require.Equal(t, 201, s.post(t, "["+body("b")+","+body("c")+"]").status)
		require.Equal(t, left{3, 3}, s.left(t))
		one := s.post(t, "["+body("d")+"]")
		require.Equal(t, 201, one.status)
		require.Len(t, decode[[]shown](t, one), 1)
	})
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	each(t, options{}, func(t *testing.T, s *system) {
		begin := time.Now().UTC().Add(-time.Minute).Format(time.RFC3339)
		end := time.Now().UTC().Add(time.Minute).Format(time.RFC3339)
		for i := range 60 {
			require.Equal(t, 201, s.post(t, fmt.Sprintf(`{"processInstanceId":"p%d","taskId":"t%02d","name":"n%d","namespace":"ns","stone":"S%d","businessKey":"k%d"}`,
				i%2, i, i%3, i%4, i%5)).status)
		}
		for query, c := range map[string]struct{ total, n int }{
			"processInstanceId=p0": {30, 30}, "processInstanceId=none": {0, 0}, "taskId=t07": {1, 1}, "name=n1": {20, 20}, "namespace=ns": {60, 50},
			"stone=S3": {15, 15}, "businessKey=k4": {12, 12}, "status=produce.success": {60, 50}, "status=failed": {0, 0},
			"status=failed&status=produce.success&size=1000": {60, 60}, "namespace=ns&size=7&start=56": {60, 4}, "createdAfter=" + begin: {60, 50},
			"createdBefore=" + begin: {0, 0}, "createdAfter=" + begin + "&createdBefore=" + end + "&stone=S1&unknown=1": {15, 15},
			"processInstanceId=p1&size=3": {30, 3}, "processInstanceId=p1&start=28": {30, 2}, "processInstanceId=p0&stone=S1": {0, 0},
		} {
			got := s.get(t, "/task?"+query)
			require.Equal(t, 200, got.status, query)
			require.Equal(t, fmt.Sprint(c.total), got.header.Get("X-Total-Count"), query)
			require.Len(t, decode[[]shown](t, got), c.n, query)
		}
		require.Equal(t, "[]\n", string(s.get(t, "/task?processInstanceId=none").body))
		up, down := decode[[]shown](t, s.get(t, "/task?processInstanceId=p1")), decode[[]shown](t, s.get(t, "/task?processInstanceId=p1&order=desc"))
		require.Equal(t, "t01", up[0].TaskID)
		require.Equal(t, "t59", down[0].TaskID)
	})
}

func TestOddIDs(t *testing.T) {
	t.Parallel()
	each(t, options{}, func(t *testing.T, s *system) {
		for id, path := range map[string]string{
			"a/b": "a%2Fb", "a%2Fb": "a%252Fb", "任务 1": "%E4%BB%BB%E5%8A%A1%201", "a?b#c": "a%3Fb%23c", "..": "%2E%2E", "history": "history",
			"a/history": "a%2Fhistory", "a+b": "a+b", `"<>\`: "%22%3C%3E%5C", "a;b": "a;b", strings.Repeat("ä", 255): strings.Repeat("%C3%A4", 255),
		} {
			require.Equal(t, 201, s.post(t, body(id)).status, id)
			for _, tail := range []string{"", "/history", "/log"} {
				got := s.get(t, "/task/"+path+tail)
				require.Equal(t, 200, got.status, "%s%s: %s", path, tail, got.body)
				if tail == "" {
					require.Equal(t, id, decode[shown](t, got).TaskID)
				}
			}
		}
	})
}

func TestStonesWorkShowsInHistoryAndLog(t *testing.T) {
	t.Parallel()
	each(t, options{}, func(t *testing.T, s *system) {
		require.Equal(t, 201, s.post(t, body("t")).status)
		cmd, err := queue.ParseCommand(s.server.Messages(t, queue.StreamTasks, 1)[0].Data)
		require.NoError(t, err)
		p, err := queue.NewPublisher(s.nc, queue.PublisherConfig{})
		require.NoError(t, err)
		now, half := time.Now().UTC(), 50
		event := queue.Event{Names: cmd.Names, Method: task.Start, Epoch: 1, Delivery: 1, Worker: "w", Progress: &half,
			Transitions: []queue.Transition{{Status: task.StartBegin, Time: now}, {Status: task.StartFailed, Time: now, Reason: `{"password":"hunter2"}`}},
			Outputs:     []byte(`{"token":"hunter2","id":7}`),
			Log:         []queue.LogLine{{Time: now, Level: "info", Line: "one"}, {Time: now, Level: "warn", Line: `{"apiKey":"hunter2"}`}}}
		require.NoError(t, p.PublishEvents(t.Context(), "MachineStone", []queue.Event{event}))
		repeat := event
		repeat.Transitions, repeat.Log, repeat.Progress = []queue.Transition{{Status: task.StartSuccess, Time: now, Final: true}}, nil, nil
		require.NoError(t, p.PublishEvents(t.Context(), "MachineStone", []queue.Event{repeat}))

		var one shown
		require.Eventually(t, func() bool {
			one = decode[shown](t, s.get(t, "/task/t"))
			return one.Status == "start.failed"
		}, 10*time.Second, 10*time.Millisecond)
		require.Equal(t, `{"password":"******"}`, *one.Reason)
		require.Equal(t, `{"token":"******","id":7}`, one.Outputs)
		require.Equal(t, 50, *one.Progress)
		require.NotNil(t, one.EndTime)
		require.Eventually(t, func() bool {
			return len(decode[[]map[string]any](t, s.get(t, "/task/t/history?notes=true"))) == 4
		}, 10*time.Second, 10*time.Millisecond)

		history := decode[[]map[string]any](t, s.get(t, "/task/t/history"))
		require.Len(t, history, 3)
		require.Equal(t, "start.begin", history[1]["status"])
		require.Equal(t, "w", history[1]["worker"])
		require.EqualValues(t, 1, history[1]["delivery"])
		require.Equal(t, `{"password":"******"}`, history[2]["reason"])
		require.NotContains(t, history[2], "note")

		log := decode[[]map[string]any](t, s.get(t, "/task/t/log"))
		require.Len(t, log, 2)
		require.Equal(t, "one", log[0]["line"])
		require.Equal(t, `{"apiKey":"******"}`, log[1]["line"])
		require.Equal(t, "warn", log[1]["level"])
		require.EqualValues(t, 1, log[1]["attempt"])
		require.Len(t, decode[[]map[string]any](t, s.get(t, "/task/t/log?start=1&size=1")), 1)
		require.Equal(t, 200, s.get(t, "/task?status=failed").status)
		require.Equal(t, "1", s.get(t, "/task?status=failed").header.Get("X-Total-Count"))
	})
}

func TestQueueOutage(t *testing.T) {
	t.Parallel()
	each(t, options{}, func(t *testing.T, s *system) {
		ready := func() bool { return s.get(t, "/readyz").status == 200 }
		require.Eventually(t, ready, 20*time.Second, 10*time.Millisecond)
		s.server.Stop(t)
		got := s.post(t, body("t"))
		require.Equal(t, 503, got.status)
		require.Contains(t, got.Exception, "task t was not published")
		require.NotEmpty(t, got.header.Get("Retry-After"))
		one := decode[shown](t, s.get(t, "/task/t"))
		require.Equal(t, "produce.failed", one.Status)
		require.NotNil(t, one.Reason)
		require.NotNil(t, one.EndTime)
		require.Equal(t, 503, s.get(t, "/readyz").status)
		require.Equal(t, 200, s.get(t, "/healthz").status)
		s.server.Restart(t)
		require.Eventually(t, func() bool {
			status := s.post(t, body("t")).status
			return status == 200 || status == 201 // 202 says that the recorder is not back yet
		}, 20*time.Second, 10*time.Millisecond)
		require.Equal(t, "produce.success", decode[shown](t, s.get(t, "/task/t")).Status)
		require.Eventually(t, ready, 20*time.Second, 10*time.Millisecond)
	})
}

func TestStoreOutage(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	require.Equal(t, 201, s.post(t, body("t")).status)
	s.store.off.Store(true)
	for _, path := range []string{"/task/t", "/task?taskId=t", "/task/t/history", "/task/t/log"} {
		got := s.get(t, path)
		require.Equal(t, 503, got.status)
		require.NotEmpty(t, got.header.Get("Retry-After"))
		require.NotContains(t, string(got.body), "pq:")
	}
	ready := s.get(t, "/readyz")
	require.Equal(t, 503, ready.status)
	require.Contains(t, string(ready.body), `"store":"the database does not answer","nats":"ok"`)
	require.Equal(t, `{"status":"ok"}`, strings.TrimSpace(string(s.get(t, "/healthz").body)))
	require.Equal(t, 201, s.post(t, body("t2")).status, "tasks are accepted all the same")
}

func TestNotRecordedYet(t *testing.T) {
	t.Parallel()
	each(t, options{silent: true, gateway: gateway.Config{Patience: 20 * time.Millisecond}}, func(t *testing.T, s *system) {
		require.Equal(t, 202, s.post(t, body("t")).status)
		require.Equal(t, 202, s.post(t, body("t")).status, "a reader does not find it yet")
		require.Equal(t, 409, s.post(t, strings.Replace(body("t"), "701", "1", 1)).status)
		require.Equal(t, left{1, 0}, s.left(t))
	})
}

func TestBacklog(t *testing.T) {
	t.Parallel()
	s := setup(t, options{gateway: gateway.Config{BacklogLimit: 2}})
	require.Equal(t, 201, s.post(t, body("1")).status)
	require.Equal(t, 201, s.post(t, body("2")).status)
	got := s.post(t, body("3"))
	require.Equal(t, 429, got.status)
	require.Equal(t, "1", got.header.Get("Retry-After"))
	require.Contains(t, got.Exception, "MachineStone")
	require.Equal(t, left{2, 2}, s.left(t))
}

// raw sends bytes as they are and returns the first status line, then whether
// the server closed the connection.
func (s *system) raw(t *testing.T, text string) (status string, closed bool) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = conn.Write([]byte(text))
	require.NoError(t, err)
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	_ = resp.Body.Close()
	if _, err = r.ReadByte(); errors.Is(err, io.EOF) {
		closed = true
	}
	return resp.Status, closed
}

func TestSmuggling(t *testing.T) {
	t.Parallel()
	s := setup(t, options{})
	const head = "POST /task HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	status, closed := s.raw(t, head+"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	require.Contains(t, status, "400")
	require.True(t, closed, "what follows must not be read as a request")
	for _, text := range []string{
		head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		head + "Transfer-Encoding: identity, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",
	} {
		status, _ := s.raw(t, text)
		require.NotContains(t, status, "200", text)
	}
	status, _ = s.raw(t, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: "+strings.Repeat("x", 40<<10)+"\r\n\r\n")
	require.Contains(t, status, "431")
	require.Equal(t, left{}, s.left(t))
}

func TestStartAndStop(t *testing.T) {
	t.Parallel()
	_, err := gateway.New(gateway.Config{}, gateway.Deps{})
	require.Error(t, err)
	s := setup(t, options{})
	g, err := gateway.New(gateway.Config{Listen: strings.TrimPrefix(s.url, "http://")}, gateway.Deps{Store: s.store, Publisher: &queue.Publisher{}, NATS: s.nc})
	require.NoError(t, err)
	require.Empty(t, g.Addr())
	require.Error(t, g.Start(t.Context()), "the address is taken")
	require.NoError(t, g.Stop(t.Context()))
	require.Error(t, g.Start(t.Context()), "it was stopped")
}

// BenchmarkPost measures POST /task with everything behind it in this process:
// HTTP over TCP, JetStream, the recorder and SQLite.
func BenchmarkPost(b *testing.B) {
	s := setup(b, options{gateway: gateway.Config{BacklogLimit: -1}})
	var n atomic.Int64
	params := `{"data":"` + strings.Repeat("x", 1000) + `"}`
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, _ := http.NewRequest(http.MethodPost, s.url+"/task",
				strings.NewReader(strings.Replace(body(fmt.Sprint(n.Add(1))), `{"regionId":"701"}`, params, 1)))
			req.Header.Set("Content-Type", "application/json")
			resp, err := s.client.Do(req)
			if err != nil || resp.StatusCode != http.StatusCreated {
				b.Errorf("%v %v", resp, err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
	b.ReportMetric(float64(n.Load())/b.Elapsed().Seconds(), "posts/s")
}
