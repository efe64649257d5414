package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newTaskWhy(p *Process, r *remote) *cobra.Command {
	return &cobra.Command{
		Use:     "why TASK",
		Short:   "Say what a task waits for, and what would change it",
		Long:    "Says in one sentence why a task has not ended, and the command that would change it.",
		Example: "  riverstones task why 2912516",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			w, err := cl.Why(c.Context(), given[0])
			if err != nil {
				return err
			}
			if r.out.json() {
				return printJSON(p.Out, w)
			}
			_, err = fmt.Fprintf(p.Out, "task %s is %s: %s\n", printable(w.TaskID), w.Status, printable(w.Why))
			if err == nil && text(w.Fix) != "" {
				_, err = fmt.Fprintf(p.Out, "to change that: %s\n", printable(text(w.Fix)))
			}
			return err
		},
	}
}
