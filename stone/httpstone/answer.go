package httpstone

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/queue/jsonvalue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

// judge is the table from codes to outcomes. undo says that the call undoes
// something, which succeeds when there is nothing left.
//
//	2xx                  success
//	404, 410 of an undo  success
//	408, 425, 429, 5xx   Retry, after Retry-After if the answer says so
//	other 4xx            Reject
//	1xx, 3xx             Reject: redirects are not followed
func (a *answer) judge(undo bool) error {
	switch {
	case a.status >= 200 && a.status < 300:
		return nil
	case undo && (a.status == http.StatusNotFound || a.status == http.StatusGone):
		return nil
	case a.status == http.StatusRequestTimeout, a.status == http.StatusTooEarly,
		a.status == http.StatusTooManyRequests, a.status >= 500:
		return stone.Retry(a.retryAfter(time.Now()), a.why())
	case a.status < 400:
		return stone.Reject(a.why() + " (redirects are not followed)")
	default:
		return stone.Reject(a.why())
	}
}

// maxRetryAfter bounds what an answer may ask for.
const maxRetryAfter = time.Hour

// retryAfter reads the header of that name, 0 for none.
func (a *answer) retryAfter(now time.Time) time.Duration {
	v := a.header.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil {
		return min(max(time.Duration(s)*time.Second, 0), maxRetryAfter)
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}

// maxQuote bounds how much of an answer goes into a reason, in bytes.
const maxQuote = 200

// why tells the code and the beginning of the body, secrets masked.
func (a *answer) why() string {
	s := fmt.Sprintf("answer %d %s", a.status, http.StatusText(a.status))
	body := strings.TrimSpace(strings.Map(printable, strings.ToValidUTF8(task.RedactText(string(a.body)), "")))
	if len(body) > maxQuote {
		body = strings.ToValidUTF8(body[:maxQuote], "") + "…"
	}
	if body != "" {
		s += ": " + body
	}
	return s
}

func printable(c rune) rune {
	if unicode.IsControl(c) {
		return ' '
	}
	return c
}

// find follows a path into a JSON answer.
func (a *answer) find(p jsonvalue.Path) (jsontext.Value, bool) {
	doc := jsontext.Value(a.body)
	if !doc.IsValid() {
		return nil, false
	}
	return p.Find(doc)
}

// extract sets the outputs of a call.
func (c *call) extract(t *stone.Task, a *answer) error {
	for _, o := range c.outputs {
		v, ok := a.find(o.path)
		if !ok {
			return stone.Reject(fmt.Sprintf("output %s: the answer has no %s", o.name, strings.Join(o.path, ".")))
		}
		if err := t.SetOutput(o.name, json.RawMessage(v)); err != nil {
			return err
		}
	}
	return nil
}

// condition is a compiled [Condition].
type condition struct {
	Condition

	path jsonvalue.Path
	set  bool
}

func compileCondition(c Condition) (condition, error) {
	out := condition{Condition: c, set: len(c.Status) > 0 || c.Path != "" || len(c.Values) > 0}
	for _, v := range c.Values {
		if !jsontext.Value(v).IsValid() {
			return out, fmt.Errorf("values: %s is not JSON", v)
		}
	}
	for _, code := range c.Status {
		if code < 100 || code > 599 {
			return out, fmt.Errorf("status: %d is no HTTP status", code)
		}
	}
	var err error
	out.path, err = jsonvalue.ParsePath(c.Path)
	return out, err
}

func (c condition) holds(a *answer) bool {
	if !c.set || len(c.Status) > 0 && !slices.Contains(c.Status, a.status) {
		return false
	}
	if c.Path == "" && len(c.Values) == 0 {
		return true
	}
	if len(c.Status) == 0 && (a.status < 200 || a.status > 299) { // an error's body is no state
		return false
	}
	v, ok := a.find(c.path)
	if !ok || len(c.Values) == 0 {
		return ok
	}
	return slices.ContainsFunc(c.Values, func(want json.RawMessage) bool {
		return jsonvalue.Equal(v, jsontext.Value(want))
	})
}
