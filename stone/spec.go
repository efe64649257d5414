package stone

import (
	"time"

	"github.com/riverstones/riverstones/queue/param"
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

// What a stone declares, and the check of it, is shared with the gateway; it
// is described in package param.
type (
	// Param declares a parameter.
	Param = param.Param
	// ParamType is the JSON type of a parameter.
	ParamType = param.Type
	// Output declares an output.
	Output = param.Output
)

// The types.
const (
	String  = param.String
	Number  = param.Number
	Integer = param.Integer
	Boolean = param.Boolean
	Object  = param.Object
	Array   = param.Array
)
