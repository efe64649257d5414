package app_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store"
)

// spans is an OpenTelemetry collector.
type spans struct {
	mu  sync.Mutex
	raw []byte
	all []*tracepb.Span
}

// collect starts a collector, and has the system send to it.
func collect(t *testing.T, cfg *config.Config) *spans {
	t.Helper()
	c := &spans{}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	cfg.Traces = s.URL + "/v1/traces"
	return c
}

func (c *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var got collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &got)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, body...)
	for _, rs := range got.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			c.all = append(c.all, ss.GetSpans()...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// bytes returns all that was sent.
func (c *spans) bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.raw)
}

// of returns the spans of a trace.
func (c *spans) of(traceID string) []*tracepb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []*tracepb.Span
	for _, s := range c.all {
		if hex.EncodeToString(s.GetTraceId()) == traceID {
			out = append(out, s)
		}
	}
	return out
}

// The trace that a caller sends along, and the caller's own span.
const (
	callersTrace = "0af7651916cd43dd8448eb211c80319c"
	callersSpan  = "b7ad6b7169203331"
	traceparent  = "00-" + callersTrace + "-" + callersSpan + "-01"
)

// requireWhole requires that each span stands below the caller's or below
// another one that is there, and returns the ways from the caller to each, without
// begins: they are told apart from the end only where a method takes its time.
func requireWhole(t *testing.T, all []*tracepb.Span) []string {
	t.Helper()
	byID := map[string]*tracepb.Span{}
	for _, s := range all {
		byID[hex.EncodeToString(s.GetSpanId())] = s
	}
	var ways []string
	for _, s := range all {
		way := s.GetName()
		for at := s; ; {
			parent := hex.EncodeToString(at.GetParentSpanId())
			if parent == callersSpan {
				break
			}
			require.Contains(t, byID, parent, "the parent of %s is missing", at.GetName())
			at = byID[parent]
			way = at.GetName() + " > " + way
		}
		if !strings.HasSuffix(way, ".begin") {
			ways = append(ways, way)
		}
	}
	slices.Sort(ways)
	return ways
}

func post(t *testing.T, url, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Traceparent", traceparent)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	require.NoError(t, err)
	out, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusCreated, resp.StatusCode, "%s", out)
}

// A task's trace is one, from the request to the callback, which carries it on.
func TestTraceOfATask(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	got := collect(t, &cfg)
	var carried sync.Map
	receiver(t, &cfg) // lets such addresses be told
	inner := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		carried.Store("traceparent", r.Header.Get("Traceparent"))
	}))
	t.Cleanup(inner.Close)
	a := app.New(cfg, logger(t), with("Quick", quick{}))
	require.NoError(t, a.Start(t.Context()))
	post(t, a.URL()+"/task", fmt.Sprintf(`{"processInstanceId":"p","taskId":"t","stone":"Quick","callback":{"url":%q}}`, inner.URL))
	queuetest.WaitFor(t, func() bool { _, ok := carried.Load("traceparent"); return ok })
	stop(t, a) // sends what waits
	require.Equal(t, []string{
		"POST /task",
		"POST /task > publish Quick",
		"POST /task > publish Quick > Quick monitor",
		"POST /task > publish Quick > Quick start",
		"POST /task > publish Quick > callback",
		"POST /task > publish Quick > record monitor.success",
		"POST /task > publish Quick > record produce.success",
	}, requireWhole(t, got.of(callersTrace)))
	onward, _ := carried.Load("traceparent")
	require.Contains(t, onward, "00-"+callersTrace+"-")
}

// The tasks of a process belong to the trace that started it, also those that
// the runtime publishes in the background and those of called processes: below
// what made it go on.
func TestTraceOfAProcess(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	got := collect(t, &cfg)
	a := app.New(cfg, logger(t), with("Quick", quick{}))
	require.NoError(t, a.Start(t.Context()))
	task := func(id string) string { return fmt.Sprintf(`<serviceTask id=%q riverstones:stone="Quick"/>`, id) }
	flow := func(from, to string) string {
		return fmt.Sprintf(`<sequenceFlow id="%s-%s" sourceRef=%q targetRef=%q/>`, from, to, from, to)
	}
	deploy(t, a, model("inner", `<startEvent id="s"/>`+flow("s", "c")+task("c")+flow("c", "e")+`<endEvent id="e"/>`))
	deploy(t, a, model("outer", `<startEvent id="s"/>`+flow("s", "a")+task("a")+flow("a", "t")+
		`<intermediateCatchEvent id="t"><timerEventDefinition><timeDuration>PT0.01S</timeDuration></timerEventDefinition></intermediateCatchEvent>`+
		flow("t", "b")+strings.Replace(task("b"), "/>", ` flowable:async="true"/>`, 1)+flow("b", "call")+
		`<callActivity id="call" calledElement="inner"/>`+flow("call", "e")+`<endEvent id="e"/>`))
	post(t, a.URL()+"/runtime/process-instances", `{"processDefinitionKey":"outer"}`)
	queuetest.WaitFor(t, func() bool {
		all, _, err := a.Store().Instances(t.Context(), store.InstanceFilter{Paging: store.Paging{Size: 10}})
		require.NoError(t, err)
		return len(all) == 2 && all[0].Ended() && all[1].Ended()
	})
	stop(t, a)
	const request = "POST /runtime/process-instances"
	const step = request + " > river step"
	ways := requireWhole(t, got.of(callersTrace))
	counts := map[string]int{}
	for _, way := range ways {
		counts[way]++
	}
	const end, timer, later = " > river end", " > river timer", " > river continuation"
	want := map[string]int{
		request: 1, step: 1, // which publishes a
		step + end: 2, step + timer: 1, // of a and b; the timer leaves b to a continuation
		step + later:     1, // which publishes b
		step + end + end: 1, // of c, which the end of b published in the called process
	}
	for _, from := range []string{step, step + later, step + end} {
		for _, what := range []string{"Quick start", "Quick monitor", "record produce.success", "record monitor.success"} {
			want[from+" > "+what] = 1
		}
	}
	require.Equal(t, want, counts)
}

// Without a collector a caller's trace goes along all the same.
func TestTraceGoesAlong(t *testing.T) {
	t.Parallel()
	traced := make(chan string, 1)
	a := start(t, settings(t), with("Traced", tracer(traced)))
	post(t, a.URL()+"/task", `{"processInstanceId":"p","taskId":"t","stone":"Traced"}`)
	require.Equal(t, traceparent, <-traced)
}

// tracer is a stone that tells which trace it works in.
type tracer chan string

func (c tracer) Start(ctx context.Context, _ *stone.Task) error {
	c <- stone.TraceOf(ctx)
	return nil
}
