// Package processapi serves /process, the original's chapter 6.1: starting
// processes by their model, reading them, and cancelling, deleting, debugging
// and resuming them. Its handlers turn a request into one call of the process
// runtime or of the store; they know neither SQL nor the queue. What can not be
// done to a process where it stands is a conflict here, 409. Only package
// gateway mounts it.
package processapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/store"
)

// Runtime runs processes. [river.Runtime] does.
type Runtime interface {
	Model(ctx context.Context, definitionID string) (*bpmn.Process, error)
	StartInstance(ctx context.Context, q river.Start) (store.Instance, error)
	CancelProcess(ctx context.Context, instanceID string) (store.Instance, error)
	DeleteProcess(ctx context.Context, instanceID string) (store.Instance, error)
	ResumeProcess(ctx context.Context, instanceID string) (store.Instance, error)
	DebugProcess(ctx context.Context, instanceID string, on bool) (store.Instance, error)
}

// Reader is what is read from the store.
type Reader interface { //nolint:interfacebloat // what a process is shown with
	Instances(ctx context.Context, f store.InstanceFilter) ([]store.Instance, int, error)
	Definitions(ctx context.Context, f store.DefinitionFilter) ([]store.Definition, int, error)
	Resource(ctx context.Context, deploymentID, name string) ([]byte, error)
	Variables(ctx context.Context, owners ...string) ([]store.Variable, error)
	Activities(ctx context.Context, instanceID string) ([]store.Activity, error)
	Tree(ctx context.Context, instanceID string) ([]store.Execution, error)
	Jobs(ctx context.Context, f store.JobFilter) ([]store.Job, int, error)
	UserTasks(ctx context.Context, f store.UserTaskFilter) ([]store.UserTaskView, int, error)
	// List returns tasks.
	List(ctx context.Context, f store.Filter) (store.Page, error)
}

// Outside switches the debug mode of processes that outside orchestrators run.
type Outside interface {
	SetDebug(ctx context.Context, processInstanceID string, debug bool) error
}

// Deps are what the handlers call; all are required.
type Deps struct {
	Runtime Runtime
	Store   Reader
	Outside Outside
}

// Config says how processes are shown.
type Config struct {
	// Zone is the one of times, UTC if it is nil.
	Zone *time.Location
}

type api struct {
	Deps

	zone *time.Location
	// deployments remembers those of definitions, which never change.
	deployments *lru.Cache[string, string]
}

const maxDefinitions = 2000 // whose deployments are remembered

// Mount adds the routes.
func Mount(r *rest.Router, cfg Config, deps Deps) error {
	known, err := lru.New[string, string](maxDefinitions)
	if err != nil {
		return err
	}
	a := &api{Deps: deps, zone: cfg.Zone, deployments: known}
	rest.Handle(r, http.MethodPost, "/process", conflicts(a.start))
	rest.Handle(r, http.MethodGet, "/process", conflicts(a.list))
	rest.Handle(r, http.MethodGet, "/process/:processInstanceId", conflicts(a.get))
	rest.Handle(r, http.MethodGet, "/process/:processInstanceId/tasks", conflicts(a.steps))
	rest.Handle(r, http.MethodPut, "/process/:processInstanceId/cancel", conflicts(a.command(deps.Runtime.CancelProcess)))
	rest.Handle(r, http.MethodPut, "/process/:processInstanceId/delete", conflicts(a.command(deps.Runtime.DeleteProcess)))
	rest.Handle(r, http.MethodPut, "/process/:processInstanceId/resume", conflicts(a.command(deps.Runtime.ResumeProcess)))
	rest.Handle(r, http.MethodPut, "/process/:processInstanceId/debug", conflicts(a.debug))
	rest.Handle(r, http.MethodGet, "/process/model/:modelId", conflicts(a.model))
	rest.Handle(r, http.MethodGet, "/process/model/:modelId/xml", conflicts(a.xml))
	return nil
}

// conflicts makes a conflict of what Flowable calls an engine error.
func conflicts[Req any, Resp rest.Reply](f func(context.Context, Req) (Resp, error)) func(context.Context, Req) (Resp, error) {
	return func(ctx context.Context, req Req) (Resp, error) {
		out, err := f(ctx, req)
		if bad, ok := errors.AsType[*fault.Error](err); ok && bad.Kind == fault.State {
			err = &fault.Error{Kind: fault.Conflict, Detail: bad.Detail, Cause: bad.Cause}
		}
		return out, err
	}
}

// storeAway is when a caller may ask again.
const storeAway = 2 * time.Second

// unread turns an error of the store into one for the caller.
func unread(err error) error {
	return fault.New(fault.Unavailable, "the database can not answer now: ask again").Because(err).After(storeAway)
}

// one returns the process with this id.
func (a *api) one(ctx context.Context, id string) (store.Instance, error) {
	all, _, err := a.Store.Instances(ctx, store.InstanceFilter{ID: id, Paging: store.Paging{Size: 1}})
	switch {
	case err != nil:
		return store.Instance{}, unread(err)
	case len(all) == 0:
		return store.Instance{}, fault.New(fault.NotFound, "process %s does not exist", id)
	default:
		return all[0], nil
	}
}
