package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// Scopes of variables. [AnyScope] is what a call without a scope means: what the
// execution sees when it is read, its own when it is written.
const (
	AnyScope    = ""
	LocalScope  = "local"
	GlobalScope = "global"
)

// Variable is a variable of an execution or a process instance.
type Variable struct {
	Name string `json:"name"`
	// Type is such as string, integer, long, double, boolean, date, json or
	// binary; when it is written, "" lets it follow from the value.
	Type  string          `json:"type,omitempty"`
	Value json.RawMessage `json:"value"`              // null for files
	URL   string          `json:"valueUrl,omitempty"` // of a file's bytes
	Scope string          `json:"scope,omitempty"`
}

// StringVariable makes a variable that holds a text.
func StringVariable(name, value string) Variable {
	raw, err := encode(value)
	if err != nil { // no text fails
		raw = []byte("null")
	}
	return Variable{Name: name, Type: "string", Value: raw}
}

// Variables are those of one execution or process instance. Get one with
// [Flowable.ExecutionVariables] or [Flowable.InstanceVariables].
type Variables struct {
	f    *Flowable
	path string
}

// ExecutionVariables returns what reads and writes the variables of an execution.
func (f *Flowable) ExecutionVariables(executionID string) Variables {
	return Variables{f, executionPath(executionID) + "/variables"}
}

// InstanceVariables returns what reads and writes the variables of a process
// instance. They have no scope but the local one.
func (f *Flowable) InstanceVariables(instanceID string) Variables {
	return Variables{f, instancePath(instanceID) + "/variables"}
}

func (v Variables) one(name, rest, scope string) string {
	p := v.path + "/" + url.PathEscape(name) + rest
	if scope != "" {
		p += "?scope=" + url.QueryEscape(scope)
	}
	return p
}

// List returns the variables of a scope.
func (v Variables) List(ctx context.Context, scope string) ([]Variable, error) {
	var out []Variable
	p := v.path
	if scope != "" {
		p += "?scope=" + url.QueryEscape(scope)
	}
	_, err := v.f.call(ctx, http.MethodGet, p, nil, &out)
	return out, err
}

// Get returns a variable; [ErrNotFound].
func (v Variables) Get(ctx context.Context, name, scope string) (Variable, error) {
	var out Variable
	_, err := v.f.call(ctx, http.MethodGet, v.one(name, "", scope), nil, &out)
	return out, err
}

// Data returns the bytes of a file.
func (v Variables) Data(ctx context.Context, name, scope string) ([]byte, error) {
	a, err := v.f.call(ctx, http.MethodGet, v.one(name, "/data", scope), nil, nil)
	if err != nil {
		return nil, err
	}
	return a.body, nil
}

// Create makes variables, all of one scope, none of which may be there:
// [ErrConflict].
func (v Variables) Create(ctx context.Context, vars ...Variable) ([]Variable, error) {
	return v.write(ctx, http.MethodPost, vars)
}

// Put makes or replaces variables, all of one scope.
func (v Variables) Put(ctx context.Context, vars ...Variable) ([]Variable, error) {
	return v.write(ctx, http.MethodPut, vars)
}

func (v Variables) write(ctx context.Context, method string, vars []Variable) ([]Variable, error) {
	var out []Variable
	_, err := v.f.call(ctx, method, v.path, append([]Variable{}, vars...), &out)
	return out, err
}

// Update replaces a variable that is there; [ErrNotFound].
func (v Variables) Update(ctx context.Context, one Variable) (Variable, error) {
	var out Variable
	_, err := v.f.call(ctx, http.MethodPut, v.one(one.Name, "", ""), one, &out)
	return out, err
}

// Upload makes a variable of a file, whose type is binary or serializable, and
// "" for binary. One that is there is [ErrConflict].
func (v Variables) Upload(ctx context.Context, one Variable, file File) (Variable, error) {
	var out Variable
	err := v.f.sendFile(ctx, http.MethodPost, v.path, map[string]string{"name": one.Name, "type": one.Type, "scope": one.Scope}, file, &out)
	return out, err
}

// Replace puts a file into a variable that is there; [ErrNotFound].
func (v Variables) Replace(ctx context.Context, one Variable, file File) (Variable, error) {
	var out Variable
	fields := map[string]string{"name": one.Name, "type": one.Type, "scope": one.Scope}
	err := v.f.sendFile(ctx, http.MethodPut, v.one(one.Name, "", ""), fields, file, &out)
	return out, err
}

// Delete removes a variable; [ErrNotFound].
func (v Variables) Delete(ctx context.Context, name, scope string) error {
	_, err := v.f.call(ctx, http.MethodDelete, v.one(name, "", scope), nil, nil)
	return err
}

// DeleteAll removes all variables of the execution's own.
func (v Variables) DeleteAll(ctx context.Context) error {
	_, err := v.f.call(ctx, http.MethodDelete, v.path, nil, nil)
	return err
}

// Condition is true of a variable.
type Condition struct {
	Name      string          `json:"name,omitempty"` // "" for any, with equals
	Operation string          `json:"operation"`      // equals, notEquals, equalsIgnoreCase, notEqualsIgnoreCase
	Value     json.RawMessage `json:"value"`
	Type      string          `json:"type,omitempty"`
}
