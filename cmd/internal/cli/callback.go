package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/gateway/client"
)

func newCallback(p *Process) *cobra.Command {
	return newGroup(p, "callback", "See what orchestrators were told of their tasks' ends, and what they are still to be told", func(r *remote) []*cobra.Command {
		return []*cobra.Command{newCallbackList(p, r)}
	})
}

func newCallbackList(p *Process, r *remote) *cobra.Command {
	var f client.CallbackFilter
	c := &cobra.Command{
		Use:   "list",
		Short: "List what was and is to be told, of all tasks",
		Long: `Lists what orchestrators were told of the ends of their tasks and what they are
still to be told, the newest first. To tell a task's ends again there is
riverstones task callbacks TASK --replay.`,
		Example: "  riverstones callback list --state givenUp\n  riverstones callback list --process 2910431 -o json",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			all, n, err := cl.AllCallbacks(c.Context(), f)
			if err != nil {
				return err
			}
			return showCallbacks(p, r, &f, all, n)
		},
	}
	fs := c.Flags()
	fs.StringVar(&f.State, "state", "", "only what is `due`, parked, done or givenUp")
	fs.StringVar(&f.TaskID, "task", "", "`id` of the task")
	fs.StringVar(&f.ProcessInstanceID, "process", "", "`id` of the process instance")
	fs.IntVar(&f.Start, "start", 0, "skip this `many`")
	fs.IntVar(&f.Size, "size", 0, "show at most this `many` (default 50)")
	return c
}

func showCallbacks(p *Process, r *remote, f *client.CallbackFilter, all []client.TaskDelivery, n client.Count) error {
	if r.out.json() {
		return printJSON(p.Out, all)
	}
	rows := make([][]string, 0, len(all))
	for i := range all {
		d := &all[i]
		rows = append(rows, append([]string{d.TaskID, d.ProcessInstanceID}, deliveryRow(&d.Delivery, time.DateTime)...))
	}
	err := printTable(p.Out, append([]string{"TASK", "PROCESS"}, deliveryHead...), rows)
	if last := f.Start + len(all); err == nil && last < n.Total {
		_, err = fmt.Fprintf(p.Err, "%d of %d; see more with --start %d\n", len(all), n.Total, last)
	}
	return err
}
