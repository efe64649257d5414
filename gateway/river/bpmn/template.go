package bpmn

import (
	"encoding/json"

	"github.com/riverstones/riverstones/queue/param"
)

// Parameter is one entry of a process's parameter template: what a start
// variable must be, and how a form shows it.
type Parameter struct {
	param.Param

	// Ref is the parameter whose value is the default, in the file "Ref:name". Default is nil then.
	Ref string `json:"-"`

	ConstraintDescription string `json:"constraintDescription,omitempty"` // told when a value is refused
	Namespace             string `json:"namespace,omitempty"`             // of the node it is for, empty for all
	UIGroup               string `json:"uiGroup,omitempty"`
	UIType                string `json:"uiType,omitempty"`
	AllowedCustomization  *bool  `json:"allowedCustomization,omitempty"` // nil means yes
}

// Output is one entry of a process's output template.
type Output struct {
	Key         string `json:"key"`
	DisplayName string `json:"displayName,omitempty"`
	// Value is any JSON; its strings may hold ${…}.
	Value json.RawMessage `json:"value"`
}
