package flowable

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/store"
)

// mount is the API under one prefix.
type mount struct {
	router  *rest.Router
	site    site
	prefix  string
	service string // the prefix that URLs of processes begin with
}

// call is one request. Handlers read it bit by bit, since what is wrong with it
// is told in Flowable's order.
type call struct {
	in    *rest.Input
	query url.Values
	links links
	// own is what the URLs of the mounted API begin with; for workers these are
	// not those of [call.links].
	own string
}

// Bind keeps the input for the handler.
func (c *call) Bind(in *rest.Input) (err error) {
	c.in = in
	if c.query, err = url.ParseQuery(in.Request().URL.RawQuery); err != nil {
		return fault.New(fault.Invalid, "the query is not well encoded: write special characters as %%XX, and & between parameters")
	}
	return nil
}

type handler func(ctx context.Context, c call) (rest.Reply, error)

// route adds a route under the prefix.
func (m *mount) route(method, path string, f handler) {
	rest.Handle(m.router, method, m.prefix+path, func(ctx context.Context, c call) (rest.Reply, error) {
		base := m.site.base(c.in.Request())
		c.links, c.own = links{base + m.service}, base+m.prefix
		reply, err := f(ctx, c)
		return reply, inWords(err)
	})
}

// inWords gives an error Flowable's message, which depends on the status alone.
func inWords(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind == fault.MediaType {
		return &fault.Error{Kind: fault.Content, Detail: f.Detail, Cause: f.Cause}
	}
	return err
}

// param returns the value of a URL parameter, nil if it is not given. The first
// one counts.
func (c *call) param(name string) *string {
	if all := c.query[name]; len(all) > 0 {
		return &all[0]
	}
	return nil
}

// flag reports whether a URL parameter is true.
func (c *call) flag(name string) bool {
	v := c.param(name)
	return v != nil && isTrue(*v)
}

// user returns who is calling, "" for nobody known.
func (a *api) user(c *call) string {
	if len(a.cfg.Users) == 0 {
		return ""
	}
	name, _, _ := c.in.Request().BasicAuth()
	return name
}

// again is when a caller may ask a database again that does not answer.
const again = 2 * time.Second

// unread turns an error of the store into one for the caller.
func unread(err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok || err == nil {
		return err
	}
	return fault.New(fault.Unavailable, "the database can not answer now: ask again").Because(err).After(again)
}

// unknown says that there is no such thing.
func unknown(what, id string) error {
	return fault.New(fault.NotFound, "%s %s does not exist", what, quote(id))
}

// one returns the only row of a list, or that there is none.
func one[T any](rows []T, _ int, err error) (row T, found bool, _ error) {
	if err != nil || len(rows) == 0 {
		return row, false, unread(err)
	}
	return rows[0], true, nil
}

// only is a page of one row.
var only = store.Paging{Size: 1}

// executionOf returns the execution that the path names.
func (a *api) executionOf(ctx context.Context, c *call) (store.ExecutionView, error) {
	id, err := c.in.Path("execution")
	if err != nil {
		return store.ExecutionView{}, err
	}
	return a.execution(ctx, id)
}

// execution returns an execution that is there.
func (a *api) execution(ctx context.Context, id string) (store.ExecutionView, error) {
	e, found, err := one(a.store.Executions(ctx, store.ExecutionFilter{Paging: only, ID: id}))
	if err == nil && !found {
		err = unknown("execution", id)
	}
	return e, err
}

// mountService adds the routes of processes.
func (a *api) mountService(m *mount) {
	a.mountRepository(m)
	a.mountExecutions(m)
	a.mountInstances(m)
	a.mountTasks(m)
	a.mountHistory(m)
	m.route(http.MethodPost, "/runtime/signals", a.signal)
}
