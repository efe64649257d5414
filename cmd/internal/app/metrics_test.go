package app_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store"
)

var update = flag.Bool("update", false, "write the table of metrics into the operator's handbook")

// metric is what the code says about one of ours.
type metric struct {
	name, help string
	labels     []string
}

var described = regexp.MustCompile(`^Desc\{fqName: "(riverstones_[a-z_]+)", help: ("(?:[^"\\]|\\.)*"), unit: "[^"]*", constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}$`)

// metricsOf asks a running system what it exposes of ours.
func metricsOf(t *testing.T, a *app.App) map[string]metric {
	t.Helper()
	ch := make(chan *prometheus.Desc)
	go func() { a.Metrics().Describe(ch); close(ch) }()
	out := map[string]metric{}
	for d := range ch {
		m := described.FindStringSubmatch(d.String())
		if m == nil {
			require.NotContains(t, d.String(), "riverstones_")
			continue
		}
		help, err := strconv.Unquote(m[2])
		require.NoError(t, err)
		one := metric{name: m[1], help: help}
		if m[3] != "" {
			label, _, _ := strings.Cut(m[3], "=")
			one.labels = append(one.labels, label)
		}
		if m[4] != "" {
			one.labels = append(one.labels, strings.Split(m[4], ",")...)
		}
		out[one.name] = one
	}
	require.NotEmpty(t, out)
	return out
}

const (
	handbook   = "../../../deploy/docs/operations.md"
	tableBegin = "<!-- metrics: go test ./cmd/internal/app -run TestMetricsTable -update -->\n"
	tableEnd   = "<!-- /metrics -->\n"
)

// The handbook lists all metrics, with what the code says about them.
func TestMetricsTable(t *testing.T) {
	t.Parallel()
	known := metricsOf(t, start(t, settings(t), with("Quick", quick{})))
	var names []string
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	var table strings.Builder
	table.WriteString("\n| metric | labels | meaning |\n| --- | --- | --- |\n")
	for _, name := range names {
		require.True(t, strings.HasSuffix(known[name].help, "."), "the help of %s is a sentence", name)
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", name, strings.Join(known[name].labels, ", "), known[name].help)
	}
	table.WriteByte('\n')
	doc, err := os.ReadFile(handbook)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(doc), tableBegin)
	require.True(t, ok)
	written, after, ok := strings.Cut(rest, tableEnd)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile(handbook, []byte(before+tableBegin+table.String()+tableEnd+after), 0o600))
		return
	}
	require.Equal(t, table.String(), written)
}

// flaky fails at its first try.
type flaky struct{}

func (flaky) Start(_ context.Context, t *stone.Task) error {
	if t.Try == 1 {
		return stone.Retry(time.Millisecond, "not yet")
	}
	return nil
}

// eventful makes a system in which everything has happened that is counted.
func eventful(t *testing.T) *app.App {
	t.Helper()
	cfg := settings(t)
	cfg.NATSListen = "127.0.0.1:0"
	told := receiver(t, &cfg)
	a := start(t, cfg, app.Hooks{Version: "v1.2.3", Stones: func(w *stone.Worker) error {
		if err := w.Add(stone.Spec{Code: "Flaky"}, flaky{}); err != nil {
			return err
		}
		return w.Add(stone.Spec{Code: "Quick"}, quick{})
	}})
	c := newClient(t, a.URL())
	_, _, err := c.PublishOne(within(t), client.NewTask{ProcessInstanceID: "p", TaskID: "told", Stone: "Quick", Callback: &client.Callback{URL: told.url, Kind: "webhook"}})
	require.NoError(t, err)
	post(t, a.URL()+"/task", `{"processInstanceId":"p","taskId":"flaky","stone":"Flaky"}`)
	deploy(t, a, model("p", `<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="e"/><endEvent id="e"/>`))
	startProcess(t, a, "p", `[]`)
	for _, id := range []string{"told", "flaky"} {
		_, err = c.WaitEnd(within(t), id, patience/1000)
		require.NoError(t, err)
	}
	disturb(t, a)
	queuetest.WaitFor(t, func() bool {
		deliveries, err := a.Store().Deliveries(t.Context(), idOf(t, a, "told"))
		require.NoError(t, err)
		return len(deliveries) == 1 && deliveries[0].State == store.DeliveryDone
	})
	return a
}

func idOf(t *testing.T, a *app.App, taskID string) string {
	t.Helper()
	one, err := a.Store().Task(t.Context(), taskID)
	require.NoError(t, err)
	return one.ID
}

// disturb reports an end once more, and sends what can not be recorded.
func disturb(t *testing.T, a *app.App) {
	t.Helper()
	nc, err := queue.Connect(a.NATSURL(), queue.ConnectConfig{})
	require.NoError(t, err)
	defer nc.Close()
	pub, err := queue.NewPublisher(nc, queue.PublisherConfig{})
	require.NoError(t, err)
	one, err := a.Store().Task(t.Context(), "told")
	require.NoError(t, err)
	require.NoError(t, pub.PublishEvents(within(t), "Quick", []queue.Event{{Names: one.Names, Method: task.Start, Epoch: 1, Delivery: 7, Worker: "ghost",
		Transitions: []queue.Transition{{Status: task.StartSuccess, Time: time.Now()}}}}))
	require.NoError(t, nc.Publish(queue.TaskSubject("Nobody", "", task.Start), []byte(`{`)))
	require.NoError(t, nc.Flush())
	queuetest.WaitFor(t, func() bool {
		bad, err := a.Store().Quarantine(t.Context(), "", 0, 10)
		require.NoError(t, err)
		notes, err := a.Store().History(t.Context(), one.ID, true)
		require.NoError(t, err)
		return len(bad) == 1 && slices.ContainsFunc(notes, func(n store.Note) bool { return n.Why == store.NoteRepeat })
	})
}

// scrape reads /metrics as a server does that takes exemplars.
func scrape(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t), http.MethodGet, url+"/metrics", http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	require.NoError(t, err)
	out, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	return string(out)
}

// Whatever the code has to count is counted, and shows as it was.
func TestMetrics(t *testing.T) {
	t.Parallel()
	a := eventful(t)
	text := scrape(t, a.URL())
	for _, line := range []string{
		`riverstones_build_info{version="v1.2.3"} 1.0`,
		`riverstones_part_ready{part="recorder"} 1.0`,
		`riverstones_tasks_published_total{method="start",stone="Quick"} 1.0`,
		`riverstones_tasks_ended_total{method="start",outcome="success",stone="Quick"} 1.0`,
		`riverstones_tasks_ended_total{method="start",outcome="success",stone="Flaky"} 1.0`,
		`riverstones_task_wait_seconds_count{method="start",stone="Quick"} 1`,
		`riverstones_task_run_seconds_count{method="start",outcome="success",stone="Flaky"} 1`,
		`riverstones_task_retries_total{method="start",stone="Flaky"} 1.0`,
		`riverstones_redeliveries_total{answer="run",stone="Flaky"} 1.0`,
		`riverstones_task_fenced_total{method="start",reason="repeat",stone="Quick"} 1.0`,
		`riverstones_quarantined_total{stream="RS_TASKS"} 1.0`,
		`riverstones_quarantine_rows 1.0`,
		`riverstones_callback_tries_total{kind="webhook",outcome="done"} 1.0`,
		`riverstones_river_steps_total{outcome="ok"}`,
		`riverstones_http_requests_total{method="POST",route="/task",status="201"} 2.0`,
		`riverstones_stone_runs_total{method="start",outcome="retry",stone="Flaky"} 1.0`,
	} {
		require.Contains(t, text, "\n"+line)
	}
	require.NotContains(t, text, `route="/metrics"`)
	require.Regexp(t, `riverstones_task_run_seconds_bucket\{method="start",outcome="success",stone="Flaky",[^\n]*# \{trace_id="`+callersTrace, text)
	require.Regexp(t, `riverstones_http_request_seconds_bucket\{method="POST",route="/task",[^\n]*# \{trace_id="`+callersTrace, text)

	seen := map[string]bool{}
	families, err := a.Metrics().Gather()
	require.NoError(t, err)
	for _, f := range families {
		seen[f.GetName()] = true
		for _, m := range f.GetMetric() {
			if h := m.GetHistogram(); h != nil && h.GetSampleCount() > 0 && strings.HasPrefix(f.GetName(), "riverstones_") {
				require.NotZero(t, len(h.GetPositiveSpan())+int(h.GetZeroCount()), "%s is no native histogram", f.GetName())
			}
		}
	}
	for name := range metricsOf(t, a) {
		require.True(t, seen[name], "%s is never counted", name)
	}
}

// What waits for a stone that nobody serves shows in another process than the
// one that took it.
func TestMetricsOfWhatWaits(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.HealthListen = "127.0.0.1:0"
	a := start(t, cfg, with("Quick", quick{}))
	c := newClient(t, a.URL())
	for i := range 3 {
		_, _, err := c.PublishOne(within(t), client.NewTask{ProcessInstanceID: "p", TaskID: fmt.Sprint(i), Stone: "Absent", BusinessKey: "k"})
		require.NoError(t, err)
	}
	text := scrape(t, "http://"+a.HealthAddr())
	require.Contains(t, text, "\n"+`riverstones_backlog_commands{lane="work",stone="Absent"} 3.0`)
	require.Contains(t, text, "\n"+`riverstones_stone_served{lane="work",stone="Absent"} 0.0`)
	require.Regexp(t, `\nriverstones_oldest_command_seconds\{lane="work",stone="Absent"\} (0\.\d*[1-9]|[1-9])`, text)
}

// Callers can not make up series.
func TestMetricsAreBounded(t *testing.T) {
	t.Parallel()
	a := start(t, settings(t), with("Quick", quick{}))
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, one := range [][2]string{{"BREW", "/task"}, {"GET", "/no/such/path/1"}, {"GET", "/no/such/path/2"}} {
		req := httptest.NewRequestWithContext(within(t), one[0], a.URL()+one[1], http.NoBody)
		req.RequestURI = ""
		resp, err := c.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}
	text := scrape(t, a.URL())
	require.Contains(t, text, `method="_OTHER"`)
	require.NotContains(t, text, "BREW")
	require.NotContains(t, text, "such")
}
