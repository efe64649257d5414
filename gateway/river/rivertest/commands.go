package rivertest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"context"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/store"
)

// call is a command in parts.
type call struct {
	args            []string
	opts            map[string]string
	vars, transient []river.Var
}

func (c *call) arg(i int) string {
	if i < len(c.args) {
		return c.args[i]
	}
	return ""
}

// parse splits a command: words, name=value, and one or two objects of variables.
func (w *world) parse(command string) (string, *call) {
	head, doc, hasDoc := strings.Cut(command, " {")
	c := &call{opts: map[string]string{}}
	for word := range strings.FieldsSeq(head) {
		if name, value, ok := strings.Cut(word, "="); ok {
			c.opts[name] = value
		} else {
			c.args = append(c.args, word)
		}
	}
	if hasDoc {
		dec := json.NewDecoder(strings.NewReader("{" + doc))
		for _, to := range []*[]river.Var{&c.vars, &c.transient} {
			if dec.More() {
				var members map[string]json.RawMessage
				require.NoError(w.t, dec.Decode(&members), command)
				*to = w.vars(members)
			}
		}
	}
	return c.args[0], &call{args: c.args[1:], opts: c.opts, vars: c.vars, transient: c.transient}
}

func (w *world) vars(members map[string]json.RawMessage) []river.Var {
	var out []river.Var
	for _, name := range slices.Sorted(maps.Keys(members)) {
		v, err := variable.FromJSON("", true, jsontext.Value(members[name]))
		require.NoError(w.t, err)
		out = append(out, river.Var{Name: name, Value: v})
	}
	return out
}

var kinds = map[fault.Kind]string{
	fault.Internal: "internal", fault.Invalid: "invalid", fault.NotFound: "not found", fault.Conflict: "conflict",
	fault.Unavailable: "unavailable", fault.Forbidden: "forbidden", fault.State: "engine",
}

// do runs one command, and returns what it answers.
func (w *world) do(command string) string {
	w.t.Helper()
	name, c := w.parse(command)
	f := commands[name]
	require.NotNil(w.t, f, "unknown command %q", command)
	text, err := f(w, c)
	if err != nil {
		fa := fault.Of(err)
		require.NotNil(w.t, fa, "%s: %v", command, err)
		text = fmt.Sprintf("error, %s: %s", kinds[fa.Kind], w.plain(fa.Detail))
	}
	if text != "" {
		text += "\n"
	}
	return text
}

var commands map[string]func(*world, *call) (string, error)

func init() { //nolint:gochecknoinits // the commands look one another up
	commands = map[string]func(*world, *call) (string, error){
		"start": start, "trigger": act(river.Trigger), "signal": act(river.SignalReceived), "message": act(river.MessageReceived),
		"broadcast": broadcast, "suspend": suspend(true), "activate": suspend(false), "terminate": terminate, "set": set, "unset": unset,
		"vars": list, "complete": complete, "claim": claim, "delegate": delegate, "resolve": resolve, "acquire": acquire, "done": done,
		"bpmnerror": bpmnError, "fail": fail, "unacquire": unacquire, "advance": advance, "work": work, "history": history, "undeploy": undeploy,
		"cancel": cancel, "activities": activities,
	}
}

func start(w *world, c *call) (string, error) {
	q := river.Start{Key: c.arg(0), Message: c.opts["message"], Tenant: c.opts["tenant"], Business: c.opts["business"], Name: c.opts["name"],
		User: c.opts["user"], Variables: c.vars, Transient: c.transient}
	in, err := w.r.StartInstance(w.t.Context(), q)
	w.last = in.ID
	return "", err
}

func act(kind river.ActionKind) func(*world, *call) (string, error) {
	return func(w *world, c *call) (string, error) {
		v, err := w.r.Act(w.t.Context(), w.execution(c.arg(0)), river.Action{Kind: kind, Name: c.arg(1), Variables: c.vars, Transient: c.transient})
		switch {
		case err != nil:
			return "", err
		case v == nil:
			return "gone", nil
		default:
			return "kept, at " + v.Activity, nil
		}
	}
}

func broadcast(w *world, c *call) (string, error) {
	return "", w.r.Broadcast(w.t.Context(), river.Broadcast{Signal: c.arg(0), Tenant: c.opts["tenant"], Variables: c.vars})
}

func suspend(on bool) func(*world, *call) (string, error) {
	return func(w *world, c *call) (string, error) {
		_, err := w.r.Suspend(w.t.Context(), w.instance(c.arg(0)), on)
		return "", err
	}
}

func terminate(w *world, c *call) (string, error) {
	return "", w.r.Terminate(w.t.Context(), w.instance(c.arg(0)), c.opts["reason"])
}

func cancel(w *world, c *call) (string, error) {
	_, err := w.r.CancelProcess(w.t.Context(), w.instance(c.arg(0)))
	return "", err
}

var scopes = map[string]river.Scope{"": river.AnyScope, "local": river.Local, "global": river.Global}

func set(w *world, c *call) (string, error) {
	mode := map[string]river.WriteMode{"": river.Put, "create": river.Create, "update": river.Update}[c.opts["mode"]]
	return "", w.r.SetVariables(w.t.Context(), w.execution(c.arg(0)), river.VariableWrite{Mode: mode, Scope: scopes[c.opts["scope"]], Variables: c.vars})
}

func unset(w *world, c *call) (string, error) {
	if c.arg(1) == "" {
		return "", w.r.DeleteLocalVariables(w.t.Context(), w.execution(c.arg(0)))
	}
	return "", w.r.DeleteVariable(w.t.Context(), w.execution(c.arg(0)), c.arg(1), scopes[c.opts["scope"]])
}

func list(w *world, c *call) (string, error) {
	all, err := w.r.Variables(w.t.Context(), w.execution(c.arg(0)), scopes[c.opts["scope"]])
	var out []string
	for i := range all {
		out = append(out, fmt.Sprintf("%s %s=%s", map[river.Scope]string{river.Local: "local", river.Global: "global"}[all[i].Scope], all[i].Name, all[i].Value.JSON()))
	}
	return strings.Join(out, "\n"), err
}

func complete(w *world, c *call) (string, error) {
	return "", w.r.CompleteTask(w.t.Context(), w.userTask(c.arg(0)), river.Completion{Variables: c.vars, Transient: c.transient, User: c.opts["user"]})
}

func claim(w *world, c *call) (string, error) {
	return "", w.r.ClaimTask(w.t.Context(), w.userTask(c.arg(0)), c.arg(1))
}

func delegate(w *world, c *call) (string, error) {
	return "", w.r.DelegateTask(w.t.Context(), w.userTask(c.arg(0)), c.arg(1))
}

func resolve(w *world, c *call) (string, error) {
	return "", w.r.ResolveTask(w.t.Context(), w.userTask(c.arg(0)), c.vars)
}

func acquire(w *world, c *call) (string, error) {
	tasks := 1
	if n, err := strconv.Atoi(c.arg(2)); err == nil {
		tasks = n
	}
	got, err := w.r.AcquireJobs(w.t.Context(), river.Acquire{Topic: c.arg(0), Worker: c.arg(1), Lock: time.Minute, Tasks: tasks})
	var out []string
	for i := range got {
		var vars []string
		for _, v := range got[i].Variables {
			vars = append(vars, " "+v.Name+"="+string(v.Value.JSON()))
		}
		slices.Sort(vars)
		out = append(out, "got "+got[i].Activity+" of "+w.number(got[i].Execution)+strings.Join(vars, ""))
	}
	if len(out) == 0 && err == nil {
		return "got nothing", nil
	}
	return strings.Join(out, "\n"), err
}

func done(w *world, c *call) (string, error) {
	return "", w.r.CompleteJob(w.t.Context(), w.jobAt(c.arg(0)), c.arg(1), c.vars)
}

func bpmnError(w *world, c *call) (string, error) {
	return "", w.r.ErrorJob(w.t.Context(), w.jobAt(c.arg(0)), c.arg(1), c.arg(2), c.vars)
}

func fail(w *world, c *call) (string, error) {
	f := river.JobFailure{Worker: c.arg(1), Message: "broken"}
	if n, err := strconv.Atoi(c.opts["retries"]); err == nil {
		f.Retries = &n
	}
	if d, err := time.ParseDuration(c.opts["after"]); err == nil {
		f.After = d
	}
	return "", w.r.FailJob(w.t.Context(), w.jobAt(c.arg(0)), f)
}

func unacquire(w *world, c *call) (string, error) {
	return "", w.r.UnacquireJobs(w.t.Context(), c.arg(0))
}

func advance(w *world, c *call) (string, error) {
	d, err := time.ParseDuration(c.arg(0))
	require.NoError(w.t, err)
	w.clock.Advance(d)
	return work(w, c)
}

func work(w *world, _ *call) (string, error) {
	Work(w.t, w.r, w.st, w.clock.Now)
	return "", nil
}

func history(w *world, c *call) (string, error) {
	acts, err := w.st.Activities(w.t.Context(), w.instance(c.arg(0)))
	var out []string
	for i := range acts {
		a := &acts[i]
		out = append(out, a.Type+" "+a.Activity+words("by", a.Assignee, "called", w.plain(a.Called), "because", w.plain(a.Reason)))
	}
	return strings.Join(out, "\n"), err
}

// activities are those of section 8.3: depth first, of active executions.
func activities(w *world, c *call) (string, error) {
	root := w.execution(c.arg(0))
	e, ok := w.row(root)
	if !ok {
		return "", fault.New(fault.NotFound, "execution %s does not exist", root)
	}
	tree, err := w.st.Tree(w.t.Context(), e.Instance)
	var out []string
	var walk func(id string)
	walk = func(id string) {
		for i := range tree {
			if tree[i].ID == id && tree[i].Active && tree[i].Activity != "" {
				out = append(out, tree[i].Activity)
			}
		}
		for i := range tree {
			if tree[i].Parent == id {
				walk(tree[i].ID)
			}
		}
	}
	walk(root)
	return strings.Join(out, " "), err
}

func undeploy(w *world, c *call) (string, error) {
	id := w.deployments[c.arg(0)]
	if id == "" {
		id = c.arg(0)
	}
	return "", w.r.DeleteDeployment(w.t.Context(), id, c.arg(1) == "cascade")
}

// LoadInstance reads a whole instance as the runtime does.
func LoadInstance(t testing.TB, st store.Runtime, id string) (p *store.Process) {
	t.Helper()
	err := st.Step(context.WithoutCancel(t.Context()), func(ctx context.Context, tx store.RuntimeTx) (err error) {
		p, err = tx.Load(ctx, id)
		return err
	})
	require.NoError(t, err)
	return p
}
