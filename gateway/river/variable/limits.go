package variable

import (
	"cmp"
	"errors"
	"fmt"
)

// Defaults of [Limits].
const (
	DefaultMaxBytes = 8 << 20
	DefaultMaxDepth = 128
)

// maxDigits bounds bigInteger and bigDecimal in plain notation, so that a short
// text with a huge exponent does not become a long one.
const maxDigits = 10_000

// Limits bound what one variable may hold. Zero members stand for the defaults.
type Limits struct {
	MaxBytes int64 // of the value, as it is kept
	MaxDepth int   // of objects and arrays in one another
}

// withDefaults fills what is zero.
func (l Limits) withDefaults() Limits {
	l.MaxBytes = cmp.Or(l.MaxBytes, DefaultMaxBytes)
	l.MaxDepth = cmp.Or(l.MaxDepth, DefaultMaxDepth)
	return l
}

// ErrContent says that a serialized Java object is well formed but may not be
// accepted: it names a class that is not on the list. To a client it is
// "Content is not supported".
var ErrContent = errors.New("content is not supported")

// InvalidError says that a value does not fit its type or a limit. Its sentence
// is meant for the client, and does not name the variable.
type InvalidError struct {
	Reason string
}

// Error returns the sentence.
func (e *InvalidError) Error() string { return e.Reason }

// invalid makes an [InvalidError].
func invalid(format string, args ...any) error {
	return &InvalidError{Reason: fmt.Sprintf(format, args...)}
}
