package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
)

func newWork(p *Process) *cobra.Command {
	base := config.Default()
	base.Roles = []config.Role{config.Worker}
	base.NATS = "nats://127.0.0.1:4222"
	c := &cobra.Command{
		Use:   "work",
		Short: "Run built-in stones against a NATS server",
		Long: `Runs the built-in stones, MachineStone and those that the configuration file
defines, until SIGTERM or SIGINT. It reaches NATS only, no database.`,
		Example: `  riverstones work --nats nats://127.0.0.1:4222
  riverstones work --config stones.yaml --worker-stones Deploy,Backup --worker-concurrency 50`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := load(p, c, base, "roles")
			if err != nil {
				return err
			}
			return serve(c.Context(), p, cfg, func(context.Context, *app.App) error { return nil })
		},
	}
	config.Flags(c.Flags(), base, config.Client, config.Health, config.Working, config.Directory, config.Stopping, config.Traces, config.Logging)
	return c
}
