package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
)

func newServe(p *Process) *cobra.Command {
	base := config.Default()
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the system, or the parts of it that --roles names",
		Long: `Runs the roles of this process until SIGTERM or SIGINT:

  gateway    serves the REST API
  recorder   turns events into the statuses of tasks
  river      moves processes in the background: ends of tasks, timers
  worker     runs built-in stones

Any number of processes may play a role, on PostgreSQL and a NATS server of
their own. An SQLite database belongs to one process.

The first signal stops gracefully: no more work is taken, what runs may finish
for --stop-timeout, the rest is given back. A second one stops at once.`,
		Example: `  riverstones serve --store postgres://app@db/riverstones --nats nats://nats:4222 --migrate
  riverstones serve --roles recorder --config /etc/riverstones.yaml
  riverstones serve --data /var/lib/riverstones`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := load(p, c, base)
			if err != nil {
				return err
			}
			return serve(c.Context(), p, cfg, func(context.Context, *app.App) error { return nil })
		},
	}
	config.Flags(c.Flags(), base, config.Process, config.API, config.Callback, config.Keeping, config.Models, config.Health, config.Queue, config.Database, config.Sealing, config.Working, config.Traces, config.Logging)
	return c
}
