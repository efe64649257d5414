package app_test

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// What a POST takes and answers.
func contractPublish(s stranger) {
	id := s.id()
	got := s.post(s.task(id, "Script")).is(201, 202).object()
	require.Equal(s, "produce.success", got["status"])
	require.Equal(s, []any{"Script", "Script", "start", "{}", "{}"}, []any{got["name"], got["namespace"], got["queueType"], got["params"], got["outputs"]})
	require.Equal(s, got["id"], s.until(id, "monitor.success")["id"])
	require.Equal(s, id, s.get("/task/" + got["id"].(string)).is(200).object()["taskId"]) //nolint:errcheck,forcetypeassert // it is a string

	const own = "0190a6f2-5b1c-7c4e-9a57-2f6f0e3d7a11"
	params := `{"z": 12345678901234567890, "a": 1.10, "n": null, "html": "<&>", "ü": "\u0000"}`
	both := s.id()
	got = s.post(s.task(both, "Clock", "id", own, "name", "machine", "namespace", "ns", "businessKey", "k1", "queueType", "mock",
		"params", params, "outputs", raw(`{"o":[1,2]}`), "debug", nil, "retry", nil)).is(201, 202).object()
	require.Equal(s, []any{own, "machine", "ns", "k1", "mock", `{"o":[1,2]}`}, []any{got["id"], got["name"], got["namespace"], got["businessKey"], got["queueType"], got["outputs"]})
	require.Equal(s, `{"z":12345678901234567890,"a":1.10,"n":null,"html":"<&>","ü":"\u0000"}`, got["params"], "order and numbers stay, white space goes")
	require.Equal(s, got["params"], s.until(both, "mock.passed")["params"])

	odd := "a/b ü%?#" + strings.Repeat("长", 240)
	s.post(s.task(odd, "Script")).is(201, 202)
	require.Equal(s, odd, s.until(odd, "monitor.success")["taskId"])

	waits := s.published("Nobody::Serves-it.yet", "businessKey", "-")
	require.Equal(s, "produce.success", s.until(waits, "produce.success")["status"], "an undeclared stone is accepted")
}

// The same again, and something else under the same key.
func contractRepeats(s stranger) {
	for _, code := range []string{"Clock", "Nobody"} {
		id := s.id()
		const p = `{"a": 1, "b": [1, 2]}`
		first := s.post(s.task(id, code, "params", raw(p), "timeout", "1h")).is(201, 202).object()
		if code == "Clock" {
			s.until(id, "monitor.success")
		} else {
			s.until(id, "produce.success")
		}
		for _, again := range []string{
			s.task(id, code, "params", raw(p), "timeout", "1h"),
			s.task(id, code, "params", `{"a":1,"b":[1,2]}`, "timeout", "60m", "name", code, "outputs", raw(`{}`)),
			s.task(id, code, "params", raw(p), "timeout", "1h", "id", first["id"]),
			s.task(id, code, "params", raw(p), "timeout", "1h", "debug", false),
		} {
			require.Equal(s, first["id"], s.post(again).is(200).object()["id"], again)
		}
		for member, other := range map[string]any{"params": raw(`{"a":1.0,"b":[1,2]}`), "outputs": raw(`{"o":1}`), "name": "n", "namespace": "n",
			"businessKey": "k", "stone": "Other", "queueType": "mock", "timeout": "2h", "processInstanceId": "other",
			"retry": raw(`{"maxAttempts":2}`), "delay": "1h", "notBefore": "2030-01-01T00:00:00Z"} {
			body := append([]any{"params", raw(p), "timeout", "1h"}, member, other)
			s.post(s.task(id, code, body...)).refused(409, "differs")
		}
		s.post(s.task(s.id(), code, "params", raw(p), "timeout", "1h", "id", first["id"])).refused(409, "differs")
		require.True(s, s.post(s.task(id, code, "params", raw(p), "timeout", "1h", "debug", true)).is(200).object()["debug"].(bool)) //nolint:errcheck,forcetypeassert // it is a bool
		require.Len(s, s.get("/task?processInstanceId=p-"+id).is(200).array(), 1)
		require.Equal(s, "produce.success", s.get("/task/" + id + "/history").is(200).array()[0]["status"])
	}
}

// Arrays are taken whole or not at all.
func contractArrays(s stranger) {
	one, two, three := s.id(), s.id(), s.id()
	list := func(all ...string) string { return "[" + strings.Join(all, ",") + "]" }
	both := list(s.task(one, "Script"), s.task(two, "Script"))
	got := s.post(both).is(201, 202).array()
	require.Equal(s, []any{one, two}, []any{got[0]["taskId"], got[1]["taskId"]})
	s.until(one, "monitor.success")
	s.until(two, "monitor.success")
	require.Len(s, s.post(both).is(200).array(), 2)
	require.Len(s, s.post(list(s.task(two, "Script"), s.task(three, "Script"))).is(201, 202).array(), 2)

	s.post("[]").refused(400, "1 to 1000")
	unseen := s.id()
	for says, body := range map[string]string{
		"task 1: taskId is that of task 0": list(s.task(unseen, "Script"), s.task(unseen, "Script")),
		"task 1: stone is missing":         list(s.task(unseen, "Script"), `{"processInstanceId":"p","taskId":"x"}`),
		"task 1: must be an object":        list(s.task(unseen, "Script"), `7`),
	} {
		s.post(body).refused(400, says)
	}
	s.post(list(s.task(unseen, "Script"), s.task(one, "Other"))).refused(409, "task 1: ", "differs")
	s.get("/task/" + unseen).refused(404)
	many := make([]string, 1001)
	for i := range many {
		many[i] = s.task(fmt.Sprint(unseen, "-", i), "Nobody")
	}
	s.post(list(many...)).refused(400, "1 to 1000")
	require.Len(s, s.post(list(many[:1000]...)).is(201, 202).array(), 1000)
}

// members of a task in their order: the seed's, then ours.
const members = "id processInstanceId taskId name namespace stone createTime endTime status reason params outputs progress " +
	"queueType attempt businessKey debug notBefore updateTime"

// Every member of a task, before and after its end.
func contractObject(s stranger) {
	id := s.published("Script", "params", raw(`{"start":"hang"}`))
	running := s.until(id, "start.begin")
	for _, none := range []string{"endTime", "reason", "progress", "businessKey", "notBefore"} {
		require.Contains(s, running, none)
		require.Nil(s, running[none], none)
	}
	require.Equal(s, []any{false, "1", "start"}, []any{running["debug"], fmt.Sprint(running["attempt"]), running["queueType"]})
	list := s.get("/task?processInstanceId=p-" + id).is(200)
	require.Equal(s, strings.Fields(members), names(s.T, list.body))
	require.Equal(s, strings.Fields(members), names(s.T, append([]byte("["), s.get("/task/"+id).is(200).body...)))

	created, err := time.ParseInLocation(time.DateTime, running["createTime"].(string), s.zone) //nolint:errcheck // it is a string
	require.NoError(s, err)
	require.WithinDuration(s, time.Now(), created, time.Minute, "in the configured zone")
	updated := running["updateTime"].(string) //nolint:errcheck,forcetypeassert // it is a string
	require.Regexp(s, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`, updated)

	s.order(id, "cancel").is(200)
	ended := s.until(id, "cancel.success")
	require.Regexp(s, `^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`, ended["endTime"])
	require.Equal(s, []any{"cancel", "2"}, []any{ended["queueType"], fmt.Sprint(ended["attempt"])})

	told := s.published("Clock", "params", raw(`{"do":"tell"}`))
	shown := s.until(told, "monitor.success")
	require.Equal(s, "100", fmt.Sprint(shown["progress"]))
	require.JSONEq(s, `{"kept":"start","seen":12345678901234567890,"by":"monitor"}`, shown["outputs"].(string)) //nolint:errcheck,forcetypeassert // it is a string
	require.Equal(s, "start", shown["queueType"], "the worker's own monitor command does not change it")
	require.Equal(s, "1", fmt.Sprint(shown["attempt"]))
}

// Filters by everything a task has.
func contractLists(s stranger) {
	process, other := s.id(), s.id()
	before := time.Now().Add(-time.Second)
	var all []string
	for i := range 3 {
		id := fmt.Sprint(process, "-", i)
		all = append(all, id)
		params := `{}`
		if i == 2 {
			params = `{"start":"fail"}`
		}
		s.post(s.task(id, "Script", "processInstanceId", process, "name", "n-"+id, "namespace", "ns-"+process, "businessKey", "bk-"+process, "params", raw(params))).is(201, 202)
	}
	s.post(s.task(other, "Script", "processInstanceId", other)).is(201, 202)
	for _, id := range all[:2] {
		s.until(id, "monitor.success")
	}
	s.until(all[2], "start.failed")
	now := url.QueryEscape(time.Now().Add(time.Second).Format(time.RFC3339Nano))
	was := url.QueryEscape(before.UTC().Format(time.RFC3339))
	for query, want := range map[string][]string{
		"processInstanceId=" + process:                                                    all,
		"processInstanceId=" + process + "&order=desc&sort=createTime":                    {all[2], all[1], all[0]},
		"processInstanceId=" + process + "&status=failed":                                 all[2:],
		"processInstanceId=" + process + "&status=monitor.success":                        all[:2],
		"processInstanceId=" + process + "&status=monitor.success&status=failed":          all,
		"processInstanceId=" + process + "&status=canceled":                               {},
		"processInstanceId=" + process + "&start=1&size=1":                                all[1:2],
		"processInstanceId=" + process + "&createdAfter=" + was + "&createdBefore=" + now: all,
		"processInstanceId=" + process + "&createdBefore=" + was:                          {},
		"processInstanceId=unknown":                                                       {},
		"taskId=" + all[1]:                                                                all[1:2],
		"name=n-" + all[0]:                                                                all[:1],
		"namespace=ns-" + process:                                                         all,
		"businessKey=bk-" + process + "&stone=Script":                                     all,
		"businessKey=bk-" + process + "&stone=Bare":                                       {},
	} {
		r := s.get("/task?" + query).is(200)
		got := []string{}
		for _, one := range r.array() {
			got = append(got, one["taskId"].(string)) //nolint:errcheck,forcetypeassert // it is a string
		}
		require.Equal(s, want, got, query)
		total := len(want)
		if strings.Contains(query, "size=1") {
			total = 3
		}
		require.Equal(s, fmt.Sprint(total), r.header.Get("X-Total-Count"), query)
	}
}

// Pages, and what a list refuses.
func contractPaging(s stranger) {
	process := s.id()
	all := make([]string, 60)
	for i := range all {
		all[i] = s.task(fmt.Sprint(process, "-", i), "Nobody", "processInstanceId", process, "namespace", process)
	}
	s.post("["+strings.Join(all, ",")+"]").is(201, 202)
	s.until(fmt.Sprint(process, "-59"), "produce.success")
	require.Len(s, s.get("/task?processInstanceId="+process).is(200).array(), 60, "all of one process")
	require.Len(s, s.get("/task?namespace="+process).is(200).array(), 50, "a page of 50 of everything else")
	require.Len(s, s.get("/task?size=1000&namespace="+process).is(200).array(), 60)
	require.Len(s, s.get("/task?start=55&size=50&namespace="+process).is(200).array(), 5)
	for query, names := range map[string]string{
		"":                                   "processInstanceId is missing",
		"?start=0&size=10":                   "processInstanceId is missing",
		"?sort=createTime":                   "processInstanceId is missing",
		"?processInstanceId=":                "processInstanceId",
		"?processInstanceId=p&size=0":        "size",
		"?processInstanceId=p&size=1001":     "size",
		"?processInstanceId=p&size=x":        "size",
		"?processInstanceId=p&start=-1":      "start",
		"?processInstanceId=p&order=up":      "order",
		"?processInstanceId=p&sort=name":     "sort",
		"?status=start.gone":                 "status",
		"?createdAfter=yesterday":            "createdAfter",
		"?createdBefore=2026-11-21 09:00:00": "createdBefore",
		"?taskid=p":                          "processInstanceId is missing",
	} {
		s.get("/task"+strings.ReplaceAll(query, " ", "%20")).refused(400, names)
	}
}
