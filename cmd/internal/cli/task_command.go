package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/gateway/client"
)

// order is a command on a task that has been published.
type order struct {
	use, short, long, example string
	undoes                    string // what is asked before, "" for nothing
	run                       func(ctx context.Context, cl *client.Client, key string) (client.Task, error)
}

var orders = []order{
	{
		use: "resume", short: "End debugging of a failed task",
		long:    "The task stays failed, and its process leaves debug mode and goes on to fail.",
		example: "  riverstones task resume 2912516",
		run: func(ctx context.Context, cl *client.Client, key string) (client.Task, error) {
			return cl.Resume(ctx, key)
		},
	},
	{
		use: "cancel", short: "Stop a task that has not ended",
		long:    "A task that waits is taken out of the queue. One that runs is stopped, and its stone's cancel method runs.",
		example: "  riverstones task cancel 2912516 --yes --wait", undoes: "stop task %s",
		run: func(ctx context.Context, cl *client.Client, key string) (client.Task, error) {
			return cl.Cancel(ctx, key)
		},
	},
	{
		use: "rollback", short: "Undo what an ended task has done",
		long:    "Runs the rollback method of the task's stone.",
		example: "  riverstones task rollback 2912516", undoes: "undo what task %s has done",
		run: func(ctx context.Context, cl *client.Client, key string) (client.Task, error) {
			return cl.Rollback(ctx, key)
		},
	},
	{
		use: "delete", short: "Remove what an ended task has made",
		long:    "Runs the delete method of the task's stone. The record of the task stays.",
		example: "  riverstones task delete 2912516", undoes: "remove what task %s has made",
		run: func(ctx context.Context, cl *client.Client, key string) (client.Task, error) {
			return cl.Delete(ctx, key)
		},
	},
}

// after is what all orders share: waiting for the end, and not asking.
type after struct {
	wait    bool
	timeout time.Duration
	yes     bool
	want    []string // statuses of a process that are no failure
}

func (a *after) flags(c *cobra.Command) {
	c.Flags().BoolVar(&a.wait, "wait", false, "wait for the end and show the way there")
	c.Flags().DurationVar(&a.timeout, "timeout", 0, "how long to wait at most (default: without end)")
}

func newOrders(p *Process, r *remote) (all []*cobra.Command) {
	for _, o := range orders {
		var a after
		c := &cobra.Command{
			Use: o.use + " TASK", Short: o.short, Long: o.long, Example: o.example, Args: args(cobra.ExactArgs(1)),
			RunE: func(c *cobra.Command, given []string) error {
				if o.undoes != "" && !a.yes {
					if err := confirm(p, fmt.Sprintf(o.undoes, given[0])); err != nil {
						return err
					}
				}
				return a.do(c.Context(), p, r, given[0], o.run)
			},
		}
		a.flags(c)
		if o.undoes != "" {
			c.Flags().BoolVarP(&a.yes, "yes", "y", false, "do not ask")
		}
		all = append(all, c)
	}
	return append(all, newReRun(p, r))
}

func newReRun(p *Process, r *remote) *cobra.Command {
	var a after
	var params, outputs string
	rerun := client.ReRun{QueueType: "start"}
	c := &cobra.Command{
		Use:   "rerun TASK",
		Short: "Run a failed task again, its process being in debug mode",
		Long: `Runs a failed task again as its next attempt. --params and --outputs replace
those of the task; what is masked in them keeps its value.

Its process must be in debug mode: riverstones process debug PROCESS on`,
		Example: `  riverstones task rerun 2912516 --wait
  riverstones task rerun 2912516 --params '{"regionId": "702"}'
  riverstones task rerun 2912516 --method monitor`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			for _, f := range [...]struct {
				name, text string
				to         *json.RawMessage
			}{{"params", params, &rerun.Parameters}, {"outputs", outputs, &rerun.Outputs}} {
				if f.text == "" {
					continue
				}
				if !json.Valid([]byte(f.text)) {
					return usageError{fmt.Errorf("--%s is no JSON", f.name)}
				}
				*f.to = json.RawMessage(f.text)
			}
			return a.do(c.Context(), p, r, given[0], func(ctx context.Context, cl *client.Client, key string) (client.Task, error) {
				return cl.ReRun(ctx, key, rerun)
			})
		},
	}
	c.Flags().StringVar(&rerun.QueueType, "method", rerun.QueueType, "start, monitor, cancel, rollback or delete")
	c.Flags().StringVar(&params, "params", "", "`JSON` object in place of the task's params")
	c.Flags().StringVar(&outputs, "outputs", "", "`JSON` object in place of the task's outputs")
	a.flags(c)
	return c
}

// do gives the order, and shows the task as it stands or its way to the end.
func (a *after) do(ctx context.Context, p *Process, r *remote, key string,
	run func(context.Context, *client.Client, string) (client.Task, error)) error {
	cl, err := r.client(p)
	if err != nil {
		return err
	}
	t, err := run(ctx, cl, key)
	if err != nil {
		return err
	}
	if !a.wait {
		if r.out.json() {
			return printJSON(p.Out, t)
		}
		_, err := fmt.Fprintf(p.Out, "task %s: attempt %d, %s, %s\n", printable(t.TaskID), t.Attempt, t.QueueType, t.Status)
		return err
	}
	if t, err = watch(ctx, p, r, cl, t.ID, a.timeout); err != nil {
		return err
	}
	if r.out.json() {
		err = printJSON(p.Out, t)
	}
	return errors.Join(err, verdict(&t))
}

var errUnconfirmed = errors.New("not confirmed, nothing was done")

// confirm asks on the terminal. Whoever can not answer is told of --yes.
func confirm(p *Process, what string) error {
	fmt.Fprintf(p.Err, "Really %s? Type yes: ", printable(what))
	line, err := bufio.NewReader(p.In).ReadString('\n')
	if strings.TrimSpace(line) == "yes" {
		return nil
	}
	if err != nil {
		fmt.Fprintln(p.Err)
		return fmt.Errorf("%w (scripts give --yes)", errUnconfirmed)
	}
	return errUnconfirmed
}
