// Package taskapi serves /task: publishing tasks, reading them with their
// history and log, and commands on them. Its handlers turn a request into one call of a use case or
// of the store, and know neither queue nor SQL. Only package gateway mounts it.
package taskapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Publisher publishes tasks. [dispatch.Dispatcher] does.
type Publisher interface {
	Publish(ctx context.Context, r dispatch.Request) (dispatch.Outcome, error)
	PublishAll(ctx context.Context, requests []dispatch.Request) ([]dispatch.Outcome, error)
}

// Reader is what is read from the store.
type Reader interface {
	Task(ctx context.Context, key string) (task.Task, error)
	List(ctx context.Context, f store.Filter) (store.Page, error)
	History(ctx context.Context, id string, notes bool) ([]store.Note, error)
	Log(ctx context.Context, id string, start, size int) ([]store.LogLine, error)
	Attempts(ctx context.Context, id string) ([]store.Attempt, error)
}

// Config says how tasks are shown.
type Config struct {
	// Zone is the one of createTime and endTime, UTC if it is nil.
	Zone *time.Location
	// NoEcho names the params of a stone that are not shown; nil knows none.
	NoEcho func(stone string) []string
}

type api struct {
	publisher Publisher
	commander Commander
	explainer Explainer
	reader    Reader
	tasks     rest.Tasks
}

// Mount adds the routes.
func Mount(r *rest.Router, cfg Config, p Publisher, c Commander, e Explainer, reader Reader) {
	a := &api{publisher: p, commander: c, explainer: e, reader: reader, tasks: rest.Tasks{Zone: cfg.Zone, NoEcho: cfg.NoEcho}}
	rest.Handle(r, http.MethodPost, "/task", a.publish)
	rest.Handle(r, http.MethodGet, "/task", a.list)
	rest.Handle(r, http.MethodGet, "/task/:taskId", a.get)
	rest.Handle(r, http.MethodGet, "/task/:taskId/history", a.history)
	rest.Handle(r, http.MethodGet, "/task/:taskId/log", a.log)
	rest.Handle(r, http.MethodGet, "/task/:taskId/why", a.why)
	rest.Handle(r, http.MethodPut, "/task/:taskId/reRun", a.reRun)
	rest.Handle(r, http.MethodPut, "/task/:taskId/resume", a.resume)
	rest.Handle(r, http.MethodPut, "/task/:taskId/cancel", a.cancel)
	rest.Handle(r, http.MethodPut, "/task/:taskId/rollback", a.undo(task.Rollback))
	rest.Handle(r, http.MethodPut, "/task/:taskId/delete", a.undo(task.Delete))
}

// storeAway is when a caller may ask again.
const storeAway = 2 * time.Second

// unread turns an error of the store into one for the caller.
func unread(err error, key string) error {
	if errors.Is(err, store.ErrNotFound) {
		return fault.New(fault.NotFound, "task %s does not exist", key)
	}
	return fault.New(fault.Unavailable, "the database can not answer now: ask again").Because(err).After(storeAway)
}
