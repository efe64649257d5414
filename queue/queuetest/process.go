package queuetest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue/embedded"
)

// serverEnv, when set, makes the test binary a NATS server. It holds the
// server's configuration.
const serverEnv = "RIVERSTONES_QUEUETEST_SERVER"

// What a server process writes once: that it is ready, or why it is not.
const (
	saysReady  = "ready"
	saysInUse  = "port in use: "
	saysFailed = "failed: "
)

// Main runs the tests of a package and fails if they leave goroutines behind.
// It calls [Serve] first. It does not return.
func Main(m *testing.M) {
	Serve()
	goleak.VerifyTestMain(m)
}

// Serve is where a server process of [Config.Process] begins and ends; in any
// other process it does nothing. A TestMain that has more to do than [Main]
// begins with it.
func Serve() {
	if cfg := os.Getenv(serverEnv); cfg != "" {
		os.Exit(serve(cfg, os.Stdin, os.Stdout))
	}
}

// serve runs a server until in ends, which it does with the parent process.
func serve(config string, in io.Reader, out io.Writer) int {
	s, err := startFrom(config)
	switch {
	case errors.Is(err, embedded.ErrListen):
		fmt.Fprintln(out, saysInUse+err.Error())
		return 1
	case err != nil:
		fmt.Fprintln(out, saysFailed+err.Error())
		return 1
	}
	fmt.Fprintln(out, saysReady)
	_, _ = io.Copy(io.Discard, in)
	if err := s.Stop(); err != nil {
		return 1
	}
	return 0
}

func startFrom(config string) (*embedded.Server, error) {
	var cfg embedded.Config
	if err := json.Unmarshal([]byte(config), &cfg); err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	log, err := zap.NewDevelopment(zap.IncreaseLevel(zap.WarnLevel))
	if err != nil {
		return nil, fmt.Errorf("make logger: %w", err)
	}
	cfg.Logger = log
	return embedded.Start(cfg)
}

// process is a server in a process of its own.
type process struct {
	cmd *exec.Cmd
	in  io.Closer
}

func startProcess(cfg embedded.Config) (*process, error) {
	config, err := json.Marshal(cfg)
	if err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	cmd := exec.Command(os.Args[0]) //nolint:gosec,noctx // this very program; stop and kill end it
	cmd.Env = append(os.Environ(), serverEnv+"="+string(config))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("server process: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("server process: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("server process: %w", err)
	}
	p := &process{cmd: cmd, in: in}
	if err := ready(out); err != nil {
		return nil, errors.Join(err, in.Close(), ignoreExit(cmd.Wait()))
	}
	return p, nil
}

func ready(out io.Reader) error {
	line, err := bufio.NewReader(out).ReadString('\n')
	line = strings.TrimSpace(line)
	switch {
	case line == saysReady:
		return nil
	case strings.HasPrefix(line, saysInUse):
		return fmt.Errorf("%w: %s", embedded.ErrListen, line)
	default:
		return fmt.Errorf("server process said %q (does TestMain begin with queuetest.Main or queuetest.Serve?): %w", line, err)
	}
}

// Stop asks the server to end and waits for it.
func (p *process) Stop() error {
	return errors.Join(p.in.Close(), p.cmd.Wait())
}

// kill ends the server at once and waits until the system has taken it away.
func (p *process) kill() error {
	err := p.cmd.Process.Kill()
	return errors.Join(err, ignoreExit(p.cmd.Wait()))
}

// ignoreExit drops the error that tells of the expected end.
func ignoreExit(err error) error {
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return nil
	}
	return err
}
