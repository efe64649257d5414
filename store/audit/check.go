package audit

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/recorder"
)

// skew is how far the clock of one worker may step back between two reports of
// one run.
const skew = time.Second

// Check compares a task with its history, as [store.Tasks.History] returns it,
// and says what is wrong. Notes among the history count for nothing. It is pure.
func Check(t *task.Task, history []store.Note) []Finding {
	c := checker{t: t, epochs: map[int][]store.Transition{}}
	for i := range history {
		if history[i].Why == "" {
			c.epochs[history[i].Epoch] = append(c.epochs[history[i].Epoch], history[i].Transition)
		}
	}
	for e := 1; e <= t.Epoch; e++ {
		c.attempt(e, c.epochs[e])
	}
	for e := range c.epochs {
		if e > t.Epoch || e < 1 {
			c.say(OutOfOrder, "the history has attempt %d, the task is at attempt %d", e, t.Epoch)
		}
	}
	c.state()
	slices.SortFunc(c.found, func(a, b Finding) int { return slices.Index(Kinds(), a.Kind) - slices.Index(Kinds(), b.Kind) })
	return c.found
}

type checker struct {
	t      *task.Task
	epochs map[int][]store.Transition
	torn   bool // the current attempt has ended twice: nobody can say where it stands
	found  []Finding
}

func (c *checker) say(k Kind, format string, args ...any) {
	c.found = append(c.found, Finding{Kind: k, TaskID: c.t.TaskID, ID: c.t.ID, Detail: fmt.Sprintf(format, args...)})
}

// attempt checks the transitions of one epoch.
func (c *checker) attempt(epoch int, all []store.Transition) {
	seen := map[task.Status]int{}
	var ends []task.Status
	for _, t := range all {
		if seen[t.Status]++; seen[t.Status] == 2 {
			c.say(Doubled, "attempt %d: %s is recorded twice", epoch, t.Status)
		}
		if seen[t.Status] == 1 && t.Status != task.ProduceFailed && t.Status.End(t.Final) {
			ends = append(ends, t.Status)
		}
	}
	if len(ends) > 1 {
		c.say(Doubled, "attempt %d has ended twice: %s, %s", epoch, ends[0], ends[1])
		c.torn = c.torn || epoch == c.t.Epoch
	}
	// Cancelled before it began: no command was sent.
	silent := len(all) == 1 && all[0].Status == task.Canceled
	if seen[task.ProduceSuccess]+seen[task.ProduceFailed] == 0 && !silent {
		c.say(Lost, "attempt %d has no produce.success", epoch)
		c.found[len(c.found)-1].unread = true // its command may be read after its first event
	}
	c.methods(epoch, all)
	c.times(epoch, all)
}

// methods checks that an attempt has statuses of its own method only.
func (c *checker) methods(epoch int, all []store.Transition) {
	var own task.Method
	if epoch == c.t.Epoch {
		own = c.t.Method
	}
	for _, t := range all {
		m := t.Status.Method()
		switch {
		case m == "":
		case own == "":
			own = m
		case m != own && (m != task.Monitor || own != task.Start):
			c.say(OutOfOrder, "attempt %d: %s in an attempt of %s", epoch, t.Status, own)
			return
		}
	}
}

// times checks that what one worker reported of one run came one after the other.
func (c *checker) times(epoch int, all []store.Transition) {
	type run struct {
		worker   string
		delivery int
	}
	last := map[run]store.Transition{}
	for _, t := range all {
		if t.Status.Produce() || t.Worker == "" {
			continue
		}
		r := run{t.Worker, t.Delivery}
		if before, ok := last[r]; ok && t.Time.Before(before.Time.Add(-skew)) {
			c.say(OutOfOrder, "attempt %d: %s is %s earlier than %s of the same run", epoch, t.Status, before.Time.Sub(t.Time), before.Status)
		}
		last[r] = t
	}
}

// state checks that the current state is the fold of the history.
func (c *checker) state() {
	all := c.epochs[c.t.Epoch]
	if len(all) == 0 || c.torn {
		return // told by attempt
	}
	var s store.State
	for _, t := range all {
		recorder.Advance(&s, t)
	}
	if s.Status != c.t.Status {
		if s.Seen&(1<<c.t.Status) == 0 {
			c.say(Lost, "the task stands at %s, which its history lacks: it ends at %s", c.t.Status, s.Status)
		} else {
			c.say(OutOfOrder, "the task stands at %s, its history at %s", c.t.Status, s.Status)
		}
		return
	}
	for _, d := range []struct{ what, have, want string }{
		{"final mark", strconv.FormatBool(c.t.Final), strconv.FormatBool(s.Final)},
		{"end time", moment(c.t.EndTime), moment(s.EndTime)},
		{"reason", c.t.Reason, s.Reason},
	} {
		if d.have != d.want {
			c.say(OutOfOrder, "the %s of %s is %q, the history says %q", d.what, s.Status, d.have, d.want)
		}
	}
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
