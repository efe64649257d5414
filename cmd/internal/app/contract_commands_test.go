package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"
)

// anew is the form of a reRun as the seed's sample sends it.
func anew(method, parameters, outputs string) url.Values {
	return url.Values{"queueType": {method}, "parameters": {parameters}, "outputs": {outputs}}
}

// steps are the statuses of a history with their attempts.
func (s stranger) steps(id, query string) (all []string) {
	s.Helper()
	for _, one := range s.get("/task/" + id + "/history" + query).is(200).array() {
		all = append(all, one["attempt"].(jsonNumber).String()+" "+one["status"].(string)) //nolint:errcheck,forcetypeassert // they are
	}
	return all
}

// What a history and a log tell.
func contractHistory(s stranger) {
	id := s.published("Clock", "params", raw(`{"do":"tell"}`))
	s.until(id, "monitor.success")
	all := s.get("/task/" + id + "/history").is(200).array()
	require.Equal(s, []string{"1 produce.success", "1 start.begin", "1 start.success", "1 monitor.begin", "1 monitor.success"}, s.steps(id, ""))
	last := ""
	for i, one := range all {
		require.Subset(s, keys(one), []string{"status", "time", "attempt", "delivery", "worker", "reason"})
		require.NotContains(s, one, "note")
		at := one["time"].(string) //nolint:errcheck,forcetypeassert // it is a string
		require.Regexp(s, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`, at)
		if i > 1 { // the queue's clock and the worker's are two
			require.GreaterOrEqual(s, at, last)
		}
		last = at
	}
	require.Nil(s, all[0]["worker"], "no worker produced it")
	require.NotEmpty(s, all[1]["worker"])

	var lines []string
	for _, one := range s.get("/task/" + id + "/log").is(200).array() {
		require.ElementsMatch(s, []string{"time", "level", "line", "attempt", "worker"}, keys(one))
		lines = append(lines, one["line"].(string)) //nolint:errcheck,forcetypeassert // it is a string
	}
	require.Equal(s, []string{"line 1", "line 2", "line 3"}, lines)
	page := s.get("/task/" + id + "/log?start=1&size=1").is(200).array()
	require.Len(s, page, 1)
	require.Equal(s, "line 2", page[0]["line"])
	s.get("/task/nobody/history").refused(404, "nobody")
	s.get("/task/nobody/log").refused(404, "nobody")
}

func keys(m map[string]any) (all []string) {
	for k := range m {
		all = append(all, k)
	}
	return all
}

// A reRun by form and by JSON: the next attempt, other params, other outputs.
func contractReRun(s stranger) {
	id := s.failed("debug", true, "outputs", raw(`{"kept":1}`))
	path := "/task/" + id + "/reRun"
	got := s.form(path, anew("start", `{}`, `{}`)).is(200).object()
	require.Equal(s, []any{"produce.success", "2", nil, nil, nil, `{"start":"fail"}`},
		[]any{got["status"], got["attempt"].(jsonNumber).String(), got["reason"], got["endTime"], got["progress"], got["params"]}, "{} keeps the params") //nolint:errcheck,forcetypeassert // a number
	require.Contains(s, got["outputs"], `"kept":1`, "outputs stay")
	s.soon(func() bool { return len(s.steps(id, "")) == 6 }, never("it is not run again"))
	s.until(id, "start.failed")

	got = s.put(path, `{"queueType":"start","parameters":{"start":"ok","mark":"json"},"outputs":{"given":true}}`).is(200).object()
	require.Equal(s, `{"start":"ok","mark":"json"}`, got["params"])
	require.Equal(s, `{"given":true}`, got["outputs"], "outputs are replaced")
	done := s.until(id, "monitor.success")
	require.JSONEq(s, `{"given":true,"start":"json","monitor":"json"}`, done["outputs"].(string)) //nolint:errcheck,forcetypeassert // it is a string
	require.Equal(s, []string{"1 produce.success", "1 start.begin", "1 start.failed", "2 produce.success", "2 start.begin", "2 start.failed",
		"3 produce.success", "3 start.begin", "3 start.success", "3 monitor.begin", "3 monitor.success"}, s.steps(id, ""))

	// The other methods, by the record's own id, with texts in JSON too.
	for method, ends := range map[string]string{"monitor": "monitor.success", "rollback": "rollback.success", "delete": "delete.success", "cancel": "cancel.success"} {
		again := s.failed("debug", true)
		record := s.get("/task/" + again).object()["id"].(string) //nolint:errcheck,forcetypeassert // it is a string
		got := s.put("/task/"+record+"/reRun", `{"queueType":"`+method+`","parameters":"{}","outputs":"{\"given\":1}"}`).is(200).object()
		require.Equal(s, method, got["queueType"])
		require.Contains(s, s.until(again, ends)["outputs"], `"given":1`)
	}
}

// What a reRun refuses, and that one of many at once wins.
func contractConflicts(s stranger) {
	id := s.failed()
	path := "/task/" + id + "/reRun"
	for says, form := range map[string]url.Values{
		"queueType must be one of":   {"parameters": {"{}"}, "outputs": {"{}"}},
		"parameters is missing":      {"queueType": {"start"}, "outputs": {"{}"}},
		"outputs is missing":         {"queueType": {"start"}, "parameters": {"{}"}},
		"parameters must be a JSON":  anew("start", "[]", "{}"),
		"outputs must be a JSON":     anew("start", "{}", "true"),
		"queueType must be one":      anew("mock", "{}", "{}"),
		"queueType must be one of s": anew("START", "{}", "{}"),
	} {
		s.form(path, form).refused(400, says)
	}
	for says, body := range map[string]string{
		"queueType must be one of":  `{"parameters":{},"outputs":{}}`,
		"parameters is missing":     `{"queueType":"start","outputs":{}}`,
		"outputs must be a JSON":    `{"queueType":"start","parameters":{},"outputs":7}`,
		"parameters must be a JSON": `{"queueType":"start","parameters":"no","outputs":{}}`,
		"queueType must be":         `{"queueType":1}`,
	} {
		s.put(path, body).refused(400, says)
	}
	s.form(path, anew("start", "{}", "{}")).refused(409, "is not in debug mode")
	s.order(id, "resume").refused(409, "is not in debug mode")
	s.form("/task/nobody/reRun", anew("start", "{}", "{}")).refused(404, "nobody")
	s.order("nobody", "resume").refused(404, "nobody")

	done := s.published("Script", "debug", true)
	s.until(done, "monitor.success")
	s.form("/task/"+done+"/reRun", anew("start", "{}", "{}")).refused(409, "only a failed task")
	s.order(done, "resume").refused(409, "failed")

	bare := s.published("Once", "debug", true, "params", raw(`{"do":"fail"}`))
	s.until(bare, "start.failed")
	s.soon(func() bool { return s.get("/stone/Once").status == http.StatusOK }, never("it is not announced"))
	s.form("/task/"+bare+"/reRun", anew("monitor", "{}", "{}")).refused(409, "no monitor")

	s.put("/process/p-"+id+"/debug", `{"debug":true}`).is(200)
	replies := make([]reply, 20)
	var all sync.WaitGroup
	for i := range replies {
		all.Go(func() { replies[i] = s.form(path, anew("start", `{"start":"hang"}`, `{}`)) })
	}
	all.Wait()
	won := 0
	for _, r := range replies {
		if r.status == http.StatusOK {
			won++
			continue
		}
		r.refused(409)
	}
	require.Equal(s, 1, won)
	s.order(id, "cancel").is(200)
	s.until(id, "cancel.success")
}

// Cancel, rollback and delete, each when it may be and when not.
func contractUndo(s stranger) {
	for _, what := range []string{"cancel", "rollback", "delete"} {
		s.order("nobody", what).refused(404, "nobody")
	}
	waits := s.published("Nobody")
	s.until(waits, "produce.success")
	s.order(waits, "rollback").refused(409)
	s.order(waits, "delete").refused(409)
	got := s.order(waits, "cancel").is(200).object()
	require.Equal(s, []any{"canceled", "cancel", "2"}, []any{got["status"], got["queueType"], got["attempt"].(jsonNumber).String()}) //nolint:errcheck,forcetypeassert // a number
	require.NotNil(s, got["endTime"])
	s.order(waits, "cancel").refused(409, "has ended")

	runs := s.published("Script", "params", raw(`{"start":"hang","cancel":"300ms"}`))
	s.until(runs, "start.begin")
	s.order(runs, "rollback").refused(409)
	s.order(runs, "delete").refused(409)
	got = s.order(runs, "cancel").is(200).object()
	require.Equal(s, []any{"produce.success", "cancel"}, []any{got["status"], got["queueType"]})
	again := s.order(runs, "cancel").is(200).object()
	require.Equal(s, got["attempt"], again["attempt"], "nothing is sent twice")
	s.order(runs, "rollback").refused(409)
	s.until(runs, "cancel.success")
	require.Equal(s, []string{"1 produce.success", "1 start.begin", "2 produce.success", "2 cancel.begin", "2 cancel.success"}, s.steps(runs, ""))

	done := s.published("Script")
	s.until(done, "monitor.success")
	s.order(done, "cancel").refused(409, "has ended")
	for i, what := range []string{"rollback", "delete"} {
		got = s.order(done, what).is(200).object()
		require.Equal(s, []any{"produce.success", what, string('2' + rune(i))}, []any{got["status"], got["queueType"], got["attempt"].(jsonNumber).String()}) //nolint:errcheck,forcetypeassert // a number
		s.until(done, what+".success")
	}
	failed := s.failed()
	s.order(failed, "rollback").is(200)
	s.until(failed, "rollback.success")
}

// The debug mode of a process: set with a task or by itself, shown at once, ended
// by resume.
func contractDebugMode(s stranger) {
	process := s.id()
	in := func(id string, more ...any) string {
		return s.task(id, "Script", append([]any{"processInstanceId", process, "params", raw(`{"start":"fail"}`)}, more...)...)
	}
	first, second, third := s.id(), s.id(), s.id()
	require.Equal(s, false, s.post(in(first)).is(201, 202).object()["debug"])
	s.put("/process/"+process+"/debug", `{"debug":true}`).is(200)
	require.Equal(s, true, s.post(in(second)).is(201, 202).object()["debug"], "a task of a process that is in debug mode already")
	for _, id := range []string{first, second} {
		require.Equal(s, true, s.until(id, "start.failed")["debug"])
	}
	require.Equal(s, true, s.post(in(second, "debug", false)).is(200).object()["debug"], "false changes nothing")

	got := s.order(first, "resume").is(200).object()
	require.Equal(s, []any{"start.failed", "told to fail", false}, []any{got["status"], got["reason"], got["debug"]})
	require.NotNil(s, got["endTime"])
	s.order(first, "resume").refused(409)
	require.Equal(s, false, s.get("/task/" + second).object()["debug"])
	require.Equal(s, false, s.post(in(third)).is(201, 202).object()["debug"])
	require.Equal(s, true, s.post(in(third, "debug", true)).is(200).object()["debug"])
	body := s.call(http.MethodPut, "/task/"+s.until(third, "start.failed")["taskId"].(string)+"/resume", "text/plain", "any body") //nolint:errcheck // it is a string
	body.is(200)

	for says, body := range map[string]string{"debug is missing": `{}`, "debug must be": `{"debug":"yes"}`} {
		s.put("/process/"+process+"/debug", body).refused(400, says)
	}
}

// Secrets by their names, at any depth; a reRun with the mask keeps them.
func contractSecrets(s stranger) {
	const shown = `{"do":"reject","Password":"******","deep":[{"secretKey":"******","KeyName":"seen"}],"doc":"{\"accessKey\":\"******\"}","Key":"tag"}`
	hidden := strings.NewReplacer(`"Password":"******"`, `"Password":"geheim-1"`, `"secretKey":"******"`, `"secretKey":{"a":"geheim-2"}`,
		`\"accessKey\":\"******\"`, `\"accessKey\":\"geheim-3\"`).Replace(shown)
	id := s.id()
	body := s.task(id, "Clock", "params", raw(hidden), "debug", true)
	require.Equal(s, shown, s.post(body).is(201, 202).object()["params"])
	require.Equal(s, shown, s.until(id, "start.failed")["params"])
	s.post(body).is(200)
	s.post(s.task(id, "Clock", "params", raw(shown), "debug", true)).is(200, 409) // the mask stands for what is stored, or is other content
	s.post(s.task(id, "Clock", "params", raw(strings.ReplaceAll(hidden, "geheim-1", "other")), "debug", true)).refused(409)
	edited := strings.Replace(shown, "reject", "", 1)
	s.form("/task/"+id+"/reRun", anew("start", edited, "{}")).is(200)
	require.Equal(s, edited, s.until(id, "monitor.success")["params"])
	for _, path := range []string{"/task/" + id, "/task/" + id + "/history?notes=true", "/task/" + id + "/log", "/task?processInstanceId=p-" + id} {
		require.NotContains(s, string(s.get(path).is(200).body), "geheim")
	}
}
