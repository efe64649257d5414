// Package stonetest is for authors of stones: it runs the methods of a stone
// on a task in memory, without a queue, and tells what the stone reported.
//
//	func TestMachine(t *testing.T) {
//		r := stonetest.RunToEnd(t, machine, stonetest.Task{Params: `{"size": 2}`})
//		r.RequireSuccess(t)
//		r.RequireOutputs(t, `{"machineId": "m-1"}`)
//	}
//
// It goes the way of the worker ([stone.Handlers]), middleware included if it
// was put on with [stone.Wrap], but knows no leases and no other workers: what
// becomes of a task under repeated or lost messages is the worker's to test.
package stonetest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/jsonvalue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

// TB is the part of [testing.TB] that the package needs.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Context() context.Context
}

// Task is what a method is run on. The zero value is a first start without
// params, under a new id.
type Task struct {
	// ID is the record's id; give it to run several methods on one task.
	ID                string
	TaskID            string // the id by default
	ProcessInstanceID string // "process" by default
	Name, Namespace   string // the stone's code by default
	Stone             string // "Stone" by default
	BusinessKey       string

	Method task.Method // start by default
	// Params and Outputs (those the task has already) are JSON objects: a text,
	// bytes, or any value that marshals to one. {} by default.
	Params, Outputs any

	Attempt    int // number of the command, 1 by default
	Try        int // how often the command was tried, this time included; 1 by default
	Delivery   int // the fencing token, Try by default
	CreateTime time.Time
	Deadline   time.Time

	// MaxTries is how often [RunToEnd] tries a method that says Retry, 3 by default.
	MaxTries int
	// MaxLooks is how often RunToEnd calls Monitor, 1000 by default.
	MaxLooks int
	// Wait is called by RunToEnd with each delay that the stone asked for. By
	// default nobody waits.
	Wait func(ctx context.Context, d time.Duration) error
}

// ErrTask is wrapped when a Task can not be made.
var ErrTask = errors.New("stonetest task")

// Run runs one method of a stone on a task.
func Run(t TB, s stone.Stone, in Task) *Result {
	t.Helper()
	return must(t)(Do(t.Context(), s, in))
}

// RunToEnd runs start, and again while it says Retry, then monitor until it is
// done. It does not wait in between; the delays are in Result.Delays.
func RunToEnd(t TB, s stone.Stone, in Task) *Result {
	t.Helper()
	return must(t)(DoToEnd(t.Context(), s, in))
}

func must(t TB) func(*Result, error) *Result {
	return func(r *Result, err error) *Result {
		t.Helper()
		if err != nil {
			t.Fatalf("run stone: %v", err)
		}
		return r
	}
}

// Do is [Run] without a test. Its error is about the Task, what the stone
// returned is in the Result.
func Do(ctx context.Context, s stone.Stone, in Task) (*Result, error) {
	c, err := in.command()
	if err != nil {
		return nil, err
	}
	r := &Result{Method: c.Method, Outputs: c.Outputs}
	h, ok := stone.Handlers(s)[c.Method]
	if !ok {
		return r.lacking(), nil
	}
	rep := &reporter{result: r}
	try := max(in.Try, 1)
	st := stone.NewTask(c, max(in.Delivery, try), try, rep)
	r.Err = h(ctx, st)
	rep.close()
	return r, r.finish(c, st.NewOutputs())
}

// DoToEnd is [RunToEnd] without a test.
func DoToEnd(ctx context.Context, s stone.Stone, in Task) (*Result, error) {
	in.ID, in.Method = cmp.Or(in.ID, uuid.NewString()), cmp.Or(in.Method, task.Start)
	sum := &Result{}
	if err := in.repeat(ctx, s, sum); err != nil || sum.Err != nil || in.Method != task.Start {
		return sum, err
	}
	if _, ok := stone.Handlers(s)[task.Monitor]; !ok {
		return sum, nil
	}
	in.Method, in.Try, in.Outputs = task.Monitor, 0, sum.Outputs
	return sum, in.repeat(ctx, s, sum)
}

// repeat runs a method until it is done or has failed for good.
func (in Task) repeat(ctx context.Context, s stone.Stone, sum *Result) error {
	tries, looks := cmp.Or(in.MaxTries, 3), cmp.Or(in.MaxLooks, 1000)
	for in.Try = max(in.Try, 1); ; {
		r, err := Do(ctx, s, in)
		if err != nil {
			return err
		}
		in.Outputs = r.Outputs
		sum.add(r)
		switch r.Outcome {
		case Again:
			if looks--; looks <= 0 {
				return fmt.Errorf("monitor is not done after %d looks", cmp.Or(in.MaxLooks, 1000))
			}
		case Retry:
			if in.Try++; in.Try > tries {
				return nil
			}
		default:
			return nil
		}
		if in.Wait != nil {
			if err := in.Wait(ctx, r.After); err != nil {
				return err
			}
		}
	}
}

// command makes the message that the worker would have got.
func (in Task) command() (*queue.Command, error) {
	params, err := object("params", in.Params)
	if err != nil {
		return nil, err
	}
	outputs, err := object("outputs", in.Outputs)
	if err != nil {
		return nil, err
	}
	m := cmp.Or(in.Method, task.Start)
	if !m.Valid() {
		return nil, fmt.Errorf("%w: %w %q", ErrTask, task.ErrMethod, m)
	}
	id, code := cmp.Or(in.ID, uuid.NewString()), cmp.Or(in.Stone, "Stone")
	if in.CreateTime.IsZero() {
		in.CreateTime = time.Now()
	}
	return &queue.Command{
		Names: task.Names{ID: id, TaskID: cmp.Or(in.TaskID, id), ProcessInstanceID: cmp.Or(in.ProcessInstanceID, "process"),
			Name: cmp.Or(in.Name, code), Namespace: cmp.Or(in.Namespace, code), Stone: code, BusinessKey: in.BusinessKey},
		Method: m, Epoch: max(in.Attempt, 1), Params: params, Outputs: outputs,
		CreateTime: in.CreateTime, Deadline: in.Deadline,
	}, nil
}

// object returns v as the text of a JSON object.
func object(what string, v any) (json.RawMessage, error) {
	var doc []byte
	switch v := v.(type) {
	case nil:
	case string:
		doc = []byte(v)
	case json.RawMessage:
		doc = v
	case []byte:
		doc = v
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrTask, what, err)
		}
		doc = b
	}
	if len(doc) == 0 {
		doc = []byte("{}")
	}
	if _, err := jsonvalue.Scan(doc); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrTask, what, err)
	}
	return doc, nil
}

// reporter writes into a result until the method has returned.
type reporter struct {
	mu     sync.Mutex
	result *Result
}

func (r *reporter) Progress(percent int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.result != nil {
		r.result.Progress = append(r.result.Progress, percent)
	}
}

func (r *reporter) Log(line queue.LogLine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.result != nil {
		r.result.Log = append(r.result.Log, line)
	}
}

func (r *reporter) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result = nil
}
