package stone

import (
	"errors"
	"fmt"
	"time"
)

// retryError, rejectError and againError are the outcomes with a name.
type (
	retryError struct {
		after time.Duration
		why   string
	}
	rejectError struct{ why string }
	againError  struct{ after time.Duration }
)

func (e *retryError) Error() string  { return e.why }
func (e *rejectError) Error() string { return e.why }
func (e *againError) Error() string  { return fmt.Sprintf("not done yet, next look in %s", e.after) }

// Retry says that the method failed in a way that may pass: it is run once
// more after at least d, while attempts remain, and fails with why after the
// last. A d of 0 means the stone's backoff.
func Retry(after time.Duration, why string) error { return &retryError{after, why} }

// Reject says that the method failed for good: it is not tried again.
func Reject(why string) error { return &rejectError{why} }

// Again is for Monitor: the work is not done yet, look again in d.
func Again(after time.Duration) error { return &againError{after} }

// AsRetry reports whether err is a [Retry], and after how long.
func AsRetry(err error) (after time.Duration, ok bool) {
	if e, ok := errors.AsType[*retryError](err); ok {
		return e.after, true
	}
	return 0, false
}

// AsReject reports whether err is a [Reject].
func AsReject(err error) bool {
	_, ok := errors.AsType[*rejectError](err)
	return ok
}

// AsAgain reports whether err is an [Again], and after how long.
func AsAgain(err error) (after time.Duration, ok bool) {
	if e, ok := errors.AsType[*againError](err); ok {
		return e.after, true
	}
	return 0, false
}
