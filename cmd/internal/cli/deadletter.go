package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/gateway/client"
)

func newDeadletter(p *Process) *cobra.Command {
	list := func(cl *client.Client) letterList { return cl.DeadLetters }
	return newGroup(p, "deadletter", "See commands that no worker could process, and run them again", func(r *remote) []*cobra.Command {
		var f client.LetterFilter
		c := newLetterList(p, r, &f, list)
		c.Short = "List commands that no worker could process"
		c.Long = `Lists the messages of RS_DLQ, the newest first: commands that no worker could
read, with its reason, and what JetStream says about commands it gave up. A
filter looks at the newest 5,000.`
		c.Example = "  riverstones deadletter list\n  riverstones deadletter list --task 2912516 -o json | jq -r '.[0].bytes | @base64d'"
		c.Flags().StringVar(&f.Stone, "stone", "", "`code` of the stone")
		return []*cobra.Command{c, newRedrive(p, r)}
	})
}

func newQuarantine(p *Process) *cobra.Command {
	list := func(cl *client.Client) letterList { return cl.Quarantine }
	return newGroup(p, "quarantine", "See messages that could not be recorded", func(r *remote) []*cobra.Command {
		var f client.LetterFilter
		c := newLetterList(p, r, &f, list)
		c.Short = "List messages that could not be recorded"
		c.Long = `Lists the messages, and single events of messages, that the recorder put into
quarantine, the newest first: what could not be read, and what does not fit the
task it names.`
		c.Example = "  riverstones quarantine list\n  riverstones quarantine list --task 2912516 -o json"
		return []*cobra.Command{c}
	})
}

// letterList reads a page of either.
type letterList func(ctx context.Context, f client.LetterFilter) ([]client.Letter, int, error)

func newLetterList(p *Process, r *remote, f *client.LetterFilter, of func(cl *client.Client) letterList) *cobra.Command {
	c := &cobra.Command{
		Use:  "list",
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			letters, total, err := of(cl)(c.Context(), *f)
			if err != nil {
				return err
			}
			return showLetters(p, r, f, letters, total)
		},
	}
	fs := c.Flags()
	fs.StringVar(&f.TaskID, "task", "", "`id` of the task")
	fs.IntVar(&f.Start, "start", 0, "skip this `many`")
	fs.IntVar(&f.Size, "size", 0, "show at most this `many` (default 50)")
	return c
}

func showLetters(p *Process, r *remote, f *client.LetterFilter, letters []client.Letter, total int) error {
	if r.out.json() {
		return printJSON(p.Out, letters)
	}
	var rows [][]string
	for i := range letters {
		l := &letters[i]
		seq := strconv.FormatUint(l.Seq, 10)
		if l.Stream != "" {
			seq = l.Stream + " " + seq
		}
		rows = append(rows, []string{seq, l.Time.Local().Format("2006-01-02 15:04:05"), text(l.TaskID), l.Subject, strconv.Itoa(l.Size), oneLine(text(l.Reason), 80)})
	}
	err := printTable(p.Out, []string{"SEQ", "TIME", "TASK", "SUBJECT", "BYTES", "REASON"}, rows)
	if err == nil && f.Start+len(letters) < total {
		_, err = fmt.Fprintf(p.Err, "%d of %d; see more with --start %d\n", len(letters), total, f.Start+len(letters))
	}
	return err
}
