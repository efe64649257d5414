package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// UserTask is work of a person.
type UserTask struct {
	ID                   string     `json:"id"`
	URL                  string     `json:"url"`
	Name                 *string    `json:"name"`
	Description          *string    `json:"description"`
	Assignee             *string    `json:"assignee"`
	Owner                *string    `json:"owner"`
	Priority             int        `json:"priority"`
	CreateTime           time.Time  `json:"createTime"`
	DueDate              *time.Time `json:"dueDate"`
	Suspended            bool       `json:"suspended"`
	TaskDefinitionKey    *string    `json:"taskDefinitionKey"`
	Category             *string    `json:"category"`
	FormKey              *string    `json:"formKey"`
	TenantID             *string    `json:"tenantId"`
	DelegationState      *string    `json:"delegationState"`
	ParentTaskID         *string    `json:"parentTaskId"`
	ParentTaskURL        *string    `json:"parentTaskUrl"`
	ExecutionID          *string    `json:"executionId"`
	ExecutionURL         *string    `json:"executionUrl"`
	ProcessInstanceID    *string    `json:"processInstanceId"`
	ProcessInstanceURL   *string    `json:"processInstanceUrl"`
	ProcessDefinitionID  *string    `json:"processDefinitionId"`
	ProcessDefinitionURL *string    `json:"processDefinitionUrl"`
	Variables            []Variable `json:"variables"`
}

// UserTaskFilter selects user tasks; what is empty selects nothing away.
type UserTaskFilter struct {
	Tenants

	ProcessInstanceID, ExecutionID, TaskDefinitionKey, Name, Assignee, CandidateUser, CandidateGroup string

	Active                  *bool // not suspended
	IncludeProcessVariables bool
}

func userTaskPath(id string) string { return "/runtime/tasks/" + url.PathEscape(id) }

// UserTasks returns a page of the user tasks that match.
func (f *Flowable) UserTasks(ctx context.Context, t UserTaskFilter, p Paging) (Page[UserTask], error) {
	var out Page[UserTask]
	q := p.query(t.into(map[string]string{
		"processInstanceId": t.ProcessInstanceID, "executionId": t.ExecutionID, "taskDefinitionKey": t.TaskDefinitionKey, "name": t.Name,
		"assignee": t.Assignee, "candidateUser": t.CandidateUser, "candidateGroup": t.CandidateGroup, "active": maybe(t.Active),
		"includeProcessVariables": yes(t.IncludeProcessVariables),
	}))
	_, err := f.call(ctx, http.MethodGet, "/runtime/tasks?"+q.Encode(), nil, &out)
	return out, err
}

// UserTask returns a user task; [ErrNotFound].
func (f *Flowable) UserTask(ctx context.Context, id string) (UserTask, error) {
	var out UserTask
	_, err := f.call(ctx, http.MethodGet, userTaskPath(id), nil, &out)
	return out, err
}

// taskAction is what a person does with a task.
type taskAction struct {
	Action    string     `json:"action"`
	Assignee  string     `json:"assignee,omitempty"`
	Variables []Variable `json:"variables,omitempty"`
}

func (f *Flowable) actOnTask(ctx context.Context, id string, a *taskAction) error {
	_, err := f.call(ctx, http.MethodPost, userTaskPath(id), a, nil)
	return err
}

// CompleteTask ends a user task. Variables of [LocalScope] go to the task, the
// others to its process.
func (f *Flowable) CompleteTask(ctx context.Context, id string, vars ...Variable) error {
	return f.actOnTask(ctx, id, &taskAction{Action: "complete", Variables: vars})
}

// ClaimTask makes somebody the assignee; a task of somebody else is [ErrConflict].
func (f *Flowable) ClaimTask(ctx context.Context, id, assignee string) error {
	return f.actOnTask(ctx, id, &taskAction{Action: "claim", Assignee: assignee})
}

// UnclaimTask gives a task back.
func (f *Flowable) UnclaimTask(ctx context.Context, id string) error {
	return f.actOnTask(ctx, id, &taskAction{Action: "unclaim"})
}

// DelegateTask hands a task to somebody, who resolves it.
func (f *Flowable) DelegateTask(ctx context.Context, id, assignee string) error {
	return f.actOnTask(ctx, id, &taskAction{Action: "delegate", Assignee: assignee})
}

// ResolveTask gives a delegated task back to its owner.
func (f *Flowable) ResolveTask(ctx context.Context, id string, vars ...Variable) error {
	return f.actOnTask(ctx, id, &taskAction{Action: "resolve", Variables: vars})
}
