package stone

import (
	"encoding/json"

	"github.com/riverstones/riverstones/queue/param"
)

type (
	// ParamError says which parameter breaks which rule of its declaration. It
	// never holds the value, which may be a secret.
	ParamError = param.Error
	// ParamErrors are all the parameters of one document that break a rule, each
	// with its first broken rule, in the order of their declaration.
	ParamErrors = param.Errors
	// Checker checks params against a declaration. It may be used by several
	// goroutines at once.
	Checker = param.Checker
)

// ErrParams is wrapped by errors about params that are no valid JSON object.
var ErrParams = param.ErrObject

// Check is [NewChecker] and [Checker.Check] in one, for a declaration that is
// used once.
func Check(params []Param, doc json.RawMessage) (json.RawMessage, error) {
	return param.Check(params, doc)
}

// NewChecker compiles a declaration. It refuses one that is wrong in itself:
// a name twice, an unknown type, a rule that does not fit the type, a default
// that breaks the rules.
func NewChecker(params []Param) (*Checker, error) { return param.NewChecker(params) }
