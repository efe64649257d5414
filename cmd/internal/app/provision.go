package app

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/cmd/internal/config"
)

// Provision makes the streams of a NATS server that runs elsewhere, and starts
// nothing. Processes make them by themselves when they start; this is for
// those whose user may not.
func Provision(ctx context.Context, cfg config.Config, log *zap.Logger) error {
	if cfg.NATS == config.Embedded {
		return errors.New("an embedded server makes its streams when it starts")
	}
	a := New(cfg, log, Hooks{})
	defer func() { _ = a.Stop(ctx) }()
	nc, err := a.connect(config.Recorder)
	if err != nil {
		return err
	}
	return a.provision(ctx, nc)
}
