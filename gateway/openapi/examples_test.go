package openapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/flowable"
)

// prepare makes what an example of an operation needs, for operations whose
// examples change something.
func (w *world) prepare(t *testing.T, id string) named {
	t.Helper()
	switch id {
	case "publishTasks", "resumeStone", "pauseStone":
		return w.fresh()
	case "reRunTask", "resumeTask":
		return w.failed(t)
	case "cancelTask":
		return w.publish(t, "")
	case "rollbackTask", "deleteTask":
		return w.ended(t, "")
	case "replayCallbacks":
		return w.ended(t, `,"callback":{"url":"http://127.0.0.1:9/ended"}`)
	case "resumeProcess":
		return w.stopped(t)
	case "deleteProcess":
		return named{exampleInstance: w.process(t, `"key":"brief"`)}
	case "deleteDeployment":
		return named{exampleDeployment: w.deploy(t, "others", others)}
	case "completeJob", "errorJob", "failJob", "unacquireJob", "unacquireJobs":
		n := w.start(t)
		w.do(t, http.MethodPost, "/external-job-api/acquire/jobs", `{"topic":"parcels","workerId":"worker-1","lockDuration":"PT10M","numberOfTasks":1000}`)
		return n
	default:
		return w.start(t)
	}
}

// seen names what examples read.
func (w *world) seen(t *testing.T) named {
	t.Helper()
	n := w.start(t)
	maps.Copy(n, w.rerun(t))
	return n
}

// bytesOf makes the variable that examples name one of bytes, for calls that
// read bytes.
func (w *world) bytesOf(t *testing.T) named {
	t.Helper()
	n := w.start(t)
	fields := map[string]string{"name": "amount", "type": "binary"}
	w.form(t, http.MethodPut, "/runtime/executions/"+n[exampleExecution]+"/variables", fields, "amount", "3")
	w.form(t, http.MethodPut, "/runtime/process-instances/"+n[exampleInstance]+"/variables", fields, "amount", "3")
	return n
}

// reading returns what the examples of a GET name.
func (w *world) reading(t *testing.T, id string, seen named) named {
	t.Helper()
	switch id {
	case "getExecutionVariableData", "getInstanceVariableData":
		return w.bytesOf(t)
	case "listCallbacks", "listAllCallbacks":
		return w.ended(t, `,"callback":{"url":"http://127.0.0.1:9/ended?token=hunter2"}`)
	default:
		return seen
	}
}

// Every example of the document is sent to a gateway: each body, and each
// parameter that may be left out, one at a time. The document must allow the
// request and the answer, which has no member that it does not name.
func TestExamples(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newRunner(t, w)
	seen := w.seen(t)
	for _, path := range slices.Sorted(maps.Keys(r.doc.Paths.Map())) {
		item := r.doc.Paths.Find(path)
		for _, method := range slices.Sorted(maps.Keys(item.Operations())) {
			op := item.GetOperation(method)
			if op.OperationID == "listenToEvents" || op.OperationID == "metrics" {
				continue // the one goes on for ever, the other is not ours to answer
			}
			for _, e := range examplesOf(item, op) {
				var names named
				if method == http.MethodGet {
					names = w.reading(t, op.OperationID, seen)
				} else {
					names = w.prepare(t, op.OperationID)
				}
				a := r.run(t, method, path, op, e, names)
				require.Less(t, a.status, 300, "%s, example %s: %s", op.OperationID, e.name, a.body)
				if method == http.MethodGet && e.name == "plain" {
					require.NotContains(t, []string{"[]\n", ""}, string(a.body), "%s shows nothing", op.OperationID)
					require.NotContains(t, string(a.body), `{"data":[]`, "%s shows nothing", op.OperationID)
				}
			}
		}
	}
}

// What is not there is answered with 404, which the document describes.
func TestUnknownNames(t *testing.T) {
	t.Parallel()
	w := &world{system: setup(t, flowable.Config{})}
	r := newRunner(t, w)
	for path, item := range r.doc.Paths.Map() {
		for method, op := range item.Operations() {
			if !strings.Contains(path, "{") {
				continue
			}
			a := r.run(t, method, path, op, examplesOf(item, op)[0], nil)
			if op.OperationID == "debugProcess" { // of a process that tasks may yet name
				require.Equal(t, http.StatusOK, a.status)
				continue
			}
			require.Equal(t, http.StatusNotFound, a.status, "%s: %s", op.OperationID, a.body)
		}
	}
}

// runner sends examples and compares what comes back with the document.
type runner struct {
	*world

	doc    *openapi3.T
	router routers.Router
}

func newRunner(t *testing.T, w *world) *runner {
	t.Helper()
	for _, mediaType := range []string{"text/html", "text/xml", "application/xml"} {
		openapi3filter.RegisterBodyDecoder(mediaType, openapi3filter.FileBodyDecoder)
	}
	var raw map[string]any
	require.NoError(t, json.Unmarshal(w.do(t, http.MethodGet, "/openapi.json", "").body, &raw))
	raw["servers"] = []any{map[string]any{"url": w.url}}
	closeSchemas(raw)
	strict, err := json.Marshal(raw)
	require.NoError(t, err)
	r := &runner{world: w}
	r.doc, err = openapi3.NewLoader().LoadFromData(strict)
	require.NoError(t, err)
	r.router, err = gorillamux.NewRouter(r.doc)
	require.NoError(t, err)
	return r
}

// example is one request.
type example struct {
	name       string
	mediaType  string // "" for no body
	body       any
	parameters openapi3.Parameters // of path, and perhaps one that may be left out
}

// examplesOf lists an operation's: each body, then each optional parameter with
// the first body.
func examplesOf(item *openapi3.PathItem, op *openapi3.Operation) []example {
	all := slices.Concat(item.Parameters, op.Parameters)
	var fixed, optional openapi3.Parameters
	for _, p := range all {
		switch {
		case p.Value.Required:
			fixed = append(fixed, p)
		case p.Value.Example != nil:
			optional = append(optional, p)
		}
	}
	if op.OperationID == "listTasks" {
		fixed = append(fixed, optional[0]) // it asks for one filter at least
	}
	out := bodiesOf(op, fixed)
	for _, p := range optional {
		one := out[0]
		one.name, one.parameters = p.Value.Name, append(slices.Clone(fixed), p)
		out = append(out, one)
	}
	return out
}

func bodiesOf(op *openapi3.Operation, fixed openapi3.Parameters) []example {
	if op.RequestBody == nil {
		return []example{{name: "plain", parameters: fixed}}
	}
	var out []example
	for mediaType, m := range op.RequestBody.Value.Content {
		if m.Example != nil {
			out = append(out, example{"body", mediaType, m.Example, fixed})
		}
		for name, e := range m.Examples {
			out = append(out, example{name, mediaType, e.Value.Value, fixed})
		}
	}
	slices.SortFunc(out, func(a, b example) int { return strings.Compare(a.mediaType+a.name, b.mediaType+b.name) })
	return out
}

// run sends one example. The document must allow the request and describe the
// answer.
func (r *runner) run(t *testing.T, method, path string, op *openapi3.Operation, e example, names named) answer {
	t.Helper()
	if op.RequestBody != nil {
		require.NotNil(t, e.body, "%s has no example", op.OperationID)
	}
	replace := names.replacer()
	target := r.url + fill(t, path, e.parameters, replace)
	body, contentType := encode(t, e, replace)
	what := fmt.Sprintf("%s, example %s: %s %s", op.OperationID, e.name, method, target)

	req, err := http.NewRequestWithContext(t.Context(), method, target, bytes.NewReader(body))
	require.NoError(t, err)
	if e.mediaType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	route, params, err := r.router.FindRoute(req)
	require.NoError(t, err, what)
	require.Equal(t, op.OperationID, route.Operation.OperationID, what)
	input := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true}}
	require.NoError(t, openapi3filter.ValidateRequest(t.Context(), input), what)

	req.Body = io.NopCloser(bytes.NewReader(body))
	a := r.send(t, req)
	require.NotNil(t, op.Responses.Status(a.status), "%s: status %d is not described", what, a.status)
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: a.status, Header: a.header, Options: input.Options}
	out.SetBodyBytes(a.body)
	require.NoError(t, openapi3filter.ValidateResponse(t.Context(), out), "%s: %s", what, a.body)
	if len(op.Responses.Status(a.status).Value.Content) == 0 {
		require.Empty(t, a.body, what)
	}
	return a
}

// fill puts parameters into a path.
func fill(t *testing.T, path string, parameters openapi3.Parameters, names *strings.Replacer) string {
	t.Helper()
	query := url.Values{}
	for _, ref := range parameters {
		p := ref.Value
		require.NotNil(t, p.Example, "parameter %s has no example", p.Name)
		switch value := p.Example.(type) {
		case []any:
			var texts []string
			for _, one := range value {
				texts = append(texts, names.Replace(fmt.Sprint(one)))
			}
			if p.Explode != nil && !*p.Explode {
				texts = []string{strings.Join(texts, ",")}
			}
			query[p.Name] = texts
		default:
			text := names.Replace(fmt.Sprint(value))
			if p.In == openapi3.ParameterInPath {
				path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(text))
			} else {
				query.Set(p.Name, text)
			}
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

// encode writes a body in its media type.
func encode(t *testing.T, e example, names *strings.Replacer) (body []byte, contentType string) {
	t.Helper()
	switch e.mediaType {
	case "":
		return nil, ""
	case "application/json":
		raw, err := json.Marshal(e.body)
		require.NoError(t, err)
		return []byte(names.Replace(string(raw))), e.mediaType
	}
	fields := map[string]string{}
	for name, value := range e.body.(map[string]any) {
		fields[name] = names.Replace(fmt.Sprint(value))
	}
	if e.mediaType == "multipart/form-data" {
		content := fields["file"]
		delete(fields, "file")
		b, contentType := multipartBody(t, fields, "order.bpmn20.xml", content)
		return b.Bytes(), contentType
	}
	require.Equal(t, "application/x-www-form-urlencoded", e.mediaType)
	form := url.Values{}
	for name, value := range fields {
		form.Set(name, value)
	}
	return []byte(form.Encode()), e.mediaType
}

// closeSchemas refuses members that a schema does not name, so that the answers
// of this version have no others. Those that other schemas add to stay open.
func closeSchemas(doc map[string]any) {
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	open := map[string]bool{} // those that others add to
	eachMap(schemas, func(m map[string]any) {
		if all, ok := m["allOf"].([]any); ok {
			for _, one := range all {
				if ref, ok := one.(map[string]any)["$ref"].(string); ok {
					open[ref] = true
				}
			}
		}
	})
	eachMap(doc, func(m map[string]any) {
		_, set := m["additionalProperties"]
		_, object := m["properties"].(map[string]any)
		if object && !set {
			m["unevaluatedProperties"] = false
		}
	})
	for name := range schemas {
		if open["#/components/schemas/"+name] {
			delete(schemas[name].(map[string]any), "unevaluatedProperties")
		}
	}
}

func eachMap(v any, do func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		do(v)
		for _, one := range v {
			eachMap(one, do)
		}
	case []any:
		for _, one := range v {
			eachMap(one, do)
		}
	}
}
