package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Job is work that an external worker may take.
type Job struct {
	ID                  string     `json:"id"`
	URL                 string     `json:"url"`
	CorrelationID       *string    `json:"correlationId"`
	ProcessInstanceID   *string    `json:"processInstanceId"`
	ProcessDefinitionID *string    `json:"processDefinitionId"`
	ExecutionID         *string    `json:"executionId"`
	ElementID           *string    `json:"elementId"`
	ElementName         *string    `json:"elementName"`
	Retries             int        `json:"retries"` // left
	ExceptionMessage    *string    `json:"exceptionMessage"`
	DueDate             *time.Time `json:"dueDate"`
	CreateTime          *time.Time `json:"createTime"`
	TenantID            *string    `json:"tenantId"`
	LockOwner           *string    `json:"lockOwner"`
	LockExpirationTime  *time.Time `json:"lockExpirationTime"`
	// Variables are those of a job that was acquired, nil in a list.
	Variables []Variable `json:"variables"`
}

// Acquire takes jobs of a topic. Topic, WorkerID and LockDuration are required.
type Acquire struct {
	Topic           string `json:"topic"`
	WorkerID        string `json:"workerId"`
	LockDuration    string `json:"lockDuration"`              // ISO 8601, such as PT10M
	NumberOfTasks   int    `json:"numberOfTasks,omitempty"`   // at most, 1 by default
	NumberOfRetries int    `json:"numberOfRetries,omitempty"` // of lost races
}

// JobFailure is how a worker failed.
type JobFailure struct {
	WorkerID     string `json:"workerId"`
	ErrorMessage string `json:"errorMessage,omitempty"`
	ErrorDetails string `json:"errorDetails,omitempty"`
	Retries      *int   `json:"retries,omitempty"`      // left, nil for one less
	RetryTimeout string `json:"retryTimeout,omitempty"` // ISO 8601, until it may be taken again
}

// JobFilter selects jobs; what is empty selects nothing away.
type JobFilter struct {
	Tenants

	ProcessInstanceID, ExecutionID, ElementID string

	Locked, Unlocked bool
}

// worker calls the external worker API.
func (f *Flowable) worker(ctx context.Context, method, path string, in, out any) error {
	_, err := f.at(ctx, f.cfg.WorkerPrefix, method, path, in, out)
	return err
}

// Acquire takes jobs, which nobody else gets until their lock ends.
func (f *Flowable) Acquire(ctx context.Context, a Acquire) ([]Job, error) {
	var out []Job
	err := f.worker(ctx, http.MethodPost, "/acquire/jobs", a, &out)
	return out, err
}

// jobEnd is how a worker ends a job.
type jobEnd struct {
	WorkerID  string     `json:"workerId"`
	ErrorCode string     `json:"errorCode,omitempty"`
	Variables []Variable `json:"variables,omitempty"`
}

func acquired(id, order string) string { return "/acquire/jobs/" + url.PathEscape(id) + order }

// CompleteJob ends a job; its process goes on soon after.
func (f *Flowable) CompleteJob(ctx context.Context, id, worker string, vars ...Variable) error {
	return f.worker(ctx, http.MethodPost, acquired(id, "/complete"), jobEnd{WorkerID: worker, Variables: vars}, nil)
}

// ErrorJob ends a job with an error that its process may catch.
func (f *Flowable) ErrorJob(ctx context.Context, id, worker, code string, vars ...Variable) error {
	return f.worker(ctx, http.MethodPost, acquired(id, "/bpmnError"), jobEnd{WorkerID: worker, ErrorCode: code, Variables: vars}, nil)
}

// FailJob gives a job back that could not be done.
func (f *Flowable) FailJob(ctx context.Context, id string, failure JobFailure) error {
	return f.worker(ctx, http.MethodPost, acquired(id, "/fail"), failure, nil)
}

// UnacquireJob gives a job back.
func (f *Flowable) UnacquireJob(ctx context.Context, id, worker string) error {
	return f.worker(ctx, http.MethodPost, "/unacquire/jobs/"+url.PathEscape(id), jobEnd{WorkerID: worker}, nil)
}

// UnacquireJobs gives all jobs of a worker back.
func (f *Flowable) UnacquireJobs(ctx context.Context, worker string) error {
	return f.worker(ctx, http.MethodPost, "/unacquire/jobs", jobEnd{WorkerID: worker}, nil)
}

// Jobs returns a page of the jobs that match.
func (f *Flowable) Jobs(ctx context.Context, j JobFilter, p Paging) (Page[Job], error) {
	var out Page[Job]
	q := p.query(j.into(map[string]string{"processInstanceId": j.ProcessInstanceID, "executionId": j.ExecutionID, "elementId": j.ElementID,
		"locked": yes(j.Locked), "unlocked": yes(j.Unlocked)}))
	err := f.worker(ctx, http.MethodGet, "/jobs?"+q.Encode(), nil, &out)
	return out, err
}

// Job returns a job; [ErrNotFound].
func (f *Flowable) Job(ctx context.Context, id string) (Job, error) {
	var out Job
	err := f.worker(ctx, http.MethodGet, "/jobs/"+url.PathEscape(id), nil, &out)
	return out, err
}
