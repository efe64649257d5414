package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Instance is a process instance that runs, as Flowable shows it.
type Instance struct {
	ID                           string     `json:"id"`
	URL                          string     `json:"url"`
	Name                         *string    `json:"name"`
	BusinessKey                  *string    `json:"businessKey"`
	Suspended                    bool       `json:"suspended"`
	Ended                        bool       `json:"ended"`
	Completed                    bool       `json:"completed"`
	ProcessDefinitionID          string     `json:"processDefinitionId"`
	ProcessDefinitionURL         string     `json:"processDefinitionUrl"`
	ProcessDefinitionName        *string    `json:"processDefinitionName"`
	ProcessDefinitionDescription *string    `json:"processDefinitionDescription"`
	StartUserID                  *string    `json:"startUserId"`
	StartTime                    time.Time  `json:"startTime"`
	SuperProcessInstanceID       *string    `json:"superProcessInstanceId"`
	Variables                    []Variable `json:"variables"`
	TenantID                     *string    `json:"tenantId"`
}

// HistoricInstance is a process instance, running or ended.
type HistoricInstance struct {
	ID                     string     `json:"id"`
	URL                    string     `json:"url"`
	Name                   *string    `json:"name"`
	BusinessKey            *string    `json:"businessKey"`
	ProcessDefinitionID    string     `json:"processDefinitionId"`
	ProcessDefinitionURL   string     `json:"processDefinitionUrl"`
	StartTime              time.Time  `json:"startTime"`
	EndTime                *time.Time `json:"endTime"` // nil while it runs
	DurationInMillis       *int64     `json:"durationInMillis"`
	StartUserID            *string    `json:"startUserId"`
	StartActivityID        *string    `json:"startActivityId"`
	EndActivityID          *string    `json:"endActivityId"`
	DeleteReason           *string    `json:"deleteReason"`
	SuperProcessInstanceID *string    `json:"superProcessInstanceId"`
	Variables              []Variable `json:"variables"`
	TenantID               *string    `json:"tenantId"`
}

// NewInstance asks for a process instance. Exactly one of ProcessDefinitionID,
// ProcessDefinitionKey and Message names the model.
type NewInstance struct {
	ProcessDefinitionID  string     `json:"processDefinitionId,omitempty"`
	ProcessDefinitionKey string     `json:"processDefinitionKey,omitempty"`
	Message              string     `json:"message,omitempty"`
	TenantID             string     `json:"tenantId,omitempty"` // with key or message
	BusinessKey          string     `json:"businessKey,omitempty"`
	Name                 string     `json:"name,omitempty"`
	Variables            []Variable `json:"variables,omitempty"`
	TransientVariables   []Variable `json:"transientVariables,omitempty"`
	ReturnVariables      bool       `json:"returnVariables,omitempty"`
}

// InstanceQuery selects instances; what is empty selects nothing away.
type InstanceQuery struct {
	Tenants

	ProcessInstanceID       string      `json:"processInstanceId,omitempty"`
	ProcessInstanceIDs      []string    `json:"processInstanceIds,omitempty"`
	BusinessKey             string      `json:"businessKey,omitempty"`
	ProcessDefinitionKey    string      `json:"processDefinitionKey,omitempty"`
	ProcessDefinitionID     string      `json:"processDefinitionId,omitempty"`
	SuperProcessInstanceID  string      `json:"superProcessInstanceId,omitempty"`
	SubProcessInstanceID    string      `json:"subProcessInstanceId,omitempty"`
	Suspended               *bool       `json:"suspended,omitempty"`
	IncludeProcessVariables bool        `json:"includeProcessVariables,omitempty"`
	Variables               []Condition `json:"variables,omitempty"`
}

// HistoricFilter selects instances, running or ended.
type HistoricFilter struct {
	Tenants

	ProcessInstanceID, BusinessKey, ProcessDefinitionKey, ProcessDefinitionID, SuperProcessInstanceID string

	Finished                      *bool
	StartedAfter, StartedBefore   time.Time
	FinishedAfter, FinishedBefore time.Time
	IncludeProcessVariables       bool
}

func instancePath(id string) string { return "/runtime/process-instances/" + url.PathEscape(id) }

// StartInstance starts an instance, which has come to its first wait states then.
func (f *Flowable) StartInstance(ctx context.Context, n NewInstance) (Instance, error) {
	var out Instance
	_, err := f.call(ctx, http.MethodPost, "/runtime/process-instances", n, &out)
	return out, err
}

// Instance returns an instance that runs; [ErrNotFound].
func (f *Flowable) Instance(ctx context.Context, id string) (Instance, error) {
	var out Instance
	_, err := f.call(ctx, http.MethodGet, instancePath(id), nil, &out)
	return out, err
}

// Instances returns a page of the running instances that match.
func (f *Flowable) Instances(ctx context.Context, q InstanceQuery, p Paging) (Page[Instance], error) {
	var out Page[Instance]
	_, err := f.call(ctx, http.MethodPost, "/query/process-instances?"+p.query(nil).Encode(), q, &out)
	return out, err
}

// SuspendInstance suspends an instance; one that is suspended is [ErrConflict].
func (f *Flowable) SuspendInstance(ctx context.Context, id string) (Instance, error) {
	return f.put(ctx, id, "suspend")
}

// ActivateInstance lets a suspended instance go on; another is [ErrConflict].
func (f *Flowable) ActivateInstance(ctx context.Context, id string) (Instance, error) {
	return f.put(ctx, id, "activate")
}

func (f *Flowable) put(ctx context.Context, id, action string) (Instance, error) {
	var out Instance
	_, err := f.call(ctx, http.MethodPut, instancePath(id), map[string]string{"action": action}, &out)
	return out, err
}

// DeleteInstance ends an instance at once; reason may be "".
func (f *Flowable) DeleteInstance(ctx context.Context, id, reason string) error {
	p := instancePath(id)
	if reason != "" {
		p += "?deleteReason=" + url.QueryEscape(reason)
	}
	_, err := f.call(ctx, http.MethodDelete, p, nil, nil)
	return err
}

// History returns a page of the instances that match, running or ended.
func (f *Flowable) History(ctx context.Context, h HistoricFilter, p Paging) (Page[HistoricInstance], error) {
	var out Page[HistoricInstance]
	q := p.query(h.into(map[string]string{
		"processInstanceId": h.ProcessInstanceID, "businessKey": h.BusinessKey, "processDefinitionKey": h.ProcessDefinitionKey,
		"processDefinitionId": h.ProcessDefinitionID, "superProcessInstanceId": h.SuperProcessInstanceID, "finished": maybe(h.Finished),
		"startedAfter": stamp(h.StartedAfter), "startedBefore": stamp(h.StartedBefore), "finishedAfter": stamp(h.FinishedAfter),
		"finishedBefore": stamp(h.FinishedBefore), "includeProcessVariables": yes(h.IncludeProcessVariables),
	}))
	_, err := f.call(ctx, http.MethodGet, "/history/historic-process-instances?"+q.Encode(), nil, &out)
	return out, err
}

// HistoricInstance returns an instance, running or ended; [ErrNotFound].
func (f *Flowable) HistoricInstance(ctx context.Context, id string) (HistoricInstance, error) {
	var out HistoricInstance
	_, err := f.call(ctx, http.MethodGet, "/history/historic-process-instances/"+url.PathEscape(id), nil, &out)
	return out, err
}
