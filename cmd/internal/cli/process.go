package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newProcess(p *Process) *cobra.Command {
	return newGroup(p, "process", "Deploy models, start processes, see how they stand, and steer them", func(r *remote) []*cobra.Command {
		return append(newProcessOrders(p, r), newProcessDeploy(p, r), newProcessStart(p, r), newProcessList(p, r), newProcessShow(p, r),
			newProcessSignal(p, r), newProcessDebug(p, r))
	})
}

func newProcessDebug(p *Process, r *remote) *cobra.Command {
	return &cobra.Command{
		Use:     "debug PROCESS on|off",
		Short:   "Switch the debug mode of a process",
		Long:    "In debug mode a failed task of the process waits for an operator, who can run\nit again (task rerun) or give it up (task resume). Switched off, a process that\nis held fails. The process may be one of another orchestrator.",
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
			if r.out.json() {
				return printJSON(p.Out, map[string]any{"processInstanceId": given[0], "debug": given[1] == "on"})
			}
			_, err = fmt.Fprintf(p.Out, "process %s: debug mode is %s\n", printable(given[0]), given[1])
			return err
		},
	}
}
