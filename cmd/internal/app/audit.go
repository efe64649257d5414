package app

import (
	"context"
	"errors"
	"fmt"
	"os"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/queue/embedded"
	"github.com/riverstones/riverstones/store/audit"
)

// Audit reconciles the streams, the history and the states of a system, which
// may be at work. It starts nothing but, where the configuration has one, the
// embedded NATS server, without listening: a process that runs one has to be
// stopped, or to be named as the NATS server. An error says that it could not
// be done to the end.
func Audit(ctx context.Context, cfg config.Config, how audit.Config, log *zap.Logger) (audit.Report, error) {
	if path, ok := cfg.SQLite(); ok {
		if _, err := os.Stat(path); err != nil { // opening it would make it
			return audit.Report{}, fmt.Errorf("no database: %w", err)
		}
	}
	cfg.NATSListen = ""
	a := New(cfg, log, Hooks{})
	defer func() { _ = a.Stop(context.WithoutCancel(ctx)) }()
	if err := a.openStore(ctx); err != nil {
		return audit.Report{}, err
	}
	if err := a.startNATS(); err != nil {
		if errors.Is(err, embedded.ErrInUse) {
			err = fmt.Errorf("%w by a running process: stop it, or name its NATS server with --nats", err)
		}
		return audit.Report{}, err
	}
	nc, err := a.connect(config.Recorder)
	if err != nil {
		return audit.Report{}, err
	}
	return audit.Run(ctx, a.store, nc, how)
}
