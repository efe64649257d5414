package cli

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/gateway/client"
)

func newTaskList(p *Process, r *remote) *cobra.Command {
	var f client.Filter
	var after, before string
	c := &cobra.Command{
		Use:   "list",
		Short: "List tasks that match a filter",
		Long:  "Lists the tasks that match all given filters, oldest first. At least one filter is needed.",
		Example: `  riverstones task list --process 2910431
  riverstones task list --stone MachineStone --status failed --desc --size 20
  riverstones task list --created-after 2026-11-21T00:00:00Z -o json`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if f.CreatedAfter, err = moment("created-after", after); err != nil {
				return err
			}
			if f.CreatedBefore, err = moment("created-before", before); err != nil {
				return err
			}
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			tasks, total, err := cl.List(c.Context(), f)
			if err != nil {
				return err
			}
			return showTasks(p, r, &f, tasks, total)
		},
	}
	fs := c.Flags()
	fs.StringVar(&f.ProcessInstanceID, "process", "", "`id` of the process instance")
	fs.StringVar(&f.TaskID, "task", "", "`id` of the task")
	fs.StringVar(&f.Stone, "stone", "", "`code` of the stone")
	fs.StringVar(&f.Name, "name", "", "`name` of the task")
	fs.StringVar(&f.Namespace, "namespace", "", "`namespace` of the task")
	fs.StringVar(&f.BusinessKey, "business-key", "", "business `key`")
	fs.StringSliceVar(&f.Statuses, "status", nil, "any of these `statuses`; failed is every *.failed")
	fs.StringVar(&after, "created-after", "", "`time` as 2026-11-21T09:00:00Z")
	fs.StringVar(&before, "created-before", "", "`time` as 2026-11-21T09:00:00Z")
	fs.IntVar(&f.Start, "start", 0, "skip this `many`")
	fs.IntVar(&f.Size, "size", 0, "show at most this `many` (default: all of one process, else 50)")
	fs.BoolVar(&f.Descending, "desc", false, "newest first")
	return c
}

func moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, usagef("--%s: %q is no time; write for example 2026-11-21T09:00:00Z", flag, text)
	}
	return t, nil
}

func showTasks(p *Process, r *remote, f *client.Filter, tasks []client.Task, total int) error {
	if r.out.json() {
		return printJSON(p.Out, tasks)
	}
	var rows [][]string
	for _, t := range tasks {
		rows = append(rows, []string{t.TaskID, t.ProcessInstanceID, t.Stone, t.Status, percent(t.Progress),
			strconv.Itoa(t.Attempt), t.CreateTime, text(t.EndTime), oneLine(text(t.Reason), 60)})
	}
	err := printTable(p.Out, []string{"TASK", "PROCESS", "STONE", "STATUS", "PROGRESS", "ATTEMPT", "CREATED", "ENDED", "REASON"}, rows)
	if err == nil && f.Start+len(tasks) < total {
		_, err = fmt.Fprintf(p.Err, "%d of %d; see more with --start %d\n", len(tasks), total, f.Start+len(tasks))
	}
	return err
}
