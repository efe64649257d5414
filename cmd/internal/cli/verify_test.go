package cli_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/cli"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/embedded"
	"github.com/riverstones/riverstones/stone"
)

var update = flag.Bool("update", false, "write the golden files")

// worked is the data directory of a system that has worked off the tasks t0 to
// t5, has t6 waiting for a stone that nobody serves, and was stopped.
func worked(t *testing.T) (data string) {
	t.Helper()
	cfg := config.Default()
	cfg.Roles = config.Roles()
	cfg.Listen, cfg.NATSListen, cfg.Data, cfg.Stones = "127.0.0.1:0", "", t.TempDir(), config.Stones{}
	a := app.New(cfg, zap.NewNop(), app.Hooks{Stones: func(w *stone.Worker) error {
		return w.Add(stone.Spec{Code: "Good"}, stone.Func(func(context.Context, *stone.Task) error { return nil }))
	}})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, a.Start(ctx))
	c, err := client.New(a.URL(), client.Config{})
	require.NoError(t, err)
	for i := range 7 {
		code := "Good"
		if i == 6 {
			code = "Nobody"
		}
		_, _, err := c.PublishOne(ctx, client.NewTask{ProcessInstanceID: "p", TaskID: fmt.Sprint("t", i), Stone: code})
		require.NoError(t, err)
		if code == "Good" {
			_, err = c.WaitEnd(ctx, fmt.Sprint("t", i), time.Millisecond)
			require.NoError(t, err)
		}
	}
	require.NoError(t, a.Stop(ctx))
	return cfg.Data
}

// damage spoils the tasks t1 to t6, each in its own way.
func damage(t *testing.T, data string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(data, "riverstones.db"))
	require.NoError(t, err)
	defer db.Close() //nolint:errcheck // a test's
	for _, query := range []string{
		"update task set epoch = 2 where task_id = 't1'",
		"delete from transition where id = (select id from task where task_id = 't2') and status = 1",
		"update task set status = 3, final = 0, end_time = null where task_id = 't3'",
		"insert into transition select id, epoch, 4, 0, time, delivery, worker, 'no' from transition where id = (select id from task where task_id = 't4') and status = 5",
		"update task set reason = 'out of paper' where task_id = 't5'",
	} {
		_, err := db.ExecContext(t.Context(), query)
		require.NoError(t, err, query)
	}
	s, err := embedded.Start(embedded.Config{Dir: filepath.Join(data, "nats")})
	require.NoError(t, err)
	nc, err := s.Connect()
	require.NoError(t, err)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	tasks, err := js.Stream(t.Context(), queue.StreamTasks)
	require.NoError(t, err)
	require.NoError(t, tasks.DeleteMsg(t.Context(), 7))
	nc.Close()
	require.NoError(t, s.Stop())
}

func TestVerify(t *testing.T) {
	t.Parallel()
	data := worked(t)
	r := run(t, "", "verify", "--data", data)
	require.Equal(t, cli.ExitOK, r.code, r.err)
	require.Regexp(t, `^compared  7 tasks, 7 commands up to 7, \d+ messages of events up to \d+\nput away  0 in quarantine\nfound     nothing\n$`, r.out)

	damage(t, data)
	r = run(t, "", "verify", "--data", data)
	require.Equal(t, cli.ExitFailed, r.code, r.err)
	require.Empty(t, r.err)
	table, _, ok := strings.Cut(r.out, "compared")
	require.True(t, ok, r.out)
	const golden = "testdata/verify.golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(table), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), table)
	require.Contains(t, r.out, "\nfound     3 lost, 1 doubled, 1 orphaned, 2 out of order\n")

	r = run(t, "", "verify", "--data", data, "-o", "json", "--limit", "1")
	require.Equal(t, cli.ExitFailed, r.code, r.err)
	var got struct {
		Clean, Complete bool
		Tasks           int
		Totals          map[string]int
		Findings        []map[string]string
	}
	require.NoError(t, json.Unmarshal([]byte(r.out), &got), r.out)
	require.False(t, got.Clean)
	require.True(t, got.Complete)
	require.Equal(t, 7, got.Tasks)
	require.Equal(t, map[string]int{"lost": 3, "doubled": 1, "orphaned": 1, "out of order": 2}, got.Totals)
	require.Len(t, got.Findings, 1)
	require.Contains(t, run(t, "", "verify", "--data", data, "--limit", "2").out, "\nand 5 more\n")
	require.Contains(t, run(t, "", "verify", "--data", data, "--since", "1us").out, "compared  0 tasks, 0 commands")
}

func TestVerifyCanNotCheck(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	r := run(t, "", "verify", "--data", data)
	require.Equal(t, cli.ExitUnchecked, r.code)
	require.Contains(t, r.err, "no database")
	left, err := os.ReadDir(data)
	require.NoError(t, err)
	require.Empty(t, left, "it makes nothing")

	data = worked(t)
	s, err := embedded.Start(embedded.Config{Dir: filepath.Join(data, "nats")})
	require.NoError(t, err)
	r = run(t, "", "verify", "--data", data)
	require.Equal(t, cli.ExitUnchecked, r.code)
	require.Contains(t, r.err, "name its NATS server with --nats")
	require.NoError(t, s.Stop())
	require.NoError(t, os.RemoveAll(filepath.Join(data, "nats")))
	r = run(t, "", "verify", "--data", data)
	require.Equal(t, cli.ExitUnchecked, r.code, r.out)
	require.Contains(t, r.err, "stream not found")

	for line, want := range map[string]string{
		"--since -1h": "must not be negative",
		"--since 1h --created-after 2026-11-21T09:00:00Z": "exclude each other",
		"--created-after yesterday":                       "is no time",
		"--limit 0":                                       "at least 1",
		"x":                                               "unknown command",
	} {
		r := run(t, "", append([]string{"verify"}, strings.Fields(line)...)...)
		require.Equal(t, cli.ExitUsage, r.code, line)
		require.Contains(t, r.err, want)
	}
}
