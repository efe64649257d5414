package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/gateway/client"
)

// processOrder is a command on a process.
type processOrder struct {
	use, short, long, example string
	undoes                    string   // what is asked before, "" for nothing
	want                      []string // the statuses that it leads to
	run                       func(ctx context.Context, cl *client.Client, id string) (client.ProcessInstance, error)
}

var processOrders = []processOrder{
	{
		use: "cancel", short: "Stop a process that runs",
		long:    "Stops a process, with those that it called. Tasks that run are cancelled; what is\ndone already stays.",
		example: "  riverstones process cancel 2910431 --yes --wait", undoes: "stop process %s", want: []string{"canceled"},
		run: func(ctx context.Context, cl *client.Client, id string) (client.ProcessInstance, error) {
			return cl.CancelProcess(ctx, id)
		},
	},
	{
		use: "delete", short: "Remove what an ended process has made",
		long:    "Sends delete to the tasks of the process, the last one that was done first. The\nrecord of the process stays.",
		example: "  riverstones process delete 2910431 --yes --wait", undoes: "remove what process %s has made", want: []string{"deleted"},
		run: func(ctx context.Context, cl *client.Client, id string) (client.ProcessInstance, error) {
			return cl.DeleteProcess(ctx, id)
		},
	},
	{
		use: "resume", short: "Go on with a rollback or delete that stopped",
		long:    "A rollback or delete stops at a task whose undo failed, and then the process is\nrollback.failed or delete.failed. Resumed, it sends that undo again and goes on.",
		example: "  riverstones process resume 2910431 --wait", want: []string{"failed", "deleted", "completed"},
		run: func(ctx context.Context, cl *client.Client, id string) (client.ProcessInstance, error) {
			return cl.ResumeProcess(ctx, id)
		},
	},
}

func newProcessOrders(p *Process, r *remote) (all []*cobra.Command) {
	for _, o := range processOrders {
		a := after{want: o.want}
		c := &cobra.Command{
			Use: o.use + " PROCESS", Short: o.short, Long: o.long, Example: o.example, Args: args(cobra.ExactArgs(1)),
			RunE: func(c *cobra.Command, given []string) error {
				if o.undoes != "" && !a.yes {
					if err := confirm(p, fmt.Sprintf(o.undoes, given[0])); err != nil {
						return err
					}
				}
				cl, err := r.client(p)
				if err != nil {
					return err
				}
				s, err := o.run(c.Context(), cl, given[0])
				if err != nil {
					return err
				}
				return a.process(c.Context(), p, r, cl, s)
			},
		}
		a.flags(c)
		if o.undoes != "" {
			c.Flags().BoolVarP(&a.yes, "yes", "y", false, "do not ask")
		}
		all = append(all, c)
	}
	return all
}
