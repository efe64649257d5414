package taskapi

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue/task"
)

// Commander changes recorded tasks. [dispatch.Commander] does.
type Commander interface {
	ReRun(ctx context.Context, key string, r dispatch.Rerun) (task.Task, error)
	Resume(ctx context.Context, key string) (task.Task, error)
	Cancel(ctx context.Context, key string) (task.Task, error)
	Undo(ctx context.Context, key string, m task.Method) (task.Task, error)
}

// reRunnable are the methods of a reRun, as the seed lists them.
var reRunnable = []task.Method{task.Start, task.Monitor, task.Cancel, task.Rollback, task.Delete}

// reRunRequest asks for a failed task to be run again.
type reRunRequest struct {
	key
	rerun dispatch.Rerun
}

// Bind reads path and body, a form or JSON.
func (r *reRunRequest) Bind(in *rest.Input) error {
	if err := r.key.Bind(in); err != nil {
		return err
	}
	var queueType string
	var err error
	if in.IsForm() {
		queueType, err = r.bindForm(in)
	} else {
		queueType, err = r.bindJSON(in)
	}
	if err != nil {
		return err
	}
	return r.check(queueType)
}

func (r *reRunRequest) bindForm(in *rest.Input) (queueType string, err error) {
	form, err := in.Form()
	if err != nil {
		return "", err
	}
	for name, to := range map[string]*json.RawMessage{"parameters": &r.rerun.Params, "outputs": &r.rerun.Outputs} {
		if text := form[name]; text != "" {
			if *to, err = jsontext.AppendQuote(nil, text); err != nil {
				return "", fault.New(fault.Invalid, "%s is no text", name)
			}
		}
	}
	return form["queueType"], nil
}

func (r *reRunRequest) bindJSON(in *rest.Input) (queueType string, err error) {
	err = in.JSON(func(j *rest.JSON) error {
		if j.Kind() != '{' {
			j.Problem("the body must be an object")
			return j.Skip()
		}
		return j.Object(func(name []byte) error {
			switch string(name) {
			case "queueType":
				return j.String("queueType", &queueType)
			case "parameters":
				return j.Raw(&r.rerun.Params)
			case "outputs":
				return j.Raw(&r.rerun.Outputs)
			default:
				return j.Unknown(name)
			}
		})
	})
	return queueType, err
}

// check says what is missing; what parameters and outputs hold is the use case's.
func (r *reRunRequest) check(queueType string) error {
	r.rerun.Method = task.Method(queueType)
	var problems []string
	if !slices.Contains(reRunnable, r.rerun.Method) {
		problems = append(problems, "queueType must be one of start, monitor, cancel, rollback, delete")
	}
	for _, one := range [...]struct {
		name string
		raw  json.RawMessage
	}{{"parameters", r.rerun.Params}, {"outputs", r.rerun.Outputs}} {
		if kind := jsontext.Value(one.raw).Kind(); kind == 0 || kind == 'n' {
			problems = append(problems, one.name+" is missing: send a JSON object, {} to keep what the task has")
		}
	}
	if len(problems) > 0 {
		return fault.New(fault.Invalid, "%s", strings.Join(problems, "; "))
	}
	return nil
}

func (a *api) reRun(ctx context.Context, r reRunRequest) (gotten, error) {
	t, err := a.commander.ReRun(ctx, string(r.key), r.rerun)
	return gotten{t, a.tasks}, err
}

// commandRequest names a task; a body is not read.
type commandRequest struct{ key }

func (a *api) resume(ctx context.Context, r commandRequest) (gotten, error) {
	t, err := a.commander.Resume(ctx, string(r.key))
	return gotten{t, a.tasks}, err
}

func (a *api) cancel(ctx context.Context, r commandRequest) (gotten, error) {
	t, err := a.commander.Cancel(ctx, string(r.key))
	return gotten{t, a.tasks}, err
}

func (a *api) undo(m task.Method) func(ctx context.Context, r commandRequest) (gotten, error) {
	return func(ctx context.Context, r commandRequest) (gotten, error) {
		t, err := a.commander.Undo(ctx, string(r.key), m)
		return gotten{t, a.tasks}, err
	}
}
