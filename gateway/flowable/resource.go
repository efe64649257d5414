package flowable

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/store"
)

// The files of a deployment: where a definition's member resource leads.

// resource is where a file of a deployment is.
func (l links) resource(deployment, name string) string {
	return l.to(kindDeployment, deployment) + "/resources/" + url.PathEscape(name)
}

// mediaType is that of a file by its name: models are XML, others just bytes.
func mediaType(name string) string {
	if endsIn(name, modelEndings) || strings.HasSuffix(name, ".xml") {
		return "text/xml"
	}
	return "application/octet-stream"
}

// file returns the content of a file.
func (a *api) file(ctx context.Context, deployment, name string) ([]byte, error) {
	b, err := a.store.Resource(ctx, deployment, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, unknown("resource "+quote(name)+" of deployment", deployment)
	}
	return b, unread(err)
}

// fileOf returns the file that the path names.
func (a *api) fileOf(ctx context.Context, c *call) (deployment, name string, b []byte, err error) {
	if deployment, err = c.in.Path("deployment"); err != nil {
		return "", "", nil, err
	}
	if name, err = c.in.Path("resource"); err != nil {
		return "", "", nil, err
	}
	b, err = a.file(ctx, deployment, name)
	return deployment, name, b, err
}

func (a *api) getResource(ctx context.Context, c call) (rest.Reply, error) {
	deployment, name, _, err := a.fileOf(ctx, &c)
	if err != nil {
		return nil, err
	}
	return ok(func(dst []byte) []byte {
		o := begin(dst)
		o.str("id", name)
		o.str("url", c.links.resource(deployment, name))
		o.str("contentUrl", c.links.to(kindDeployment, deployment)+"/resourcedata/"+url.PathEscape(name))
		o.str("mediaType", mediaType(name))
		if endsIn(name, modelEndings) {
			o.str("type", "processDefinition")
		} else {
			o.str("type", "resource")
		}
		return o.end()
	}), nil
}

func (a *api) getResourceData(ctx context.Context, c call) (rest.Reply, error) {
	_, name, b, err := a.fileOf(ctx, &c)
	if err != nil {
		return nil, err
	}
	return raw(name, b), nil
}

// getModel answers the file that a definition is from.
func (a *api) getModel(ctx context.Context, c call) (rest.Reply, error) {
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
	b, err := a.file(ctx, d.Deployment, d.Resource)
	return raw(d.Resource, b), err
}

// raw answers a file.
func raw(name string, b []byte) content {
	return content{mediaType(name), int64(len(b)), bytes.NewReader(b)}
}
