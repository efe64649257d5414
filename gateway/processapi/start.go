package processapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/queue/jsonvalue"
)

const maxName = 255 // characters of a name or key

// startRequest asks for a new process.
type startRequest struct{ start river.Start }

// Bind reads the body.
func (r *startRequest) Bind(in *rest.Input) error {
	var variables json.RawMessage
	err := in.JSON(func(j *rest.JSON) error {
		if j.Kind() != '{' {
			j.Problem("the body must be an object")
			return j.Skip()
		}
		if err := j.Object(func(name []byte) error { return r.member(j, name, &variables) }); err != nil {
			return err
		}
		r.check(j)
		return nil
	})
	if err != nil {
		return err
	}
	return r.variables(variables)
}

func (r *startRequest) member(j *rest.JSON, name []byte, variables *json.RawMessage) error {
	s := &r.start
	texts := map[string]*string{"modelId": &s.Definition, "deploymentId": &s.Deployment, "key": &s.Key, "processName": &s.Name,
		"businessKey": &s.Business, "tenantId": &s.Tenant}
	switch to := texts[string(name)]; {
	case to != nil:
		return j.String(string(name), to)
	case string(name) == "variables":
		return j.Raw(variables)
	case string(name) == "debug":
		return j.Bool("debug", &s.Debug)
	default:
		return j.Unknown(name)
	}
}

// check notes what the body must not say together, or at such length.
func (r *startRequest) check(j *rest.JSON) {
	named := 0
	for _, by := range []string{r.start.Definition, r.start.Deployment, r.start.Key} {
		if by != "" {
			named++
		}
	}
	if named != 1 {
		j.Problem("exactly one of modelId, deploymentId and key must name the model")
	}
	if r.start.Tenant != "" && r.start.Key == "" {
		j.Problem("tenantId goes with key only: the others name the model in its tenant")
	}
	for field, text := range map[string]string{"processName": r.start.Name, "businessKey": r.start.Business, "tenantId": r.start.Tenant} {
		if utf8.RuneCountInString(text) > maxName || strings.IndexByte(text, 0) >= 0 {
			j.Problem("%s must have at most %d characters and no NUL", field, maxName)
		}
	}
}

// variables reads the start variables: an object, or text that holds one.
func (r *startRequest) variables(raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil
	}
	if jsontext.Value(raw).Kind() == jsontext.KindString {
		raw = json.RawMessage(jsonvalue.Text(jsontext.Value(raw)))
	}
	all, err := jsonvalue.Scan(raw)
	if err != nil {
		return fault.New(fault.Invalid, "variables must be a JSON object, or a string that holds one: %v", err)
	}
	for _, m := range all.Members {
		v, err := variable.FromJSON("", true, m.Value)
		if err != nil {
			return fault.New(fault.Invalid, "variable %.200q: %v", m.Name, err)
		}
		r.start.Variables = append(r.start.Variables, river.Var{Name: m.Name, Value: v})
	}
	r.start.Content = bytes.Clone(raw)
	return nil
}

func (a *api) start(ctx context.Context, r startRequest) (process, error) {
	in, err := a.Runtime.StartInstance(ctx, r.start)
	if err != nil {
		return process{}, err
	}
	return a.show(ctx, http.StatusCreated, in, true)
}
