package cli_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/cli"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/stone"
)

const patience = 60 * time.Second

// The test binary is also the command line that tests send signals to.
const mainEnv = "RIVERSTONES_CLITEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(mainEnv) != "" {
		os.Exit(cli.Main("test"))
	}
	for _, name := range passwords {
		if err := os.Setenv(name, "of-"+name); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// buffer is what a command prints, readable while it runs.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// result is what became of a command line.
type result struct {
	code     int
	out, err string
}

// run runs a command line to its end.
func run(t *testing.T, input string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out, errs buffer
	code := cli.Run(ctx, cli.Process{Args: args, In: strings.NewReader(input), Out: &out, Err: &errs, Version: "v1.2.3"})
	return result{code, out.String(), errs.String()}
}

// system runs a whole system with three stones: one that succeeds, one that
// fails, and one that goes on until the test ends.
func system(t *testing.T) (url string) {
	t.Helper()
	cfg := config.Default()
	cfg.Roles = config.Roles()
	cfg.Listen, cfg.NATSListen, cfg.Data, cfg.Stones = "127.0.0.1:0", "", t.TempDir(), config.Stones{}
	cfg.StopTimeout = 100 * time.Millisecond
	a := app.New(cfg, zap.NewNop(), app.Hooks{Stones: func(w *stone.Worker) error {
		for code, f := range map[string]stone.Func{
			"Good": func(_ context.Context, t *stone.Task) error {
				t.Progress(70)
				t.Logf("info", "doing \x1b[31mwell")
				return t.SetOutput("answer", 42)
			},
			"Bad":     func(context.Context, *stone.Task) error { return stone.Reject("the disk\nis on fire \x1b[2J") },
			"Endless": func(ctx context.Context, _ *stone.Task) error { <-ctx.Done(); return ctx.Err() },
		} {
			if err := w.Add(stone.Spec{Code: code}, f); err != nil {
				return err
			}
		}
		return nil
	}})
	require.NoError(t, a.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, a.Stop(ctx))
	})
	return a.URL()
}
