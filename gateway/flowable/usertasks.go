package flowable

import (
	"context"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/store"
)

// taskView is a task with the variables that are shown of it.
type taskView struct {
	store.UserTaskView

	process, local []river.Variable
}

// taskViews adds variables to tasks.
func (a *api) taskViews(ctx context.Context, tasks []store.UserTaskView, process, local bool) ([]taskView, error) {
	out := make([]taskView, len(tasks))
	var owners, instances []string
	for i := range tasks {
		out[i].UserTaskView = tasks[i]
		owners, instances = append(owners, tasks[i].ID), append(instances, tasks[i].Instance)
	}
	if process && len(out) > 0 {
		vars, err := a.variablesOf(ctx, instances, river.Global)
		if err != nil {
			return nil, err
		}
		for i := range out {
			out[i].process = vars[out[i].Instance]
		}
	}
	if local && len(out) > 0 {
		vars, err := a.variablesOf(ctx, owners, river.Local)
		if err != nil {
			return nil, err
		}
		for i := range out {
			out[i].local = vars[out[i].ID]
		}
	}
	return out, nil
}

// appendUserTask writes a task.
func (l links) appendUserTask(dst []byte, t *taskView) []byte {
	o := begin(dst)
	o.str("id", t.ID)
	o.str("url", l.to(kindTask, t.ID))
	o.text("name", t.Name)
	o.text("description", t.Description)
	o.text("assignee", t.Assignee)
	o.text("owner", t.Owner)
	o.int("priority", int64(t.Priority))
	o.time("createTime", t.Created)
	o.time("dueDate", t.Due)
	o.bool("suspended", t.Suspended)
	o.text("taskDefinitionKey", t.Key)
	o.text("category", t.Category)
	o.text("formKey", t.FormKey)
	o.text("tenantId", t.Tenant)
	o.text("delegationState", t.Delegation)
	o.null("parentTaskId", "parentTaskUrl")
	o.text("executionId", t.Execution)
	o.text("executionUrl", l.to(kindExecution, t.Execution))
	o.text("processInstanceId", t.Instance)
	o.text("processInstanceUrl", l.to(kindInstance, t.Instance))
	o.text("processDefinitionId", t.Definition)
	o.text("processDefinitionUrl", l.to(kindDefinition, t.Definition))
	o.with("variables", func(dst []byte) []byte {
		process, local := owner{l, kindInstance, t.Instance}, owner{l, kindTask, t.ID}
		return rest.AppendArray(dst, len(t.local)+len(t.process), func(dst []byte, i int) []byte {
			if i < len(t.local) {
				return local.append(dst, &t.local[i])
			}
			return process.append(dst, &t.process[i-len(t.local)])
		})
	})
	return o.end()
}

var taskSorts = sorts{
	{"id", "id"}, {"name", "name"}, {"priority", "priority"}, {"createTime", "created"}, {"dueDate", "due"},
	{"executionId", "execution"}, {"processInstanceId", "instance"}, {"assignee", "assignee"}, {"owner", "owner"}, {"tenantId", "tenant"},
}

func (a *api) userTasks(ctx context.Context, c call) (rest.Reply, error) {
	var p pick
	groups := c.words("candidateGroups")
	if one := c.param("candidateGroup"); one != nil {
		groups = append(groups, *one)
	}
	f := store.UserTaskFilter{
		TenantFilter:    p.tenant(c.tenants()),
		ID:              p.either(c.param("id"), c.param("taskId")),
		Name:            p.text(c.param("name")),
		NameLike:        p.text(c.param("nameLike")),
		Assignee:        p.text(c.param("assignee")),
		Owner:           p.text(c.param("owner")),
		CandidateUser:   p.text(c.param("candidateUser")),
		CandidateGroups: p.texts("candidateGroups", groups),
		Unassigned:      c.flag("unassigned"),
		Execution:       p.text(c.param("executionId")),
		Instance:        p.text(c.param("processInstanceId")),
		Key:             p.text(c.param("taskDefinitionKey")),
		Definition:      p.text(c.param("processDefinitionId")),
		DefinitionKey:   p.text(c.param("processDefinitionKey")),
		BusinessKey:     p.text(c.param("processInstanceBusinessKey")),
		Active:          c.truth("active").is(),
	}
	if p.err != nil {
		return nil, p.err
	}
	shown, err := c.page(paging{}, taskSorts)
	if err != nil {
		return nil, err
	}
	f.Paging = shown.Paging
	return list(shown, p.none, func() ([]taskView, int, error) {
		rows, total, err := a.store.UserTasks(ctx, f)
		if err != nil {
			return nil, 0, err
		}
		views, err := a.taskViews(ctx, rows, c.flag("includeProcessVariables"), c.flag("includeTaskLocalVariables"))
		return views, total, err
	}, c.links.appendUserTask)
}
