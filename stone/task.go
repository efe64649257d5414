package stone

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

// Task is one run of one method, as a stone's author sees it. Its methods may
// be called from several goroutines until the method returns; what is reported
// afterwards is dropped.
type Task struct {
	task.Names
	Method   task.Method
	Attempt  int       // number of the command on the task, 1 for the first; a reRun raises it
	Try      int       // how often this command has been tried, 1 for the first time
	Deadline time.Time // of the work, zero for none
	// CreateTime is when the command was made; a monitor may count its own
	// deadline from it.
	CreateTime time.Time

	delivery int
	params   json.RawMessage
	before   json.RawMessage
	noEcho   []string // names of secret params
	reporter Reporter
	secrets  secrets

	mu   sync.Mutex
	keys []string
	set  map[string]json.RawMessage
	sets int // calls of SetOutput
}

// Reporter takes what a stone reports while it runs.
type Reporter interface {
	Progress(percent int)
	Log(line queue.LogLine)
}

// NewTask makes the task of a command. It is for runners and test kits.
// delivery is the fencing token, try counts the runs from 1.
func NewTask(c *queue.Command, delivery, try int, r Reporter) *Task {
	return &Task{Names: c.Names, Method: c.Method, Attempt: c.Epoch, Try: try, Deadline: c.Deadline, CreateTime: c.CreateTime,
		delivery: delivery, params: c.Params, before: c.Outputs, reporter: r}
}

// Params returns the parameters, a JSON object, as they were sent.
func (t *Task) Params() json.RawMessage { return t.params }

// Bind decodes the parameters into v, a pointer. An error is a [Reject]: other
// parameters would be needed, not another try.
func (t *Task) Bind(v any) error {
	if err := json.Unmarshal(t.params, v); err != nil {
		return Reject("params: " + err.Error())
	}
	return nil
}

// Before returns the outputs the task had when the command was sent, a JSON
// object: those of start when monitor runs.
func (t *Task) Before() json.RawMessage { return t.before }

// SetOutput sets one output. Outputs are merged into the task's by key when
// the method returns; if the task's have more than [queue.MaxBlob] bytes then,
// the method has failed: keep large results elsewhere and name the place.
func (t *Task) SetOutput(key string, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("output %s: %w", key, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.set == nil {
		t.set = map[string]json.RawMessage{}
	}
	if _, ok := t.set[key]; !ok {
		t.keys = append(t.keys, key)
	}
	t.set[key] = b
	t.sets++
	return nil
}

// NewOutputs returns the outputs set in this run as a JSON object, nil if none
// were set. It is for runners and test kits.
func (t *Task) NewOutputs() json.RawMessage {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.keys) == 0 {
		return nil
	}
	b := []byte{'{'}
	for i, k := range t.keys {
		if i > 0 {
			b = append(b, ',')
		}
		name, _ := json.Marshal(k) // a string can not fail
		b = append(append(append(b, name...), ':'), t.set[k]...)
	}
	return append(b, '}')
}

// drop forgets the outputs set in this run.
func (t *Task) drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys, t.set = nil, nil
}

// Progress reports how far the work is, in percent; values outside 0 to 100
// are cut. Reports that follow each other quickly are joined.
func (t *Task) Progress(percent int) { t.reporter.Progress(min(max(percent, 0), 100)) }

// Logf writes a line into the task's log at level debug, info, warn or error.
// Operators read it with the task. What it repeats of the values of secret
// params and outputs is masked, if they have at least 4 bytes; any other secret
// is yours to keep out.
func (t *Task) Logf(level, format string, args ...any) {
	t.reporter.Log(queue.LogLine{Time: time.Now(), Level: level, Line: t.mask(fmt.Sprintf(format, args...))})
}

// IdempotencyKey is the same for every delivery of one command, and differs
// between commands: <id>/<attempt>/<method>. Give it to services that
// recognise repeated requests.
func (t *Task) IdempotencyKey() string {
	return t.ID + "/" + strconv.Itoa(t.Attempt) + "/" + string(t.Method)
}

// FencingToken only grows from one run of a command to the next. Give it to
// services that can refuse a writer that was overtaken.
func (t *Task) FencingToken() int { return t.delivery }
