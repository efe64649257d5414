package flowable

import (
	"context"
	"net/http"
	"time"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
)

// mountWorkers adds the external worker API.
func (a *api) mountWorkers(m *mount) {
	m.route(http.MethodPost, "/acquire/jobs", a.acquire)
	m.route(http.MethodPost, "/acquire/jobs/:job/complete", a.onJob(a.completeJob))
	m.route(http.MethodPost, "/acquire/jobs/:job/bpmnError", a.onJob(a.errorJob))
	m.route(http.MethodPost, "/acquire/jobs/:job/fail", a.onJob(a.failJob))
	m.route(http.MethodPost, "/unacquire/jobs", a.unacquireAll)
	m.route(http.MethodPost, "/unacquire/jobs/:job", a.onJob(a.unacquireJob))
	m.route(http.MethodGet, "/jobs", a.listJobs)
	m.route(http.MethodGet, "/jobs/:job", a.getJob)
}

const (
	defaultRetries = 5
	maxRetries     = 100
	maxLock        = 24 * time.Hour * 366
)

// workerBody is what a worker says; not every call takes all of it.
type workerBody struct {
	WorkerID *string `json:"workerId"`

	Topic           *string `json:"topic"`
	LockDuration    *string `json:"lockDuration"`
	NumberOfTasks   *number `json:"numberOfTasks"`
	NumberOfRetries *number `json:"numberOfRetries"`

	Variables    []*given `json:"variables"`
	ErrorCode    *string  `json:"errorCode"`
	ErrorMessage *string  `json:"errorMessage"`
	ErrorDetails *string  `json:"errorDetails"`
	Retries      *number  `json:"retries"`
	RetryTimeout *string  `json:"retryTimeout"`
}

// acquire hands jobs to a worker.
func (a *api) acquire(ctx context.Context, c call) (rest.Reply, error) {
	var b workerBody
	if err := c.read(&b); err != nil {
		return nil, err
	}
	do, err := b.acquire()
	if err != nil {
		return nil, err
	}
	acquired, err := a.runtime.AcquireJobs(ctx, do)
	if err != nil {
		return nil, err
	}
	return ok(func(dst []byte) []byte { return appendEach(dst, acquired, jobs{c.own, c.links}.appendAcquired) }), nil
}

// acquire checks what a worker asks for.
func (b *workerBody) acquire() (do river.Acquire, err error) {
	do = river.Acquire{Tasks: 1, Retries: defaultRetries}
	if do.Topic, err = required("topic", b.Topic); err != nil {
		return do, err
	}
	text, err := required("lockDuration", b.LockDuration)
	if err != nil {
		return do, err
	}
	if do.Lock, err = duration("lockDuration", text); err != nil {
		return do, err
	}
	if do.Lock <= 0 {
		return do, fault.New(fault.Invalid, "lockDuration must be longer than nothing")
	}
	if do.Worker, err = required("workerId", b.WorkerID); err != nil {
		return do, err
	}
	if b.NumberOfTasks != nil {
		do.Tasks = int(*b.NumberOfTasks)
	}
	if b.NumberOfRetries != nil {
		do.Retries = min(max(int(*b.NumberOfRetries), 1), maxRetries)
	}
	if do.Tasks < 1 {
		return do, fault.New(fault.Invalid, "numberOfTasks must be 1 at least")
	}
	do.Tasks = min(do.Tasks, river.MaxAcquire)
	return do, nil
}

// jobCall is what a worker says of one of its jobs.
type jobCall struct {
	workerBody

	job, worker string
}

// onJob answers a call of f about the job in the path.
func (a *api) onJob(f func(ctx context.Context, j *jobCall) error) handler {
	return func(ctx context.Context, c call) (rest.Reply, error) {
		var j jobCall
		err := c.read(&j.workerBody)
		if err == nil {
			j.worker, err = required("workerId", j.WorkerID)
		}
		if err == nil {
			j.job, err = c.in.Path("job")
		}
		if err == nil {
			_, err = a.job(ctx, j.job)
		}
		if err == nil {
			err = f(ctx, &j)
		}
		if err != nil {
			return nil, err
		}
		return empty(http.StatusNoContent), nil
	}
}

func (a *api) completeJob(ctx context.Context, j *jobCall) error {
	vars, err := a.variables(j.Variables)
	if err != nil {
		return err
	}
	return a.runtime.CompleteJob(ctx, j.job, j.worker, vars)
}

func (a *api) errorJob(ctx context.Context, j *jobCall) error {
	vars, err := a.variables(j.Variables)
	if err != nil {
		return err
	}
	return a.runtime.ErrorJob(ctx, j.job, j.worker, orEmpty(j.ErrorCode), vars)
}

func (a *api) failJob(ctx context.Context, j *jobCall) (err error) {
	do := river.JobFailure{Worker: j.worker, Message: orEmpty(j.ErrorMessage), Details: orEmpty(j.ErrorDetails)}
	if j.Retries != nil {
		left := max(int(*j.Retries), 0)
		do.Retries = &left
	}
	if j.RetryTimeout != nil {
		if do.After, err = duration("retryTimeout", *j.RetryTimeout); err != nil {
			return err
		}
	}
	return a.runtime.FailJob(ctx, j.job, do)
}

func (a *api) unacquireJob(ctx context.Context, j *jobCall) error {
	return a.runtime.UnacquireJobs(ctx, j.worker, j.job)
}

// unacquireAll gives back all jobs of a worker.
func (a *api) unacquireAll(ctx context.Context, c call) (rest.Reply, error) {
	var b workerBody
	if err := c.read(&b); err != nil {
		return nil, err
	}
	worker, err := required("workerId", b.WorkerID)
	if err != nil {
		return nil, err
	}
	if err := a.runtime.UnacquireJobs(ctx, worker); err != nil {
		return nil, err
	}
	return empty(http.StatusNoContent), nil
}
