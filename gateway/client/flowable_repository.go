package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// decode reads an answer.
func decode[T any](a *answer) (*T, error) {
	out := new(T)
	if err := json.Unmarshal(a.body, out); err != nil {
		return nil, fmt.Errorf("answer is not what the API promises: %w", err)
	}
	return out, nil
}

// Deployment is a set of files that were deployed together.
type Deployment struct {
	ID                 string    `json:"id"`
	Name               *string   `json:"name"`
	DeploymentTime     time.Time `json:"deploymentTime"`
	Category           *string   `json:"category"`
	ParentDeploymentID *string   `json:"parentDeploymentId"`
	URL                string    `json:"url"`
	TenantID           *string   `json:"tenantId"`
}

// NewDeployment is a model, or an archive of models, to deploy.
type NewDeployment struct {
	// File has a name that ends in .bpmn20.xml, .bpmn, .bar or .zip.
	File              File
	Name, Key, Tenant string // "" for none
}

// DeploymentFilter selects deployments; what is empty selects nothing away.
type DeploymentFilter struct {
	Tenants

	ID, Name, NameLike string
}

// Definition is one version of a process model.
type Definition struct {
	ID                       string  `json:"id"`
	URL                      string  `json:"url"`
	Key                      string  `json:"key"`
	Version                  int     `json:"version"`
	Name                     *string `json:"name"`
	Description              *string `json:"description"`
	TenantID                 *string `json:"tenantId"`
	DeploymentID             string  `json:"deploymentId"`
	DeploymentURL            string  `json:"deploymentUrl"`
	Resource                 string  `json:"resource"`
	DiagramResource          *string `json:"diagramResource"`
	Category                 *string `json:"category"`
	GraphicalNotationDefined bool    `json:"graphicalNotationDefined"`
	Suspended                bool    `json:"suspended"`
	StartFormDefined         bool    `json:"startFormDefined"`
}

// DefinitionFilter selects definitions; what is empty selects nothing away.
type DefinitionFilter struct {
	Tenants

	Key, KeyLike, Name, DeploymentID string

	Version   int
	Latest    bool
	Suspended *bool
}

// Deploy deploys a model. What is wrong with it is all in one [ErrBadRequest].
func (f *Flowable) Deploy(ctx context.Context, d NewDeployment) (Deployment, error) {
	var out Deployment
	p := "/repository/deployments?" + values(map[string]string{"deploymentName": d.Name, "deploymentKey": d.Key}).Encode()
	err := f.sendFile(ctx, http.MethodPost, p, map[string]string{"tenantId": d.Tenant}, d.File, &out)
	return out, err
}

func deploymentPath(id string) string { return "/repository/deployments/" + url.PathEscape(id) }

// Deployments returns a page of the deployments that match.
func (f *Flowable) Deployments(ctx context.Context, d DeploymentFilter, p Paging) (Page[Deployment], error) {
	var out Page[Deployment]
	q := p.query(d.into(map[string]string{"id": d.ID, "name": d.Name, "nameLike": d.NameLike}))
	_, err := f.call(ctx, http.MethodGet, "/repository/deployments?"+q.Encode(), nil, &out)
	return out, err
}

// Deployment returns a deployment; [ErrNotFound].
func (f *Flowable) Deployment(ctx context.Context, id string) (Deployment, error) {
	var out Deployment
	_, err := f.call(ctx, http.MethodGet, deploymentPath(id), nil, &out)
	return out, err
}

// DeleteDeployment removes a deployment with its definitions. With cascade their
// instances and history go too; without it running instances make it fail.
func (f *Flowable) DeleteDeployment(ctx context.Context, id string, cascade bool) error {
	p := deploymentPath(id)
	if cascade {
		p += "?cascade=true"
	}
	_, err := f.call(ctx, http.MethodDelete, p, nil, nil)
	return err
}

// Definitions returns a page of the definitions that match.
func (f *Flowable) Definitions(ctx context.Context, d DefinitionFilter, p Paging) (Page[Definition], error) {
	var out Page[Definition]
	q := p.query(d.into(map[string]string{"key": d.Key, "keyLike": d.KeyLike, "name": d.Name, "deploymentId": d.DeploymentID,
		"version": positive(d.Version), "latest": yes(d.Latest), "suspended": maybe(d.Suspended)}))
	_, err := f.call(ctx, http.MethodGet, "/repository/process-definitions?"+q.Encode(), nil, &out)
	return out, err
}

// Definition returns a definition; [ErrNotFound].
func (f *Flowable) Definition(ctx context.Context, id string) (Definition, error) {
	var out Definition
	_, err := f.call(ctx, http.MethodGet, "/repository/process-definitions/"+url.PathEscape(id), nil, &out)
	return out, err
}
