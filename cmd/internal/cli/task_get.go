package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/gateway/client"
)

// clock shows a transition's time to people.
const clock = "15:04:05.000"

func newTaskGet(p *Process, r *remote) *cobra.Command {
	var log bool
	c := &cobra.Command{
		Use:   "get TASK",
		Short: "Show one task with its history",
		Long:  "Shows the task with this taskId, or else with this id.\n\nWith -o json it prints the task as the API gives it, without the history.",
		Example: `  riverstones task get 2912516
  riverstones task get 2912516 --log
  riverstones task get 2912516 -o json | jq -r .status`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			t, err := cl.Get(c.Context(), given[0])
			if err != nil {
				return err
			}
			if r.out.json() {
				return printJSON(p.Out, t)
			}
			history, err := cl.History(c.Context(), t.ID, false)
			if err != nil {
				return err
			}
			if err := showTask(p.Out, &t, history); err != nil || !log {
				return err
			}
			lines, err := cl.Log(c.Context(), t.ID, 0, 0)
			if err != nil {
				return err
			}
			return showLog(p.Out, lines)
		},
	}
	c.Flags().BoolVar(&log, "log", false, "show the lines its stone wrote, too")
	return c
}

func showTask(w io.Writer, t *client.Task, history []client.Transition) error {
	pairs := [][2]string{
		{"task", t.TaskID}, {"id", t.ID}, {"process", t.ProcessInstanceID}, {"name", t.Name}, {"namespace", t.Namespace},
		{"stone", t.Stone}, {"method", t.QueueType}, {"attempt", strconv.Itoa(t.Attempt)}, {"status", t.Status},
	}
	for _, opt := range [][2]string{
		{"reason", text(t.Reason)}, {"progress", percent(t.Progress)}, {"business key", text(t.BusinessKey)},
		{"created", t.CreateTime}, {"ended", text(t.EndTime)}, {"params", indent(t.Params)}, {"outputs", indent(t.Outputs)},
	} {
		if opt[1] != "" {
			pairs = append(pairs, opt)
		}
	}
	if err := printPairs(w, pairs); err != nil {
		return err
	}
	fmt.Fprintln(w)
	var rows [][]string
	var before time.Time
	for _, tr := range history {
		rows = append(rows, []string{tr.Time.Local().Format(clock), since(before, tr.Time), tr.Status, strconv.Itoa(tr.Attempt), text(tr.Worker), oneLine(text(tr.Reason), 80)})
		before = tr.Time
	}
	return printTable(w, []string{"TIME", "AFTER", "STATUS", "ATTEMPT", "WORKER", "REASON"}, rows)
}

// since is the time between two transitions, "" for the first.
func since(before, now time.Time) string {
	if before.IsZero() {
		return ""
	}
	return "+" + now.Sub(before).Round(time.Millisecond).String()
}

// indent lays out text that holds JSON, behind the column of the names.
func indent(s *string) string {
	var b bytes.Buffer
	if s == nil || json.Indent(&b, []byte(*s), "              ", "  ") != nil {
		return text(s)
	}
	return b.String()
}

func showLog(w io.Writer, lines []client.LogLine) error {
	fmt.Fprintln(w)
	for _, l := range lines {
		if _, err := fmt.Fprintf(w, "%s  %-5s %s\n", l.Time.Local().Format(clock), l.Level, printable(l.Line)); err != nil {
			return err
		}
	}
	return nil
}
