package stone_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/stone/stonetest"
)

func returns(err error) stone.Func {
	return func(context.Context, *stone.Task) error { return err }
}

func panics(v any) stone.Func {
	return func(context.Context, *stone.Task) error { panic(v) }
}

func TestChainAndWrap(t *testing.T) {
	t.Parallel()
	var order []string
	mark := func(name string) stone.Middleware {
		return func(next stone.Handler) stone.Handler {
			return func(ctx context.Context, t *stone.Task) error {
				order = append(order, name+" "+string(t.Method))
				return next(ctx, t)
			}
		}
	}
	s := stone.Wrap(stone.Methods{
		task.Start: returns(nil).Start, task.Monitor: returns(nil).Start, task.Delete: nil,
	}, mark("outer"), stone.Chain(), mark("inner"))
	require.Len(t, stone.Handlers(s), 2)
	stonetest.RunToEnd(t, s, stonetest.Task{}).RequireSuccess(t)
	require.Equal(t, []string{"outer start", "inner start", "outer monitor", "inner monitor"}, order)
}

func TestMethodsWithoutStart(t *testing.T) {
	t.Parallel()
	for _, s := range []stone.Methods{nil, {task.Monitor: returns(nil).Start}} {
		stonetest.Run(t, s, stonetest.Task{}).RequireReject(t, "no start")
	}
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.DebugLevel)
	s := stone.Wrap(panics("bad password hunter22\nsecond line"), stone.Recovery(zap.New(core)))
	r := stonetest.Run(t, s, stonetest.Task{Params: `{"password":"hunter22"}`})
	r.RequireRetry(t, "panic: bad password "+task.Mask)
	require.NotContains(t, r.Reason, "second")
	require.Equal(t, 1, logs.Len())
	fields := logs.All()[0].ContextMap()
	require.Equal(t, "panic: bad password "+task.Mask, fields["reason"])
	require.Contains(t, fields["stack"], "middleware_test.go")

	r = stonetest.Run(t, stone.Wrap(panics(errors.New("nil map")), stone.Recovery(zap.NewNop())), stonetest.Task{})
	r.RequireRetry(t, "panic: nil map")
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	waits := stone.Func(func(ctx context.Context, _ *stone.Task) error { <-ctx.Done(); return ctx.Err() })
	r := stonetest.Run(t, stone.Wrap(waits, stone.Timeout(time.Millisecond)), stonetest.Task{})
	r.RequireRetry(t, "timeout after 1ms")

	rejects := stone.Func(func(ctx context.Context, _ *stone.Task) error { <-ctx.Done(); return stone.Reject("no") })
	stonetest.Run(t, stone.Wrap(rejects, stone.Timeout(time.Millisecond)), stonetest.Task{}).RequireReject(t, "no")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stopped, err := stonetest.Do(ctx, stone.Wrap(waits, stone.Timeout(time.Hour)), stonetest.Task{})
	require.NoError(t, err)
	require.ErrorIs(t, stopped.Err, context.Canceled) // the runner's own end is not a timeout

	noDeadline := stone.Func(func(ctx context.Context, _ *stone.Task) error {
		if _, ok := ctx.Deadline(); ok {
			return stone.Reject("deadline")
		}
		return nil
	})
	stonetest.Run(t, stone.Wrap(noDeadline, stone.Timeout(0)), stonetest.Task{}).RequireSuccess(t)
}

func TestLogging(t *testing.T) {
	t.Parallel()
	inner := `{\"secretKey\":\"s3cr3t-in-text\"}`
	params := `{"apiToken":"t0ken","nested":{"password":["deep1","deep2"],"KeyName":"shown"},"text":"` + inner + `",
		"b64":"eyJhY2Nlc3NLZXkiOiJiNjRzZWNyZXQifQ=="}`
	for name, c := range map[string]struct {
		err     error
		level   zapcore.Level
		outcome string
		reason  any
	}{
		"success": {nil, zapcore.InfoLevel, "success", nil},
		"again":   {stone.Again(time.Second), zapcore.DebugLevel, "again", nil},
		"retry":   {stone.Retry(0, "no answer"), zapcore.WarnLevel, "retry", "no answer"},
		"plain":   {errors.New("broken"), zapcore.WarnLevel, "retry", "broken"},
		"reject":  {stone.Reject("never"), zapcore.WarnLevel, "reject", "never"},
		"secrets": {
			errors.New("t0ken deep1 deep2 s3cr3t-in-text b64secret shown"), zapcore.WarnLevel, "retry",
			strings.Repeat(task.Mask+" ", 5) + "shown",
		},
		"long": {errors.New(strings.Repeat("é", 2000)), zapcore.WarnLevel, "retry", strings.Repeat("é", 512) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			core, logs := observer.New(zapcore.DebugLevel)
			stonetest.Run(t, stone.Wrap(returns(c.err), stone.Logging(zap.New(core))),
				stonetest.Task{Stone: "S", ID: "i", TaskID: "7", Params: params})
			require.Equal(t, 1, logs.Len())
			entry := logs.All()[0]
			require.Equal(t, c.level, entry.Level)
			fields := entry.ContextMap()
			require.Equal(t, c.outcome, fields["outcome"])
			require.Equal(t, c.reason, fields["reason"])
			require.Equal(t, "S", fields["stone"])
			require.Equal(t, "start", fields["method"])
			require.Equal(t, "7", fields["taskId"])
			require.Contains(t, fields, "duration")
		})
	}
}

func TestTracing(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	var inside string
	s := stone.Func(func(ctx context.Context, _ *stone.Task) error {
		inside = stone.TraceOf(ctx)
		return stone.Reject("secret text")
	})
	ctx := stone.ContextWithTrace(t.Context(), parent)
	_, err := stonetest.Do(ctx, stone.Wrap(s, stone.Tracing(tp)), stonetest.Task{Stone: "S"})
	require.NoError(t, err)
	got := spans.GetSpans()
	require.Len(t, got, 1)
	require.Equal(t, "S start", got[0].Name)
	require.Equal(t, "b7ad6b7169203331", got[0].Parent.SpanID().String())
	require.Equal(t, codes.Error, got[0].Status.Code)
	require.Equal(t, "reject", got[0].Status.Description)
	require.Equal(t, "00-0af7651916cd43dd8448eb211c80319c-"+got[0].SpanContext.SpanID().String()+"-01", inside)

	require.Empty(t, stone.TraceOf(stone.ContextWithTrace(t.Context(), "")))
	require.Empty(t, stone.TraceOf(stone.ContextWithTrace(t.Context(), "garbage")))
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	count, err := stone.Metrics(reg)
	require.NoError(t, err)
	again, err := stone.Metrics(reg) // a second worker in one process
	require.NoError(t, err)
	stonetest.Run(t, stone.Wrap(returns(nil), count), stonetest.Task{})
	stonetest.Run(t, stone.Wrap(returns(stone.Reject("")), again), stonetest.Task{})
	stonetest.Run(t, stone.Wrap(panics("x"), stone.Recovery(zap.NewNop()), count), stonetest.Task{})
	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP riverstones_stone_runs_total Runs of a method by their outcome.
# TYPE riverstones_stone_runs_total counter
riverstones_stone_runs_total{method="start",outcome="reject",stone="Stone"} 1
riverstones_stone_runs_total{method="start",outcome="retry",stone="Stone"} 1
riverstones_stone_runs_total{method="start",outcome="success",stone="Stone"} 1
# HELP riverstones_stone_running Runs of a method under way.
# TYPE riverstones_stone_running gauge
riverstones_stone_running{method="start",stone="Stone"} 0
`), "riverstones_stone_runs_total", "riverstones_stone_running"))
	n, err := testutil.GatherAndCount(reg, "riverstones_stone_run_seconds")
	require.NoError(t, err)
	require.Equal(t, 1, n)

	taken := prometheus.NewRegistry()
	require.NoError(t, taken.Register(prometheus.NewGauge(prometheus.GaugeOpts{Name: "riverstones_stone_runs_total", Help: "x"})))
	_, err = stone.Metrics(taken)
	require.Error(t, err)
}
