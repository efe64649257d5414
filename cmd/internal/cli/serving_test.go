package cli_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/cli"
	"github.com/riverstones/riverstones/gateway/client"
)

func TestDevDemo(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	t.Cleanup(func() { // a machine may be writing its heartbeat
		require.Eventually(t, func() bool { return os.RemoveAll(filepath.Join(data, "machines")) == nil }, patience, 10*time.Millisecond)
	})
	for _, task := range []string{"2912516", "2912516-"} { // the second time under another id
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		var out, errs buffer
		code := make(chan int, 1)
		go func() {
			code <- cli.Run(ctx, cli.Process{Out: &out, Err: &errs, Args: []string{"dev", "--demo",
				"--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--data", data}})
		}()
		require.Eventually(t, func() bool { return strings.Contains(out.String(), "It goes on serving") }, patience, 10*time.Millisecond, errs.String())
		cancel()
		require.Equal(t, cli.ExitOK, <-code, errs.String())
		require.Regexp(t, `(?s)produce\.success.*start\.begin.*start\.success.*monitor\.begin.*monitor\.success.*GET `, out.String())
		require.Contains(t, out.String(), `"taskId": "`+task)
		require.Contains(t, out.String(), `"machineId\":`[1:])
		require.NotContains(t, out.String(), "LPP$o3P8")
		require.Regexp(t, `curl http://127\.0\.0\.1:\d+/task/`+task, out.String())
	}
}

// process runs the command line as a process of its own, and waits until it
// says that it has started.
func process(t *testing.T, args ...string) (*exec.Cmd, *buffer) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), mainEnv+"=1")
	var errs buffer
	cmd.Stdout, cmd.Stderr = io.Discard, &errs
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // the test may have waited already
	})
	if !assert.Eventually(t, func() bool { return strings.Contains(errs.String(), `"started"`) }, patience, 10*time.Millisecond) {
		require.Fail(t, errs.String())
	}
	return cmd, &errs
}

func TestSIGTERMStopsEachRoleCleanly(t *testing.T) {
	t.Parallel()
	for _, s := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		cmd, errs := process(t, "serve", "--roles", "gateway,recorder,worker", "--listen", "127.0.0.1:0", "--nats-listen", "", "--data", t.TempDir())
		require.NoError(t, cmd.Process.Signal(s))
		require.NoError(t, cmd.Wait(), errs.String())
		// In the opposite order of the start.
		require.Regexp(t, `(?s)"step":"worker".*"step":"gateway".*"step":"recorder".*"step":"nats server".*"step":"store"`, errs.String())
	}
}

const sleeper = `
listen: 127.0.0.1:0
nats-listen: ""
roles: [gateway, recorder, worker]
stop-timeout: 1h
machine-stone: false
command-stones:
  - code: Sleeper
    commands: {sleep: {path: /bin/sleep, args: ["3600"]}}
`

func TestSecondSignalStopsAtOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "riverstones.yaml")
	require.NoError(t, os.WriteFile(file, []byte(sleeper), 0o600))
	cmd, errs := process(t, "serve", "--config", file, "--data", t.TempDir())
	server := "--server=http://" + between(errs.String(), `"address":"`, `"`)
	require.Equal(t, cli.ExitOK, run(t, "", "task", "publish", server, "--stone", "Sleeper", "--task", "s1").code)
	require.Eventually(t, func() bool { return strings.Contains(run(t, "", "task", "get", server, "s1").out, "start.begin") }, patience, 20*time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool { return strings.Contains(errs.String(), "a second signal ends at once") }, patience, 10*time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	var ended *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &ended)
	require.Equal(t, cli.ExitKilled, ended.ExitCode())
}

const quickly = `
listen: 127.0.0.1:0
nats-listen: ""
roles: [gateway, recorder, worker]
machine-stone: false
command-stones:
  - code: Brief
    commands: {brief: {path: /bin/true}}
`

// TestKilledProcessLosesNothing kills the whole system, queue and database
// included, while tasks come in and are worked. It takes up to the lease of
// what was being worked, 30 s.
func TestKilledProcessLosesNothing(t *testing.T) {
	t.Parallel()
	file, data := filepath.Join(t.TempDir(), "riverstones.yaml"), t.TempDir()
	require.NoError(t, os.WriteFile(file, []byte(quickly), 0o600))
	var accepted []string
	for round := range 2 {
		cmd, errs := process(t, "serve", "--config", file, "--data", data)
		server := "--server=http://" + between(errs.String(), `"address":"`, `"`)
		for i := range 40 {
			id := fmt.Sprintf("k%d-%d", round, i)
			require.Equal(t, cli.ExitOK, run(t, "", "task", "publish", server, "--stone", "Brief", "--task", id).code)
			accepted = append(accepted, id)
		}
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
	}
	_, errs := process(t, "serve", "--config", file, "--data", data)
	c, err := client.New("http://"+between(errs.String(), `"address":"`, `"`), client.Config{})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	for _, id := range accepted {
		_, err := c.WaitEnd(ctx, id, 50*time.Millisecond)
		require.NoError(t, err)
		history, err := c.History(ctx, id, false)
		require.NoError(t, err)
		var statuses []string
		for _, tr := range history {
			statuses = append(statuses, tr.Status)
		}
		require.Equal(t, []string{"produce.success", "start.begin", "start.success"}, statuses, id)
	}
}

// between returns what stands between two texts.
func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}
