package flowable

import (
	"context"
	"net/http"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/store"
)

func (a *api) mountInstances(m *mount) {
	m.route(http.MethodPost, "/runtime/process-instances", a.start)
	m.route(http.MethodGet, "/runtime/process-instances", a.instances)
	m.route(http.MethodPost, "/query/process-instances", a.queryInstances)
	m.route(http.MethodGet, "/runtime/process-instances/:instance", a.getInstance)
	m.route(http.MethodPut, "/runtime/process-instances/:instance", a.suspend)
	m.route(http.MethodDelete, "/runtime/process-instances/:instance", a.terminate)
	a.mountVariables(m, holder{
		kind: kindInstance, param: "instance", flat: true,
		check: func(ctx context.Context, id string) error {
			_, err := a.instance(ctx, id)
			return err
		},
	})
}

// instance returns a process instance that runs.
func (a *api) instance(ctx context.Context, id string) (store.Instance, error) {
	in, found, err := one(a.store.Instances(ctx, store.InstanceFilter{
		Paging: only, ID: id, Ended: new(bool), Kinds: []store.InstanceKind{store.Forward},
	}))
	if err == nil && !found {
		err = unknown("process instance", id)
	}
	return in, err
}

// instanceOf returns the instance that the path names.
func (a *api) instanceOf(ctx context.Context, c *call) (store.Instance, error) {
	id, err := c.in.Path("instance")
	if err != nil {
		return store.Instance{}, err
	}
	return a.instance(ctx, id)
}

// startBody asks for a new instance.
type startBody struct {
	DefinitionID    *string  `json:"processDefinitionId"`
	DefinitionKey   *string  `json:"processDefinitionKey"`
	Message         *string  `json:"message"`
	BusinessKey     *string  `json:"businessKey"`
	Name            *string  `json:"name"`
	TenantID        *string  `json:"tenantId"`
	Variables       []*given `json:"variables"`
	Transient       []*given `json:"transientVariables"`
	ReturnVariables *truth   `json:"returnVariables"`
}

// request checks the body.
func (a *api) request(b *startBody) (s river.Start, err error) {
	s = river.Start{
		Definition: orEmpty(b.DefinitionID), Key: orEmpty(b.DefinitionKey), Message: orEmpty(b.Message),
		Tenant: orEmpty(b.TenantID), Business: orEmpty(b.BusinessKey), Name: orEmpty(b.Name),
	}
	sent := 0
	for _, name := range []string{s.Definition, s.Key, s.Message} {
		if name != "" {
			sent++
		}
	}
	switch {
	case sent != 1:
		return s, fault.New(fault.Invalid, "send exactly one of processDefinitionId, processDefinitionKey and message")
	case s.Tenant != "" && s.Definition != "":
		return s, fault.New(fault.Invalid, "tenantId goes with processDefinitionKey or message only: a processDefinitionId has its tenant")
	}
	if s.Variables, err = a.variables(b.Variables); err != nil {
		return s, err
	}
	s.Transient, err = a.variables(b.Transient)
	return s, err
}

// start starts an instance.
func (a *api) start(ctx context.Context, c call) (rest.Reply, error) {
	var b startBody
	if err := c.read(&b); err != nil {
		return nil, err
	}
	s, err := a.request(&b)
	if err != nil {
		return nil, err
	}
	s.User = a.user(&c)
	in, err := a.runtime.StartInstance(ctx, s)
	if err != nil {
		return nil, err
	}
	return a.showInstance(ctx, &c, http.StatusCreated, in, b.ReturnVariables != nil && bool(*b.ReturnVariables))
}

func (a *api) getInstance(ctx context.Context, c call) (rest.Reply, error) {
	in, err := a.instanceOf(ctx, &c)
	if err != nil {
		return nil, err
	}
	return a.showInstance(ctx, &c, http.StatusOK, in, c.flag("includeProcessVariables"))
}

// instanceAction is what can be done to an instance.
type instanceAction struct {
	Action *string `json:"action"`
}

// suspend suspends or activates an instance.
func (a *api) suspend(ctx context.Context, c call) (rest.Reply, error) {
	var b instanceAction
	if err := c.read(&b); err != nil {
		return nil, err
	}
	in, err := a.instanceOf(ctx, &c)
	if err != nil {
		return nil, err
	}
	action := orEmpty(b.Action)
	if action != "suspend" && action != "activate" {
		return nil, fault.New(fault.Invalid, "action %s is not known: send suspend or activate", quote(action))
	}
	if in, err = a.runtime.Suspend(ctx, in.ID, action == "suspend"); err != nil {
		return nil, err
	}
	return a.showInstance(ctx, &c, http.StatusOK, in, false)
}

// terminate ends an instance.
func (a *api) terminate(ctx context.Context, c call) (rest.Reply, error) {
	in, err := a.instanceOf(ctx, &c)
	if err != nil {
		return nil, err
	}
	if err := a.runtime.Terminate(ctx, in.ID, orEmpty(c.param("deleteReason"))); err != nil {
		return nil, err
	}
	return empty(http.StatusNoContent), nil
}

// showInstance answers one instance.
func (a *api) showInstance(ctx context.Context, c *call, status int, in store.Instance, variables bool) (rest.Reply, error) {
	views, err := a.views(ctx, []store.Instance{in}, variables)
	if err != nil {
		return nil, err
	}
	return answer{status, func(dst []byte) []byte { return c.links.appendInstance(dst, &views[0]) }}, nil
}
