package stone

import (
	"encoding/json"
	"time"
)

// Spec says what a stone is. Only Code is required.
type Spec struct {
	Code        string // 1 to 64 letters, digits, _ - : . beginning with a letter
	DisplayName string
	Description string
	Service     string // the service the stone belongs to
	Version     string
	Params      []Param
	Outputs     []Output

	// BusinessKey makes the workers of this spec serve that key only.
	BusinessKey string
	// Concurrency is how many commands of a lane run at once in one worker, 10 by default.
	Concurrency int
	// MaxAttempts is how often a command is tried before it fails, 3 by default.
	MaxAttempts int
	// Backoff is the wait before the second try, 5 s by default; it doubles
	// with each further one up to 5 minutes.
	Backoff time.Duration
	// Timeout ends the context of one run of a method, 0 for none.
	Timeout time.Duration
}

// ParamType is the JSON type of a parameter.
type ParamType string

// The types.
const (
	String  ParamType = "string"
	Number  ParamType = "number"
	Integer ParamType = "integer"
	Boolean ParamType = "boolean"
	Object  ParamType = "object"
	Array   ParamType = "array"
)

// Param declares a parameter.
type Param struct {
	Name           string            `json:"name"`
	DisplayName    string            `json:"displayName,omitempty"`
	Description    string            `json:"description,omitempty"`
	Type           ParamType         `json:"type"`
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
