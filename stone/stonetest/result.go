package stonetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/jsonvalue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

// Outcome is how a method ended.
type Outcome string

// The outcomes.
const (
	Success Outcome = "success" // nil
	Again   Outcome = "again"   // [stone.Again]
	Retry   Outcome = "retry"   // [stone.Retry], or an error without a name
	Reject  Outcome = "reject"  // [stone.Reject]
)

// Result is what a stone did and reported.
type Result struct {
	Method  task.Method // the last one run
	Outcome Outcome
	Err     error         // as returned by the stone
	Reason  string        // of a failure
	After   time.Duration // what Again or Retry asked for, 0 for the stone's policy
	// Status is what the task stands at if no try is left: the method's
	// .success or .failed, .begin after Again, and for a method that the stone
	// does not have mock.passed, canceled or success with nothing done.
	Status task.Status
	// Outputs are those of the task with the reported ones merged in,
	// Reported alone what the stone set in this run (nil for nothing).
	Outputs, Reported json.RawMessage
	Progress          []int           // in percent, in order
	Log               []queue.LogLine // in order
	Delays            []time.Duration // of every Again and Retry that [RunToEnd] met, in order
	Runs              int             // how many runs the Result sums up
}

// lacking is the result of a method that the stone does not have.
func (r *Result) lacking() *Result {
	r.Outcome, r.Runs = Success, 1
	switch r.Method {
	case task.Mock:
		r.Status = task.MockPassed
	case task.Cancel:
		r.Status = task.Canceled
	default:
		r.Status, r.Reason = r.Method.Success(), "nothing to do"
	}
	return r
}

// finish names the outcome and merges the outputs.
func (r *Result) finish(c *queue.Command, reported json.RawMessage) error {
	r.Runs, r.Reported = 1, reported
	r.classify()
	var err error
	r.Outputs, err = merge(c.Outputs, reported)
	return err
}

func (r *Result) classify() {
	r.Outcome, r.Status = Retry, r.Method.Failed()
	if r.Err == nil {
		r.Outcome, r.Status = Success, r.Method.Success()
		return
	}
	r.Reason = r.Err.Error()
	if after, ok := stone.AsAgain(r.Err); ok {
		r.Outcome, r.After, r.Status, r.Reason = Again, after, r.Method.Begin(), ""
		return
	}
	if stone.AsReject(r.Err) {
		r.Outcome = Reject
		return
	}
	r.After, _ = stone.AsRetry(r.Err)
}

// merge puts the members of b over those of a.
func merge(a, b json.RawMessage) (json.RawMessage, error) {
	if len(b) == 0 {
		return a, nil
	}
	before, err := jsonvalue.Scan(a)
	if err != nil {
		return nil, fmt.Errorf("%w: outputs: %w", ErrTask, err)
	}
	after, err := jsonvalue.Scan(b)
	if err != nil {
		return nil, fmt.Errorf("outputs of the stone: %w", err)
	}
	values := map[string]jsontext.Value{}
	var names []string
	for _, m := range append(before.Members, after.Members...) {
		if _, ok := values[m.Name]; !ok {
			names = append(names, m.Name)
		}
		values[m.Name] = m.Value
	}
	var out bytes.Buffer
	out.WriteByte('{')
	for i, n := range names {
		if i > 0 {
			out.WriteByte(',')
		}
		name, err := jsontext.AppendQuote(nil, n)
		if err != nil {
			return nil, err
		}
		out.Write(append(append(name, ':'), values[n]...))
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// add sums up one more run.
func (r *Result) add(next *Result) {
	r.Method, r.Outcome, r.Err, r.Reason, r.After, r.Status = next.Method, next.Outcome, next.Err, next.Reason, next.After, next.Status
	r.Outputs = next.Outputs
	r.Reported, _ = merge(orEmpty(r.Reported), next.Reported) // both come from a stone task, which makes objects
	if next.Outcome == Again || next.Outcome == Retry {
		r.Delays = append(r.Delays, next.After)
	}
	r.Progress = append(r.Progress, next.Progress...)
	r.Log = append(r.Log, next.Log...)
	r.Runs += next.Runs
}

func orEmpty(doc json.RawMessage) json.RawMessage {
	if len(doc) == 0 {
		return json.RawMessage("{}")
	}
	return doc
}

// Output decodes one of the task's outputs into v, and reports whether it is
// there and fits.
func (r *Result) Output(key string, v any) bool {
	o, err := jsonvalue.Scan(r.Outputs)
	if err != nil {
		return false
	}
	for _, m := range o.Members {
		if m.Name == key {
			return json.Unmarshal(m.Value, v) == nil
		}
	}
	return false
}

// Lines returns the texts of the log lines.
func (r *Result) Lines() []string {
	lines := make([]string, len(r.Log))
	for i, l := range r.Log {
		lines[i] = l.Line
	}
	return lines
}

// RequireSuccess fails the test unless the method succeeded.
func (r *Result) RequireSuccess(t TB) {
	t.Helper()
	r.require(t, Success, "")
}

// RequireAgain fails the test unless monitor asked to look again.
func (r *Result) RequireAgain(t TB) {
	t.Helper()
	r.require(t, Again, "")
}

// RequireRetry fails the test unless the method failed in a way that may pass,
// for a reason that contains part.
func (r *Result) RequireRetry(t TB, part string) {
	t.Helper()
	r.require(t, Retry, part)
}

// RequireReject fails the test unless the method failed for good, for a reason
// that contains part.
func (r *Result) RequireReject(t TB, part string) {
	t.Helper()
	r.require(t, Reject, part)
}

func (r *Result) require(t TB, want Outcome, part string) {
	t.Helper()
	if r.Outcome != want || !strings.Contains(r.Reason, part) {
		t.Fatalf("%s: want %s %q, got %s: %v", r.Method, want, part, r.Outcome, r.Err)
	}
}

// RequireOutputs fails the test unless the task's outputs are this JSON object,
// whatever their order.
func (r *Result) RequireOutputs(t TB, want string) {
	t.Helper()
	if !jsontext.Value(want).IsValid() || !jsonvalue.Equal(jsontext.Value(want), jsontext.Value(r.Outputs)) {
		t.Fatalf("%s: want outputs %s, got %s", r.Method, want, r.Outputs)
	}
}
