package river

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/store"
)

// jobRetries is how often a timer or a continuation is tried before the
// process fails of it; jobPause is the wait in between.
const (
	jobRetries = 3
	jobPause   = 10 * time.Second
)

// schedule makes the job of a timer event.
func (s *step) schedule(e *execution, n *bpmn.Node, t *bpmn.Timer) error {
	text, err := s.evalText(e, t.Text, "the timer of "+n.ID)
	if err != nil {
		return err
	}
	end, err := s.evalText(e, t.End, "the end of the timer of "+n.ID)
	if err != nil {
		return err
	}
	at, err := t.Kind.Schedule(text, end, s.now)
	if err != nil {
		return stuck("the timer of %s: %v", n.ID, err)
	}
	return s.timer(e, n, at)
}

func (s *step) timer(e *execution, n *bpmn.Node, at bpmn.Schedule) error {
	raw, err := json.Marshal(at)
	if err != nil {
		return fmt.Errorf("keep a timer: %w", err)
	}
	j := s.job(e, n, store.TimerJob)
	j.Due, j.Repeat = at.At.UTC().Truncate(time.Microsecond), string(raw)
	e.jobs.add(j.ID, j)
	s.due = true
	return nil
}

// again makes the next job of a timer that fires several times.
func (s *step) again(e *execution, n *bpmn.Node, j *store.Job) error {
	var at bpmn.Schedule
	if err := json.Unmarshal([]byte(j.Repeat), &at); err != nil {
		return fmt.Errorf("%w: job %s: %w", errCorrupt, j.ID, err)
	}
	next, ok := at.Next()
	if !ok {
		return nil
	}
	return s.timer(e, n, next)
}

// job makes a job that belongs to an execution.
func (s *step) job(e *execution, n *bpmn.Node, kind store.JobKind) store.Job {
	return store.Job{
		ID: newID(), Execution: e.ID, Instance: e.in.ID, Root: e.in.Root, Kind: kind, Definition: e.in.Definition,
		Activity: n.ID, Name: n.Name, Tenant: e.in.Tenant, Exclusive: n.Exclusive, Retries: jobRetries, Created: s.now,
	}
}

// continueLater leaves a token before its node, to go on in the background.
func (s *step) continueLater(e *execution, n *bpmn.Node) {
	j := s.job(e, n, store.AsyncJob)
	j.Due = s.now
	e.jobs.add(j.ID, j)
	s.due = true
}

// runJob does what a timer or continuation is for.
func (s *step) runJob(e *execution, j *store.Job) error {
	n, err := nodeOf(e)
	if err != nil {
		return err
	}
	kind, job := j.Kind, *j
	e.jobs.remove(j.ID)
	if kind == store.AsyncJob {
		return s.begin(e, n)
	}
	if b, ok := n.Detail.(*bpmn.BoundaryEvent); ok && !b.Interrupting {
		if err := s.again(e, n, &job); err != nil {
			return err
		}
	}
	return s.fire(e)
}
