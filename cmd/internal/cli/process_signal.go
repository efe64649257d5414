package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/gateway/client"
)

// signalling is what is signalled to whom.
type signalling struct {
	service

	execution, tenant, variables string
	single                       []string
	message, trigger             bool
}

func newProcessSignal(p *Process, r *remote) *cobra.Command {
	var s signalling
	c := &cobra.Command{
		Use:   "signal [NAME]",
		Short: "Deliver a signal or a message, or let a waiting execution go on",
		Long: `Delivers the signal NAME to everybody who waits for it, or with --execution to one
only. --message delivers a message to that execution instead, and --trigger lets
it go on from wherever it waits, without a NAME.

` + loginHelp,
		Example: `  riverstones process signal approved --var by=me
  riverstones process signal --execution 2912530 --trigger`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			name := ""
			if len(given) == 1 {
				name = given[0]
			}
			vars, err := s.check(name)
			if err != nil {
				return err
			}
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			return s.send(c.Context(), p, r, s.of(p, cl), name, vars)
		},
	}
	s.flags(c)
	fs := c.Flags()
	fs.StringVar(&s.execution, "execution", "", "`id` of the execution that gets it")
	fs.BoolVar(&s.message, "message", false, "it is a message")
	fs.BoolVar(&s.trigger, "trigger", false, "let the execution go on, whatever it waits for")
	fs.StringVar(&s.tenant, "tenant", "", "`id` of the tenant whose executions get the signal")
	fs.StringVar(&s.variables, "variables", "", "variables to set, a `json` object")
	fs.StringArrayVar(&s.single, "var", nil, "one variable, `name=value`: JSON, or else a text; may be repeated")
	return c
}

// check says what does not go together, and reads the variables.
func (s *signalling) check(name string) ([]client.Variable, error) {
	switch {
	case s.trigger == (name != ""):
		return nil, usagef("either NAME or --trigger, not both")
	case s.execution == "" && (s.trigger || s.message):
		return nil, usagef("--trigger and --message need --execution")
	case s.message && s.trigger:
		return nil, usagef("either --message or --trigger, not both")
	case s.execution != "" && s.tenant != "":
		return nil, usagef("--tenant goes without --execution")
	}
	raw, err := startVariables(s.variables, s.single, false)
	if err != nil || raw == nil {
		return nil, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	var out []client.Variable
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, client.Variable{Name: name, Value: all[name]})
	}
	return out, nil
}

func (s *signalling) send(ctx context.Context, p *Process, r *remote, f *client.Flowable, name string, vars []client.Variable) error {
	if s.execution == "" {
		if err := f.Signal(ctx, client.NewSignal{SignalName: name, TenantID: s.tenant, Variables: vars}); err != nil {
			return err
		}
		if r.out.json() {
			return printJSON(p.Out, map[string]any{"signalName": name})
		}
		_, err := fmt.Fprintf(p.Out, "signal %s was delivered to all who waited for it\n", printable(name))
		return err
	}
	do := client.ExecutionAction{Action: client.ActionSignal, SignalName: name, Variables: vars}
	switch {
	case s.trigger:
		do.Action = client.ActionTrigger
	case s.message:
		do.Action, do.SignalName, do.MessageName = client.ActionMessage, "", name
	}
	e, err := f.Act(ctx, s.execution, do)
	switch {
	case err != nil:
		return err
	case r.out.json():
		return printJSON(p.Out, e)
	case e == nil:
		_, err = fmt.Fprintf(p.Out, "execution %s went on, and is done\n", printable(s.execution))
	default:
		_, err = fmt.Fprintf(p.Out, "execution %s is at %s\n", printable(s.execution), printable(text(e.ActivityID)))
	}
	return err
}
