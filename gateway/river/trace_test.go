package river_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/riverstones/riverstones/gateway/river"
)

// What moves a process that no traced request has started has a trace of its
// own, and says what it was.
func TestOwnTrace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	spans := tracetest.NewSpanRecorder()
	var err error
	b.r, err = river.New(river.Config{Look: time.Millisecond}, river.Deps{Store: b.st, Tracer: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))})
	require.NoError(t, err)
	b.deploy(`<startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="a"/><manualTask id="a" flowable:async="true"/>
<sequenceFlow sourceRef="a" targetRef="e"/><endEvent id="e"/>`)
	in := b.start()
	require.Empty(t, spans.Started(), "nobody traces the request")
	b.r.Start(t.Context())
	t.Cleanup(b.r.Stop)
	require.Eventually(t, func() bool { return len(spans.Ended()) == 1 }, 10*time.Second, 5*time.Millisecond)
	got := spans.Ended()[0]
	require.Equal(t, "river continuation", got.Name())
	require.False(t, got.Parent().IsValid())
	said := map[string]string{}
	for _, a := range got.Attributes() {
		said[string(a.Key)] = a.Value.AsString()
	}
	require.Equal(t, map[string]string{"riverstones.process_instance_id": in.ID, "riverstones.activity": "a"}, said)
	in = b.instance(in.ID)
	require.True(t, in.Ended())
}
