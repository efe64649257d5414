// Package fault is the closed list of what can go wrong for a caller of the
// gateway. Use cases return an [*Error]; package rest turns its kind into a
// status and its sentence into the body. It knows no HTTP and imports nothing
// of ours. A kind that nobody handles differently does not exist.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what kind of thing went wrong.
type Kind uint8

// The kinds.
const (
	Internal     Kind = iota // our mistake; the caller gets a request id, never the cause
	Invalid                  // the request breaks a rule; sending it again can not help
	NotFound                 // there is no such thing
	Method                   // the path exists, the method does not
	Conflict                 // the request does not fit what is recorded
	TooLarge                 // the request, or a part of it, is over a limit
	MediaType                // the body is of a type that is not understood
	TooMany                  // too many requests, or too much waits already; later it may pass
	Unavailable              // a part that is needed can not answer now; later it may pass
	Unauthorized             // the caller did not say who it is, or wrongly
	Forbidden                // the caller may not do this to a thing that exists
	State                    // a process can not do this where it stands; nothing has changed
	Content                  // the content, of a media type that is understood, can not be accepted
)

var messages = [...]string{
	Internal:    "Internal server error",
	Invalid:     "Bad request",
	NotFound:    "Not found",
	Method:      "Method not allowed",
	Conflict:    "Conflict",
	TooLarge:    "Payload too large",
	MediaType:   "Unsupported media type",
	TooMany:     "Too many requests",
	Unavailable: "Service unavailable",
	// The following are Flowable's words.
	Unauthorized: "Unauthorized",
	Forbidden:    "Forbidden",
	State:        "Internal server error",
	Content:      "Content is not supported",
}

// String returns the short text that clients see as message.
func (k Kind) String() string {
	if int(k) < len(messages) {
		return messages[k]
	}
	return messages[Internal]
}

// Error is something that went wrong for a caller.
type Error struct {
	Kind Kind
	// Detail is the sentence for the caller: it names the field and says what
	// to change. It holds no value of a secret, no cause, no SQL.
	Detail string
	// RetryAfter says when it may pass, 0 for never or unknown.
	RetryAfter time.Duration
	// Cause is for the log only, nil if there is nothing more to say.
	Cause error
}

// New returns an error of kind k with a sentence for the caller.
func New(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Detail: fmt.Sprintf(format, args...)}
}

// Because sets the cause, and returns e.
func (e *Error) Because(cause error) *Error {
	e.Cause = cause
	return e
}

// After sets when to try again, and returns e.
func (e *Error) After(d time.Duration) *Error {
	e.RetryAfter = d
	return e
}

// Error returns kind, sentence and cause, for logs.
func (e *Error) Error() string {
	s := e.Kind.String() + ": " + e.Detail
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Of returns the fault that err is or wraps. Any other error is an [Internal]
// one without a sentence, nil is nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Internal, Cause: err}
}
