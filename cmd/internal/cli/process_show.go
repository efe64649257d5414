package cli

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/gateway/client"
)

// shownProcess is a process with what it has come to.
type shownProcess struct {
	client.ProcessInstance

	Steps []client.ProcessStep `json:"steps"`
}

func newProcessShow(p *Process, r *remote) *cobra.Command {
	return &cobra.Command{
		Use:     "show PROCESS",
		Short:   "Show a process, its tasks and where it stands",
		Long:    "Shows a process with the elements it has come to: those that are done in the\norder they were, then those that are not.",
		Example: "  riverstones process show 2910431\n  riverstones process show 2910431 -o json | jq .nativeOutputs",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			var s shownProcess
			if s.ProcessInstance, err = cl.Process(c.Context(), given[0]); err != nil {
				return err
			}
			if s.Steps, err = cl.ProcessSteps(c.Context(), given[0]); err != nil {
				return err
			}
			if r.out.json() {
				return printJSON(p.Out, s)
			}
			return showProcess(p.Out, &s)
		},
	}
}

func showProcess(w io.Writer, s *shownProcess) error {
	pairs := [][2]string{{"process", s.ID}, {"model", s.ModelID}, {"type", s.ProcessType}, {"status", s.ProcessStatus}}
	outputs, native := string(s.Outputs), string(s.NativeOutputs)
	for _, opt := range [][2]string{
		{"name", text(s.ProcessName)}, {"reason", text(s.Reason)}, {"business key", text(s.BusinessKey)}, {"tenant", text(s.TenantID)},
		{"called by", text(s.SuperProcessInstanceID)}, {"works on", text(s.OriginProcessInstanceID)},
		{"rollback", text(s.RollbackProcessInstanceID)}, {"cancel", text(s.CancelProcessInstanceID)}, {"delete", text(s.DeleteProcessInstanceID)},
		{"mode", modes(s)}, {"started", s.StartTime}, {"ended", text(s.EndTime)},
		{"variables", indent(&s.ProcessContent)}, {"outputs", indent(&outputs)}, {"of stones", indent(&native)},
	} {
		if opt[1] != "" && opt[1] != "null" {
			pairs = append(pairs, opt)
		}
	}
	if err := printPairs(w, pairs); err != nil || len(s.Steps) == 0 {
		return err
	}
	fmt.Fprintln(w)
	var rows [][]string
	for i := range s.Steps {
		one := &s.Steps[i]
		attempt := ""
		if one.Attempt != nil {
			attempt = strconv.Itoa(*one.Attempt)
		}
		rows = append(rows, []string{strconv.Itoa(one.Order), one.ElementID, one.ElementType, text(one.Stone), one.Status, percent(one.Progress),
			attempt, text(one.TaskID) + text(one.CalledProcessInstanceID), one.StartTime, text(one.EndTime), oneLine(text(one.Reason), 60)})
	}
	return printTable(w, []string{"ORDER", "ELEMENT", "TYPE", "STONE", "STATUS", "PROGRESS", "ATTEMPT", "TASK", "STARTED", "ENDED", "REASON"}, rows)
}

// modes are those that a process is in.
func modes(s *shownProcess) string {
	out := ""
	for _, m := range []struct {
		on   bool
		name string
	}{{s.Debug, "debug"}, {s.Mock, "mock"}, {s.Suspended, "suspended"}} {
		if m.on && out != "" {
			out += ", "
		}
		if m.on {
			out += m.name
		}
	}
	return out
}
