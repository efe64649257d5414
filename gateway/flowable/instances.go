package flowable

import (
	"context"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/store"
)

// instanceView is an instance with what is shown of it besides.
type instanceView struct {
	store.Instance

	definition store.Definition
	vars       []river.Variable
}

// views adds to instances what is shown of them besides.
func (a *api) views(ctx context.Context, instances []store.Instance, variables bool) ([]instanceView, error) {
	out := make([]instanceView, len(instances))
	owners := make([]string, len(instances))
	for i := range instances {
		in := &instances[i]
		out[i].Instance, owners[i] = *in, in.ID
		d, ok := a.named.Get(in.Definition)
		if !ok {
			var err error
			if d, _, err = a.definition(ctx, in.Definition); err != nil {
				return nil, err
			}
			a.named.Add(in.Definition, d) // one that is deleted does not come back
		}
		out[i].definition = d
	}
	if !variables || len(out) == 0 {
		return out, nil
	}
	byOwner, err := a.variablesOf(ctx, owners, river.Local)
	for i := range out {
		out[i].vars = byOwner[out[i].ID]
	}
	return out, err
}

// variablesOf returns the variables of executions or tasks, by owner.
func (a *api) variablesOf(ctx context.Context, owners []string, scope river.Scope) (map[string][]river.Variable, error) {
	rows, err := a.store.Variables(ctx, owners...)
	if err != nil {
		return nil, unread(err)
	}
	vars, err := stored(rows, scope)
	if err != nil {
		return nil, err
	}
	out := map[string][]river.Variable{}
	for i := range rows {
		out[rows[i].Owner] = append(out[rows[i].Owner], vars[i])
	}
	return out, nil
}

// appendInstance writes an instance.
func (l links) appendInstance(dst []byte, in *instanceView) []byte {
	o := begin(dst)
	o.str("id", in.ID)
	o.str("url", l.to(kindInstance, in.ID))
	o.text("name", in.Name)
	o.text("businessKey", in.BusinessKey)
	o.bool("suspended", in.Suspended)
	o.bool("ended", in.Ended())
	o.bool("completed", in.Ended())
	o.str("processDefinitionId", in.Definition)
	o.str("processDefinitionUrl", l.to(kindDefinition, in.Definition))
	o.text("processDefinitionName", in.definition.Name)
	o.text("processDefinitionDescription", in.definition.Description)
	o.null("activityId")
	o.text("startUserId", in.StartUser)
	o.time("startTime", in.StartTime)
	o.text("superProcessInstanceId", in.SuperInstance)
	o.with("variables", func(dst []byte) []byte { return appendEach(dst, in.vars, owner{l, kindInstance, in.ID}.append) })
	o.text("tenantId", in.Tenant)
	return o.end()
}

var instanceSorts = sorts{
	{"id", "id"}, {"processDefinitionId", "definition"}, {"processDefinitionKey", "key"}, {"startTime", "start"},
	{"tenantId", "tenant"}, {"businessKey", "business"},
}

// instanceQuery is what running instances are searched by. In a body some
// members have a second name, that of Flowable's own query.
type instanceQuery struct {
	paging
	tenants

	ID            *string  `json:"id"`
	InstanceID    *string  `json:"processInstanceId"`
	InstanceIDs   []string `json:"processInstanceIds"`
	BusinessKey   *string  `json:"businessKey"`
	ProcessKey    *string  `json:"processBusinessKey"`
	Name          *string  `json:"processInstanceName"`
	DefinitionKey *string  `json:"processDefinitionKey"`
	DefinitionID  *string  `json:"processDefinitionId"`
	SuperInstance *string  `json:"superProcessInstanceId"`
	SubInstance   *string  `json:"subProcessInstanceId"`
	StartedBy     *string  `json:"startedBy"`
	Suspended     *truth   `json:"suspended"`
	WithVariables *truth   `json:"includeProcessVariables"`

	Variables []*condition `json:"variables"`
}

// instances answers the list by parameters of the URL.
func (a *api) instances(ctx context.Context, c call) (rest.Reply, error) {
	return a.findInstances(ctx, &c, &instanceQuery{
		tenants:       c.tenants(),
		ID:            c.param("id"),
		InstanceIDs:   c.words("processInstanceIds"),
		BusinessKey:   c.param("businessKey"),
		Name:          c.param("name"),
		DefinitionKey: c.param("processDefinitionKey"),
		DefinitionID:  c.param("processDefinitionId"),
		SuperInstance: c.param("superProcessInstanceId"),
		SubInstance:   c.param("subProcessInstanceId"),
		StartedBy:     c.param("startedBy"),
		Suspended:     c.truth("suspended"),
		WithVariables: c.truth("includeProcessVariables"),
	})
}

// queryInstances answers the list by a body.
func (a *api) queryInstances(ctx context.Context, c call) (rest.Reply, error) {
	var q instanceQuery
	if err := c.read(&q); err != nil {
		return nil, err
	}
	return a.findInstances(ctx, &c, &q)
}

func (a *api) findInstances(ctx context.Context, c *call, q *instanceQuery) (rest.Reply, error) {
	var p pick
	f := store.InstanceFilter{
		TenantFilter:  p.tenant(q.tenants),
		ID:            p.either(q.ID, q.InstanceID),
		IDs:           p.texts("processInstanceIds", q.InstanceIDs),
		BusinessKey:   p.either(q.BusinessKey, q.ProcessKey),
		Name:          p.text(q.Name),
		Key:           p.text(q.DefinitionKey),
		Definition:    p.text(q.DefinitionID),
		SuperInstance: p.text(q.SuperInstance),
		SubInstance:   p.text(q.SubInstance),
		StartedBy:     p.text(q.StartedBy),
		Suspended:     q.Suspended.is(),
		Variables:     p.conditions(a.cfg.Values, "variables", q.Variables),
		Ended:         new(bool),
		Kinds:         []store.InstanceKind{store.Forward},
	}
	if p.err != nil {
		return nil, p.err
	}
	shown, err := c.page(q.paging, instanceSorts)
	if err != nil {
		return nil, err
	}
	f.Paging = shown.Paging
	variables := q.WithVariables != nil && bool(*q.WithVariables)
	return list(shown, p.none, func() ([]instanceView, int, error) { return a.instanceViews(ctx, f, variables) }, c.links.appendInstance)
}

func (a *api) instanceViews(ctx context.Context, f store.InstanceFilter, variables bool) ([]instanceView, int, error) {
	rows, total, err := a.store.Instances(ctx, f)
	if err != nil {
		return nil, 0, err
	}
	views, err := a.views(ctx, rows, variables)
	return views, total, err
}
