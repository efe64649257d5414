// Package param is the declaration of a stone's parameters and outputs, as
// stones announce it, and the check of a document against it. It reads and
// writes no queue. Workers check with it before they run a method, the gateway
// before it takes a task.
package param

import "encoding/json"

// Type is the JSON type of a parameter.
type Type string

// The types.
const (
	String  Type = "string"
	Number  Type = "number"
	Integer Type = "integer"
	Boolean Type = "boolean"
	Object  Type = "object"
	Array   Type = "array"
)

// Param declares a parameter.
type Param struct {
	Name           string            `json:"name"`
	DisplayName    string            `json:"displayName,omitempty"`
	Description    string            `json:"description,omitempty"`
	Type           Type              `json:"type"`
	Default        json.RawMessage   `json:"default,omitempty"`
	NoEcho         bool              `json:"noEcho,omitempty"` // a secret, never shown
	AllowedValues  []json.RawMessage `json:"allowedValues,omitempty"`
	AllowedPattern string            `json:"allowedPattern,omitempty"` // RE2, anchored at both ends
	MinLength      *int              `json:"minLength,omitempty"`      // in characters
	MaxLength      *int              `json:"maxLength,omitempty"`
	MinValue       *float64          `json:"minValue,omitempty"`
	MaxValue       *float64          `json:"maxValue,omitempty"`
	Visible        *bool             `json:"visible,omitempty"` // to a model's designer, nil means yes
	Required       bool              `json:"required,omitempty"`
}

// Output declares an output.
type Output struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}
