package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/cmd/internal/telemetry"
	"github.com/riverstones/riverstones/queue"
)

func newMigrate(p *Process) *cobra.Command {
	base := config.Default()
	base.Migrate = true
	base.LogFormat = config.Console
	var served []string
	var noStore bool
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Bring database and streams to what this version needs",
		Long: `Brings the database to the schema that this version needs, and makes the streams
of the NATS server that --nats names (an embedded one makes its own). Safe to
repeat, and to run from several processes at once. It only goes forward.

Workers make the consumers of their stones by themselves. Where their user has
no right to (deploy/nats), name the stones here with --stone, once for each: as
CODE, or as CODE=KEY where workers serve one business key.`,
		Example: `  riverstones migrate --store postgres://app@db/riverstones --nats nats://nats:4222
  riverstones migrate --no-store --nats tls://admin:…@nats:4222 --stone MachineStone --stone SIP::EC2::Volume=eu-1`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := load(p, c, base, "migrate", "roles")
			if err != nil {
				return err
			}
			stones, err := parseServed(served, &cfg)
			if err != nil {
				return err
			}
			log := telemetry.Logger(p.Err, cfg.LogLevel, cfg.LogFormat)
			if !noStore {
				if err := migrateStore(c.Context(), p, &cfg, log); err != nil {
					return err
				}
			}
			if cfg.NATS == config.Embedded {
				return nil
			}
			return migrateQueue(c.Context(), p, cfg, stones, log)
		},
	}
	config.Flags(c.Flags(), base, config.Database, config.Client, config.Copies, config.Logging)
	c.Flags().StringArrayVar(&served, "stone", nil, "make the consumers of this stone: `CODE` or CODE=KEY; may be repeated")
	c.Flags().BoolVar(&noStore, "no-store", false, "leave the database alone")
	return c
}

// parseServed reads the values of --stone.
func parseServed(given []string, cfg *config.Config) ([]app.Served, error) {
	if len(given) > 0 && cfg.NATS == config.Embedded {
		return nil, usagef("--stone needs --nats: with an embedded server workers make their consumers themselves")
	}
	var all []app.Served
	for _, text := range given {
		code, key, keyed := strings.Cut(text, "=")
		err := errors.Join(queue.CheckStone(code), queue.CheckBusinessKey(key))
		if err == nil && keyed && key == "" {
			err = queue.ErrBusinessKey
		}
		if err != nil {
			return nil, usagef("--stone %q: %w", text, err)
		}
		all = append(all, app.Served{Code: code, Key: key})
	}
	return all, nil
}

// migrateQueue prints what was made also if it did not get to the end.
func migrateQueue(ctx context.Context, p *Process, cfg config.Config, stones []app.Served, log *zap.Logger) error {
	assets, err := app.Provision(ctx, cfg, stones, log)
	if len(assets) == 0 {
		return err
	}
	var rows [][]string
	for _, a := range assets {
		state := "was there"
		if a.Made {
			state = "made"
		}
		rows = append(rows, []string{a.Kind, a.Name, state})
	}
	return errors.Join(err, printTable(p.Out, []string{"KIND", "NAME", "STATE"}, rows))
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
