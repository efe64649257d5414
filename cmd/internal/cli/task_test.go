package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/cli"
	"github.com/riverstones/riverstones/gateway/client"
)

func TestTaskCommands(t *testing.T) {
	t.Parallel()
	server := "--server=" + system(t)

	r := run(t, "", "task", "publish", server, "--stone", "Good", "--task", "g1", "--process", "p1", "--params", `{"n":12345678901234567890}`, "--wait")
	require.Equal(t, cli.ExitOK, r.code, r.err)
	require.Regexp(t, `(?s)produce\.success.*start\.begin.*start\.success`, r.out)

	r = run(t, "", "task", "get", server, "g1", "--log")
	require.Equal(t, cli.ExitOK, r.code, r.err)
	for _, want := range []string{"g1", "start.success", "12345678901234567890", `"answer": 42`, "70%", "doing �[31mwell"} {
		require.Contains(t, r.out, want)
	}
	require.NotContains(t, r.out, "\x1b", "nothing from a task steers the terminal")

	r = run(t, "", "task", "get", server, "g1", "-o", "json")
	var got client.Task
	require.NoError(t, json.Unmarshal([]byte(r.out), &got), r.out)
	require.Equal(t, `{"n":12345678901234567890}`, *got.Params)

	r = run(t, "", "task", "watch", server, "g1", "-o", "json")
	require.Equal(t, cli.ExitOK, r.code, r.err)
	require.NoError(t, json.Unmarshal([]byte(r.out), &got), r.out)
	require.Contains(t, r.err, "start.success")

	r = run(t, "", "task", "list", server, "--process", "p1")
	require.Equal(t, cli.ExitOK, r.code, r.err)
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	require.Len(t, lines, 2)
	require.Equal(t, "TASK PROCESS STONE STATUS PROGRESS ATTEMPT CREATED ENDED REASON", strings.Join(strings.Fields(lines[0]), " "))
	require.Contains(t, lines[1], "start.success")
}

func TestFailedTask(t *testing.T) {
	t.Parallel()
	server := "--server=" + system(t)
	r := run(t, "", "task", "publish", server, "--stone", "Bad", "--task", "b1", "--wait")
	require.Equal(t, cli.ExitFailed, r.code)
	require.Equal(t, "riverstones: task b1 ended with start.failed: the disk is on fire �[2J\n", r.err)
	r = run(t, "", "task", "watch", server, "b1")
	require.Equal(t, cli.ExitFailed, r.code)
	require.Contains(t, r.err, "task b1 ended with start.failed")
	r = run(t, "", "task", "list", server, "--stone", "Bad", "--status", "failed", "-o", "json")
	var all []client.Task
	require.NoError(t, json.Unmarshal([]byte(r.out), &all), r.out)
	require.Len(t, all, 1)
}

func TestWatchGivesUp(t *testing.T) {
	t.Parallel()
	server := "--server=" + system(t)
	r := run(t, "", "task", "publish", server, "--stone", "Endless", "--task", "e1", "--wait", "--timeout", "300ms")
	require.Equal(t, cli.ExitFailed, r.code)
	require.Contains(t, r.err, "it was not at an end after 300ms")
	r = run(t, "", "task", "watch", server, "nobody")
	require.Equal(t, cli.ExitFailed, r.code)
	require.Contains(t, r.err, "404")
}

func TestPublishFromFiles(t *testing.T) {
	t.Parallel()
	server := "--server=" + system(t)
	one := `{"processInstanceId":"p","taskId":"f1","stone":"Good"}`
	r := run(t, one, "task", "publish", server, "-")
	require.Equal(t, cli.ExitOK, r.code, r.err)
	require.Regexp(t, `f1 +p +Good +produce\.success +(recorded|in the queue)`, r.out)
	r = run(t, one, "task", "publish", server, "-")
	require.Contains(t, r.out, "known before")

	file := filepath.Join(t.TempDir(), "tasks.json")
	require.NoError(t, os.WriteFile(file, []byte(`[{"processInstanceId":"p","taskId":"f2","stone":"Good"},{"processInstanceId":"p","taskId":"f3","stone":"Bad"}]`), 0o600))
	r = run(t, "", "task", "publish", server, file, "--wait", "-o", "json")
	require.Equal(t, cli.ExitFailed, r.code)
	var all []client.Task
	require.NoError(t, json.Unmarshal([]byte(r.out), &all), r.out)
	require.Equal(t, "start.success start.failed", all[0].Status+" "+all[1].Status)
	require.Contains(t, r.err, "task f3 ended with start.failed")
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	r := run(t, "", "task", "get", "--server", "http://127.0.0.1:1", "x")
	require.Equal(t, cli.ExitFailed, r.code)
	require.Contains(t, r.err, "connection refused")
}
