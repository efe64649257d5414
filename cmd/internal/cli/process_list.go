package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/gateway/client"
)

func newProcessList(p *Process, r *remote) *cobra.Command {
	var f client.ProcessFilter
	var after, before string
	c := &cobra.Command{
		Use:   "list",
		Short: "List processes, the newest first",
		Long: `Lists the processes that match all given filters, the newest first. The processes
that a rollback, a cancel or a delete runs as are of a type of their own.`,
		Example: `  riverstones process list --type start --status debug --status rollback.failed
  riverstones process list --model-key provision --started-after 2026-11-21T00:00:00Z -o json`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if f.StartedAfter, err = moment("started-after", after); err != nil {
				return err
			}
			if f.StartedBefore, err = moment("started-before", before); err != nil {
				return err
			}
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			all, total, err := cl.Processes(c.Context(), f)
			if err != nil {
				return err
			}
			return showProcessList(p, r, &f, all, total)
		},
	}
	fs := c.Flags()
	fs.StringSliceVar(&f.Types, "type", nil, "any of these `types`: start, rollback, cancel, delete")
	fs.StringSliceVar(&f.Statuses, "status", nil, "any of these `statuses`, such as running, debug, failed")
	fs.StringVar(&f.ModelKey, "model-key", "", "`key` of the model")
	fs.StringVar(&f.ModelID, "model", "", "`id` of one version of a model")
	fs.StringVar(&f.Name, "name", "", "`name` of the process")
	fs.StringVar(&f.BusinessKey, "business-key", "", "business `key`")
	fs.StringVar(&f.TenantID, "tenant", "", "`id` of the tenant")
	fs.StringVar(&f.SuperProcessInstanceID, "called-by", "", "`id` of the process that called it")
	fs.StringVar(&after, "started-after", "", "`time` as 2026-11-21T09:00:00Z")
	fs.StringVar(&before, "started-before", "", "`time` as 2026-11-21T09:00:00Z")
	fs.IntVar(&f.Start, "start", 0, "skip this `many`")
	fs.IntVar(&f.Size, "size", 0, "show at most this `many` (default: 50)")
	fs.BoolVar(&f.Ascending, "asc", false, "oldest first")
	return c
}

func showProcessList(p *Process, r *remote, f *client.ProcessFilter, all []client.ProcessInstance, total int) error {
	if r.out.json() {
		return printJSON(p.Out, all)
	}
	var rows [][]string
	for i := range all {
		one := &all[i]
		rows = append(rows, []string{one.ID, one.ModelKey, oneLine(text(one.ProcessName), 40), one.ProcessType, one.ProcessStatus,
			one.StartTime, text(one.EndTime), oneLine(text(one.Reason), 60)})
	}
	err := printTable(p.Out, []string{"PROCESS", "MODEL", "NAME", "TYPE", "STATUS", "STARTED", "ENDED", "REASON"}, rows)
	if err == nil && f.Start+len(all) < total {
		_, err = fmt.Fprintf(p.Err, "%d of %d; see more with --start %d\n", len(all), total, f.Start+len(all))
	}
	return err
}
