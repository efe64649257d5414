package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/gateway/client"
)

func newStone(p *Process) *cobra.Command {
	return newGroup(p, "stone", "See who works, what waits for them, and hold stones back", func(r *remote) []*cobra.Command {
		return append(newStoneTurns(p, r), newStoneList(p, r), newStoneShow(p, r), newStoneKeygen(p, r))
	})
}

func newStoneList(p *Process, r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List all stones that announced themselves or that tasks name",
		Long: `Lists the stones with their live workers, how many commands wait for one, and
since when the oldest does. Declared is no for a stone that is known only by its
tasks: no worker has ever announced it.`,
		Example: "  riverstones stone list\n  riverstones stone list -o json | jq '.[] | select(.paused).code'",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			all, err := cl.Stones(c.Context())
			if err != nil {
				return err
			}
			if r.out.json() {
				return printJSON(p.Out, all)
			}
			rows := make([][]string, 0, len(all))
			for i := range all {
				rows = append(rows, stoneRow(&all[i], time.Now()))
			}
			return printTable(p.Out, []string{"STONE", "VERSION", "DECLARED", "STATE", "WORKERS", "WAITING", "OLDEST", "NAME"}, rows)
		},
	}
}

func stoneRow(s *client.Stone, now time.Time) []string {
	waiting := 0
	for _, n := range s.Backlog {
		waiting += n
	}
	return []string{s.Code, oneLine(text(s.Version), 20), yesNo(s.Declared), stateOf(s), strconv.Itoa(live(s)),
		strconv.Itoa(waiting), ago(s.OldestWaiting, now), oneLine(text(s.DisplayName), 40)}
}

// stateOf is what an operator wants to know first.
func stateOf(s *client.Stone) string {
	switch {
	case s.Paused:
		return "paused"
	case live(s) == 0:
		return "unserved"
	default:
		return "served"
	}
}

// live counts the workers that are.
func live(s *client.Stone) (n int) {
	for _, w := range s.Workers {
		if w.Live {
			n++
		}
	}
	return n
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// ago is how long a moment is past, "" for none.
func ago(t *time.Time, now time.Time) string {
	if t == nil {
		return ""
	}
	return max(now.Sub(*t), 0).Round(time.Second).String()
}

// turn is what can be done with a stone.
type turn struct {
	use, short, long, done string
	run                    func(cl *client.Client, ctx context.Context, code string) (client.Stone, error)
}

var turns = []turn{
	{
		"pause", "Hold back the commands of a stone",
		"The stone's commands wait from now on, for all of its workers and also through restarts,\nuntil it is resumed. What runs already goes on. Pausing it again changes nothing.",
		"is paused", (*client.Client).PauseStone,
	},
	{
		"resume", "Let the commands of a paused stone go on",
		"Commands that waited are worked off in their order.", "goes on", (*client.Client).ResumeStone,
	},
}

func newStoneTurns(p *Process, r *remote) (all []*cobra.Command) {
	for _, t := range turns {
		all = append(all, &cobra.Command{
			Use: t.use + " STONE", Short: t.short, Long: t.long, Example: "  riverstones stone " + t.use + " MachineStone",
			Args: args(cobra.ExactArgs(1)),
			RunE: func(c *cobra.Command, given []string) error {
				cl, err := r.client(p)
				if err != nil {
					return err
				}
				s, err := t.run(cl, c.Context(), given[0])
				if err != nil {
					return err
				}
				if r.out.json() {
					return printJSON(p.Out, s)
				}
				_, err = fmt.Fprintf(p.Out, "stone %s %s\n", printable(s.Code), t.done)
				return err
			},
		})
	}
	return all
}
