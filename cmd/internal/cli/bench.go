package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/cmd/internal/bench"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/cmd/internal/telemetry"
)

const benchHelp = `Runs the whole system in this process with stones that do nothing, publishes
tasks with 1 KiB of params over HTTP, and measures until the last transition is
committed. Then it reads every task back: each must have ended once, with five
transitions in order, else the exit code is 1.

  tasks_per_s          from the first POST to the commit of the last transition
  accepts_per_s        from the first POST to the answer of the last
  cpu_s_per_1000       CPU seconds per 1000 tasks, this process and --pg-pid
  p50_ms, p99_ms       from a task's POST to the commit of its last transition
  recorder_lag_p99_ms  from storing a message to its commit
  peak_rss_mib         memory of the same processes, shared pages counted once

As many tasks as possible are published, unless --rate says how many a second:
then each is a POST of its own, and latencies count from when it was due.

--process measures instances of a process instead (-n of them): receive starts
them all, asks for lists of executions, then signals each; sequence has three
stones one after the other, fork five at once and a join. Plain tasks are
measured in turns with them, and each instance is read back.

Compare rates only between runs that alternate on the same idle machine.`

func newBench(p *Process) *cobra.Command {
	cfg := bench.Config{}
	base := config.Default()
	base.LogLevel, base.LogFormat = zapcore.ErrorLevel, config.Console
	var out output
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure the whole system on this machine",
		Long:  benchHelp,
		Example: `  riverstones bench -n 60000
  riverstones bench --store 'postgres://bench@127.0.0.1:5432/bench' --pg-pid $(head -1 /var/run/postgresql/15-main.pid) -o json
  riverstones bench -n 30000 -c 64 --batch 1
  riverstones bench -n 1500 --rate 50
  riverstones bench --process sequence -n 3000`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			// Flags only: what the environment names may be in use by others.
			checked, err := config.Load(config.Sources{Base: base, Flags: c.Flags()})
			if err != nil {
				return err
			}
			cfg.Store, cfg.NATS, cfg.NATSCreds, cfg.Sync = checked.Store, checked.NATS, checked.NATSCreds, checked.SyncAlways
			if err := cfg.Check(); err != nil {
				return usageError{err}
			}
			tune()
			log := telemetry.Logger(p.Err, checked.LogLevel, checked.LogFormat)
			ctx, release := withSignals(c.Context(), p, log)
			defer release()
			if cfg.Process != "" {
				return benchProcess(ctx, p, &cfg, &out, log)
			}
			res, err := bench.Run(ctx, cfg, log)
			if err != nil {
				return err
			}
			if out.json() {
				return printJSON(p.Out, res)
			}
			return showBench(p.Out, &res)
		},
	}
	config.Flags(c.Flags(), base, config.Bench, config.Logging)
	fs := c.Flags()
	fs.IntVarP(&cfg.Tasks, "tasks", "n", 60_000, "publish this `many` tasks")
	fs.IntVarP(&cfg.Connections, "connections", "c", 1, "over this `many` connections")
	fs.IntVar(&cfg.Batch, "batch", 500, "this `many` in one POST; 1 posts single objects")
	fs.IntVar(&cfg.Stones, "stones", 1, "spread over this `many` stones")
	fs.IntVar(&cfg.Concurrency, "concurrency", 100, "each of which works this `many` tasks at once")
	fs.IntVar(&cfg.Warm, "warm", 100, "publish this `many` before the measurement")
	fs.Float64Var(&cfg.Rate, "rate", 0, "publish this `many` a second, one by one (0: as many as possible)")
	fs.StringVar(&cfg.Process, "process", "", "measure instances of this `model`: "+strings.Join(bench.Processes(), ", "))
	fs.IntVar(&cfg.Waiting, "waiting", 0, "while this `many` other instances wait")
	fs.IntVar(&cfg.PgPID, "pg-pid", 0, "add CPU and memory of this process and its children (the `pid` of PostgreSQL)")
	fs.StringVar(&cfg.Data, "data", "", "`directory` for NATS and SQLite (default: one that is removed afterwards)")
	fs.BoolVar(&cfg.Keep, "keep", false, "use a store that holds tasks already")
	out.flag(c)
	return c
}

func benchProcess(ctx context.Context, p *Process, cfg *bench.Config, out *output, log *zap.Logger) error {
	res, err := bench.RunProcess(ctx, *cfg, log)
	if err != nil {
		return err
	}
	if out.json() {
		return printJSON(p.Out, res)
	}
	return showProcesses(p.Out, &res)
}

func showProcesses(w io.Writer, r *bench.ProcessResult) error {
	rows := [][2]string{
		{"process", fmt.Sprintf("%s, %d instances, %d verified", r.Process, r.Instances, r.Verified)},
		{"started", number(r.StartsPerS, 0, " a second")},
		{"POST to answer", number(r.StartP50, 1, " ms p50, ") + number(r.StartP99, 1, " ms p99")},
		{"completed", number(r.InstancesPerS, 0, " a second")},
		{"POST or signal to end", number(r.P50, 1, " ms p50, ") + number(r.P99, 1, " ms p99")},
		{"CPU per 1000 instances", number(r.CPUPer1000, 3, " s")},
		{"peak memory", number(r.PeakRSS, 0, " MiB")},
	}
	if r.PlainPerS > 0 {
		rows = append(rows,
			[2]string{"plain tasks", number(r.PlainPerS, 0, " a second, ") + number(r.PlainCPU, 3, " s CPU per 1000")},
			[2]string{"task in a process to it", number(r.PerStone, 2, " of the rate, ") + number(r.CPUPerStone, 2, " times the CPU")})
	}
	for _, name := range slices.Sorted(maps.Keys(r.Lists)) {
		rows = append(rows, [2]string{"list " + name, number(r.Lists[name], 1, fmt.Sprintf(" ms of %d executions", r.Executions))})
	}
	return printPairs(w, append(rows, [2]string{"load", fmt.Sprintf("%d waiting beside, rate %g/s", r.Waiting, r.Rate)},
		[2]string{"store", r.Store}, [2]string{"processors", strconv.Itoa(r.CPUs)}))
}

func number(v float64, digits int, unit string) string {
	return strconv.FormatFloat(v, 'f', digits, 64) + unit
}

func showBench(w io.Writer, r *bench.Result) error {
	cpu, memory := "CPU per 1000 tasks", "peak memory"
	if r.DatabaseMeasured {
		cpu, memory = cpu+", database included", memory+", database included"
	}
	return printPairs(w, [][2]string{
		{"tasks", fmt.Sprintf("%d in %.2f s, %d verified", r.Tasks, r.Seconds, r.Verified)},
		{"end to end", number(r.TasksPerS, 0, " tasks/s")},
		{"accepted", number(r.AcceptsPerS, 0, " tasks/s")},
		{"POST to answer", number(r.AcceptP50, 1, " ms p50, ") + number(r.AcceptP99, 1, " ms p99")},
		{"POST to end", number(r.P50, 1, " ms p50, ") + number(r.P99, 1, " ms p99")},
		{"recorder lag", number(r.RecorderLagP50, 1, " ms p50, ") + number(r.RecorderLagP99, 1, " ms p99")},
		{cpu, number(r.CPUPer1000, 3, " s")},
		{memory, number(r.PeakRSS, 0, " MiB")},
		{"load", fmt.Sprintf("%d connections, %d tasks a POST, %d stones × %d, rate %g/s", r.Connections, r.Batch, r.Stones, r.Concurrency, r.Rate)},
		{"store", r.Store}, {"nats", r.NATS}, {"processors", strconv.Itoa(r.CPUs)},
	})
}
