package cli_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/cli"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue/queuetest"
)

func TestStoneCommands(t *testing.T) {
	t.Parallel()
	server := "--server=" + system(t)
	ok := func(args ...string) string {
		t.Helper()
		r := run(t, "", append(args, server)...)
		require.Equal(t, cli.ExitOK, r.code, r.err)
		return r.out
	}
	stones := func() (all []client.Stone) {
		t.Helper()
		require.NoError(t, json.Unmarshal([]byte(ok("stone", "list", "-o", "json")), &all))
		return all
	}
	queuetest.WaitFor(t, func() bool { return len(stones()) == 3 })
	out := ok("stone", "list")
	require.Regexp(t, `(?m)^STONE +VERSION +DECLARED +STATE +WORKERS +WAITING +OLDEST +NAME$`, out)
	require.Regexp(t, `(?m)^Good +- +yes +served +1 +0 +- +-$`, out)

	require.Equal(t, "stone Good is paused\n", ok("stone", "pause", "Good"))
	ok("task", "publish", "--stone", "Good", "--task", "g1")
	ok("task", "publish", "--stone", "Nobody", "--task", "n1")
	queuetest.WaitFor(t, func() bool { all := stones(); return len(all) == 4 && all[2].Backlog["start"] == 1 })
	out = ok("stone", "show", "Good")
	for _, want := range []string{`state +paused`, `methods +start`, `waiting +1 start`, `WORKER +HOST`, `yes\n`} {
		require.Regexp(t, want, out)
	}
	require.Regexp(t, `(?m)^Nobody +- +no +unserved +0 +1 +\d+s +-$`, ok("stone", "list"))
	var s client.Stone
	require.NoError(t, json.Unmarshal([]byte(ok("stone", "resume", "Good", "-o", "json")), &s))
	require.False(t, s.Paused)
	queuetest.WaitFor(t, func() bool {
		var task client.Task
		require.NoError(t, json.Unmarshal([]byte(ok("task", "get", "g1", "-o", "json")), &task))
		return task.Status == "start.success"
	})

	r := run(t, "", "stone", "show", "None", server)
	require.Equal(t, cli.ExitFailed, r.code)
	require.Contains(t, r.err, "stone None is not known")
	require.Equal(t, cli.ExitUsage, run(t, "", "stone", "pause", server).code)
}
