package bench_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/cmd/internal/bench"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestProcesses(t *testing.T) {
	t.Parallel()
	for _, process := range bench.Processes() {
		t.Run(process, func(t *testing.T) {
			t.Parallel()
			cfg := small()
			cfg.Process, cfg.Tasks, cfg.Waiting = process, 20, 3
			if process == "fork" {
				cfg.Store = pgtest.Postgres(t)
			}
			res, err := bench.RunProcess(t.Context(), cfg, zap.NewNop())
			require.NoError(t, err)
			require.Equal(t, 20, res.Verified)
			require.Positive(t, res.StartsPerS)
			require.Positive(t, res.InstancesPerS)
			require.Positive(t, res.P50)
			require.Positive(t, res.StartP50)
			if process == "receive" {
				require.Equal(t, 2*(20+3), res.Executions)
				require.Len(t, res.Lists, 4)
				return
			}
			require.Positive(t, res.PlainPerS)
			require.InDelta(t, res.PerStone, res.InstancesPerS*float64(map[string]int{"sequence": 3, "fork": 5}[process])/res.PlainPerS, 0.01)
		})
	}
}
