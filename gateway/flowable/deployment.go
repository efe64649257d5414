package flowable

import (
	"context"
	"net/http"
	"strings"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/store"
)

func (a *api) mountRepository(m *mount) {
	m.route(http.MethodPost, "/repository/deployments", a.deploy)
	m.route(http.MethodGet, "/repository/deployments", a.deployments)
	m.route(http.MethodGet, "/repository/deployments/:deployment", a.getDeployment)
	m.route(http.MethodDelete, "/repository/deployments/:deployment", a.deleteDeployment)
	m.route(http.MethodGet, "/repository/deployments/:deployment/resources/:resource", a.getResource)
	m.route(http.MethodGet, "/repository/deployments/:deployment/resourcedata/:resource", a.getResourceData)
	m.route(http.MethodGet, "/repository/process-definitions", a.definitions)
	m.route(http.MethodGet, "/repository/process-definitions/:definition", a.getDefinition)
	m.route(http.MethodGet, "/repository/process-definitions/:definition/resourcedata", a.getModel)
}

// appendDeployment writes a deployment.
func (l links) appendDeployment(dst []byte, d *store.Deployment) []byte {
	o := begin(dst)
	o.str("id", d.ID)
	o.text("name", d.Name)
	o.time("deploymentTime", d.Time)
	o.text("category", d.Category)
	o.text("parentDeploymentId", d.Parent)
	o.str("url", l.to(kindDeployment, d.ID))
	o.text("tenantId", d.Tenant)
	return o.end()
}

// Endings of what can be deployed.
var (
	modelEndings   = []string{".bpmn20.xml", ".bpmn"}
	archiveEndings = []string{".bar", ".zip"}
)

// deploy takes a model, or an archive with several.
func (a *api) deploy(ctx context.Context, c call) (rest.Reply, error) {
	f, err := c.form(a.cfg.MaxDeployment)
	if err != nil {
		return nil, err
	}
	d, err := a.readDeployment(&c, &f)
	if err != nil {
		return nil, err
	}
	made, _, err := a.runtime.Deploy(ctx, d)
	if err != nil {
		return nil, err
	}
	return answer{http.StatusCreated, func(dst []byte) []byte { return c.links.appendDeployment(dst, &made) }}, nil
}

// readDeployment checks a form with what is to be deployed.
func (a *api) readDeployment(c *call, f *form) (river.NewDeployment, error) {
	if f.file == nil {
		return river.NewDeployment{}, fault.New(fault.Invalid, "the form has no file: send the model as a part with a filename")
	}
	name := f.file.name
	if !endsIn(name, modelEndings) && !endsIn(name, archiveEndings) {
		name = f.file.field
	}
	d := river.NewDeployment{Key: orEmpty(c.param("deploymentKey")), Name: orEmpty(c.param("deploymentName"))}
	tenant := f.field("tenantId")
	if tenant == nil {
		tenant = c.param("tenantId")
	}
	d.Tenant = orEmpty(tenant)
	if d.Name == "" {
		if d.Name, _, _ = strings.Cut(name, "."); d.Name == "" {
			d.Name = name
		}
	}
	for _, text := range []string{d.Key, d.Name, d.Tenant, name} {
		if len(text) > maxFileName || strings.IndexByte(text, 0) >= 0 {
			return d, fault.New(fault.Invalid, "%s can not be kept: names, keys and tenants have at most %d bytes", quote(text), maxFileName)
		}
	}
	var err error
	switch {
	case endsIn(name, modelEndings):
		d.Files = []river.File{{Name: name, Bytes: f.file.content}}
	case endsIn(name, archiveEndings):
		d.Files, err = unpack(f.file.content, a.cfg.MaxDeployment)
	default:
		err = fault.New(fault.Invalid, "file %s can not be deployed: its name must end in .bpmn20.xml, .bpmn, .bar or .zip", quote(f.file.name))
	}
	return d, err
}

func endsIn(name string, endings []string) bool {
	for _, e := range endings {
		if strings.HasSuffix(name, e) {
			return true
		}
	}
	return false
}

var deploymentSorts = sorts{{"id", "id"}, {"name", "name"}, {"deployTime", "time"}, {"tenantId", "tenant"}}

func (a *api) deployments(ctx context.Context, c call) (rest.Reply, error) {
	var p pick
	f := store.DeploymentFilter{
		TenantFilter: p.tenant(c.tenants()),
		ID:           p.text(c.param("id")),
		Name:         p.text(c.param("name")),
		NameLike:     p.text(c.param("nameLike")),
		Key:          p.text(c.param("key")),
	}
	shown, err := c.page(paging{}, deploymentSorts)
	if err != nil {
		return nil, err
	}
	f.Paging = shown.Paging
	return list(shown, p.none, func() ([]store.Deployment, int, error) { return a.store.Deployments(ctx, f) }, c.links.appendDeployment)
}

func (a *api) getDeployment(ctx context.Context, c call) (rest.Reply, error) {
	id, err := c.in.Path("deployment")
	if err != nil {
		return nil, err
	}
	d, found, err := one(a.store.Deployments(ctx, store.DeploymentFilter{Paging: only, ID: id}))
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, unknown("deployment", id)
	}
	return ok(func(dst []byte) []byte { return c.links.appendDeployment(dst, &d) }), nil
}

func (a *api) deleteDeployment(ctx context.Context, c call) (rest.Reply, error) {
	id, err := c.in.Path("deployment")
	if err != nil {
		return nil, err
	}
	if err := a.runtime.DeleteDeployment(ctx, id, c.flag("cascade")); err != nil {
		return nil, err
	}
	return empty(http.StatusNoContent), nil
}
