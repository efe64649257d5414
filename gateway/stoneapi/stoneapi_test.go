package stoneapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/registry"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/stoneapi"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/param"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store/storetest"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, goleak.IgnoreCurrent()) }

const volume = "SIP::EC2::Volume"

// api serves the routes over a real queue.
type api struct {
	server *queuetest.Server
	echo   *echo.Echo
}

func setup(t *testing.T) *api {
	t.Helper()
	a := &api{server: queuetest.Start(t), echo: echo.New()}
	reg, err := registry.New(a.server.Connect(t), storetest.SQLite(t), registry.Config{Fresh: time.Nanosecond})
	require.NoError(t, err)
	require.NoError(t, reg.Start(t.Context()))
	t.Cleanup(reg.Stop)
	a.echo.HTTPErrorHandler = rest.ErrorHandler(zap.NewNop())
	stoneapi.Mount(rest.NewRouter(a.echo, 1<<20), reg)
	return a
}

func (a *api) do(t *testing.T, method, path string) (status int, body string) {
	t.Helper()
	rec := httptest.NewRecorder()
	a.echo.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), method, path, nil))
	return rec.Code, rec.Body.String()
}

// announce puts the announcement of a worker, and waits until the API shows it.
func (a *api) announce(t *testing.T) {
	t.Helper()
	doc, err := (&queue.Announcement{
		Code: volume, DisplayName: "Volume <1>", Version: "1.4", Methods: []task.Method{task.Start, task.Monitor},
		Params: []param.Param{
			{Name: "size", Type: param.Integer, Default: json.RawMessage("12345678901234567890"), Required: true},
			{Name: "pin", Type: param.Integer, NoEcho: true, Default: json.RawMessage("4711"), AllowedValues: []json.RawMessage{[]byte("4711"), []byte("4712")}},
			{Name: "dbPassword", Type: param.String, Default: json.RawMessage(`"hunter2"`)},
			{Name: "config", Type: param.Object, Default: json.RawMessage(`{"apiKey":"hunter2","n":1}`), AllowedValues: []json.RawMessage{[]byte(`{"apiKey":"hunter2","n":1}`)}},
		},
		Outputs: []param.Output{{Name: "volumeId", Description: "its id"}, {Name: "n"}},
		Worker:  "host.1-a", Host: "host.1", Concurrency: 4, LastFetch: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC),
	}).Encode()
	require.NoError(t, err)
	_, err = a.server.JetStream(t).Publish(t.Context(), queue.StoneSubject(queue.StoneKey(volume, "host.1-a")), doc)
	require.NoError(t, err)
	queuetest.WaitFor(t, func() bool { status, _ := a.do(t, http.MethodGet, "/stone/"+volume); return status == http.StatusOK })
}

const shown = `{"code":"SIP::EC2::Volume","displayName":"Volume <1>","description":null,"service":null,"version":"1.4","methods":["start","monitor"],` +
	`"params":[{"name":"size","type":"integer","default":12345678901234567890,"required":true},` +
	`{"name":"pin","type":"integer","default":"******","noEcho":true},` +
	`{"name":"dbPassword","type":"string","default":"******"},` +
	`{"name":"config","type":"object","default":{"apiKey":"******","n":1},"allowedValues":[{"apiKey":"******","n":1}]}],` +
	`"outputs":[{"name":"volumeId","description":"its id"},{"name":"n","description":null}],"declared":true,` +
	`"workers":[{"worker":"host.1-a","host":"host.1","version":"1.4","businessKey":null,"concurrency":4,"lastFetch":"2026-11-21T09:00:00.000000Z","live":LIVE}],` +
	`"backlog":{"start":0,"monitor":0,"rollback":0,"delete":0,"cancel":0,"mock":0},"oldestWaiting":null,"paused":PAUSED}`

func TestStoneAsClientsSeeIt(t *testing.T) {
	t.Parallel()
	a := setup(t)
	status, body := a.do(t, http.MethodGet, "/stone")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "[]\n", body)
	a.announce(t)
	_, err := queue.EnsureConsumers(t.Context(), a.server.JetStream(t), volume, "")
	require.NoError(t, err)

	want := func(paused string) string {
		return strings.NewReplacer("LIVE", "false", "PAUSED", paused).Replace(shown) + "\n" // the last fetch is long ago
	}
	for _, c := range []struct{ method, path, paused string }{
		{http.MethodGet, "/stone/" + volume, "false"},
		{http.MethodGet, "/stone/SIP%3A%3AEC2%3A%3AVolume", "false"},
		{http.MethodPut, "/stone/" + volume + "/pause", "true"},
		{http.MethodPut, "/stone/" + volume + "/pause", "true"},
		{http.MethodGet, "/stone/" + volume, "true"},
		{http.MethodPut, "/stone/" + volume + "/resume", "false"},
		{http.MethodPut, "/stone/" + volume + "/resume", "false"},
	} {
		status, body := a.do(t, c.method, c.path)
		require.Equal(t, http.StatusOK, status, c.path)
		require.Equal(t, want(c.paused), body, c.path)
	}
	_, body = a.do(t, http.MethodGet, "/stone")
	require.Equal(t, "["+want("false")[:len(want("false"))-1]+"]\n", body)
}

func TestErrors(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for _, c := range []struct {
		method, path string
		status       int
		message      string
	}{
		{http.MethodGet, "/stone/None", http.StatusNotFound, "Not found"},
		{http.MethodPut, "/stone/None/pause", http.StatusNotFound, "Not found"},
		{http.MethodPut, "/stone/None/resume", http.StatusNotFound, "Not found"},
		{http.MethodGet, "/stone/a%2Fb", http.StatusNotFound, "Not found"},
		{http.MethodPut, "/stone/None/stop", http.StatusNotFound, "Not found"},
		{http.MethodDelete, "/stone/None", http.StatusMethodNotAllowed, "Method not allowed"},
		{http.MethodPost, "/stone", http.StatusMethodNotAllowed, "Method not allowed"},
	} {
		status, body := a.do(t, c.method, c.path)
		require.Equal(t, c.status, status, c.path)
		var out struct{ Message, Exception string }
		require.NoError(t, json.Unmarshal([]byte(body), &out))
		require.Equal(t, c.message, out.Message)
		require.NotEmpty(t, out.Exception)
	}
	a.announce(t)
	status, body := a.do(t, http.MethodPut, "/stone/"+volume+"/pause")
	require.Equal(t, http.StatusConflict, status, body)

	a.server.Stop(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	rec := httptest.NewRecorder()
	a.echo.ServeHTTP(rec, httptest.NewRequestWithContext(ctx, http.MethodGet, "/stone/"+volume, nil))
	require.Equal(t, http.StatusServiceUnavailable, rec.Code)
	require.NotEmpty(t, rec.Header().Get("Retry-After"))
}
