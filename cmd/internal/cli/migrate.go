package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/cmd/internal/telemetry"
)

func newMigrate(p *Process) *cobra.Command {
	base := config.Default()
	base.Migrate = true
	base.LogFormat = config.Console
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Bring database and streams to what this version needs",
		Long: `Brings the database to the schema that this version needs, and makes the streams
of the NATS server that --nats names (an embedded one makes its own). Safe to
repeat, and to run from several processes at once. It only goes forward.`,
		Example: "  riverstones migrate --store postgres://app@db/riverstones --nats nats://nats:4222",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := load(p, c, base, "migrate", "roles")
			if err != nil {
				return err
			}
			log := telemetry.Logger(p.Err, cfg.LogLevel, cfg.LogFormat)
			if err := migrateStore(c.Context(), p, &cfg, log); err != nil || cfg.NATS == config.Embedded {
				return err
			}
			if err := app.Provision(c.Context(), cfg, log); err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.Out, "%s has its streams\n", cfg.NATSName())
			return err
		},
	}
	config.Flags(c.Flags(), base, config.Database, config.Client, config.Copies, config.Logging)
	return c
}

func migrateStore(ctx context.Context, p *Process, cfg *config.Config, log *zap.Logger) error {
	st, err := app.OpenStore(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }()
	have, _, err := st.Version(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.Out, "%s is at schema version %d\n", cfg.StoreName(), have)
	return err
}
