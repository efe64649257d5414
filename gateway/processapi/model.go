package processapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/store"
)

// modelID is that of a definition, in a path.
type modelID string

// Bind reads the path.
func (m *modelID) Bind(in *rest.Input) error {
	value, err := in.Path("modelId")
	*m = modelID(value)
	return err
}

// definition returns the definition with this id.
func (a *api) definition(ctx context.Context, id string) (store.Definition, error) {
	all, _, err := a.Store.Definitions(ctx, store.DefinitionFilter{ID: id, Paging: store.Paging{Size: 1}})
	switch {
	case err != nil:
		return store.Definition{}, unread(err)
	case len(all) == 0:
		return store.Definition{}, fault.New(fault.NotFound, "model %s does not exist", id)
	default:
		return all[0], nil
	}
}

// model is a definition with what a form to start it needs.
type model struct {
	store.Definition

	parameters []byte
	outputs    []byte
}

func (a *api) model(ctx context.Context, id modelID) (model, error) {
	d, err := a.definition(ctx, string(id))
	if err != nil {
		return model{}, err
	}
	p, err := a.Runtime.Model(ctx, d.ID)
	if err != nil {
		return model{}, err
	}
	m := model{Definition: d}
	if m.parameters, err = parameters(p.Parameters); err != nil {
		return model{}, err
	}
	if m.outputs, err = json.Marshal(append([]bpmn.Output{}, p.Outputs...)); err != nil {
		return model{}, fmt.Errorf("show outputs of model %s: %w", d.ID, err)
	}
	return m, nil
}

// parameters writes a parameter template as it stands in a model; the default
// of a secret is not shown.
func parameters(all []bpmn.Parameter) ([]byte, error) {
	shown := make([]bpmn.Parameter, len(all))
	for i := range all {
		shown[i] = all[i]
		switch one := &shown[i]; {
		case one.Ref != "":
			ref, err := json.Marshal(bpmn.RefPrefix + one.Ref)
			if err != nil {
				return nil, fmt.Errorf("show parameter %s: %w", one.Name, err)
			}
			one.Default = ref
		case one.NoEcho:
			one.Default = nil
		}
	}
	return json.Marshal(shown)
}

// Status is 200.
func (m model) Status() int { return http.StatusOK }

// AppendJSON appends the object.
func (m model) AppendJSON(dst []byte) []byte {
	dst = rest.AppendString(append(dst, `{"modelId":`...), m.ID)
	dst = rest.AppendString(append(dst, `,"modelKey":`...), m.Key)
	dst = strconv.AppendInt(append(dst, `,"version":`...), int64(m.Version), 10)
	dst = rest.AppendText(append(dst, `,"name":`...), m.Name)
	dst = rest.AppendText(append(dst, `,"description":`...), m.Description)
	dst = rest.AppendText(append(dst, `,"tenantId":`...), m.Tenant)
	dst = rest.AppendString(append(dst, `,"deploymentId":`...), m.Deployment)
	dst = rest.AppendString(append(dst, `,"resource":`...), m.Resource)
	dst = strconv.AppendBool(append(dst, `,"suspended":`...), m.Suspended)
	dst = append(append(dst, `,"parameters":`...), m.parameters...)
	return append(append(append(dst, `,"outputs":`...), m.outputs...), '}')
}

// file is a model as it was deployed.
type file []byte

func (a *api) xml(ctx context.Context, id modelID) (file, error) {
	d, err := a.definition(ctx, string(id))
	if err != nil {
		return nil, err
	}
	f, err := a.Store.Resource(ctx, d.Deployment, d.Resource)
	if err != nil {
		return nil, unread(err)
	}
	return f, nil
}

// Status is 200.
func (f file) Status() int { return http.StatusOK }

// AppendJSON appends nothing: the file is no JSON.
func (f file) AppendJSON(dst []byte) []byte { return dst }

// Content is the file.
func (f file) Content() (mediaType string, size int64, body io.Reader) {
	return "application/xml", int64(len(f)), bytes.NewReader(f)
}
