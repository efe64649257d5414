package sqlkit

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Begins returns the numbers of all *.begin statuses as a list in SQL.
func Begins() string {
	var codes []string
	for _, s := range task.Statuses() {
		if s.Begin() {
			codes = append(codes, strconv.Itoa(int(s)))
		}
	}
	return strings.Join(codes, ", ")
}

// PutCommanded writes id, not_before and [MutableColumns] of a task that a
// command changes.
func PutCommanded(w Writer, s *store.State) error {
	if err := putID(w, s.ID, s.Epoch, progress(s)); err != nil {
		return err
	}
	timeOrNull(w, s.NotBefore)
	putMutable(w, s, false)
	return nil
}

// Step returns the rows of step as those of one batch; Changed has the one
// task, under the names it has. What speaks of another task is refused: that
// one is not locked.
func Step(was *store.Standing, step *store.Step) (store.Changes, error) {
	st := step.State
	st.Names = was.Names
	c := store.Changes{Changed: []store.State{st}, Transitions: step.Transitions, Outbox: step.Outbox}
	if step.Attempt != nil {
		c.Attempts = []store.Attempt{*step.Attempt}
	}
	others := 0
	for i := range c.Attempts {
		others += other(c.Attempts[i].ID, was.ID)
	}
	for i := range c.Transitions {
		others += other(c.Transitions[i].ID, was.ID)
	}
	for i := range c.Outbox {
		others += other(c.Outbox[i].Command.ID, was.ID)
	}
	if others > 0 {
		return c, fmt.Errorf("%w: the step of task %s has %d rows of other tasks", store.ErrRejected, was.ID, others)
	}
	return c, nil
}

func other(id, than string) int {
	if id == than {
		return 0
	}
	return 1
}

// Delayed returns the rows of [store.Commands.Delay]; the tasks are in New, and
// of commands with one id only the first.
func Delayed(commands []store.Delayed) store.Changes {
	var out store.Changes
	seen := map[string]bool{}
	for i := range commands {
		d := &commands[i]
		c := &d.Command
		if seen[c.ID] {
			continue
		}
		seen[c.ID] = true
		st := store.State{
			Names: c.Names, Method: c.Method, Epoch: c.Epoch, Status: task.ProduceSuccess, Seen: 1 << task.ProduceSuccess,
			CreateTime: c.CreateTime, UpdateTime: c.CreateTime, NotBefore: d.NotBefore,
		}
		if len(c.Outputs) > len("{}") {
			st.Outputs = c.Outputs
		}
		out.New = append(out.New, st)
		out.Attempts = append(out.Attempts, store.Attempt{
			ID: c.ID, Epoch: c.Epoch, Method: c.Method, Params: c.Params, Outputs: c.Outputs,
			CreateTime: c.CreateTime, Deadline: c.Deadline, Retry: c.Retry,
		})
		out.Transitions = append(out.Transitions, store.Transition{
			ID: c.ID, Epoch: c.Epoch, Status: task.ProduceSuccess, Time: c.CreateTime,
		})
		if !d.NotBefore.IsZero() { // else the message tells, which goes out at once
			out.Outbox = append(out.Outbox, store.Outgoing{Kind: store.Tell, Command: *c})
		}
		out.Outbox = append(out.Outbox, store.Outgoing{Kind: store.Send, Command: *c, Timeout: d.Timeout, Due: d.NotBefore})
	}
	Sort(&out)
	return out
}

// PutDelayed returns a function that writes [NewColumns] of a task of these
// commands, not_before and timeout.
func PutDelayed(commands []store.Delayed) func(Writer, *store.State) error {
	timeouts := map[string]time.Duration{}
	for i := range commands {
		if _, twice := timeouts[commands[i].Command.ID]; !twice {
			timeouts[commands[i].Command.ID] = commands[i].Timeout
		}
	}
	return func(w Writer, s *store.State) error {
		if err := PutNew(w, s); err != nil {
			return err
		}
		timeOrNull(w, s.NotBefore)
		if d := timeouts[s.ID]; d > 0 {
			w.Int(d.Microseconds())
		} else {
			w.Null()
		}
		return nil
	}
}
