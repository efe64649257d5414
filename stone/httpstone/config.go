package httpstone

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"time"

	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/stone/internal/conf"
)

// Config says what a stone calls. Code and Start are required.
//
// URL, header values and body of a [Call] are templates ([text/template]) over
// .params, .outputs (those of the task so far) and .task (id, taskId,
// processInstanceId, name, namespace, stone, businessKey, method, attempt, and
// key, the idempotency key). A key that is missing is an error. Every value is
// escaped for the place it stands in: percent-encoded in the path and the
// query, one label of letters, digits and hyphens in the host, JSON in a body,
// where {{.params.size}} writes a whole JSON value and "disk {{.params.size}}"
// a part of a string. The function json makes JSON out of a value to put into
// a string.
type Config struct {
	Code        string         `json:"code"`
	DisplayName string         `json:"displayName"`
	Description string         `json:"description"`
	Service     string         `json:"service"`
	Version     string         `json:"version"`
	BusinessKey string         `json:"businessKey"`
	Params      []stone.Param  `json:"params"`
	Outputs     []stone.Output `json:"outputs"` // descriptions; those that calls extract are declared anyway

	Start   *Call `json:"start"`
	Monitor *Poll `json:"monitor"`
	// Rollback, Delete and Cancel succeed also when the answer is 404 or 410,
	// and are not called when an output they refer to was never reported:
	// what start did not make need not be undone.
	Rollback *Call `json:"rollback"`
	Delete   *Call `json:"delete"`
	Cancel   *Call `json:"cancel"`
	Mock     *Call `json:"mock"`

	// Headers go with every call, such as Authorization. Values are templates.
	Headers map[string]string `json:"headers"`
	// Timeout bounds one call, from dialing to the last byte; 30 s by default.
	Timeout time.Duration `json:"timeout"`
	// MaxAnswer bounds the body of an answer, in bytes; 1 MiB by default.
	MaxAnswer int64 `json:"maxAnswer"`

	// Hosts is the allow-list of hosts: "api.example.com", with a port if it
	// is not the scheme's own, or "*.example.com" for any name below. Needed
	// where a URL has a template in its host; checked whenever it is not empty.
	Hosts []string `json:"hosts"`
	// Allow lifts the guard for development: host names, addresses or CIDRs
	// ("localhost", "127.0.0.0/8") that may be called although they are local
	// or private, and over plain http.
	Allow []string `json:"allow"`

	// TLS holds the program's own roots or client certificates, nil for none.
	TLS *tls.Config `json:"-"`
}

// Call is one HTTP request.
type Call struct {
	Method  string            `json:"method"` // POST by default, GET for monitor
	URL     string            `json:"url"`    // absolute
	Headers map[string]string `json:"headers"`
	// Body is JSON by default. With the header Content-Type
	// application/x-www-form-urlencoded it is a form. Other types are refused,
	// since values could not be escaped for them.
	Body string `json:"body"`
	// Outputs are taken out of the JSON answer of a call that succeeded: output
	// name to path, such as "id", "items.0.id" or, for names with dots, the JSON
	// Pointer "/a.b/id". A path that leads nowhere is a failure for good.
	Outputs map[string]string `json:"outputs"`
}

// Poll is the request of monitor with the conditions that end it. A 2xx answer
// that meets neither condition means: not yet.
type Poll struct {
	Call

	// Done holds when the work is done. At least one of Done's fields is set.
	Done Condition `json:"done"`
	// Failed holds when the work has failed for good. It is looked at first.
	Failed Condition `json:"failed"`
	// Interval is the wait between two looks, 5 s by default.
	Interval time.Duration `json:"interval"`
	// Deadline fails a task whose work is not done this long after its command
	// was made, 0 for none.
	Deadline time.Duration `json:"deadline"`
	// Progress is the path of a number from 0 to 100 in the answer, "" for none.
	Progress string `json:"progress"`
	// Reason is the path of a text that says why the work failed.
	Reason string `json:"reason"`
}

// Condition holds when each of its fields that is set does. One with no field
// set never holds.
type Condition struct {
	Status []int             `json:"status"` // the answer has one of these codes
	Path   string            `json:"path"`   // of a value in the JSON answer
	Values []json.RawMessage `json:"values"` // the value is one of these; with none it need only be there
}

// Parse reads a Config from YAML or JSON. Durations are written as "30s".
// Unknown names are errors.
func Parse(doc []byte) (Config, error) {
	var c Config
	if err := conf.Decode(doc, &c); err != nil {
		return c, fmt.Errorf("read http stone: %w", err)
	}
	return c, nil
}

const (
	defaultTimeout   = 30 * time.Second
	defaultMaxAnswer = 1 << 20
	defaultInterval  = 5 * time.Second
)

// withDefaults fills in what is left open.
func (c Config) withDefaults() Config {
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.MaxAnswer == 0 {
		c.MaxAnswer = defaultMaxAnswer
	}
	if c.Monitor != nil && c.Monitor.Interval == 0 {
		m := *c.Monitor
		m.Interval = defaultInterval
		c.Monitor = &m
	}
	return c
}
