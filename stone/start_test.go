package stone_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/stone"
)

// A worker that is started before NATS waits for it, and says so.
func TestStartBeforeNATS(t *testing.T) {
	t.Parallel()
	server := queuetest.Start(t)
	server.Stop(t)
	nc, err := queue.Connect(server.URL(), queue.ConnectConfig{})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	core, logged := observer.New(zapcore.WarnLevel)
	w, err := stone.NewWorker(nc, stone.Config{Logger: zap.New(core)})
	require.NoError(t, err)
	require.NoError(t, w.Add(stone.Spec{Code: code}, stone.Func(func(context.Context, *stone.Task) error { return nil })))

	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err = w.Start(ctx)
	require.ErrorIs(t, err, nats.ErrDisconnected)
	require.ErrorContains(t, err, "the queue was not ready: no connection to NATS at 127.0.0.1:")

	logged.TakeAll()
	started := make(chan error, 1)
	go func() { started <- w.Start(t.Context()) }()
	queuetest.WaitFor(t, func() bool { return logged.FilterMessageSnippet("waiting for it").Len() > 0 })
	server.Restart(t)
	require.NoError(t, <-started)
	require.NoError(t, w.Ready(t.Context()))
	require.NoError(t, w.Stop(context.WithoutCancel(t.Context())))
}

// A server without the streams is waited for as well: whoever makes them may start later.
func TestStartBeforeTheStreams(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	js := b.server.JetStream(t)
	require.NoError(t, js.DeleteStream(t.Context(), queue.StreamTasks))
	w, err := stone.NewWorker(b.nc, stone.Config{})
	require.NoError(t, err)
	require.NoError(t, w.Add(stone.Spec{Code: code}, stone.Func(func(context.Context, *stone.Task) error { return nil })))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.ErrorIs(t, w.Start(ctx), jetstream.ErrStreamNotFound)
	require.NoError(t, queue.Provision(t.Context(), js, queue.ProvisionConfig{}))
	require.NoError(t, w.Start(t.Context()))
	require.NoError(t, w.Stop(context.WithoutCancel(t.Context())))
}
