package cli

import (
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/gateway/client"
)

func newTaskHistory(p *Process, r *remote) *cobra.Command {
	var notes bool
	c := &cobra.Command{
		Use:     "history TASK",
		Short:   "Show every transition of a task",
		Long:    "Shows every transition of a task, oldest first; with --notes also what was\nreported and changed nothing, and why.",
		Example: "  riverstones task history 2912516 --notes",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			history, err := cl.History(c.Context(), given[0], notes)
			if err != nil {
				return err
			}
			if r.out.json() {
				return printJSON(p.Out, history)
			}
			return printTable(p.Out, []string{"TIME", "AFTER", "STATUS", "ATTEMPT", "DELIVERY", "WORKER", "NOTE", "REASON"}, historyRows(history))
		},
	}
	c.Flags().BoolVar(&notes, "notes", false, "also what changed nothing")
	return c
}

func historyRows(history []client.Transition) (rows [][]string) {
	var before time.Time
	for _, tr := range history {
		delivery := ""
		if tr.Delivery > 0 {
			delivery = strconv.Itoa(tr.Delivery)
		}
		rows = append(rows, []string{tr.Time.Local().Format(clock), since(before, tr.Time), tr.Status, strconv.Itoa(tr.Attempt), delivery,
			text(tr.Worker), tr.Note, oneLine(text(tr.Reason), 80)})
		before = tr.Time
	}
	return rows
}

func newTaskLog(p *Process, r *remote) *cobra.Command {
	var start, size int
	c := &cobra.Command{
		Use:     "log TASK",
		Short:   "Show the lines a task's stone wrote",
		Long:    "Shows the log lines of a task, oldest first.",
		Example: "  riverstones task log 2912516",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			lines, err := cl.Log(c.Context(), given[0], start, size)
			if err != nil {
				return err
			}
			if r.out.json() {
				return printJSON(p.Out, lines)
			}
			return showLog(p.Out, lines)
		},
	}
	c.Flags().IntVar(&start, "start", 0, "leave out so `many` lines")
	c.Flags().IntVar(&size, "size", 0, "at most so `many` lines (default: all)")
	return c
}
