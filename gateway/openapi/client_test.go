package openapi_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/client"
)

// calls are the operations that the Go client has. Where several of its
// methods are one operation, the table has the one that sends the most.
var calls = map[string]func(ctx context.Context, c *client.Client, f *client.Flowable){
	"publishTasks": func(ctx context.Context, c *client.Client, _ *client.Flowable) {
		yes, later := true, time.Now().UTC()
		_, _, _ = c.Publish(ctx, []client.NewTask{{ID: "0190f6a0-0c1d-7b52-9c1f-0d6b8b6f2a11", ProcessInstanceID: "p", TaskID: "t", Name: "n", Namespace: "n",
			Stone: "S", QueueType: "start", BusinessKey: "eu", Params: json.RawMessage(`{}`), Outputs: json.RawMessage(`"{}"`), Debug: &yes,
			Retry: &client.Retry{MaxAttempts: 3, Backoff: "5s"}, Timeout: "90s", Delay: "1s", NotBefore: &later,
			Callback: &client.Callback{URL: "https://example.com/ended", Kind: "webhook"}}})
	},
	"listTasks": func(ctx context.Context, c *client.Client, _ *client.Flowable) {
		_, _, _ = c.List(ctx, client.Filter{TaskID: "t", ProcessInstanceID: "p", Name: "n", Namespace: "n", Stone: "S", BusinessKey: "eu",
			Statuses: []string{"failed", "canceled"}, CreatedAfter: time.Now(), CreatedBefore: time.Now(), Start: 1, Size: 2, Descending: true})
	},
	"getTask":        func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.Get(ctx, "a/b c") },
	"getTaskHistory": func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.History(ctx, "t", true) },
	"getTaskLog":     func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.Log(ctx, "t", 1, 2) },
	"explainTask":    func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.Why(ctx, "t") },
	"resumeTask":     func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.Resume(ctx, "t") },
	"cancelTask":     func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.Cancel(ctx, "t") },
	"rollbackTask":   func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.Rollback(ctx, "t") },
	"deleteTask":     func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.Delete(ctx, "t") },
	"listCallbacks":  func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.Callbacks(ctx, "t") },
	"listAllCallbacks": func(ctx context.Context, c *client.Client, _ *client.Flowable) {
		_, _, _ = c.AllCallbacks(ctx, client.CallbackFilter{TaskID: "t", ProcessInstanceID: "p", State: "givenUp", Start: 1, Size: 2})
	},
	"replayCallbacks": func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.ReplayCallbacks(ctx, "t") },
	"reRunTask": func(ctx context.Context, c *client.Client, _ *client.Flowable) {
		_, _ = c.ReRun(ctx, "t", client.ReRun{QueueType: "start", Parameters: json.RawMessage(`{"a":1}`), Outputs: json.RawMessage(`{}`)})
	},
	"listenToEvents": func(ctx context.Context, c *client.Client, _ *client.Flowable) {
		_ = c.Events(ctx, client.EventFilter{ProcessInstanceID: "p", TaskID: "t", Stone: "S"}, "1-1-1", func(client.Event) error { return nil }, nil)
	},
	"listStones":  func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.Stones(ctx) },
	"getStone":    func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.Stone(ctx, "SIP::EC2") },
	"pauseStone":  func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.PauseStone(ctx, "S") },
	"resumeStone": func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.ResumeStone(ctx, "S") },
	"listDeadLetters": func(ctx context.Context, c *client.Client, _ *client.Flowable) {
		_, _, _ = c.DeadLetters(ctx, client.LetterFilter{TaskID: "t", Stone: "S", Start: 1, Size: 2})
	},
	"listQuarantine": func(ctx context.Context, c *client.Client, _ *client.Flowable) {
		_, _, _ = c.Quarantine(ctx, client.LetterFilter{TaskID: "t", Start: 1, Size: 2})
	},
	"startProcess": func(ctx context.Context, c *client.Client, _ *client.Flowable) {
		_, _ = c.StartProcess(ctx, client.NewProcess{ModelID: "m", DeploymentID: "d", Key: "k", TenantID: "t", ProcessName: "n", BusinessKey: "b",
			Variables: json.RawMessage(`{"a":1}`), Debug: true})
	},
	"listProcesses": func(ctx context.Context, c *client.Client, _ *client.Flowable) {
		_, _, _ = c.Processes(ctx, client.ProcessFilter{ProcessInstanceID: "p", ModelID: "m", ModelKey: "k", Name: "n", BusinessKey: "b", TenantID: "t",
			SuperProcessInstanceID: "s", Types: []string{"start", "delete"}, Statuses: []string{"failed", "rollback.failed"},
			StartedAfter: time.Now(), StartedBefore: time.Now(), Start: 1, Size: 2, Ascending: true})
	},
	"getProcess":       func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.Process(ctx, "p") },
	"listProcessSteps": func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.ProcessSteps(ctx, "p") },
	"cancelProcess":    func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.CancelProcess(ctx, "p") },
	"deleteProcess":    func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.DeleteProcess(ctx, "p") },
	"resumeProcess":    func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.ResumeProcess(ctx, "p") },
	"debugProcess":     func(ctx context.Context, c *client.Client, _ *client.Flowable) { _ = c.SetDebug(ctx, "p", true) },
	"getModel":         func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.Model(ctx, "m") },
	"getModelXML":      func(ctx context.Context, c *client.Client, _ *client.Flowable) { _, _ = c.ModelXML(ctx, "m") },
}

// uncalled are the operations that the Go client does without.
var uncalled = map[string]string{
	"live": "for probes", "ready": "for probes", "metrics": "for Prometheus",
	"docs": "for people", "openapiYAML": "for generators", "openapiJSON": "for generators", "asyncapiYAML": "for generators",
	"listExecutions": "queryExecutions finds more", "listInstances": "queryInstances finds more",
	"getResource": "getModelXML reads models", "getResourceData": "getModelXML reads models", "getDefinitionModel": "getModelXML reads models",
}

// The Go client has every operation, and sends what the document allows.
func TestClientHasAllOperations(t *testing.T) {
	t.Parallel()
	d := load(t, served(t, "/openapi.json"))
	all := maps.Clone(calls)
	maps.Copy(all, flowableCalls)
	var operations []string
	for _, item := range d.Paths.Map() {
		for _, op := range item.Operations() {
			operations = append(operations, op.OperationID)
		}
	}
	require.ElementsMatch(t, operations, slices.Concat(slices.Collect(maps.Keys(all)), slices.Collect(maps.Keys(uncalled))))

	asked := make(chan string, 1)
	router, err := gorillamux.NewRouter(d)
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		defer w.WriteHeader(http.StatusBadRequest)
		route, params, err := router.FindRoute(req)
		if err != nil {
			asked <- req.Method + " " + req.URL.Path + ": " + err.Error()
			return
		}
		asked <- allowed(req.Context(), route.Operation, route.PathItem, &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route,
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}})
	}))
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, client.Config{HTTP: server.Client()})
	require.NoError(t, err)
	for id, call := range all {
		call(t.Context(), c, c.Flowable(client.FlowableConfig{}))
		require.Equal(t, id, <-asked)
	}
}

// allowed returns the operation of a request, or what is wrong with it.
func allowed(ctx context.Context, op *openapi3.Operation, item *openapi3.PathItem, in *openapi3filter.RequestValidationInput) string {
	for name := range in.Request.URL.Query() {
		if item.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil && op.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			return op.OperationID + " has no parameter " + name
		}
	}
	if err := openapi3filter.ValidateRequest(ctx, in); err != nil {
		return op.OperationID + ": " + err.Error()
	}
	return op.OperationID
}
