package console_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/console"
)

const (
	definitionJSON = `{"id":"m:1:a b","url":"x","key":"m","version":1,"name":"Model <b>","description":null,"tenantId":"acme","deploymentId":"d1","deploymentUrl":"x","resource":"x",
"diagramResource":null,"category":null,"graphicalNotationDefined":true,"suspended":false,"startFormDefined":false}`
	deploymentJSON = `{"id":"d1","name":"Deploy & co","deploymentTime":"2026-11-21T09:00:00.000Z","category":null,"parentDeploymentId":null,"url":"x","tenantId":null}`
)

var deployed = river.with(fixture{
	"GET /repository/process-definitions": `{"data":[` + definitionJSON + `],"total":1,"start":0,"sort":"key","order":"asc","size":1}`,
	"GET /repository/deployments":         `{"data":[` + deploymentJSON + `],"total":1,"start":0,"sort":"id","order":"asc","size":1}`,
	"GET /repository/deployments/d1":      deploymentJSON,
	"POST /repository/deployments":        deploymentJSON,
	"GET /process/model/m:1:a%20b/xml":    `<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"/>`,
})

const nothingFound = `{"data":[],"total":0,"start":0,"sort":"id","order":"asc","size":0}`

func TestModels(t *testing.T) {
	t.Parallel()
	got := visit(t, deployed, "/console/models")
	for _, want := range []string{"Model <b> m", "acme", "Start …", "1 found"} {
		require.Contains(t, got.text, want)
	}
	require.Contains(t, got.body, "/console/models/m:1:a%20b/start")
	require.Contains(t, visit(t, fixture{"GET /repository/process-definitions": nothingFound}, "/console/models?key=x").text, "No model is found.")
	require.Equal(t, http.StatusServiceUnavailable, visit(t, fixture{"GET /repository/process-definitions": "!503 away"}, "/console/models").status)

	got = visit(t, deployed, "/console/models/m:1:a%20b")
	for _, want := range []string{"Model <b>", "machine.regionId", "of the <machine>", "required", "secret", "≥ 1 ≤ 10", "${outputs.machine.ip}", "p1"} {
		require.Contains(t, got.text, want)
	}
	require.Equal(t, http.StatusNotFound, visit(t, deployed, "/console/models/none").status)
	file := visit(t, deployed, "/console/models/m:1:a%20b/xml")
	require.Equal(t, "text/plain; charset=utf-8", file.header.Get("Content-Type"))
	bare := strings.NewReplacer(`"suspended":false`, `"suspended":true`).Replace(modelJSON)
	require.NotContains(t, visit(t, deployed.with(fixture{"GET /process/model/m:1:a%20b": bare}), "/console/models/m:1:a%20b").text, "Start a process")
}

// The engine's API is asked where it is mounted.
func TestFlowablePrefix(t *testing.T) {
	t.Parallel()
	api := fixture{"GET /flowable-rest/service/repository/process-definitions": `{"data":[` + definitionJSON + `],"total":1}`}
	rec := httptest.NewRecorder()
	console.New(api, console.Config{FlowablePrefix: "/flowable-rest/service"}).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/console/models", nil))
	require.Equal(t, http.StatusOK, rec.Code)
}

// The diagram of a model without a drawing comes with one.
func TestDiagram(t *testing.T) {
	t.Parallel()
	file := `<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"><process id="m"><startEvent id="a"/><sequenceFlow sourceRef="a" targetRef="b"/><endEvent id="b"/></process></definitions>`
	api := deployed.with(fixture{"GET /process/model/m:1:a%20b/xml": file})
	got := visit(t, api, "/console/models/m:1:a%20b/diagram")
	require.Contains(t, got.body, "BPMNShape")
	require.Equal(t, "text/plain; charset=utf-8", got.header.Get("Content-Type"))
	require.Equal(t, file, visit(t, api, "/console/models/m:1:a%20b/xml").body)
	require.Equal(t, http.StatusNotFound, visit(t, api, "/console/models/none/diagram").status)
	page := visit(t, api, "/console/models/m:1:a%20b")
	require.Contains(t, page.body, `data-model="/console/models/m:1:a%20b/diagram"`)
	for part := range strings.SplitSeq(page.body, `"`) {
		if strings.HasPrefix(part, "/console/assets/") {
			require.Equal(t, http.StatusOK, visit(t, api, part).status, part)
		}
	}
}

func TestDeployments(t *testing.T) {
	t.Parallel()
	got := visit(t, deployed, "/console/deployments")
	for _, want := range []string{"Deploy & co", "2026-11-21 09:00:00", "Deploy a model", "Remove …"} {
		require.Contains(t, got.text, want)
	}
	require.Contains(t, visit(t, fixture{"GET /repository/deployments": nothingFound}, "/console/deployments").text, "Nothing is deployed yet.")

	sheet := visit(t, deployed.with(fixture{"GET /process": ">[" + processJSON("p1", "running", "") + "]"}), "/console/deployments/d1/delete")
	require.Contains(t, sheet.text, "Model <b>")
	require.Contains(t, sheet.text, "that run now: 100 000.")
	refused := ask(t, deployed.with(fixture{"DELETE /repository/deployments/d1": "!500 deployment d1 has processes that run"}), http.MethodPost, "/console/deployments/d1/delete", url.Values{})
	require.Equal(t, http.StatusInternalServerError, refused.status)
	require.Contains(t, refused.text, "has processes that run")
	gone := ask(t, deployed.with(fixture{"DELETE /repository/deployments/d1?cascade=true": ""}), http.MethodPost, "/console/deployments/d1/delete", url.Values{"cascade": {"yes"}})
	require.Equal(t, "/console/deployments?done=model.undeployed", gone.header.Get("Location"))
}

// upload sends a file to be deployed.
func upload(t *testing.T, api http.Handler, name, content string) shown {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	require.NoError(t, w.WriteField("name", "mine"))
	part, err := w.CreateFormFile("file", name)
	require.NoError(t, err)
	_, err = io.WriteString(part, content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	r := httptest.NewRequest(http.MethodPost, "/console/deployments", &b)
	r.Header.Set("Content-Type", w.FormDataContentType())
	h := console.New(api, console.Config{})
	mark(t, h, r)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	out := shown{status: rec.Code, header: rec.Header(), body: rec.Body.String()}
	if rec.Code != http.StatusSeeOther {
		out.text = readable(t, out.body)
	}
	return out
}

func TestDeploy(t *testing.T) {
	t.Parallel()
	done := upload(t, deployed, "m.bpmn", "<definitions/>")
	require.Equal(t, "/console/models/m:1:a%20b?done=model.deployed", done.header.Get("Location"))
	several := deployed.with(fixture{"GET /repository/process-definitions": `{"data":[` + definitionJSON + "," + definitionJSON + `],"total":2}`})
	require.Equal(t, "/console/models?deployment=d1&done=model.deployed", upload(t, several, "m.zip", "PK").header.Get("Location"))

	lint := deployed.with(fixture{"POST /repository/deployments": `!400 the model can not be deployed: m.bpmn: line 3: userTask "a" (Do; it): is not supported; line 7: endEvent "e": needs <x>; y; m.bpmn: line 9: the outputs; n.bpmn20.xml: process m is in m.bpmn too`})
	got := upload(t, lint, "m.bpmn", "<definitions/>")
	require.Equal(t, http.StatusBadRequest, got.status)
	require.Contains(t, got.text, "m.bpmn was not deployed. Nothing has changed.")
	require.Contains(t, got.text, "What is wrong with it: 4")
	require.Contains(t, got.text, `line 7: endEvent "e": needs <x>; y m.bpmn: line 9`)
	require.Contains(t, got.body, `value="mine"`)

	require.Contains(t, upload(t, deployed, "m.bpmn", "").text, "choose a file that is not empty")
	require.Equal(t, http.StatusBadRequest, ask(t, deployed, http.MethodPost, "/console/deployments", url.Values{}).status)
	require.Contains(t, upload(t, deployed.with(fixture{"POST /repository/deployments": "!400 file x can not be deployed"}), "x", "x").text, "file x can not be deployed")
}

// The form is drawn from the template.
func TestStartForm(t *testing.T) {
	t.Parallel()
	got := visit(t, deployed, "/console/models/m:1:a%20b/start")
	for _, want := range []string{"Size (required)", "Disk", "machine", "of the <machine>", "If empty, the value of zone.", "Given by the model."} {
		require.Contains(t, got.text, want)
	}
	require.NotContains(t, got.text, "hidden")
	require.Contains(t, got.body, `name="v1" type="password" autocomplete="new-password"`)
	require.Contains(t, got.body, `<option value="&#34;b&#34;" selected>b</option>`)
	require.Contains(t, got.body, `<option value="true" selected>yes</option>`)
	require.Contains(t, visit(t, deployed, "/console/models/m:1:a%20b/start", "Accept-Language", "zh").text, "启动流程")
	bare := `{"modelId":"m:1:a b","modelKey":"m","version":1,"deploymentId":"d1","resource":"m.bpmn","parameters":[],"outputs":[]}`
	require.Contains(t, visit(t, deployed.with(fixture{"GET /process/model/m:1:a%20b": bare}), "/console/models/m:1:a%20b/start").text, "start variables are not checked")
	require.Equal(t, http.StatusNotFound, visit(t, deployed, "/console/models/none/start").status)
}

// What is wrong is said at its field; a secret is never sent back.
func TestStartFormWrong(t *testing.T) {
	t.Parallel()
	sent := url.Values{"v0": {"11"}, "v1": {"hush-hush"}, "v2": {`"b"`}, "v3": {"true"}, "v4": {"[1,"}, "v5": {""}, "v6": {""}, "processName": {"<b>"}, "other": {"{"}}
	got := ask(t, deployed, http.MethodPost, "/console/models/m:1:a%20b/start", sent)
	require.Equal(t, http.StatusBadRequest, got.status)
	for _, want := range []string{"4 fields have to be mended.", "must be at most 10", "must be JSON of type array", "is required", "Line 1 is no JSON"} {
		require.Contains(t, got.text, want)
	}
	require.NotContains(t, got.body, "hush-hush")
	require.Contains(t, got.body, `value="&lt;b&gt;"`)
	require.Contains(t, got.body, `value="11"`)

	refusing := deployed.with(fixture{"POST /process": "!400 variables: parameter pin: is required"})
	got = ask(t, refusing, http.MethodPost, "/console/models/m:1:a%20b/start", url.Values{"v0": {"5"}, "v6": {"r"}})
	require.Equal(t, http.StatusBadRequest, got.status)
	require.Contains(t, got.text, "parameter pin: is required")
}

// What is sent is what stands in the fields, in their types.
func TestStartProcess(t *testing.T) {
	t.Parallel()
	var body []byte
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/process" {
			body, _ = io.ReadAll(r.Body)
			_, _ = io.WriteString(w, processJSON("p9", "running", ""))
			return
		}
		deployed.ServeHTTP(w, r)
	})
	sent := url.Values{
		"v0": {" 7 "}, "v1": {" 12 34"}, "v2": {`"a"`}, "v3": {"false"}, "v4": {"[1, 12345678901234567890]"}, "v6": {"机器 \" 🚀"}, "v7": {"changed"},
		"other": {`{"more": {"x": 1.50}, "machine": {"y": 2}, "size": 1}`}, "processName": {"mine"}, "businessKey": {"b-1"}, "debug": {"on"},
	}
	got := ask(t, api, http.MethodPost, "/console/models/m:1:a%20b/start", sent)
	require.Equal(t, "/console/processes/p9?done=model.started", got.header.Get("Location"), got.text)
	var out struct {
		ModelID, ProcessName, BusinessKey string
		Debug                             bool
		Variables                         map[string]json.RawMessage
	}
	require.NoError(t, json.Unmarshal(body, &out))
	require.Equal(t, []any{"m:1:a b", "mine", "b-1", true}, []any{out.ModelID, out.ProcessName, out.BusinessKey, out.Debug})
	text := map[string]string{}
	for name, raw := range out.Variables {
		text[name] = string(raw)
	}
	require.Equal(t, map[string]string{
		"size": "7", "pin": `" 12 34"`, "zone": `"a"`, "fast": "false", "tags": "[1,12345678901234567890]", "more": `{"x":1.50}`,
		"machine": `{"regionId":"机器 \" 🚀","y":2}`,
	}, text)
}
