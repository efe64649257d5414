package flowable

import (
	"context"
	"net/http"
	"slices"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/store"
)

func (a *api) mountExecutions(m *mount) {
	m.route(http.MethodGet, "/runtime/executions", a.executions)
	m.route(http.MethodPut, "/runtime/executions", a.broadcast)
	m.route(http.MethodPost, "/query/executions", a.queryExecutions)
	m.route(http.MethodGet, "/runtime/executions/:execution", a.getExecution)
	m.route(http.MethodPut, "/runtime/executions/:execution", a.act)
	m.route(http.MethodGet, "/runtime/executions/:execution/activities", a.activities)
	a.mountVariables(m, holder{
		kind: kindExecution, param: "execution",
		check: func(ctx context.Context, id string) error {
			_, err := a.execution(ctx, id)
			return err
		},
	})
}

// appendExecution writes an execution.
func (l links) appendExecution(dst []byte, e *store.ExecutionView) []byte {
	o := begin(dst)
	o.str("id", e.ID)
	o.str("url", l.to(kindExecution, e.ID))
	o.text("parentId", e.Parent)
	o.text("parentUrl", l.to(kindExecution, e.Parent))
	o.text("superExecutionId", e.SuperExecution)
	o.text("superExecutionUrl", l.to(kindExecution, e.SuperExecution))
	o.str("processInstanceId", e.Instance)
	o.str("processInstanceUrl", l.to(kindInstance, e.Instance))
	o.bool("suspended", e.Suspended)
	o.text("activityId", e.Activity)
	o.text("tenantId", e.Tenant)
	return o.end()
}

// showExecution answers an execution.
func (l links) showExecution(e *store.ExecutionView) rest.Reply {
	return ok(func(dst []byte) []byte { return l.appendExecution(dst, e) })
}

func (a *api) getExecution(ctx context.Context, c call) (rest.Reply, error) {
	e, err := a.executionOf(ctx, &c)
	if err != nil {
		return nil, err
	}
	return c.links.showExecution(&e), nil
}

// activities answers where the active executions of a subtree stand.
func (a *api) activities(ctx context.Context, c call) (rest.Reply, error) {
	e, err := a.executionOf(ctx, &c)
	if err != nil {
		return nil, err
	}
	tree, err := a.store.Tree(ctx, e.Instance)
	if err != nil {
		return nil, unread(err)
	}
	at := below(tree, e.ID)
	return ok(func(dst []byte) []byte {
		return appendEach(dst, at, func(dst []byte, id *string) []byte { return rest.AppendString(dst, *id) })
	}), nil
}

// below returns the activities of the active executions from one on, depth
// first, children as they were made.
func below(tree []store.Execution, id string) []string {
	children := map[string][]*store.Execution{}
	var at []*store.Execution // still to be visited, the next one last
	for i := range tree {
		e := &tree[i]
		children[e.Parent] = append(children[e.Parent], e)
		if e.ID == id {
			at = append(at, e)
		}
	}
	var out []string
	for len(at) > 0 {
		e := at[len(at)-1]
		at = at[:len(at)-1]
		if e.Active && e.Activity != "" {
			out = append(out, e.Activity)
		}
		for _, child := range slices.Backward(children[e.ID]) {
			at = append(at, child)
		}
	}
	return out
}
