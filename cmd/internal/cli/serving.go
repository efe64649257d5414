package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/cmd/internal/telemetry"
)

// stopSlack is what a stop may take beyond the time given to running steps.
const stopSlack = 10 * time.Second

// load reads the configuration of a command whose defaults are base. fixed
// are keys that the command decides.
func load(p *Process, c *cobra.Command, base config.Config, fixed ...string) (config.Config, error) {
	return config.Load(config.Sources{Base: base, Flags: c.Flags(), Environ: p.Environ, Fixed: fixed})
}

// serve runs a system until a signal, the end of ctx or a failure, and stops
// it. started is called when it works, with a context that ends at the stop.
func serve(ctx context.Context, p *Process, cfg config.Config, started func(ctx context.Context, a *app.App) error) error {
	tune()
	log, flush := telemetry.Buffered(p.Err, cfg.LogLevel, cfg.LogFormat)
	defer flush()
	ctx, release := withSignals(ctx, p, log)
	defer release()
	a := app.New(cfg, log, app.Hooks{Version: buildOf(p.Version).Version})
	if err := a.Start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped while it started, as it was asked to
		}
		return err
	}
	err := until(ctx, a, started)
	// ctx is over; what runs gets its time all the same.
	final, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.StopTimeout+stopSlack)
	defer cancel()
	return errors.Join(err, a.Stop(final))
}

// until returns when the system is to be stopped, and why if it failed.
func until(ctx context.Context, a *app.App, started func(ctx context.Context, a *app.App) error) error {
	ctx, cancel := context.WithCancel(ctx)
	told := make(chan error, 1)
	var telling sync.WaitGroup
	telling.Go(func() { told <- started(ctx, a) })
	defer telling.Wait()
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-a.Failed():
			return err
		case err := <-told:
			if err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// withSignals returns a context that SIGINT and SIGTERM end. A second one ends
// the process at once.
func withSignals(ctx context.Context, p *Process, log *zap.Logger) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals, done, joined := make(chan os.Signal, 2), make(chan struct{}), make(chan struct{})
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		defer close(joined)
		for n := 1; ; n++ {
			select {
			case s := <-signals:
				if n > 1 {
					_ = log.Sync() // what waits to be written
					fmt.Fprintln(p.Err, "riverstones: stopped at once")
					os.Exit(ExitKilled)
				}
				log.Info("stopping; a second signal ends at once", zap.Stringer("signal", s))
				cancel()
			case <-done:
				return
			}
		}
	}()
	return ctx, func() { signal.Stop(signals); close(done); <-joined; cancel() }
}

// gcPercent is the garbage collector's target where GOGC does not say
// otherwise. This is the one place to change it: a higher one trades memory
// for processor time. GOMEMLIMIT is left to the operator and always respected.
const gcPercent = 100

// tune sets up the Go runtime for a server process.
func tune() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
