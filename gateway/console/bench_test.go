package console_test

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/store/storetest"
)

// rows is how many tasks, and processes, the store of [BenchmarkPages] holds.
var rows = flag.Int("rows", 50_000, "rows of each kind for BenchmarkPages; 2,000 with -short")

// BenchmarkPages opens every page of the console over HTTP, the lists by each
// filter, while the store holds many tasks, as many processes and a quarter as
// many callbacks. Each page is a benchmark of its own: ms is the mean time of a
// page, worst-ms the slowest one's. The goal is 300 ms with a million of them,
// which make bench-pages measures.
func BenchmarkPages(b *testing.B) {
	n := *rows
	if testing.Short() {
		n = 2000
	}
	s := storetest.SQLite(b)
	server := queuetest.Start(b)
	nc := server.Connect(b)
	publisher, err := queue.NewPublisher(nc, queue.PublisherConfig{Deadline: time.Second})
	require.NoError(b, err)
	g, err := gateway.New(gateway.Config{Listen: "127.0.0.1:0", RunRiver: true}, gateway.Deps{Store: s, Publisher: publisher, NATS: nc})
	require.NoError(b, err)
	require.NoError(b, g.Start(b.Context()))
	b.Cleanup(func() { require.NoError(b, g.Stop(context.Background())) })
	transport := &http.Transport{}
	b.Cleanup(transport.CloseIdleConnections)
	web := &http.Client{Transport: transport}
	base := "http://" + g.Addr()

	m := &masses{store: s, model: deployTour(b, base, web), end: time.Now()}
	m.fill(b, n)
	for _, p := range m.pages() {
		b.Run(p.name, func(b *testing.B) {
			var worst time.Duration
			for b.Loop() {
				begin := time.Now()
				opened(b, web, base+"/console/"+p.path, p.shows)
				worst = max(worst, time.Since(begin))
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms")
			b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
		})
	}
}

// deployTour deploys the tour's model, and returns its id.
func deployTour(b *testing.B, base string, web *http.Client) string {
	b.Helper()
	api, err := client.New(base, client.Config{HTTP: web})
	require.NoError(b, err)
	_, err = api.Flowable(client.FlowableConfig{}).Deploy(b.Context(), client.NewDeployment{File: client.File{Name: "tour.bpmn", Bytes: []byte(tourModel)}})
	require.NoError(b, err)
	p, err := api.StartProcess(b.Context(), client.NewProcess{Key: "tour", Variables: json.RawMessage(`{"mode":"ok"}`)})
	require.NoError(b, err)
	return p.ModelID
}

// opened gets a page, which must show a text.
func opened(b *testing.B, web *http.Client, address, shows string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(b, err)
	resp, err := web.Do(r)
	require.NoError(b, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(b, err)
	require.NoError(b, resp.Body.Close())
	require.Equal(b, http.StatusOK, resp.StatusCode, "%s: %s", address, body)
	if !strings.Contains(string(body), shows) {
		require.Fail(b, "the page does not show what it should", "%s: %q", address, shows)
	}
}

// benchPage is a page of the console, and what has to stand in it.
type benchPage struct{ name, path, shows string }

// pages are all pages, the lists by each filter.
func (m *masses) pages() []benchPage {
	t, i, model := m.names(m.n/2), m.instance(m.n/2), url.PathEscape(m.model)
	all := []benchPage{
		{"overview", "", ""},
		{"task", "tasks/" + t.TaskID, t.TaskID},
		{"reRun", "tasks/" + m.names(0).TaskID + "/reRun", "textarea"},
		{"bulk", "bulk?do=reRun&search=" + url.QueryEscape("status=failed"), ""},
		{"process", "processes/" + i.ID, i.ID},
		{"models", "models", "tour"},
		{"model", "models/" + model, "Tour"},
		{"start", "models/" + model + "/start", "what becomes of it"},
		{"deployments", "deployments", "tour"},
		{"stones", "stones", "Stone07"},
		{"stone", "stones/Stone07", "Stone07"},
		{"letters", "letters", ""},
		{"quarantine", "letters?of=quarantine", "unreadable"},
	}
	for list, filters := range map[string]map[string]url.Values{"tasks": m.taskFilters(), "processes": m.processFilters(), "callbacks": m.callbackFilters()} {
		for name, q := range filters {
			all = append(all, benchPage{list + "/" + name, list + "?" + q.Encode(), ""})
		}
	}
	slices.SortFunc(all, func(x, y benchPage) int { return strings.Compare(x.name, y.name) })
	return all
}

// query pairs names and values up.
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	return q
}

func (m *masses) taskFilters() map[string]url.Values {
	t, late := m.names(m.n/2), m.end.Add(-time.Hour).UTC().Format(time.RFC3339)
	return map[string]url.Values{
		"all": query(), "deep": query("start", "10000"), "oldest": query("order", "asc"), "oldest deep": query("order", "asc", "start", "10000"),
		"task": query("taskId", t.TaskID), "process": query("processInstanceId", t.ProcessInstanceID), "business key": query("businessKey", t.BusinessKey),
		"name": query("name", "common"), "name rare": query("name", "rare"), "name of none": query("name", "none"),
		"stone": query("stone", "Stone07"), "stone rare": query("stone", "RareStone"), "stone of none": query("stone", "None"),
		"namespace": query("namespace", "common"), "namespace rare": query("namespace", "rare"),
		"status": query("status", "start.success"), "status failed": query("status", "failed"), "status running": query("status", "start.begin"),
		"status rare": query("status", "canceled"), "status of none": query("status", "delete.failed"),
		"status and stone": query("status", "start.failed", "stone", "Stone01"), "late": query("createdAfter", late), "early": query("createdBefore", late),
		"early failed": query("createdBefore", late, "status", "failed"), "all by name": query("createdAfter", "1970-01-01T00:00:00Z", "name", "common"),
	}
}

func (m *masses) processFilters() map[string]url.Values {
	i, late := m.instance(m.n/2), m.end.Add(-time.Hour).UTC().Format(time.RFC3339)
	return map[string]url.Values{
		"all": query(), "deep": query("start", "10000"), "oldest": query("order", "asc"),
		"process": query("processInstanceId", i.ID), "model key": query("modelKey", "tour"), "model key rare": query("modelKey", "rare"), "model": query("modelId", m.model),
		"name": query("name", "common"), "name rare": query("name", "rare"), "name of none": query("name", "none"),
		"business key": query("businessKey", i.BusinessKey), "super": query("superProcessInstanceId", i.ID),
		"tenant": query("tenantId", "acme"), "tenant of none": query("tenantId", "none"), "type": query("type", "start"), "type rare": query("type", "rollback"),
		"status": query("status", "completed"), "status failed": query("status", "failed"), "status running": query("status", "running"),
		"status of none": query("status", "deleted"), "status and key": query("status", "failed", "modelKey", "tour"),
		"late": query("startedAfter", late), "early": query("startedBefore", late),
	}
}

func (m *masses) callbackFilters() map[string]url.Values {
	t := m.names(0)
	return map[string]url.Values{
		"all": query(), "deep": query("start", "10000"), "due": query("state", "due"), "parked": query("state", "parked"), "given up": query("state", "givenUp"),
		"done": query("state", "done"), "done deep": query("state", "done", "start", "10000"), "task": query("taskId", t.TaskID),
		"process": query("processInstanceId", t.ProcessInstanceID), "done of a process": query("state", "done", "processInstanceId", t.ProcessInstanceID),
	}
}
