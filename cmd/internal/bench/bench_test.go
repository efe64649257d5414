package bench_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/cmd/internal/bench"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, goleak.IgnoreCurrent()) }

func small() bench.Config {
	return bench.Config{NATS: config.Embedded, Tasks: 230, Connections: 3, Batch: 50, Stones: 2, Concurrency: 10, Warm: 10}
}

func TestRun(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]func() string{
		"sqlite":   func() string { return "" },
		"postgres": func() string { return pgtest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := small()
			cfg.Store = store()
			res, err := bench.Run(t.Context(), cfg, zap.NewNop())
			require.NoError(t, err)
			require.Equal(t, 230, res.Verified)
			require.Positive(t, res.TasksPerS)
			require.Positive(t, res.AcceptsPerS)
			require.LessOrEqual(t, res.P50, res.P99)
			require.Positive(t, res.P50)
			require.Positive(t, res.RecorderLagP99)
			require.Positive(t, res.CPUPer1000)
			require.Greater(t, res.PeakRSS, 10.0)
		})
	}
}

func TestASteadyRateIsKept(t *testing.T) {
	t.Parallel()
	cfg := small()
	cfg.Tasks, cfg.Rate = 60, 120
	begin := time.Now()
	res, err := bench.Run(t.Context(), cfg, zap.NewNop())
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(begin), 490*time.Millisecond)
	require.LessOrEqual(t, res.AcceptsPerS, 125.0)
	require.Equal(t, 60, res.Verified)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := small()
	require.NoError(t, good.Check())
	for name, spoil := range map[string]func(c *bench.Config){
		"-n":            func(c *bench.Config) { c.Tasks = 0 },
		"-c":            func(c *bench.Config) { c.Connections = 0 },
		"--batch":       func(c *bench.Config) { c.Batch = bench.MaxBatch + 1 },
		"--stones":      func(c *bench.Config) { c.Stones = 101 },
		"--concurrency": func(c *bench.Config) { c.Concurrency = 0 },
		"--rate":        func(c *bench.Config) { c.Rate = -1 },
		"--waiting":     func(c *bench.Config) { c.Waiting = -1 },
		"--process":     func(c *bench.Config) { c.Process = "other" },
		"--keep":        func(c *bench.Config) { c.Keep = true },
	} {
		c := small()
		spoil(&c)
		require.ErrorContains(t, c.Check(), name)
	}
}
