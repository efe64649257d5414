package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/gateway/client"
)

func newEvents(p *Process) *cobra.Command {
	var r remote
	var f client.EventFilter
	var after string
	c := &cobra.Command{
		Use:   "events",
		Short: "Follow what is recorded of tasks, as it is recorded",
		Long: `Shows each change of the tasks that match all given filters, their progress and
the lines their stones write, from now on, until it is interrupted. A lost
connection is made again, and nothing is missed meanwhile. With -o json each
event is one line, whose cursor --after takes.`,
		Example: `  riverstones events --process 2910431
  riverstones events --stone MachineStone -o json | jq -r 'select(.event == "transition").status'`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if f == (client.EventFilter{}) {
				return usagef("say what to follow: --process, --task or --stone")
			}
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			err = cl.Events(c.Context(), f, after, func(e client.Event) error { return showEvent(p, &r, &e) },
				func(err error) {
					fmt.Fprintln(p.Err, printable("connection lost, trying again: "+oneLine(err.Error(), 200)))
				})
			if errors.Is(err, context.Canceled) {
				return nil // that is how it ends
			}
			return err
		},
	}
	fs := c.Flags()
	fs.StringVar(&r.server, "server", serverURL(p), "`url` of the gateway (environment "+config.Prefix+"SERVER)")
	fs.StringVar(&f.ProcessInstanceID, "process", "", "`id` of the process instance")
	fs.StringVar(&f.TaskID, "task", "", "`id` of the task")
	fs.StringVar(&f.Stone, "stone", "", "`code` of the stone")
	fs.StringVar(&after, "after", "", "begin behind this `cursor` in place of now")
	r.out.flag(c)
	return c
}

func showEvent(p *Process, r *remote, e *client.Event) error {
	if r.out.json() {
		out := json.NewEncoder(p.Out)
		out.SetEscapeHTML(false)
		return out.Encode(e)
	}
	what := text(e.Status)
	switch e.Kind {
	case "progress":
		what = "progress " + percent(e.Progress)
	case "log":
		what = "| " + oneLine(text(e.Line), 200)
	case "resume":
		what = "resumed"
	case "gap":
		what = "gap"
	}
	parts := []string{fmt.Sprintf("%s  %-16s  %-16s", e.Time.Local().Format(clock), text(e.TaskID), what)}
	for _, more := range []*string{e.Worker, e.Reason} {
		if more != nil {
			parts = append(parts, oneLine(*more, 200))
		}
	}
	_, err := fmt.Fprintln(p.Out, printable(strings.TrimRight(strings.Join(parts, "  "), " ")))
	return err
}
