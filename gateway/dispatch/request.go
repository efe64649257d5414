package dispatch

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Limits of a request.
const (
	MaxTasks    = 1000 // in one array
	MaxAttempts = 1000 // of its retry
)

const (
	maxDepth    = 64 // nesting of params and outputs
	maxProblems = 10 // named in one answer
	minDuration = time.Millisecond
	maxDuration = 10 * 365 * 24 * time.Hour
)

// Request is a task as an orchestrator publishes it. A field that is zero was
// left out. Nothing is checked yet but that Params, Outputs and Callback are
// valid JSON without duplicate names; the slices are not kept.
type Request struct {
	ID                string // a UUID of the client's own
	ProcessInstanceID string // required
	TaskID            string // required
	Name              string // the stone's code by default
	Namespace         string // the stone's code by default
	Stone             string // required
	BusinessKey       string
	QueueType         string          // start by default
	Params            json.RawMessage // an object, or a string that holds one
	Outputs           json.RawMessage // the same
	Retry             *Retry
	Timeout           string // a Go duration

	Debug     bool   // puts the process into debug mode
	Delay     string // a Go duration from now on; the task is held back until then
	NotBefore string // RFC 3339; the same until a time

	// Callback says whom to tell of the task's ends: an object with url and kind.
	Callback json.RawMessage
}

// Retry says how often the work is tried, over the stone's own rule.
type Retry struct {
	MaxAttempts int    // 0: as the stone's own
	Backoff     string // a Go duration, "": as the stone's own
}

// draft is a request that was found valid, on its way to be published.
type draft struct {
	cmd     *queue.Command
	timeout time.Duration // 0 for none
	given   bool          // the id is the client's
	hold    hold
	debug   bool
	// callback is whom to tell, nil for nobody.
	callback *store.Callback

	mine   *claim   // on the task while it is published
	held   []*claim // that others published and that are not recorded yet
	known  *task.Task
	seq    uint64 // of the stored message, 0 if it was recorded before
	failed bool   // recorded as produce.failed before
	unsure bool   // the checkpoint cannot be believed about seq
}

// checker collects what is wrong with a request.
type checker struct {
	where    string // put before each field, to tell the tasks of an array apart
	problems []string
	more     int
	large    bool
	declared Check
	target   Target
}

// Check fills in and checks the params of a declared stone. Its errors name
// the parameter.
type Check func(stone string, m task.Method, params json.RawMessage) (json.RawMessage, error)

func (c *checker) add(format string, args ...any) {
	if len(c.problems) == maxProblems {
		c.more++
		return
	}
	c.problems = append(c.problems, c.where+fmt.Sprintf(format, args...))
}

// err is nil if nothing is wrong.
func (c *checker) err() error {
	if len(c.problems) == 0 {
		return nil
	}
	detail := strings.Join(c.problems, "; ")
	if c.more > 0 {
		detail += fmt.Sprintf("; and %d more", c.more)
	}
	if c.large {
		return fault.New(fault.TooLarge, "%s", detail)
	}
	return fault.New(fault.Invalid, "%s", detail)
}

// check returns the draft of r. What is wrong is added to c.
func (c *checker) check(r *Request) draft {
	cmd := &queue.Command{
		Names: task.Names{ID: r.ID, TaskID: r.TaskID, ProcessInstanceID: r.ProcessInstanceID,
			Name: orElse(r.Name, r.Stone), Namespace: orElse(r.Namespace, r.Stone), Stone: r.Stone, BusinessKey: r.BusinessKey},
		Method: task.Method(orElse(r.QueueType, string(task.Start))),
		Epoch:  1,
	}
	c.names(r)
	if !cmd.Method.Valid() {
		c.add("queueType must be one of start, monitor, rollback, delete, cancel, mock")
	}
	cmd.Params, cmd.Outputs = c.object("params", r.Params), c.object("outputs", r.Outputs)
	if c.declared != nil && len(c.problems) == 0 && (cmd.Method == task.Start || cmd.Method == task.Mock) {
		params, err := c.declared(cmd.Stone, cmd.Method, cmd.Params)
		if err != nil {
			c.add("params: %v", err)
		} else {
			cmd.Params = params
		}
	}
	if size := len(cmd.Params) + len(cmd.Outputs); size > queue.MaxBlob {
		c.large = len(c.problems) == 0
		c.add("params and outputs have %d bytes together, at most %d are taken: send a reference to what is larger", size, queue.MaxBlob)
	}
	cmd.Retry = c.retry(r.Retry)
	d := draft{cmd: cmd, given: r.ID != ""}
	if r.Timeout != "" {
		d.timeout = c.duration("timeout", r.Timeout).Truncate(time.Microsecond)
	}
	d.hold, d.debug, d.callback = c.hold(r), r.Debug, c.callback(r)
	c.id(cmd)
	return d
}

func (c *checker) names(r *Request) {
	for _, f := range [...]struct {
		name, value string
		required    bool
	}{
		{"processInstanceId", r.ProcessInstanceID, true}, {"taskId", r.TaskID, true}, {"name", r.Name, false}, {"namespace", r.Namespace, false},
	} {
		switch {
		case f.value == "" && f.required:
			c.add("%s is missing", f.name)
		case f.value != "" && !queue.CheckName(f.value):
			c.add("%s must be 1 to 255 characters without control characters", f.name)
		}
	}
	if r.Stone == "" {
		c.add("stone is missing")
	} else if err := queue.CheckStone(r.Stone); err != nil {
		c.add("stone: %v", err)
	}
	if err := queue.CheckBusinessKey(r.BusinessKey); err != nil {
		c.add("businessKey: %v", err)
	}
}

func (c *checker) id(cmd *queue.Command) {
	if cmd.ID != "" {
		if cmd.ID = strings.ToLower(cmd.ID); !queue.CheckID(cmd.ID) {
			c.add("id must be a UUID such as 0190a6f2-5b1c-7c4e-9a57-2f6f0e3d7a11, or be left out")
		}
		return
	}
	id, err := uuid.NewV7()
	if err != nil { // the system gives no random numbers
		id = uuid.New()
	}
	cmd.ID = id.String()
}

func (c *checker) object(field string, raw json.RawMessage) json.RawMessage {
	out, err := object(raw)
	switch {
	case errors.Is(err, errDepth):
		c.add("%s is nested deeper than %d", field, maxDepth)
	case err != nil:
		c.add("%s must be a JSON object, or a string that holds one", field)
	}
	return out
}

func (c *checker) retry(r *Retry) *queue.Retry {
	if r == nil || *r == (Retry{}) {
		return nil
	}
	out := &queue.Retry{MaxAttempts: r.MaxAttempts}
	if r.MaxAttempts < 0 || r.MaxAttempts > MaxAttempts {
		c.add("retry.maxAttempts must be between 1 and %d", MaxAttempts)
	}
	if r.Backoff != "" {
		out.Backoff = c.duration("retry.backoff", r.Backoff)
	}
	return out
}

func (c *checker) duration(field, text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil || d < minDuration || d > maxDuration {
		c.add(`%s must be a duration such as "90s" or "5m", at least 1ms`, field)
		return 0
	}
	return d
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// checkAll returns the drafts of an array, or everything that is wrong with it.
func checkAll(requests []Request, c checker) ([]draft, error) {
	if n := len(requests); n == 0 || n > MaxTasks {
		return nil, fault.New(fault.Invalid, "an array must hold 1 to %d tasks, this one holds %d", MaxTasks, n)
	}
	drafts := make([]draft, len(requests))
	tasks, ids := make(map[string]int, len(requests)), map[string]int{}
	for i := range requests {
		c.where = fmt.Sprintf("task %d: ", i)
		drafts[i] = c.check(&requests[i])
		c.once("taskId", requests[i].TaskID, tasks, i)
		c.once("id", strings.ToLower(requests[i].ID), ids, i)
	}
	return drafts, c.err()
}

// once says that a key is used twice, naming both places, counted from 0.
func (c *checker) once(field, key string, seen map[string]int, i int) {
	if key == "" {
		return
	}
	if first, ok := seen[key]; ok {
		c.add("%s is that of task %d already", field, first)
		return
	}
	seen[key] = i
}
