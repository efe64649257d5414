package flowable

import (
	"context"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/store"
)

// executionSorts: a processInstanceId sorts by the execution's id, as in Flowable.
var executionSorts = sorts{
	{"processInstanceId", "id"}, {"processDefinitionId", "definition"}, {"processDefinitionKey", "key"}, {"tenantId", "tenant"},
}

// executionQuery is what executions are searched by.
type executionQuery struct {
	paging
	tenants

	ID                  *string  `json:"id"`
	ActivityID          *string  `json:"activityId"`
	ParentID            *string  `json:"parentId"`
	InstanceID          *string  `json:"processInstanceId"`
	InstanceIDs         []string `json:"processInstanceIds"`
	BusinessKey         *string  `json:"processBusinessKey"`
	DefinitionKey       *string  `json:"processDefinitionKey"`
	DefinitionID        *string  `json:"processDefinitionId"`
	MessageSubscription *string  `json:"messageEventSubscriptionName"`
	SignalSubscription  *string  `json:"signalEventSubscriptionName"`

	Variables         []*condition `json:"variables"`
	InstanceVariables []*condition `json:"processInstanceVariables"`
}

// executions answers the list by parameters of the URL.
func (a *api) executions(ctx context.Context, c call) (rest.Reply, error) {
	return a.findExecutions(ctx, &c, &executionQuery{
		tenants:             c.tenants(),
		ID:                  c.param("id"),
		ActivityID:          c.param("activityId"),
		ParentID:            c.param("parentId"),
		InstanceID:          c.param("processInstanceId"),
		InstanceIDs:         c.words("processInstanceIds"),
		BusinessKey:         c.param("processInstanceBusinessKey"),
		DefinitionKey:       c.param("processDefinitionKey"),
		DefinitionID:        c.param("processDefinitionId"),
		MessageSubscription: c.param("messageEventSubscriptionName"),
		SignalSubscription:  c.param("signalEventSubscriptionName"),
	})
}

// queryExecutions answers the list by a body.
func (a *api) queryExecutions(ctx context.Context, c call) (rest.Reply, error) {
	var q executionQuery
	if err := c.read(&q); err != nil {
		return nil, err
	}
	return a.findExecutions(ctx, &c, &q)
}

func (a *api) findExecutions(ctx context.Context, c *call, q *executionQuery) (rest.Reply, error) {
	var p pick
	f := store.ExecutionFilter{
		TenantFilter: p.tenant(q.tenants),
		ID:           p.text(q.ID),
		Parent:       p.text(q.ParentID),
		Instance:     p.text(q.InstanceID),
		Key:          p.text(q.DefinitionKey),
		Definition:   p.text(q.DefinitionID),
		Instances:    p.texts("processInstanceIds", q.InstanceIDs),
		Activity:     p.text(q.ActivityID),
		BusinessKey:  p.text(q.BusinessKey),
		Signal:       p.text(q.SignalSubscription),
		Message:      p.text(q.MessageSubscription),
		Variables:    p.conditions(a.cfg.Values, "variables", q.Variables),
		RootVars:     p.conditions(a.cfg.Values, "processInstanceVariables", q.InstanceVariables),
	}
	if p.err != nil {
		return nil, p.err
	}
	shown, err := c.page(q.paging, executionSorts)
	if err != nil {
		return nil, err
	}
	f.Paging = shown.Paging
	return list(shown, p.none, func() ([]store.ExecutionView, int, error) { return a.store.Executions(ctx, f) }, c.links.appendExecution)
}
