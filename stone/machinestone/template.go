package machinestone

import (
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/riverstones/riverstones/queue/jsonvalue"
	"github.com/riverstones/riverstones/stone"
)

// machine is a machine as it is wanted, and as its directory tells. It holds
// no secret, apart from userData, which is not part of its file.
type machine struct {
	ID           string `json:"id"`
	Resource     string `json:"resource"` // its name in the template, "" without one
	Name         string `json:"name"`
	InstanceType string `json:"instanceType"`
	Image        string `json:"image"`

	dir      string
	userData []byte
}

// ids is the name space of all ids that are derived here.
var ids = uuid.MustParse("5b1f8f0e-9a51-4a53-8a86-0c6d5a5a3c55")

// derive returns the id that always belongs to these parts. The task's part of
// the idempotency key is what all methods and attempts of a task share.
func derive(parts ...string) string {
	return uuid.NewSHA1(ids, []byte(strings.Join(parts, "\x00"))).String()
}

// taskDir is where the machines of a task live. The id is not used as it came,
// since it is a text from outside.
func (c Config) taskDir(id string) string { return filepath.Join(c.tasks(), derive(id)) }

// place gives a machine its id and directory.
func (c Config) place(taskID string, m machine) machine {
	m.ID = derive(taskID, "machine", m.Resource)
	m.dir = filepath.Join(c.taskDir(taskID), m.ID)
	if m.InstanceType == "" {
		m.InstanceType = "standard"
	}
	return m
}

// wanted returns the machines that a task asks for, at least one.
func (s *Stone) wanted(t *stone.Task, p Params) ([]machine, error) {
	all, err := instances(p.Template)
	if err != nil {
		return nil, stone.Reject("parameter template: " + err.Error())
	}
	if len(all) == 0 {
		all = []machine{{Name: t.Name, userData: []byte(p.UserData)}}
	}
	if len(all) > s.cfg.MaxMachines {
		return nil, stone.Reject(fmt.Sprintf("parameter template: asks for %d machines, %d are allowed", len(all), s.cfg.MaxMachines))
	}
	for i, m := range all {
		all[i] = s.cfg.place(t.ID, m)
	}
	return all, nil
}

// resource is the part of a resource that matters here.
type resource struct {
	Type       string
	Properties struct {
		InstanceName string
		InstanceType string
		ImageID      string `json:"ImageId"`
		UserData     jsontext.Value
	}
}

// instances lists the machines of a template, in its order.
func instances(template string) ([]machine, error) {
	if strings.TrimSpace(template) == "" {
		return nil, nil
	}
	resources, err := resourcesOf([]byte(template))
	if err != nil {
		return nil, err
	}
	var all []machine
	for _, m := range resources {
		var r resource
		if err := json.Unmarshal(m.Value, &r); err != nil {
			return nil, fmt.Errorf("resource %s has a property of the wrong type", m.Name) // the cause would show values
		}
		if !strings.HasSuffix(r.Type, "::Instance") {
			continue
		}
		data, err := userData(r.Properties.UserData)
		if err != nil {
			return nil, fmt.Errorf("resource %s: %w", m.Name, err)
		}
		one := machine{Resource: m.Name, Name: r.Properties.InstanceName, InstanceType: r.Properties.InstanceType, Image: r.Properties.ImageID, userData: data}
		if strings.ContainsFunc(one.Name+one.InstanceType+one.Image, unicode.IsControl) {
			return nil, fmt.Errorf("resource %s has a control character in a property", m.Name)
		}
		if one.Name == "" {
			one.Name = m.Name
		}
		all = append(all, one)
	}
	return all, nil
}

func resourcesOf(template []byte) ([]jsonvalue.Member, error) {
	o, err := jsonvalue.Scan(template)
	if err != nil {
		return nil, err
	}
	for _, m := range o.Members {
		if m.Name != "Resources" || m.Value.Kind() == jsontext.KindNull {
			continue
		}
		resources, err := jsonvalue.Scan(m.Value)
		if err != nil {
			return nil, fmt.Errorf("the member Resources: %w", err)
		}
		return resources.Members, nil
	}
	return nil, nil
}

// userData reads a text, or {"Fn::Base64": text} that holds base64 already.
func userData(v jsontext.Value) ([]byte, error) {
	switch v.Kind() {
	case jsontext.KindInvalid, jsontext.KindNull:
		return nil, nil
	case jsontext.KindString:
		return []byte(jsonvalue.Text(v)), nil
	}
	var f struct {
		Base64 string `json:"Fn::Base64"`
	}
	if err := json.Unmarshal(v, &f); err != nil {
		return nil, errors.New("the property UserData is neither a text nor Fn::Base64")
	}
	data, err := base64.StdEncoding.DecodeString(f.Base64)
	if err != nil { // the function also stands for plain text that is to be encoded
		return []byte(f.Base64), nil //nolint:nilerr // see above
	}
	return data, nil
}
