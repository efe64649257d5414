package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/gateway/client"
)

func newRedrive(p *Process, r *remote) *cobra.Command {
	var a after
	c := &cobra.Command{
		Use:   "redrive TASK",
		Short: "Run the task of a dead letter again",
		Long: `Runs the task whose command no worker could process again, with the method it
was asked for. Its process is put into debug mode for that, and stays in it.`,
		Example: "  riverstones deadletter redrive 2912516 --wait",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			return a.do(c.Context(), p, r, given[0], redrive)
		},
	}
	a.flags(c)
	return c
}

// redrive runs a task again that is among the dead letters.
func redrive(ctx context.Context, cl *client.Client, key string) (client.Task, error) {
	t, err := cl.Get(ctx, key)
	if err != nil {
		return t, err
	}
	letters, _, err := cl.DeadLetters(ctx, client.LetterFilter{TaskID: t.TaskID, Size: 1})
	if err != nil {
		return t, err
	}
	if len(letters) == 0 {
		return t, fmt.Errorf("task %s has no dead letter: see riverstones task why %s", key, key)
	}
	if err := cl.SetDebug(ctx, t.ProcessInstanceID, true); err != nil {
		return t, err
	}
	return cl.ReRun(ctx, t.ID, client.ReRun{QueueType: t.QueueType})
}
