package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// processJSON is a process with more members over those of every one.
func processJSON(id, status, more string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`{"id":%q,"processInstanceId":%q,"modelId":"m:1:a b","modelKey":"m","processName":null,"processType":"start","processStatus":%q,
"processContent":"{\"size\":12345678901234567890,\"pin\":\"******\"}","startTime":"2026-11-21 09:00:00","endTime":null,"activitiFileId":"d1","outputs":null,"nativeOutputs":{},
"rollbackProcessInstanceId":null,"cancelProcessInstanceId":null,"deleteProcessInstanceId":null,"reason":null,"debug":false,"mock":false,"suspended":false,
"businessKey":"order-1","tenantId":null,"originProcessInstanceId":null,"superProcessInstanceId":null%s}`, id, id, status, more)
}

// stepJSON is an element in a process; a task is null or quoted.
func stepJSON(order int, element, parent, status, task string) string {
	stone := "null"
	if task != "null" {
		stone = `"DemoStone"`
	}
	return fmt.Sprintf(`{"order":%d,"elementId":%q,"elementType":"serviceTask","elementName":null,"parentElementId":%s,"executionId":"e%d","status":%q,"taskId":%s,"stone":%s,
"namespace":null,"attempt":1,"progress":null,"calledProcessInstanceId":null,"startTime":"2026-11-21 09:00:00","endTime":null,"reason":null}`, order, element, parent, order, status, task, stone)
}

const modelJSON = `{"modelId":"m:1:a b","modelKey":"m","version":1,"name":"Model <b>","description":null,"tenantId":null,"deploymentId":"d1","resource":"m.bpmn","suspended":false,
"parameters":[{"name":"size","displayName":"Size","type":"integer","required":true,"minValue":1,"maxValue":10,"uiGroup":"Disk"},{"name":"pin","type":"string","noEcho":true,"minLength":4},
{"name":"zone","type":"string","allowedValues":["a","b"],"default":"b"},{"name":"fast","type":"boolean","default":true},{"name":"tags","type":"array"},
{"name":"copy","type":"string","default":"Ref:zone"},{"name":"regionId","type":"string","namespace":"machine","description":"of the <machine>","required":true},
{"name":"fixed","type":"string","default":"x","allowedCustomization":false},{"name":"hidden","type":"string","default":"y","visible":false}],
"outputs":[{"key":"ip","displayName":"Address","value":"${outputs.machine.ip}"}]}`

var river = calm.with(fixture{
	"GET /process":                                "[" + processJSON("p1", "running", "") + "]",
	"GET /process/p1":                             processJSON("p1", "running", ""),
	"GET /process/p1/tasks":                       "[" + stepJSON(1, "begin", "null", "completed", "null") + "," + stepJSON(2, "inner", `"sub"`, "start.begin", `"t/1"`) + "," + stepJSON(3, "sub", "null", "running", "null") + "]",
	"GET /process/model/m:1:a%20b":                modelJSON,
	"GET /runtime/process-instances/p1/variables": `[{"name":"pin","type":"string","value":"1234","scope":"local"},{"name":"machine","type":"json","value":{"a":{"pin":"12"},"password":"x","ip":"10.0.0.1"},"scope":"local"},{"name":"file","type":"binary","value":null,"valueUrl":"http://x/","scope":"local"}]`,
})

func TestProcesses(t *testing.T) {
	t.Parallel()
	got := visit(t, river, "/console/processes")
	for _, want := range []string{"m p1", "Running", "order-1", "1 found", "Start a process"} {
		require.Contains(t, got.text, want)
	}
	require.Contains(t, got.body, "/console/processes/p1")
	require.Contains(t, got.body, `data-every="5"`)
	require.Contains(t, visit(t, river.with(fixture{"GET /process": "[]"}), "/console/processes?status=failed").text, "No process is found.")
	require.Contains(t, visit(t, river, "/console/processes", "Accept-Language", "zh").text, "启动流程")

	wrong := visit(t, river.with(fixture{"GET /process": "!400 status must be one of canceled, …"}), "/console/processes?status=%3Cb%3E&name=%22")
	require.Equal(t, http.StatusBadRequest, wrong.status)
	require.Contains(t, wrong.text, "status must be one of")
	require.Equal(t, http.StatusBadRequest, visit(t, river, "/console/processes?startedAfter=soon").status)
	require.Equal(t, http.StatusServiceUnavailable, visit(t, river.with(fixture{"GET /process": "!503 away"}), "/console/processes").status)

	many := ">[" + strings.Repeat(processJSON("p", "rollback.failed", `"processName":"机器 🚀 <i>"`)+",", 49) + processJSON("p", "deleted", "") + "]"
	got = visit(t, river.with(fixture{"GET /process": many}), "/console/processes?modelKey=m&start=50")
	require.Contains(t, got.text, "机器 🚀 <i>")
	require.Contains(t, got.text, "more than 100 000 found · 51 to 100")
	require.Contains(t, got.body, "modelKey=m&amp;start=100")
	require.Contains(t, got.body, `name="modelKey" value="m"`)
}

func TestProcess(t *testing.T) {
	t.Parallel()
	got := visit(t, river, "/console/processes/p1")
	require.Equal(t, http.StatusOK, got.status)
	for _, want := range []string{"Running", "begin", "12345678901234567890", "Switch debug mode on", "Cancel process …", "10.0.0.1", "bytes, not shown"} {
		require.Contains(t, got.text, want)
	}
	for _, secret := range []string{"1234\"", "&#34;12&#34;", "&#34;x&#34;"} {
		require.NotContains(t, got.body, secret)
	}
	require.Contains(t, got.body, `data-events="processInstanceId=p1"`)
	require.Contains(t, got.body, "/console/tasks/t%2F1")
	require.Less(t, strings.Index(got.body, `data-element="sub"`), strings.Index(got.body, `data-element="inner"`), "a subprocess stands above what is in it")
	require.Contains(t, got.body, `class="depth1"`)
	require.NotContains(t, got.text, "Delete what it made …")
	require.Contains(t, visit(t, river, "/console/processes/p1/content").body, "12345678901234567890")
	require.Equal(t, http.StatusNotFound, visit(t, river, "/console/processes/p1/none").status)
}

// What a process waits for is said, with what can be done about it.
func TestProcessStates(t *testing.T) {
	t.Parallel()
	held := "[" + stepJSON(1, "machine", "null", "start.failed", `"t/1"`) + "]"
	for _, c := range []struct {
		name, status, more string
		has, hasNot        []string
	}{
		{"held", "debug", `"debug":true,"reason":"the <disk> is full"`, []string{"Run it again below", "the <disk> is full", "Run again …", "Switch debug mode off"}, []string{"Delete what"}},
		{"rolls back", "rollback", `"rollbackProcessInstanceId":"r1"`, []string{"rolled back, the last one first", "Rollback process r1"}, []string{"Cancel process …"}},
		{"stopped", "rollback.failed", `"rollbackProcessInstanceId":"r1"`, []string{"then resume", "Resume …"}, []string{"Cancel process …"}},
		{"over", "completed", `"endTime":"2026-11-21 10:00:00","outputs":{"ip":"10.0.0.2"}`, []string{"Delete what it made …", "10.0.0.2"}, []string{"debug mode"}},
		{"called", "running", `"superProcessInstanceId":"p0"`, []string{"Called by p0"}, []string{"Cancel process …"}},
		{"undoes", "running", `"processType":"rollback","originProcessInstanceId":"p1"`, []string{"rollback", "Undoes process p1", "whose elements these are: p1"}, []string{"Cancel process …", "debug mode"}},
		{"deleted", "deleted", `"endTime":"2026-11-21 10:00:00","deleteProcessInstanceId":"x1"`, []string{"Delete process x1", "Nothing at this point."}, nil},
	} {
		api := river.with(fixture{"GET /process/p1": processJSON("p1", c.status, c.more), "GET /process/p1/tasks": held})
		got := visit(t, api, "/console/processes/p1")
		require.Equal(t, http.StatusOK, got.status, c.name)
		for _, want := range c.has {
			require.Contains(t, got.text, want, c.name)
		}
		for _, other := range c.hasNot {
			require.NotContains(t, got.text, other, c.name)
		}
		require.Equal(t, http.StatusOK, visit(t, api, "/console/processes/p1", "Accept-Language", "zh").status, c.name)
	}
}

// A page shows what it can get.
func TestProcessInPart(t *testing.T) {
	t.Parallel()
	got := visit(t, river.with(fixture{"GET /process/p1/tasks": "!503 the database can not answer now"}), "/console/processes/p1")
	require.Equal(t, http.StatusOK, got.status)
	require.Contains(t, got.text, "the database can not answer now")
	require.Contains(t, got.text, "It has not come to any element yet.")

	require.Equal(t, http.StatusNotFound, visit(t, fixture{}, "/console/processes/none").status)
	require.Contains(t, visit(t, calm, "/console/processes/elsewhere").text, "run by another orchestrator")

	var all []string
	for i := range 1200 {
		all = append(all, stepJSON(i, fmt.Sprintf("多步骤-%d", i), "null", "completed", "null"))
	}
	got = visit(t, river.with(fixture{"GET /process/p1/tasks": "[" + strings.Join(all, ",") + "]"}), "/console/processes/p1")
	require.Contains(t, got.text, "200 older elements are left out.")
	require.Contains(t, got.text, "多步骤-1199")
	require.NotContains(t, got.text, "多步骤-199 ")
}

func TestProcessOrders(t *testing.T) {
	t.Parallel()
	got := visit(t, river, "/console/processes/p1/cancel")
	require.Contains(t, got.text, "Nothing that is done is rolled back.")
	require.Contains(t, got.text, "told to stop: 1.")
	require.Contains(t, visit(t, river, "/console/processes/p1/delete").text, "does not take this as it stands")

	done := ask(t, river.with(fixture{"PUT /process/p1/cancel": processJSON("p1", "canceling", "")}), http.MethodPost, "/console/processes/p1/cancel", url.Values{})
	require.Equal(t, "/console/processes/p1?done=process.cancel", done.header.Get("Location"))
	refused := ask(t, river.with(fixture{"PUT /process/p1/cancel": "!409 process p1 does not run any more"}), http.MethodPost, "/console/processes/p1/cancel", url.Values{})
	require.Equal(t, http.StatusConflict, refused.status)
	require.Contains(t, refused.text, "does not run any more")
	require.Equal(t, http.StatusNotFound, ask(t, fixture{}, http.MethodPost, "/console/processes/p1/delete", url.Values{}).status)

	debug := ask(t, river.with(fixture{"PUT /process/p1/debug": `{"processInstanceId":"p1","debug":true}`}), http.MethodPost, "/console/processes/p1/debug", url.Values{"to": {"on"}})
	require.Equal(t, "/console/processes/p1?done=task.debugon", debug.header.Get("Location"))
	require.Contains(t, visit(t, river, "/console/processes/p1?done=task.debugon").text, "Debug mode of the process is on.")
}
