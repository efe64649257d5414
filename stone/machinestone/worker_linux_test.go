package machinestone_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/riverstones/riverstones/stone/machinestone"
	"github.com/riverstones/riverstones/stone/stonetest"
)

// asWorker names the variable that makes the test binary a worker: it starts
// one machine in the directory that the variable names, and waits to be killed.
const asWorker = "MACHINESTONE_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asWorker); dir != "" {
		s, err := machinestone.New(machinestone.Config{Dir: dir})
		if err == nil {
			_, _ = stonetest.Do(context.Background(), s, stonetest.Task{ID: "a"})
			_ = os.WriteFile(filepath.Join(dir, "started"), nil, 0o600)
		}
		select {}
	}
	goleak.VerifyTestMain(m)
}

// A machine outlives its worker, and the next worker finds it.
func TestWorkerKilled(t *testing.T) {
	t.Parallel()
	h := setup(t)
	worker := exec.CommandContext(t.Context(), os.Args[0])
	worker.Env = append(os.Environ(), asWorker+"="+h.cfg.Dir)
	require.NoError(t, worker.Start())
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(h.cfg.Dir, "started"))
		return err == nil
	}, 20*time.Second, 10*time.Millisecond)
	before := h.pids()
	require.Len(t, before, 1)
	require.NoError(t, worker.Process.Kill())
	require.Error(t, worker.Wait())

	r := h.toEnd(t, stonetest.Task{ID: "a"})
	require.Contains(t, r.Lines()[0], "runs already")
	require.Equal(t, before, h.pids())
}
