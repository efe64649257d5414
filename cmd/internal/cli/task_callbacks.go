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
			rows := make([][]string, 0, len(all))
			for i := range all {
				rows = append(rows, deliveryRow(&all[i], clock))
			}
			return printTable(p.Out, deliveryHead, rows)
		},
	}
	c.Flags().BoolVar(&replay, "replay", false, "tell all of it again")
	return c
}

// deliveryHead are the columns of [deliveryRow].
var deliveryHead = []string{"TIME", "EVENT", "STATUS", "ATTEMPT", "STATE", "TRIES", "NEXT", "URL", "PROBLEM"}

func deliveryRow(d *client.Delivery, layout string) []string {
	at := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.Local().Format(layout)
	}
	return []string{at(d.Time), d.Event, d.Status, strconv.Itoa(d.Attempt), d.State, strconv.Itoa(d.Tries), at(d.NextTry),
		oneLine(d.URL, 60), oneLine(text(d.Problem), 80)}
}
