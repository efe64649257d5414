package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/cli"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue"
)

// open runs a system without a worker, whose NATS listens.
func open(t *testing.T) (server string, nc *nats.Conn) {
	t.Helper()
	cfg := config.Default()
	cfg.Roles = []config.Role{config.Gateway, config.Recorder}
	cfg.Listen, cfg.NATSListen, cfg.Data, cfg.Stones = "127.0.0.1:0", "127.0.0.1:0", t.TempDir(), config.Stones{}
	cfg.StopTimeout = 100 * time.Millisecond
	cfg.Callbacks.Allow = []string{"http://127.0.0.1"}
	a := app.New(cfg, zap.NewNop(), app.Hooks{})
	require.NoError(t, a.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, a.Stop(ctx))
	})
	nc, err := queue.Connect(a.NATSURL(), queue.ConnectConfig{})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return "--server=" + a.URL(), nc
}

func TestDeadletterAndQuarantine(t *testing.T) {
	t.Parallel()
	server, nc := open(t)
	r := run(t, "", "deadletter", "list", server)
	require.Equal(t, cli.ExitOK, r.code, r.err)
	require.Equal(t, "SEQ TIME TASK SUBJECT BYTES REASON", strings.Join(strings.Fields(r.out), " "))

	for range 3 {
		m := nats.NewMsg(queue.DLQSubject("MachineStone"))
		m.Header.Set(queue.HeaderReason, "epoch is 0 \x1b[2J")
		m.Data = []byte(`{"taskId":"t1","params":{"password":"hunter2"}}`)
		_, err := nc.RequestMsg(m, patience)
		require.NoError(t, err)
	}
	_, err := nc.Request("rs.evt.MachineStone.start", []byte("hunter2"), patience)
	require.NoError(t, err)

	r = run(t, "", "deadletter", "list", server, "--size", "2")
	require.Equal(t, cli.ExitOK, r.code, r.err)
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	require.Len(t, lines, 3)
	require.Regexp(t, `^3 +2\S+ \S+ +t1 +rs\.dlq\.MachineStone +47 +epoch is 0 .\[2J$`, lines[1])
	require.NotContains(t, r.out, "\x1b")
	require.Contains(t, r.err, "2 of 3; see more with --start 2")
	r = run(t, "", "deadletter", "list", server, "--task", "t1", "--stone", "MachineStone", "-o", "json")
	var all []client.Letter
	require.NoError(t, json.Unmarshal([]byte(r.out), &all), r.out)
	require.Len(t, all, 3)
	require.JSONEq(t, `{"taskId":"t1","params":{"password":"******"}}`, string(all[0].Bytes))
	require.Contains(t, run(t, "", "deadletter", "list", server, "--stone", "a b").err, "400")

	require.Eventually(t, func() bool {
		r = run(t, "", "quarantine", "list", server)
		return strings.Count(r.out, "\n") == 2
	}, patience, 10*time.Millisecond)
	require.Regexp(t, `RS_EVENTS 1 .*rs\.evt\.MachineStone\.start +7 +\S`, r.out)
	r = run(t, "", "quarantine", "list", server, "-o", "json")
	all = nil
	require.NoError(t, json.Unmarshal([]byte(r.out), &all), r.out)
	require.Len(t, all, 1)
	require.Nil(t, all[0].Bytes)
	require.NotContains(t, r.out, "hunter2")
}

func TestEvents(t *testing.T) {
	t.Parallel()
	server := "--server=" + system(t)
	follow := func(args ...string) (out *buffer, stop func() int) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		out = &buffer{}
		done := make(chan int, 1)
		go func() {
			done <- cli.Run(ctx, cli.Process{Args: append([]string{"events", server}, args...), In: strings.NewReader(""), Out: out, Err: out})
		}()
		return out, func() int { cancel(); return <-done }
	}
	people, stopPeople := follow("--process", "p1")
	programs, stopPrograms := follow("--stone", "Good", "-o", "json")
	n := 0
	// Nothing says when they listen: tasks are published until both have heard of one.
	require.Eventually(t, func() bool {
		n++
		r := run(t, "", "task", "publish", server, "--stone", "Good", "--task", "g"+strings.Repeat("1", n), "--process", "p1", "--wait")
		require.Equal(t, cli.ExitOK, r.code, r.err)
		return strings.Contains(people.String(), "start.success") && strings.Contains(programs.String(), "start.success")
	}, patience, 10*time.Millisecond)
	run(t, "", "task", "publish", server, "--stone", "Bad", "--process", "p1", "--task", "bad", "--debug", "--wait")
	r := run(t, "", "task", "resume", server, "bad")
	require.Equal(t, cli.ExitOK, r.code, r.err)
	require.Eventually(t, func() bool { return strings.Contains(people.String(), "resumed") }, patience, 10*time.Millisecond)
	require.Equal(t, cli.ExitOK, stopPeople())
	require.Equal(t, cli.ExitOK, stopPrograms())
	require.Regexp(t, `(?m)^\d\d:\d\d:\d\d\.\d{3}  g1+ +start\.begin +\S+`, people.String())
	require.Contains(t, people.String(), "progress 70%")
	require.Contains(t, people.String(), "| doing �[31mwell")

	d := json.NewDecoder(bytes.NewReader([]byte(programs.String())))
	var first client.Event
	require.NoError(t, d.Decode(&first))
	require.NotEmpty(t, first.Cursor)
	again, stopAgain := follow("--stone", "Good", "-o", "json", "--after", first.Cursor)
	rest := strings.SplitN(programs.String(), "\n", 2)[1]
	require.Eventually(t, func() bool { return strings.HasPrefix(again.String(), rest) }, patience, 10*time.Millisecond)
	require.Equal(t, cli.ExitOK, stopAgain())

	r = run(t, "", "events", server)
	require.Equal(t, cli.ExitUsage, r.code)
	require.Contains(t, r.err, "--process, --task or --stone")
	r = run(t, "", "events", server, "--task", "t", "--after", "noon")
	require.Equal(t, cli.ExitFailed, r.code)
	require.Contains(t, r.err, "Last-Event-ID")
}
