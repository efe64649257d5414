package stone

import (
	"time"

	"github.com/riverstones/riverstones/queue/param"
	"github.com/riverstones/riverstones/queue/task"
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
	// Timeout ends the context of one run of a method, 0 for none. Timeouts
	// holds those of methods that have one of their own; 0 there means none.
	Timeout  time.Duration
	Timeouts map[task.Method]time.Duration
}

// timeout is that of one run of a method, 0 for none.
func (s *Spec) timeout(m task.Method) time.Duration {
	if d, ok := s.Timeouts[m]; ok {
		return d
	}
	return s.Timeout
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
