package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/gateway/client"
)

// mockVariable is the start variable that makes a process a dry run.
const mockVariable = "SipRS::Mock"

func newProcessStart(p *Process, r *remote) *cobra.Command {
	var n client.NewProcess
	var variables string
	var single []string
	var mock bool
	a := after{want: []string{"completed"}}
	c := &cobra.Command{
		Use:   "start",
		Short: "Start a process of a deployed model",
		Long: `Starts a process. Its model is named by its key (the latest version), by the id
of one version, or by a deployment that holds just one.

Exit code 0 if it was started, or with --wait if it completed.`,
		Example: `  riverstones process start --key provision --var region=beijing --var size=20
  riverstones process start --key provision --variables '{"region": "beijing"}' --debug --wait`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if n.Variables, err = startVariables(variables, single, mock); err != nil {
				return err
			}
			if n.Key == "" && n.ModelID == "" && n.DeploymentID == "" {
				return usagef("name the model with --key, --model or --deployment")
			}
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			started, err := cl.StartProcess(c.Context(), n)
			if err != nil {
				return err
			}
			return a.process(c.Context(), p, r, cl, started)
		},
	}
	fs := c.Flags()
	fs.StringVar(&n.Key, "key", "", "`key` of the model: its latest version")
	fs.StringVar(&n.ModelID, "model", "", "`id` of one version of a model")
	fs.StringVar(&n.DeploymentID, "deployment", "", "`id` of a deployment with one model")
	fs.StringVar(&n.TenantID, "tenant", "", "`id` of the tenant that --key is of")
	fs.StringVar(&n.ProcessName, "name", "", "`name` of the process")
	fs.StringVar(&n.BusinessKey, "business-key", "", "business `key` of the process")
	fs.StringVar(&variables, "variables", "", "start variables, a `json` object")
	fs.StringArrayVar(&single, "var", nil, "one start variable, `name=value`: JSON, or else a text; may be repeated")
	fs.BoolVar(&n.Debug, "debug", false, "hold the process when a task of it fails")
	fs.BoolVar(&mock, "mock", false, "only walk the model, with the mock method of its stones")
	a.flags(c)
	return c
}

// startVariables makes one object of what the flags give.
func startVariables(object string, single []string, mock bool) (json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	if object != "" {
		if err := json.Unmarshal([]byte(object), &all); err != nil || all == nil {
			return nil, usagef("--variables is no JSON object")
		}
	}
	for _, one := range single {
		name, value, ok := strings.Cut(one, "=")
		if !ok || name == "" {
			return nil, usagef("--var %q must be name=value", one)
		}
		all[name] = jsonOrText(value)
	}
	if mock {
		all[mockVariable] = json.RawMessage("true")
	}
	if len(all) == 0 {
		return nil, nil
	}
	return json.Marshal(all)
}

// jsonOrText reads a value from a command line: what is no JSON is a text.
func jsonOrText(value string) json.RawMessage {
	if json.Valid([]byte(value)) {
		return json.RawMessage(value)
	}
	raw, err := json.Marshal(value)
	if err != nil { // no text fails
		return json.RawMessage("null")
	}
	return raw
}

// process shows a process as it stands, or waits until it rests.
func (a *after) process(ctx context.Context, p *Process, r *remote, cl *client.Client, s client.ProcessInstance) error {
	var err error
	if a.wait {
		if s, err = a.rest(ctx, cl, s.ID); err != nil {
			return err
		}
	}
	if r.out.json() {
		err = printJSON(p.Out, s)
	} else {
		_, err = fmt.Fprintf(p.Out, "process %s: %s\n", printable(s.ID), s.ProcessStatus)
	}
	if !a.wait {
		return err
	}
	return errors.Join(err, a.judge(&s))
}

func (a *after) rest(ctx context.Context, cl *client.Client, id string) (client.ProcessInstance, error) {
	if a.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, a.timeout, fmt.Errorf("it did not come to rest after %s", a.timeout))
		defer cancel()
	}
	return cl.WaitProcess(ctx, id, look)
}

// judge is the error of a process that did not come to where it should.
func (a *after) judge(s *client.ProcessInstance) error {
	if slices.Contains(a.want, s.ProcessStatus) {
		return nil
	}
	why := ""
	if s.Reason != nil {
		why = ": " + oneLine(*s.Reason, 300)
	}
	return fmt.Errorf("process %s is %s%s", s.ID, s.ProcessStatus, why)
}
