package flowable

import (
	"context"
	"net/http"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/store"
)

func (a *api) mountTasks(m *mount) {
	m.route(http.MethodGet, "/runtime/tasks", a.userTasks)
	m.route(http.MethodGet, "/runtime/tasks/:task", a.getUserTask)
	m.route(http.MethodPost, "/runtime/tasks/:task", a.actOnTask)
}

// userTaskOf returns the task that the path names.
func (a *api) userTaskOf(ctx context.Context, c *call) (store.UserTaskView, error) {
	id, err := c.in.Path("task")
	if err != nil {
		return store.UserTaskView{}, err
	}
	t, found, err := one(a.store.UserTasks(ctx, store.UserTaskFilter{Paging: only, ID: id}))
	if err == nil && !found {
		err = unknown("task", id)
	}
	return t, err
}

func (a *api) getUserTask(ctx context.Context, c call) (rest.Reply, error) {
	t, err := a.userTaskOf(ctx, &c)
	if err != nil {
		return nil, err
	}
	views, err := a.taskViews(ctx, []store.UserTaskView{t}, c.flag("includeProcessVariables"), c.flag("includeTaskLocalVariables"))
	if err != nil {
		return nil, err
	}
	return ok(func(dst []byte) []byte { return c.links.appendUserTask(dst, &views[0]) }), nil
}

// taskAction is what a person does with a task.
type taskAction struct {
	Action    *string   `json:"action"`
	Assignee  *string   `json:"assignee"`
	Variables []*scoped `json:"variables"`
	Transient []*scoped `json:"transientVariables"`
}

// actOnTask completes, claims, delegates or resolves a task.
func (a *api) actOnTask(ctx context.Context, c call) (rest.Reply, error) {
	var b taskAction
	if err := c.read(&b); err != nil {
		return nil, err
	}
	t, err := a.userTaskOf(ctx, &c)
	if err != nil {
		return nil, err
	}
	switch action := orEmpty(b.Action); action {
	case "complete":
		err = a.complete(ctx, &c, t.ID, &b)
	case "claim":
		if err = a.runtime.ClaimTask(ctx, t.ID, orEmpty(b.Assignee)); fault.Of(err) != nil && fault.Of(err).Kind == fault.Conflict {
			return claimed(fault.Of(err).Detail), nil
		}
	case "unclaim":
		err = a.runtime.ClaimTask(ctx, t.ID, "")
	case "delegate":
		err = a.delegate(ctx, t.ID, &b)
	case "resolve":
		err = a.resolve(ctx, t.ID, &b)
	default:
		err = fault.New(fault.Invalid, "action %s is not known: send complete, claim, unclaim, delegate or resolve", quote(action))
	}
	if err != nil {
		return nil, err
	}
	return empty(http.StatusOK), nil
}

func (a *api) complete(ctx context.Context, c *call, id string, b *taskAction) (err error) {
	do := river.Completion{User: a.user(c)}
	if do.Variables, err = a.scoped(b.Variables); err != nil {
		return err
	}
	if do.Transient, err = a.scoped(b.Transient); err != nil {
		return err
	}
	return a.runtime.CompleteTask(ctx, id, do)
}

func (a *api) delegate(ctx context.Context, id string, b *taskAction) error {
	assignee, err := required("assignee", b.Assignee)
	if err != nil {
		return err
	}
	return a.runtime.DelegateTask(ctx, id, assignee)
}

func (a *api) resolve(ctx context.Context, id string, b *taskAction) error {
	vars, err := a.scoped(b.Variables)
	if err != nil {
		return err
	}
	return a.runtime.ResolveTask(ctx, id, vars)
}

// scoped reads variables of which some may be the task's own.
func (a *api) scoped(list []*scoped) ([]river.Var, error) {
	plain := make([]*given, len(list))
	for i, v := range list {
		if v != nil {
			plain[i] = &v.given
		}
	}
	out, err := a.variables(plain)
	if err != nil {
		return nil, err
	}
	for i, v := range list {
		scope, err := scopeOf(v.Scope)
		if err != nil {
			return nil, named(out[i].Name, err)
		}
		out[i].Local = scope == river.Local
	}
	return out, nil
}

// claimed answers that a task is somebody else's, in Flowable's words.
type claimed string

// Status is 409.
func (claimed) Status() int { return http.StatusConflict }

// AppendJSON appends the body.
func (c claimed) AppendJSON(dst []byte) []byte {
	o := begin(dst)
	o.str("message", "Task was already claimed")
	o.str("exception", string(c))
	return o.end()
}
