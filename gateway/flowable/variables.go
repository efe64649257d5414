package flowable

import (
	"context"
	"io"
	"net/http"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/river/variable"
)

// holder is a kind of thing that has variables: executions, and process
// instances, whose variables are those of their roots.
type holder struct {
	kind  string // in URLs
	param string // of the path
	check func(ctx context.Context, id string) error
	// flat says that there is one scope, local, whatever is asked for.
	flat bool
}

// variablesAPI serves the variables of one kind of holder.
type variablesAPI struct {
	*api
	holder
}

func (a *api) mountVariables(m *mount, h holder) {
	v := &variablesAPI{a, h}
	all := "/" + h.kind + "/:" + h.param + "/variables"
	m.route(http.MethodGet, all, v.list)
	m.route(http.MethodPost, all, v.write(river.Create))
	m.route(http.MethodPut, all, v.write(river.Put))
	m.route(http.MethodDelete, all, v.clear)
	m.route(http.MethodGet, all+"/:name", v.get)
	m.route(http.MethodPut, all+"/:name", v.update)
	m.route(http.MethodDelete, all+"/:name", v.remove)
	m.route(http.MethodGet, all+"/:name/data", v.data)
}

// owner returns whom the path names.
func (v *variablesAPI) owner(ctx context.Context, c *call) (owner, error) {
	id, err := c.in.Path(v.param)
	if err == nil {
		err = v.check(ctx, id)
	}
	return owner{c.links, v.kind, id}, err
}

// scope returns the scope that a request gives.
func (v *variablesAPI) scope(s *string) (river.Scope, error) {
	scope, err := scopeOf(s)
	if err == nil && v.flat {
		scope = river.Local
	}
	return scope, err
}

// one returns the variable that the path names, as it is now.
func (v *variablesAPI) one(ctx context.Context, c *call) (w owner, found river.Variable, err error) {
	w, name, scope, err := v.named(ctx, c)
	if err == nil {
		found, err = v.runtime.VariableOf(ctx, w.id, name, scope)
	}
	return w, found, err
}

// named returns what the path names, and the scope that the URL asks for.
func (v *variablesAPI) named(ctx context.Context, c *call) (w owner, name string, scope river.Scope, err error) {
	if w, err = v.owner(ctx, c); err != nil {
		return w, "", 0, err
	}
	if scope, err = v.scope(c.param("scope")); err != nil {
		return w, "", 0, err
	}
	name, err = c.in.Path("name")
	return w, name, scope, err
}

func (v *variablesAPI) list(ctx context.Context, c call) (rest.Reply, error) {
	w, err := v.owner(ctx, &c)
	if err != nil {
		return nil, err
	}
	scope, err := v.scope(c.param("scope"))
	if err != nil {
		return nil, err
	}
	vars, err := v.runtime.Variables(ctx, w.id, scope)
	if err != nil {
		return nil, err
	}
	return w.all(http.StatusOK, vars), nil
}

func (v *variablesAPI) get(ctx context.Context, c call) (rest.Reply, error) {
	w, found, err := v.one(ctx, &c)
	if err != nil {
		return nil, err
	}
	return w.one(http.StatusOK, found), nil
}

var dataTypes = map[string]string{
	variable.TypeBinary:       "application/octet-stream",
	variable.TypeSerializable: "application/x-java-serialized-object",
}

func (v *variablesAPI) data(ctx context.Context, c call) (rest.Reply, error) {
	_, found, err := v.one(ctx, &c)
	if err != nil {
		return nil, err
	}
	mediaType, binary := dataTypes[found.Value.Type()]
	if !binary {
		return nil, fault.New(fault.NotFound, "variable %s has no data: it is neither binary nor serializable, read its value", quote(found.Name))
	}
	body := found.Value.Open()
	size, err := body.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = body.Seek(0, io.SeekStart)
	}
	return content{mediaType, size, body}, err
}

func (v *variablesAPI) remove(ctx context.Context, c call) (rest.Reply, error) {
	w, name, scope, err := v.named(ctx, &c)
	if err != nil {
		return nil, err
	}
	if err := v.runtime.DeleteVariable(ctx, w.id, name, orLocal(scope)); err != nil {
		return nil, err
	}
	return empty(http.StatusNoContent), nil
}

func (v *variablesAPI) clear(ctx context.Context, c call) (rest.Reply, error) {
	w, err := v.owner(ctx, &c)
	if err != nil {
		return nil, err
	}
	if err := v.runtime.DeleteLocalVariables(ctx, w.id); err != nil {
		return nil, err
	}
	return empty(http.StatusNoContent), nil
}
