package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// NewProcess asks for a process. Exactly one of ModelID, DeploymentID and Key
// names the model.
type NewProcess struct {
	ModelID      string `json:"modelId,omitempty"`      // one version of a model
	DeploymentID string `json:"deploymentId,omitempty"` // that holds one model
	Key          string `json:"key,omitempty"`          // the latest version
	TenantID     string `json:"tenantId,omitempty"`     // of Key
	ProcessName  string `json:"processName,omitempty"`
	BusinessKey  string `json:"businessKey,omitempty"`
	// Variables are the start variables: an object, or a string that holds one.
	Variables json.RawMessage `json:"variables,omitempty"`
	// Debug holds the process when a task of it fails.
	Debug bool `json:"debug,omitempty"`
}

// ProcessInstance is a process as the API shows it, its members in the API's
// order. Pointers are nil where the API says null.
type ProcessInstance struct {
	ID                string  `json:"id"`
	ProcessInstanceID string  `json:"processInstanceId"`
	ModelID           string  `json:"modelId"`
	ModelKey          string  `json:"modelKey"`
	ProcessName       *string `json:"processName"`
	ProcessType       string  `json:"processType"`    // start, or what it undoes: rollback, cancel, delete
	ProcessStatus     string  `json:"processStatus"`  // such as running, debug, failed
	ProcessContent    string  `json:"processContent"` // the start variables as JSON, secrets masked
	StartTime         string  `json:"startTime"`      // 2006-01-02 15:04:05 in the server's zone
	EndTime           *string `json:"endTime"`
	ActivitiFileID    *string `json:"activitiFileId"` // the deployment of its model
	// Outputs are those of the model's output template.
	Outputs json.RawMessage `json:"outputs"`
	// NativeOutputs are those of stones, by namespace; null in a list.
	NativeOutputs             json.RawMessage `json:"nativeOutputs"`
	RollbackProcessInstanceID *string         `json:"rollbackProcessInstanceId"`
	CancelProcessInstanceID   *string         `json:"cancelProcessInstanceId"`
	DeleteProcessInstanceID   *string         `json:"deleteProcessInstanceId"`

	Reason      *string `json:"reason"` // why it failed, or what it waits for an operator with
	Debug       bool    `json:"debug"`
	Mock        bool    `json:"mock"`
	Suspended   bool    `json:"suspended"`
	BusinessKey *string `json:"businessKey"`
	TenantID    *string `json:"tenantId"`
	// OriginProcessInstanceID is the process that a rollback, cancel or delete
	// process works on, SuperProcessInstanceID the one that called this one.
	OriginProcessInstanceID *string `json:"originProcessInstanceId"`
	SuperProcessInstanceID  *string `json:"superProcessInstanceId"`
}

// Ended reports whether the process has ended. One that is being deleted has.
func (p *ProcessInstance) Ended() bool { return p.EndTime != nil }

// ProcessStep is an element that a process has come to.
type ProcessStep struct {
	Order                   int     `json:"order"`
	ElementID               string  `json:"elementId"`
	ElementType             string  `json:"elementType"`
	ElementName             *string `json:"elementName"`
	ParentElementID         *string `json:"parentElementId"` // of the subprocess around it
	ExecutionID             string  `json:"executionId"`
	Status                  string  `json:"status"` // of its task, or running, waiting, completed, canceled
	TaskID                  *string `json:"taskId"`
	Stone                   *string `json:"stone"`
	Namespace               *string `json:"namespace"`
	Attempt                 *int    `json:"attempt"`
	Progress                *int    `json:"progress"`
	CalledProcessInstanceID *string `json:"calledProcessInstanceId"`
	StartTime               string  `json:"startTime"`
	EndTime                 *string `json:"endTime"`
	Reason                  *string `json:"reason"`
}

// Model is a version of a process model.
type Model struct {
	ModelID      string  `json:"modelId"`
	ModelKey     string  `json:"modelKey"`
	Version      int     `json:"version"`
	Name         *string `json:"name"`
	Description  *string `json:"description"`
	TenantID     *string `json:"tenantId"`
	DeploymentID string  `json:"deploymentId"`
	Resource     string  `json:"resource"`
	Suspended    bool    `json:"suspended"`
	// Parameters and Outputs are the templates of the model.
	Parameters []ModelParam  `json:"parameters"`
	Outputs    []ModelOutput `json:"outputs"`
}

// ModelParam is a parameter of a model's template.
type ModelParam struct {
	Param

	ConstraintDescription string `json:"constraintDescription,omitempty"`
	Namespace             string `json:"namespace,omitempty"`
	UIGroup               string `json:"uiGroup,omitempty"`
	UIType                string `json:"uiType,omitempty"`
	AllowedCustomization  *bool  `json:"allowedCustomization,omitempty"`
}

// ModelOutput is an output of a model's template.
type ModelOutput struct {
	Key         string          `json:"key"`
	DisplayName string          `json:"displayName,omitempty"`
	Value       json.RawMessage `json:"value"`
}

// ProcessFilter selects processes; its zero value is the newest 50.
type ProcessFilter struct {
	ProcessInstanceID, ModelID, ModelKey, Name, BusinessKey, TenantID string

	SuperProcessInstanceID      string
	Types                       []string // any of start, rollback, cancel, delete
	Statuses                    []string // any of these
	StartedAfter, StartedBefore time.Time
	Start                       int
	Size                        int // 0 is the server's own
	Ascending                   bool
}

func (f *ProcessFilter) query() url.Values {
	q := values(map[string]string{
		"processInstanceId": f.ProcessInstanceID, "modelId": f.ModelID, "modelKey": f.ModelKey, "name": f.Name,
		"businessKey": f.BusinessKey, "tenantId": f.TenantID, "superProcessInstanceId": f.SuperProcessInstanceID,
		"startedAfter": stamp(f.StartedAfter), "startedBefore": stamp(f.StartedBefore), "start": positive(f.Start), "size": positive(f.Size),
	})
	q["type"], q["status"] = f.Types, f.Statuses
	if f.Ascending {
		q.Set("order", "asc")
	}
	return q
}

// values leaves out what is empty.
func values(pairs map[string]string) url.Values {
	q := url.Values{}
	for name, value := range pairs {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// StartProcess starts a process. It is not sent again after an error that may
// have come too late, whatever [Config.Retries] says: it would start another.
func (c *Client) StartProcess(ctx context.Context, n NewProcess) (ProcessInstance, error) {
	var p ProcessInstance
	_, err := c.do(ctx, &request{method: http.MethodPost, path: "/process", once: true}, n, &p)
	return p, err
}

// Process returns a process. An unknown one is [ErrNotFound].
func (c *Client) Process(ctx context.Context, id string) (ProcessInstance, error) {
	var p ProcessInstance
	_, err := c.call(ctx, http.MethodGet, processPath(id, ""), nil, &p)
	return p, err
}

func processPath(id, rest string) string { return "/process/" + url.PathEscape(id) + rest }

// Processes returns one page of the processes that match f, the newest first,
// and how many match in all.
func (c *Client) Processes(ctx context.Context, f ProcessFilter) ([]ProcessInstance, int, error) {
	var out []ProcessInstance
	a, err := c.call(ctx, http.MethodGet, "/process?"+f.query().Encode(), nil, &out)
	if err != nil {
		return nil, 0, err
	}
	return out, a.total(f.Start + len(out)), nil
}

// ProcessSteps returns what a process has come to: finished elements in order,
// then those that are not.
func (c *Client) ProcessSteps(ctx context.Context, id string) ([]ProcessStep, error) {
	var out []ProcessStep
	_, err := c.call(ctx, http.MethodGet, processPath(id, "/tasks"), nil, &out)
	return out, err
}

// CancelProcess stops a process that runs. One that does not is [ErrConflict].
func (c *Client) CancelProcess(ctx context.Context, id string) (ProcessInstance, error) {
	return c.steer(ctx, id, "/cancel")
}

// DeleteProcess removes what a process that has ended has made.
func (c *Client) DeleteProcess(ctx context.Context, id string) (ProcessInstance, error) {
	return c.steer(ctx, id, "/delete")
}

// ResumeProcess goes on with a rollback or delete that stopped at a failed undo.
func (c *Client) ResumeProcess(ctx context.Context, id string) (ProcessInstance, error) {
	return c.steer(ctx, id, "/resume")
}

func (c *Client) steer(ctx context.Context, id, order string) (ProcessInstance, error) {
	var p ProcessInstance
	_, err := c.call(ctx, http.MethodPut, processPath(id, order), nil, &p)
	return p, err
}

// SetDebug switches the debug mode of a process.
func (c *Client) SetDebug(ctx context.Context, processInstanceID string, debug bool) error {
	_, err := c.call(ctx, http.MethodPut, processPath(processInstanceID, "/debug"), map[string]bool{"debug": debug}, nil)
	return err
}

// Model returns a model with what a form to start it needs.
func (c *Client) Model(ctx context.Context, id string) (Model, error) {
	var m Model
	_, err := c.call(ctx, http.MethodGet, "/process/model/"+url.PathEscape(id), nil, &m)
	return m, err
}

// ModelXML returns the file of a model as it was deployed.
func (c *Client) ModelXML(ctx context.Context, id string) ([]byte, error) {
	a, err := c.call(ctx, http.MethodGet, "/process/model/"+url.PathEscape(id)+"/xml", nil, nil)
	if err != nil {
		return nil, err
	}
	return a.body, nil
}

// Resting reports whether nothing happens to the process by itself any more: it
// is at an end, or waits for an operator.
func (p *ProcessInstance) Resting() bool {
	switch p.ProcessStatus {
	case "completed", "failed", "canceled", "deleted", "debug", "rollback.failed", "delete.failed":
		return true
	default:
		return false
	}
}

// WaitProcess looks at a process every so often until it rests, and returns it.
func (c *Client) WaitProcess(ctx context.Context, id string, every time.Duration) (ProcessInstance, error) {
	for {
		p, err := c.Process(ctx, id)
		if err != nil || p.Resting() {
			return p, err
		}
		if !sleep(ctx, every) {
			return p, fmt.Errorf("wait for process %s, which is %s: %w", id, p.ProcessStatus, context.Cause(ctx))
		}
	}
}
