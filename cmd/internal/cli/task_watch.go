package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/gateway/client"
)

func newTaskWatch(p *Process, r *remote) *cobra.Command {
	var limit time.Duration
	c := &cobra.Command{
		Use:   "watch TASK",
		Short: "Show each change of a task until its end",
		Long: `Shows the transitions of a task as they are recorded, until it is at an end.

Exit code 0 if it succeeded, 1 if it failed or was cancelled, or the time is up.
With -o json the task is printed at its end, and the way there on standard error.`,
		Example: "  riverstones task watch 2912516 --timeout 5m",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			// One that does not exist would be waited for.
			if _, err := cl.Get(c.Context(), given[0]); err != nil {
				return err
			}
			t, err := watch(c.Context(), p, r, cl, given[0], limit)
			if err != nil {
				return err
			}
			if r.out.json() {
				err = printJSON(p.Out, t)
			}
			return errors.Join(err, verdict(&t))
		},
	}
	c.Flags().DurationVar(&limit, "timeout", 0, "how long to wait at most (default: without end)")
	return c
}

// watch follows one task to its end, telling people about it.
func watch(ctx context.Context, p *Process, r *remote, cl *client.Client, key string, limit time.Duration) (client.Task, error) {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("it was not at an end after %s", limit))
		defer cancel()
	}
	w := p.Out
	if r.out.json() {
		w = p.Err
	}
	return cl.Follow(ctx, key, look, teller(w))
}

// teller returns a function that writes each change as a line.
func teller(w io.Writer) func(client.Task, []client.Transition) {
	var before time.Time
	progress := -1
	return func(t client.Task, news []client.Transition) {
		for _, tr := range news {
			line := fmt.Sprintf("%s  %9s  %-16s", tr.Time.Local().Format(clock), since(before, tr.Time), tr.Status)
			if tr.Worker != nil {
				line += "  " + *tr.Worker
			}
			if tr.Reason != nil {
				line += "  " + oneLine(*tr.Reason, 200)
			}
			fmt.Fprintln(w, printable(strings.TrimRight(line, " ")))
			before = tr.Time
		}
		if t.Progress != nil && *t.Progress != progress {
			progress = *t.Progress
			fmt.Fprintf(w, "%s  %9s  %s\n", time.Now().Format(clock), "", "progress "+percent(t.Progress))
		}
	}
}

// verdict is the error of an ended task that did not succeed.
func verdict(t *client.Task) error {
	if succeeded(t) {
		return nil
	}
	why := ""
	if t.Reason != nil {
		why = ": " + oneLine(*t.Reason, 300)
	}
	return fmt.Errorf("task %s ended with %s%s", t.TaskID, t.Status, why)
}
