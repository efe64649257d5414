package cli_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/cli"
	"github.com/riverstones/riverstones/gateway/client"
)

func TestCommandsOnTasks(t *testing.T) {
	t.Parallel()
	server := "--server=" + system(t)
	ok := func(input string, args ...string) result {
		t.Helper()
		r := run(t, input, append(args, server)...)
		require.Equal(t, cli.ExitOK, r.code, r.err)
		return r
	}
	fails := func(says, input string, args ...string) {
		t.Helper()
		r := run(t, input, append(args, server)...)
		require.NotEqual(t, cli.ExitOK, r.code)
		require.Contains(t, r.err, says)
	}
	run(t, "", "task", "publish", server, "--stone", "Bad", "--process", "p", "--task", "b1", "--wait")
	fails("is not in debug mode", "", "task", "rerun", "b1")
	require.Equal(t, "process p: debug mode is on\n", ok("", "process", "debug", "p", "on").out)
	fails("neither on nor off", "", "process", "debug", "p", "maybe")
	require.Contains(t, ok("", "task", "why", "b1").out, "to change that: riverstones task rerun b1")
	fails("ended with start.failed", "", "task", "rerun", "b1", "--params", `{"x":1}`, "--wait")
	fails("--params is no JSON", "", "task", "rerun", "b1", "--params", "{")

	r := ok("", "task", "history", "b1", "--notes")
	require.Regexp(t, `start\.failed +2 +1 `, r.out)
	var history []client.Transition
	require.NoError(t, json.Unmarshal([]byte(ok("", "task", "history", "b1", "-o", "json").out), &history))
	require.Len(t, history, 6)
	require.Contains(t, ok("", "task", "resume", "b1").out, "task b1: attempt 2, start, start.failed")

	fails("not confirmed", "no\n", "task", "rollback", "b1")
	fails("scripts give --yes", "", "task", "rollback", "b1")
	require.Contains(t, ok("yes\n", "task", "rollback", "b1", "--wait").out, "rollback.success")
	require.Contains(t, ok("", "task", "delete", "b1", "--yes", "--wait").out, "delete.success")

	run(t, "", "task", "publish", server, "--stone", "NobodysStone", "--task", "e1")
	var stopped client.Task
	r = run(t, "", "task", "cancel", "e1", "--yes", "--wait", "-o", "json", server)
	require.NoError(t, json.Unmarshal([]byte(r.out), &stopped))
	require.Equal(t, "canceled", stopped.Status)
	fails("there is nothing to cancel", "", "task", "cancel", "e1", "-y")

	run(t, "", "task", "publish", server, "--stone", "Good", "--task", "g1", "--wait")
	require.Contains(t, ok("", "task", "log", "g1").out, "doing")
	require.Contains(t, ok("", "task", "why", "g1").out, "it ended with start.success")
	fails("404", "", "task", "why", "nobody")
	require.Equal(t, "[]\n", ok("", "task", "callbacks", "g1", "-o", "json").out)
	fails("nothing of task g1 is to be told", "", "task", "callbacks", "g1", "--replay")
	fails("404", "", "task", "callbacks", "nobody")
}

// What POST /task takes can be given by flags.
func TestPublishFlags(t *testing.T) {
	t.Parallel()
	server := "--server=" + system(t)
	r := run(t, "", "task", "publish", server, "--stone", "Good", "--process", "p", "--task", "held", "--delay", "1h", "--debug")
	require.Equal(t, cli.ExitOK, r.code, r.err)
	var held client.Task
	r = run(t, "", "task", "get", "held", "-o", "json", server)
	require.NoError(t, json.Unmarshal([]byte(r.out), &held), r.out)
	require.NotNil(t, held.NotBefore)
	require.True(t, held.Debug)
	r = run(t, "", "task", "why", "held", server)
	require.Contains(t, r.out, "it is held back until ")
	require.Contains(t, r.out, "to change that: riverstones task cancel held")
	for says, flags := range map[string][]string{
		"delay":                          {"--delay", "soon"},
		"callback.url":                   {"--callback", "https://example.com/hook"},
		"--callback-kind needs":          {"--callback-kind", "flowable"},
		"either a FILE or --stone":       {"file.json"},
		"--params is no JSON":            {"--params", "{"},
		"queueType must be one of start": {"--method", "dance"},
	} {
		r = run(t, "", append([]string{"task", "publish", server, "--stone", "Good"}, flags...)...)
		require.NotEqual(t, cli.ExitOK, r.code, says)
		require.Contains(t, r.err, says)
	}
}
