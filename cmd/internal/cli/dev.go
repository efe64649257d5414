package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
)

func newDev(p *Process) *cobra.Command {
	base := config.Default()
	base.Roles = config.Roles()
	base.Migrate = true
	base.Stones.MachinesEnd = true
	base.SealMake = true
	base.Data = ".riverstones"
	base.LogLevel, base.LogFormat = zapcore.WarnLevel, config.Console
	var demo bool
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run everything in one process on this machine",
		Long: `Runs gateway, recorder and the built-in stones in one process, with a NATS
server inside that stones of other processes can connect to, and SQLite. What
it keeps stands in --data, also the key that seals secrets in the database
(seal.keys); remove that directory to begin anew. The "machines"
of MachineStone are processes here, and end with it.

--demo publishes the sample task of the API's manual, shows each of its
transitions as it is recorded, and goes on serving.`,
		Example: "  riverstones dev --demo\n  riverstones dev --listen 127.0.0.1:9000 --nats-listen 127.0.0.1:0 --data /tmp/rs",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := load(p, c, base, "roles", "migrate")
			if err != nil {
				return err
			}
			return serve(c.Context(), p, cfg, func(ctx context.Context, a *app.App) error {
				greet(p.Out, a, &cfg)
				if demo {
					return runDemo(ctx, p, a)
				}
				_, err := fmt.Fprintln(p.Out, "\nCtrl-C stops it.")
				return err
			})
		},
	}
	config.Flags(c.Flags(), base, config.Dev, config.Queue[:1], config.Working, config.Stopping, config.Traces, config.Logging)
	c.Flags().BoolVar(&demo, "demo", false, "publish the sample task and show its way")
	return c
}

// greet tells a person where everything is.
func greet(w io.Writer, a *app.App, cfg *config.Config) {
	data, err := filepath.Abs(cfg.Data)
	if err != nil {
		data = cfg.Data
	}
	nats := a.NATSURL()
	if nats == "" {
		nats = "inside this process only"
	}
	fmt.Fprintf(w, `Riverstones is running.

  REST API   %s
  NATS       %s
  store      %s
  data       %s
`, a.URL(), nats, cfg.StoreName(), data)
}
