package cli_test

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/cli"
	"github.com/riverstones/riverstones/queue"
)

func TestRedrive(t *testing.T) {
	t.Parallel()
	server, nc := open(t)
	publish := func(task string) {
		t.Helper()
		r := run(t, "", "task", "publish", server, "--stone", "S", "--process", "p", "--task", task)
		require.Equal(t, cli.ExitOK, r.code, r.err)
	}
	publish("alive")
	r := run(t, "", "deadletter", "redrive", server, "alive")
	require.Equal(t, cli.ExitFailed, r.code)
	require.Contains(t, r.err, "has no dead letter")

	publish("dead")
	m := nats.NewMsg(queue.DLQSubject("S"))
	m.Header.Set(queue.HeaderReason, "epoch is 0")
	m.Data = []byte(`{"taskId":"dead"}`)
	_, err := nc.RequestMsg(m, patience)
	require.NoError(t, err)
	r = run(t, "", "deadletter", "redrive", server, "dead")
	require.Equal(t, cli.ExitFailed, r.code)
	require.Contains(t, r.err, "only a failed task can be run again")
	r = run(t, "", "deadletter", "redrive", server, "nobody")
	require.Contains(t, r.err, "404")
}
