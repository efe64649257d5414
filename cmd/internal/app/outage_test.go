package app_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/embedded"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestWorkerKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	for name, url := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := settings(t)
			cfg.Roles = []config.Role{config.Recorder, config.Gateway}
			cfg.Store, cfg.NATSListen = url(t), "127.0.0.1:0"
			a := start(t, cfg, app.Hooks{})
			c := newClient(t, a.URL())
			doomed, begun := runDoomed(t, a.NATSURL())
			var tasks []string
			for i := range 20 {
				id := fmt.Sprint("t", i)
				tasks = append(tasks, id)
				_, _, err := c.PublishOne(within(t), client.NewTask{ProcessInstanceID: "p", TaskID: id, Stone: killable})
				require.NoError(t, err)
			}
			first := <-begun
			require.Contains(t, tasks, first)
			ctx := within(t)
			require.Eventually(t, func() bool { // it says so by itself while the work goes on
				got, err := c.Get(ctx, first)
				return err == nil && got.Status == "start.begin"
			}, patience, 10*time.Millisecond)
			require.NoError(t, doomed.Process.Kill())
			startSuccessor(t, a.NATSURL())
			requireWay(t, c, tasks)
			history, err := c.History(within(t), first, true)
			require.NoError(t, err)
			require.Equal(t, "doomed", *history[1].Worker, "the first worker's begin is kept")
			requireClean(t, a.Store(), a.NATSURL())
		})
	}
}

// runDoomed starts the worker process, and tells the task it begins first.
func runDoomed(t *testing.T, url string) (*exec.Cmd, <-chan string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), workerEnv+"="+url)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	begun := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			select {
			case begun <- lines.Text():
			default:
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-read
		_ = cmd.Wait()
	})
	return cmd, begun
}

// startSuccessor runs a worker that does the work.
func startSuccessor(t *testing.T, url string) {
	t.Helper()
	nc, err := queue.Connect(url, queue.ConnectConfig{})
	require.NoError(t, err)
	w, err := stone.NewWorker(nc, stone.Config{Name: "successor", AckWait: lease, Logger: logger(t)})
	require.NoError(t, err)
	require.NoError(t, w.Add(stone.Spec{Code: killable}, quick{}))
	require.NoError(t, w.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, w.Stop(ctx))
		nc.Close()
	})
}

func TestNATSStoppedUnderLoad(t *testing.T) {
	t.Parallel()
	for name, url := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := queuetest.Start(t)
			cfg := settings(t)
			cfg.Store, cfg.NATS = url(t), server.URL()
			a := start(t, cfg, with("Quick", quick{}))
			c := newClient(t, a.URL())
			l := publishing(t, c, "Quick")
			for range 2 {
				l.reach(t, 30)
				server.Stop(t)
				// What comes in while it is down is refused or waits.
				server.Restart(t)
			}
			l.reach(t, 30)
			requireWay(t, c, l.stop())
			requireClean(t, a.Store(), server.URL())
			requireNoFailure(t, a)
		})
	}
}

func requireNoFailure(t *testing.T, a *app.App) {
	t.Helper()
	select {
	case err := <-a.Failed():
		require.NoError(t, err)
	default:
	}
}

func TestEachRoleIsReplacedUnderLoad(t *testing.T) {
	t.Parallel()
	for _, role := range config.Roles() {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			url, server := pgtest.Postgres(t), queuetest.Start(t)
			apps, cfgs := map[config.Role]*app.App{}, map[config.Role]config.Config{}
			for _, r := range config.Roles() {
				cfg := settings(t)
				cfg.Roles, cfg.Store, cfg.NATS = []config.Role{r}, url, server.URL()
				apps[r], cfgs[r] = start(t, cfg, with("Quick", quick{})), cfg
			}
			c := newClient(t, apps[config.Gateway].URL())
			l := publishing(t, c, "Quick")
			for range 2 {
				l.reach(t, 30)
				cfg := cfgs[role]
				if role == config.Gateway {
					cfg.Listen = apps[role].Addr()
				}
				stop(t, apps[role])
				requireNoFailure(t, apps[role])
				apps[role] = start(t, cfg, with("Quick", quick{}))
			}
			l.reach(t, 30)
			requireWay(t, c, l.stop())
			requireClean(t, apps[config.Gateway].Store(), server.URL())
		})
	}
}

func TestConnectionClosedForGoodEndsTheSystem(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open, err := embedded.Start(embedded.Config{Dir: dir, Port: embedded.AnyPort})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, open.Stop()) })
	cfg := settings(t)
	cfg.NATS = open.URL()
	a := start(t, cfg, with("Quick", quick{}))
	requireNoFailure(t, a)
	addr, ok := open.Addr().(*net.TCPAddr)
	require.True(t, ok)
	require.NoError(t, open.Stop())
	locked, err := embedded.Start(embedded.Config{Dir: dir, Port: addr.Port, Token: "another"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, locked.Stop()) })
	select {
	case err := <-a.Failed():
		require.ErrorContains(t, err, "closed for good")
		require.ErrorContains(t, err, "Authorization")
	case <-time.After(patience):
		require.Fail(t, "the system went on without NATS")
	}
}

func TestFailedStartLeavesNothing(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	for name, spoil := range map[string]func(c *config.Config){
		"gateway's port is taken": func(c *config.Config) { c.Listen = taken.Addr().String() },
		"NATS port is taken":      func(c *config.Config) { c.NATSListen = taken.Addr().String() },
		"no database":             func(c *config.Config) { c.Store = "postgres://nobody@127.0.0.1:1/none" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := settings(t)
			spoil(&cfg)
			a := app.New(cfg, logger(t), with("Quick", quick{}))
			require.Error(t, a.Start(t.Context()))
			// The directory is free again: everything was stopped.
			cfg.Listen, cfg.NATSListen, cfg.Store = "127.0.0.1:0", "", ""
			start(t, cfg, with("Quick", quick{}))
		})
	}
}
