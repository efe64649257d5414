package commandstone_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/riverstones/riverstones/stone/commandstone"
	"github.com/riverstones/riverstones/stone/stonetest"
)

// asWorker names the variable that makes the test binary a worker: it runs one
// command, which writes its pid into the file that the variable names.
const asWorker = "COMMANDSTONE_TEST_PIDS"

func TestMain(m *testing.M) {
	if pids := os.Getenv(asWorker); pids != "" {
		s, err := commandstone.New(commandstone.Config{Code: "C", Commands: map[string]commandstone.Command{
			"x": {Exec: sh(`echo $$ > "$1.tmp"; mv "$1.tmp" "$1"; exec sleep 1000`, pids)},
		}})
		if err == nil {
			_, _ = stonetest.Do(context.Background(), s, stonetest.Task{})
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// A command does not outlive a worker that was killed.
func TestWorkerKilled(t *testing.T) {
	t.Parallel()
	pids := filepath.Join(t.TempDir(), "pids")
	worker := exec.CommandContext(t.Context(), os.Args[0])
	worker.Env = append(os.Environ(), asWorker+"="+pids, "TMPDIR="+t.TempDir())
	require.NoError(t, worker.Start())
	var pid int
	require.Eventually(t, func() bool {
		b, _ := os.ReadFile(pids)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		return pid > 0
	}, 10*time.Second, 5*time.Millisecond)
	require.NoError(t, worker.Process.Kill())
	require.Error(t, worker.Wait())
	gone(t, []int{pid})
}
