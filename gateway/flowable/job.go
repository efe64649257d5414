package flowable

import (
	"context"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/store"
)

// jobs writes jobs of external workers: own is what their URLs begin with.
type jobs struct {
	own   string
	links links
}

// members writes what every job has.
func (j jobs) members(o *object, job *store.Job) {
	o.str("id", job.ID)
	o.str("url", j.own+"/jobs/"+job.ID)
	o.text("correlationId", job.Correlation)
	o.text("processInstanceId", job.Instance)
	o.text("processDefinitionId", job.Definition)
	o.text("executionId", job.Execution)
	o.null("scopeId", "subScopeId", "scopeDefinitionId", "scopeType")
	o.text("elementId", job.Activity)
	o.text("elementName", job.Name)
	o.int("retries", int64(job.Retries))
	o.text("exceptionMessage", job.Problem)
	o.time("dueDate", job.Due)
	o.time("createTime", job.Created)
	o.text("tenantId", job.Tenant)
	o.text("lockOwner", job.LockOwner)
	o.time("lockExpirationTime", job.LockUntil)
}

// append writes a job.
func (j jobs) append(dst []byte, job *store.Job) []byte {
	o := begin(dst)
	j.members(o, job)
	return o.end()
}

// appendAcquired writes a job with its variables, which have no scope.
func (j jobs) appendAcquired(dst []byte, job *river.AcquiredJob) []byte {
	o := begin(dst)
	j.members(o, &job.Job)
	of := owner{j.links, kindExecution, job.Execution}
	o.with("variables", func(dst []byte) []byte {
		return appendEach(dst, job.Variables, func(dst []byte, v *river.Variable) []byte {
			return of.append(dst, &river.Variable{Name: v.Name, Value: v.Value})
		})
	})
	return o.end()
}

var jobSorts = sorts{{"id", "id"}, {"dueDate", "due"}, {"createTime", "created"}}

// external selects the jobs that workers may take.
var external = []store.JobKind{store.ExternalJob}

func (a *api) listJobs(ctx context.Context, c call) (rest.Reply, error) {
	var p pick
	f := store.JobFilter{
		TenantFilter: p.tenant(c.tenants()),
		ID:           p.text(c.param("id")),
		Instance:     p.text(c.param("processInstanceId")),
		Execution:    p.text(c.param("executionId")),
		Definition:   p.text(c.param("processDefinitionId")),
		Activity:     p.text(c.param("elementId")),
		Kinds:        external,
		Dead:         new(bool),
		Now:          a.now(),
	}
	locked, unlocked := c.flag("locked"), c.flag("unlocked")
	switch {
	case locked && unlocked:
		p.none = true
	case locked, unlocked:
		f.Locked = &locked
	}
	shown, err := c.page(paging{}, jobSorts)
	if err != nil {
		return nil, err
	}
	f.Paging = shown.Paging
	return list(shown, p.none, func() ([]store.Job, int, error) { return a.store.Jobs(ctx, f) }, jobs{c.own, c.links}.append)
}

func (a *api) getJob(ctx context.Context, c call) (rest.Reply, error) {
	id, err := c.in.Path("job")
	if err != nil {
		return nil, err
	}
	job, err := a.job(ctx, id)
	if err != nil {
		return nil, err
	}
	return ok(func(dst []byte) []byte { return jobs{c.own, c.links}.append(dst, &job) }), nil
}

// job returns a job that workers may take.
func (a *api) job(ctx context.Context, id string) (store.Job, error) {
	job, found, err := one(a.store.Jobs(ctx, store.JobFilter{Paging: only, ID: id, Kinds: external, Dead: new(bool), Now: a.now()}))
	if err == nil && !found {
		err = unknown("job", id)
	}
	return job, err
}
