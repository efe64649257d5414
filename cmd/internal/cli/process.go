package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/cmd/internal/config"
)

func newProcess(p *Process) *cobra.Command {
	c := &cobra.Command{
		Use:   "process",
		Short: "Steer processes of orchestrators, through the REST API",
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	var r remote
	c.PersistentFlags().StringVar(&r.server, "server", serverURL(p), "`url` of the gateway (environment "+config.Prefix+"SERVER)")
	c.AddCommand(newProcessDebug(p, &r))
	return c
}

func newProcessDebug(p *Process, r *remote) *cobra.Command {
	return &cobra.Command{
		Use:     "debug PROCESS on|off",
		Short:   "Switch the debug mode of a process",
		Long:    "In debug mode a failed task of the process waits for an operator, who can run\nit again (task rerun) or give it up (task resume).",
		Example: "  riverstones process debug 2910431 on",
		Args:    args(cobra.ExactArgs(2)),
		RunE: func(c *cobra.Command, given []string) error {
			if given[1] != "on" && given[1] != "off" {
				return usageError{fmt.Errorf("%q is neither on nor off", given[1])}
			}
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			if err := cl.SetDebug(c.Context(), given[0], given[1] == "on"); err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.Out, "process %s: debug mode is %s\n", printable(given[0]), given[1])
			return err
		},
	}
}
