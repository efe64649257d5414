package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	superuser = "riverstones"
	readyPoll = 20 * time.Millisecond

	fastShutdown      = syscall.SIGINT  // ends transactions, writes everything
	immediateShutdown = syscall.SIGQUIT // writes nothing: the next start recovers
)

// fromBinaries makes a cluster in a temporary folder and starts a server on a
// socket in it, as an unprivileged user if the tests run as root.
func fromBinaries(ctx context.Context) (server, error) {
	bin, err := binaries()
	if err != nil {
		return server{}, err
	}
	dir, err := os.MkdirTemp("", "rs-pg")
	if err != nil {
		return server{}, fmt.Errorf("postgres binaries: %w", err)
	}
	s, err := startIn(ctx, bin, dir)
	if err != nil {
		return server{}, errors.Join(fmt.Errorf("postgres binaries: %w", err), os.RemoveAll(dir))
	}
	stop := s.stop
	s.stop = func() {
		stop()
		_ = os.RemoveAll(dir)
	}
	return s, nil
}

// binaries returns the folder that holds initdb and postgres, the newest one.
func binaries() (string, error) {
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.Sort(dirs)
	if path, err := exec.LookPath("initdb"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	for _, dir := range slices.Backward(dirs) {
		_, err1 := os.Stat(filepath.Join(dir, "initdb"))
		_, err2 := os.Stat(filepath.Join(dir, "postgres"))
		if err1 == nil && err2 == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("postgres binaries: %w", fs.ErrNotExist)
}

// cluster is the data of a server, and how to run one on it.
type cluster struct {
	bin, dir string
	attr     *syscall.SysProcAttr
}

func startIn(ctx context.Context, bin, dir string) (server, error) {
	c, err := newCluster(ctx, bin, dir)
	if err != nil {
		return server{}, err
	}
	return c.run(ctx)
}

func newCluster(ctx context.Context, bin, dir string) (cluster, error) {
	attr, err := unprivileged(dir)
	if err != nil {
		return cluster{}, err
	}
	c := cluster{bin, dir, attr}
	initdb := exec.CommandContext(ctx, //nolint:gosec // of the machine's own
		filepath.Join(bin, "initdb"), "--pgdata", c.data(), "--username", superuser,
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	initdb.SysProcAttr, initdb.Dir = &syscall.SysProcAttr{Credential: attr.Credential}, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return cluster{}, fmt.Errorf("initdb: %w: %s", err, out)
	}
	return c, nil
}

func (c cluster) data() string { return filepath.Join(c.dir, "data") }

// run starts a server, and returns when it answers.
func (c cluster) run(ctx context.Context) (server, error) {
	args := []string{"-D", c.data(), "-k", c.dir, "-c", "listen_addresses=", "-c", "max_connections=200",
		"-c", "shared_buffers=128MB", "-c", "max_wal_size=4GB"}
	if !durable() {
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off")
	}
	postgres := exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(c.bin, "postgres"), args...) //nolint:gosec // as above
	postgres.SysProcAttr, postgres.Dir = c.attr, c.dir
	var output bytes.Buffer
	postgres.Stdout, postgres.Stderr = &output, &output
	ended, err := start(postgres)
	if err != nil {
		return server{}, err
	}
	end := func(s syscall.Signal) func() {
		return func() {
			_ = postgres.Process.Signal(s) // it may have ended by itself
			<-ended
		}
	}
	s := server{url: socketURL(c.dir), stop: end(fastShutdown), crash: end(immediateShutdown)}
	if err := ready(ctx, s.url, ended); err != nil {
		s.stop()
		return server{}, fmt.Errorf("%w: %s", err, output.String())
	}
	return s, nil
}

// start starts cmd; the channel is closed when it has ended. The goroutine
// keeps the thread that started it: the server is told to end when this thread
// does, so that even a killed test leaves no server behind.
func start(cmd *exec.Cmd) (<-chan struct{}, error) {
	ended := make(chan struct{})
	started := make(chan error, 1)
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	return ended, <-started
}

func socketURL(dir string) string {
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/postgres", RawQuery: url.Values{"host": {dir}}.Encode()}
	return u.String()
}

// ready waits until the server answers.
func ready(ctx context.Context, url string, ended <-chan struct{}) error {
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, url)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-ended:
			return errors.New("the server ended at once")
		case <-ctx.Done():
			return errors.New(strings.TrimSpace("the server does not answer: " + err.Error()))
		}
	}
}
