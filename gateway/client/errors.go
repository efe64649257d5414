package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ErrTooLarge says that an answer was longer than [Config.MaxAnswer].
var ErrTooLarge = errors.New("answer is over the limit")

// Error is an answer that is no success. Get it with errors.As.
type Error struct {
	Status    int    // of HTTP
	Message   string // the short kind, such as "Not found"
	Exception string // the sentence that says what to change
	RequestID string // to find the request in the server's log, "" if it gave none
	// RetryAfter is how long the server asks to wait, 0 if it does not say.
	RetryAfter time.Duration
}

// Error returns kind, sentence and status.
func (e *Error) Error() string {
	text := e.Message
	if e.Exception != "" {
		text += ": " + e.Exception
	}
	return fmt.Sprintf("%s (HTTP %d)", text, e.Status)
}

// Is makes errors.Is(err, [ErrNotFound]) and the like work.
func (e *Error) Is(target error) bool {
	k, ok := target.(kind)
	return ok && int(k) == e.Status
}

// kind is a status that callers tell apart.
type kind int

// Error returns the text of the status.
func (k kind) Error() string { return strings.ToLower(http.StatusText(int(k))) }

// What callers may want to tell apart, for errors.Is.
const (
	ErrBadRequest  = kind(http.StatusBadRequest)         // the request must be changed
	ErrNotFound    = kind(http.StatusNotFound)           // no such task
	ErrConflict    = kind(http.StatusConflict)           // the taskId has other content, or the task's state forbids it
	ErrBusy        = kind(http.StatusTooManyRequests)    // the stone's backlog is full: later
	ErrUnavailable = kind(http.StatusServiceUnavailable) // the queue is out of reach: later
)

// maxUnread is how much of an answer that is not the API's own is quoted.
const maxUnread = 200

func newError(resp *http.Response, body []byte) *Error {
	e := &Error{Status: resp.StatusCode, RequestID: resp.Header.Get("X-Request-Id")}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	var shape struct{ Message, Exception string }
	if json.Unmarshal(body, &shape) == nil && shape.Message != "" {
		e.Message, e.Exception = shape.Message, shape.Exception
		return e
	}
	// Not the API: a proxy, or another server on this port.
	e.Message = http.StatusText(resp.StatusCode)
	e.Exception = strings.TrimSpace(string(body[:min(len(body), maxUnread)]))
	return e
}
