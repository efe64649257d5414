package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/cli"
	"github.com/riverstones/riverstones/gateway/client"
)

// What is to be told is listed over all tasks; here nobody answers.
func TestCallbackList(t *testing.T) {
	t.Parallel()
	server, _ := open(t)
	list := func(more ...string) result {
		r := run(t, "", append([]string{"callback", "list", server}, more...)...)
		require.Equal(t, cli.ExitOK, r.code, r.err)
		return r
	}
	require.Equal(t, "TASK PROCESS TIME EVENT STATUS ATTEMPT STATE TRIES NEXT URL PROBLEM", strings.Join(strings.Fields(list().out), " "))
	for _, id := range []string{"t1", "t2"} {
		for _, args := range [][]string{
			{"publish", "--stone", "NobodysStone", "--process", "p1", "--task", id, "--callback", "http://127.0.0.1:9/query?token=hunter2", "--callback-kind", "flowable"},
			{"cancel", id, "--yes", "--wait"},
		} {
			r := run(t, "", append([]string{"task", server}, args...)...)
			require.NotEqual(t, cli.ExitUsage, r.code, r.err)
		}
	}
	var all []client.TaskDelivery
	require.Eventually(t, func() bool {
		all = nil
		require.NoError(t, json.Unmarshal([]byte(list("--state", "due", "--process", "p1", "-o", "json").out), &all))
		return len(all) == 2 && all[0].Problem != nil
	}, patience, 10*time.Millisecond)
	require.Equal(t, "t2", all[0].TaskID)

	r := list("--size", "1")
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	require.Len(t, lines, 2)
	require.Regexp(t, `^t2 +p1 +\d{4}-\S+ \S+ +ended +canceled +2 +due +\d+ .*http://127\.0\.0\.1:9/query\?\*\*\*\*\*\* +\S`, lines[1])
	require.Contains(t, r.err, "1 of 2; see more with --start 1")
	require.Len(t, strings.Split(strings.TrimSpace(list("--task", "t1").out), "\n"), 2)
	require.Contains(t, run(t, "", "callback", "list", server, "--state", "lost").err, "state must be one of")
}
