package cli

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/gateway/client"
)

const defaultServer = "http://127.0.0.1:8306"

// look is how often a waiting command asks how a task stands.
const look = 200 * time.Millisecond

// remote is what all commands against a gateway share.
type remote struct {
	server  string
	retries int
	out     output
}

func newTask(p *Process) *cobra.Command {
	return newGroup(p, "task", "Publish tasks, see how they stand, and steer them, through the REST API", func(r *remote) []*cobra.Command {
		return append(newOrders(p, r), newTaskPublish(p, r), newTaskGet(p, r), newTaskList(p, r), newTaskWatch(p, r),
			newTaskHistory(p, r), newTaskLog(p, r), newTaskWhy(p, r), newTaskCallbacks(p, r))
	})
}

// newGroup makes a group of commands against a gateway, each with -o.
func newGroup(p *Process, use, short string, subs func(r *remote) []*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	var r remote
	c.PersistentFlags().StringVar(&r.server, "server", serverURL(p), "`url` of the gateway (environment "+config.Prefix+"SERVER)")
	for _, sub := range subs(&r) {
		r.out.flag(sub)
		c.AddCommand(sub)
	}
	return c
}

// serverURL is where the gateway is if no flag says so.
func serverURL(p *Process) string {
	for _, e := range p.Environ {
		if v, ok := strings.CutPrefix(e, config.Prefix+"SERVER="); ok && v != "" {
			return v
		}
	}
	return defaultServer
}

func (r *remote) client(p *Process) (*client.Client, error) {
	c, err := client.New(r.server, client.Config{Retries: r.retries, UserAgent: "riverstones/" + cmp.Or(p.Version, "dev")})
	if err != nil {
		return nil, usageError{err}
	}
	return c, nil
}

// text returns what a pointer of the API holds, "" for null.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func percent(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n) + "%"
}

// succeeded reports whether a task at its end did what it was to do.
func succeeded(t *client.Task) bool {
	return strings.HasSuffix(t.Status, ".success") || strings.HasSuffix(t.Status, ".passed")
}
