package stone_test

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/stone/stonetest"
)

var broken = stone.Func(func(context.Context, *stone.Task) error { panic("no disk") })

// exampleLog prints level and message only.
func exampleLog() *zap.Logger {
	return zap.NewExample(zap.WrapCore(func(c zapcore.Core) zapcore.Core { return levels{c} }))
}

type levels struct{ zapcore.Core }

func (c levels) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return ce.AddCore(e, c)
}

func (levels) Write(e zapcore.Entry, fields []zapcore.Field) error {
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(enc)
	}
	fmt.Println(e.Level, e.Message, enc.Fields["stone"], enc.Fields["outcome"], enc.Fields["reason"])
	return nil
}

// The first middleware is the outermost.
func ExampleChain() {
	say := func(s string) stone.Middleware {
		return func(next stone.Handler) stone.Handler {
			return func(ctx context.Context, t *stone.Task) error {
				fmt.Println(s)
				return next(ctx, t)
			}
		}
	}
	s := stone.Wrap(stone.Func(func(context.Context, *stone.Task) error { return nil }), stone.Chain(say("outer"), say("inner")))
	_, _ = stonetest.Do(context.Background(), s, stonetest.Task{})
	// Output:
	// outer
	// inner
}

// Wrap puts middleware around every method that a stone has.
func ExampleWrap() {
	s := stone.Wrap(broken, stone.Recovery(zap.NewNop()), stone.Timeout(time.Minute))
	r, _ := stonetest.Do(context.Background(), s, stonetest.Task{})
	fmt.Println(r.Outcome, r.Reason)
	// Output: retry panic: no disk
}

func ExampleLogging() {
	full := stone.Func(func(context.Context, *stone.Task) error { return stone.Reject("quota used up") })
	_, _ = stonetest.Do(context.Background(), stone.Wrap(full, stone.Logging(exampleLog())), stonetest.Task{Stone: "Volume"})
	// Output: warn stone ran Volume reject quota used up
}

// A panic spends an attempt as any error does. Its stack goes to the log only.
func ExampleRecovery() {
	r, _ := stonetest.Do(context.Background(), stone.Wrap(broken, stone.Recovery(exampleLog())), stonetest.Task{Stone: "Volume"})
	fmt.Println(r.Outcome, r.Reason)
	// Output:
	// error stone panicked Volume <nil> panic: no disk
	// retry panic: no disk
}

func ExampleTimeout() {
	slow := stone.Func(func(ctx context.Context, _ *stone.Task) error {
		<-ctx.Done()
		return ctx.Err()
	})
	r, _ := stonetest.Do(context.Background(), stone.Wrap(slow, stone.Timeout(time.Millisecond)), stonetest.Task{})
	fmt.Println(r.Outcome, r.Reason)
	// Output: retry timeout after 1ms: context deadline exceeded
}

func ExampleMetrics() {
	reg := prometheus.NewRegistry()
	count, err := stone.Metrics(reg)
	if err != nil {
		fmt.Println(err)
	}
	fine := stone.Func(func(context.Context, *stone.Task) error { return nil })
	_, _ = stonetest.Do(context.Background(), stone.Wrap(fine, count), stonetest.Task{Stone: "Volume"})
	families, _ := reg.Gather()
	for _, f := range families {
		fmt.Println(f.GetName())
	}
	// Output:
	// riverstones_stone_run_seconds
	// riverstones_stone_running
	// riverstones_stone_runs_total
}

func ExampleTracing() {
	tp := sdktrace.NewTracerProvider() // with an exporter, as the program has it
	ctx := stone.ContextWithTrace(context.Background(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	calls := stone.Func(func(ctx context.Context, _ *stone.Task) error {
		fmt.Println(stone.TraceOf(ctx)[:35]) // send it along with calls to other services
		return nil
	})
	_, _ = stonetest.Do(ctx, stone.Wrap(calls, stone.Tracing(tp)), stonetest.Task{})
	// Output: 00-0af7651916cd43dd8448eb211c80319c
}
