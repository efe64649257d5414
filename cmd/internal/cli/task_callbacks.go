package cli

import (
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/gateway/client"
)

func newTaskCallbacks(p *Process, r *remote) *cobra.Command {
	var replay bool
	c := &cobra.Command{
		Use:   "callbacks TASK",
		Short: "Show what a task's orchestrator was told of its ends, or tell it again",
		Long: `Shows what the callback of a task was told, and what it is still to be told and
why that has not worked; with --replay all of it is told again.`,
		Example: "  riverstones task callbacks 2912516\n  riverstones task callbacks 2912516 --replay",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			read := cl.Callbacks
			if replay {
				read = cl.ReplayCallbacks
			}
			all, err := read(c.Context(), given[0])
			if err != nil {
				return err
			}
			if r.out.json() {
				return printJSON(p.Out, all)
			}
			return printTable(p.Out, []string{"TIME", "EVENT", "STATUS", "ATTEMPT", "STATE", "TRIES", "NEXT", "URL", "PROBLEM"}, deliveryRows(all))
		},
	}
	c.Flags().BoolVar(&replay, "replay", false, "tell all of it again")
	return c
}

func deliveryRows(all []client.Delivery) (rows [][]string) {
	at := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.Local().Format(clock)
	}
	for i := range all {
		d := &all[i]
		rows = append(rows, []string{at(d.Time), d.Event, d.Status, strconv.Itoa(d.Attempt), d.State, strconv.Itoa(d.Tries), at(d.NextTry),
			oneLine(d.URL, 60), oneLine(text(d.Problem), 80)})
	}
	return rows
}
