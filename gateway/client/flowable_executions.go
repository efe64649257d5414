package client

import (
	"context"
	"net/http"
	"net/url"
)

// Execution is a node of a process instance's tree.
type Execution struct {
	ID                 string  `json:"id"`
	URL                string  `json:"url"`
	ParentID           *string `json:"parentId"`
	ParentURL          *string `json:"parentUrl"`
	SuperExecutionID   *string `json:"superExecutionId"`
	SuperExecutionURL  *string `json:"superExecutionUrl"`
	ProcessInstanceID  string  `json:"processInstanceId"`
	ProcessInstanceURL string  `json:"processInstanceUrl"`
	Suspended          bool    `json:"suspended"`
	ActivityID         *string `json:"activityId"`
	TenantID           *string `json:"tenantId"`
}

// Actions on an execution.
const (
	ActionTrigger = "trigger"
	ActionSignal  = "signalEventReceived"
	ActionMessage = "messageEventReceived"
)

// ExecutionAction moves an execution.
type ExecutionAction struct {
	Action             string     `json:"action"`
	SignalName         string     `json:"signalName,omitempty"`
	MessageName        string     `json:"messageName,omitempty"`
	Variables          []Variable `json:"variables,omitempty"`
	TransientVariables []Variable `json:"transientVariables,omitempty"` // seen in this step only
}

// ExecutionQuery selects executions; what is empty selects nothing away.
type ExecutionQuery struct {
	Tenants

	ID                           string      `json:"id,omitempty"`
	ActivityID                   string      `json:"activityId,omitempty"`
	ParentID                     string      `json:"parentId,omitempty"`
	ProcessInstanceID            string      `json:"processInstanceId,omitempty"`
	ProcessInstanceIDs           []string    `json:"processInstanceIds,omitempty"`
	ProcessBusinessKey           string      `json:"processBusinessKey,omitempty"`
	ProcessDefinitionKey         string      `json:"processDefinitionKey,omitempty"`
	ProcessDefinitionID          string      `json:"processDefinitionId,omitempty"`
	SignalEventSubscriptionName  string      `json:"signalEventSubscriptionName,omitempty"`
	MessageEventSubscriptionName string      `json:"messageEventSubscriptionName,omitempty"`
	Variables                    []Condition `json:"variables,omitempty"`                // of the execution itself
	ProcessInstanceVariables     []Condition `json:"processInstanceVariables,omitempty"` // of the root
}

func executionPath(id string) string { return "/runtime/executions/" + url.PathEscape(id) }

// Execution returns an execution; [ErrNotFound].
func (f *Flowable) Execution(ctx context.Context, id string) (Execution, error) {
	var out Execution
	_, err := f.call(ctx, http.MethodGet, executionPath(id), nil, &out)
	return out, err
}

// Executions returns a page of the executions that match.
func (f *Flowable) Executions(ctx context.Context, q ExecutionQuery, p Paging) (Page[Execution], error) {
	var out Page[Execution]
	_, err := f.call(ctx, http.MethodPost, "/query/executions?"+p.query(nil).Encode(), q, &out)
	return out, err
}

// Act moves an execution and returns it as it stands after that, nil if it is
// gone.
func (f *Flowable) Act(ctx context.Context, id string, a ExecutionAction) (*Execution, error) {
	got, err := f.call(ctx, http.MethodPut, executionPath(id), a, nil)
	if err != nil || got.status == http.StatusNoContent {
		return nil, err
	}
	return decode[Execution](got)
}

// ActiveActivities returns the activities at which an execution and those below
// it are active.
func (f *Flowable) ActiveActivities(ctx context.Context, id string) ([]string, error) {
	var out []string
	_, err := f.call(ctx, http.MethodGet, executionPath(id)+"/activities", nil, &out)
	return out, err
}

// BroadcastSignal delivers a signal to all executions of no tenant that wait for
// it. That nobody does is no error.
func (f *Flowable) BroadcastSignal(ctx context.Context, name string, vars ...Variable) error {
	_, err := f.call(ctx, http.MethodPut, "/runtime/executions", ExecutionAction{Action: ActionSignal, SignalName: name, Variables: vars}, nil)
	return err
}

// NewSignal is a signal to be delivered.
type NewSignal struct {
	SignalName string     `json:"signalName"`
	TenantID   string     `json:"tenantId,omitempty"`
	Async      bool       `json:"async,omitempty"` // answered before it is delivered; without Variables then
	Variables  []Variable `json:"variables,omitempty"`
}

// Signal delivers a signal to all executions of a tenant that wait for it.
func (f *Flowable) Signal(ctx context.Context, s NewSignal) error {
	_, err := f.call(ctx, http.MethodPost, "/runtime/signals", s, nil)
	return err
}
