package flowable

import (
	"context"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/store"
)

// appendDefinition writes a process definition.
func (l links) appendDefinition(dst []byte, d *store.Definition) []byte {
	o := begin(dst)
	o.str("id", d.ID)
	o.str("url", l.to(kindDefinition, d.ID))
	o.str("key", d.Key)
	o.int("version", int64(d.Version))
	o.text("name", d.Name)
	o.text("description", d.Description)
	o.text("tenantId", d.Tenant)
	o.text("deploymentId", d.Deployment)
	o.text("deploymentUrl", l.to(kindDeployment, d.Deployment))
	o.str("resource", l.resource(d.Deployment, d.Resource))
	o.null("diagramResource")
	o.text("category", d.Category)
	o.bool("graphicalNotationDefined", d.Graphical)
	o.bool("suspended", d.Suspended)
	o.bool("startFormDefined", d.StartForm)
	return o.end()
}

var definitionSorts = sorts{
	{"name", "name"}, {"id", "id"}, {"key", "key"}, {"category", "category"}, {"version", "version"},
	{"deploymentId", "deployment"}, {"tenantId", "tenant"},
}

func (a *api) definitions(ctx context.Context, c call) (rest.Reply, error) {
	var p pick
	f := store.DefinitionFilter{
		TenantFilter: p.tenant(c.tenants()),
		ID:           p.text(c.param("id")),
		Key:          p.text(c.param("key")),
		KeyLike:      p.text(c.param("keyLike")),
		Name:         p.text(c.param("name")),
		NameLike:     p.text(c.param("nameLike")),
		Category:     p.text(c.param("category")),
		Deployment:   p.text(c.param("deploymentId")),
		Resource:     p.text(c.param("resourceName")),
		Version:      p.version(&c, "version"),
		Latest:       c.flag("latest"),
		Suspended:    c.truth("suspended").is(),
	}
	if p.err != nil {
		return nil, p.err
	}
	shown, err := c.page(paging{}, definitionSorts)
	if err != nil {
		return nil, err
	}
	f.Paging = shown.Paging
	return list(shown, p.none, func() ([]store.Definition, int, error) { return a.store.Definitions(ctx, f) }, c.links.appendDefinition)
}

func (a *api) getDefinition(ctx context.Context, c call) (rest.Reply, error) {
	id, err := c.in.Path("definition")
	if err != nil {
		return nil, err
	}
	d, found, err := a.definition(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, unknown("process definition", id)
	}
	return ok(func(dst []byte) []byte { return c.links.appendDefinition(dst, &d) }), nil
}

func (a *api) definition(ctx context.Context, id string) (d store.Definition, found bool, err error) {
	return one(a.store.Definitions(ctx, store.DefinitionFilter{Paging: only, ID: id}))
}
