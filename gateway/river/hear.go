package river

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"go.opentelemetry.io/otel/attribute"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// hear takes the end of a task in one step: the process goes on, or fails. What
// the model itself does not allow then fails the process, since nobody waits
// for an answer.
func (r *Runtime) hear(ctx context.Context, end store.TaskEnd) error {
	err := r.step(ctx, func(s *step) error { return s.hear(&end) })
	f := fault.Of(err)
	if err == nil || f.Kind == fault.Unavailable || f.Kind == fault.Internal {
		return err
	}
	return r.step(ctx, func(s *step) error { return s.refuseEnd(&end, f.Detail) })
}

// refuseEnd fails the process that can not go on behind a task; if a caller is
// suspended, the end is kept.
func (s *step) refuseEnd(end *store.TaskEnd, why string) error {
	s.write.Heard = append(s.write.Heard, end.Number)
	in, err := s.open(store.OfInstance, end.Instance)
	if err != nil {
		return gone(err)
	}
	_, j := in.jobOf(end.Task)
	if j == nil {
		return nil // it has gone on another way meanwhile
	}
	if held, err := s.callerSuspended(in); err != nil || held {
		return errors.Join(err, s.keepLate(j, end.Occasion == store.Resumed))
	}
	return s.fail(in, why)
}

func (s *step) hear(end *store.TaskEnd) error {
	s.write.Heard = append(s.write.Heard, end.Number)
	in, err := s.open(store.OfInstance, end.Instance)
	if err != nil {
		return gone(err)
	}
	st, err := s.look(end.Task)
	if err != nil {
		return gone(err)
	}
	if st.Epoch != end.Epoch || !st.Status.End(st.Final) {
		return nil // somebody has commanded something else since: its end will come
	}
	top, err := s.load(in.Root)
	if err != nil {
		return err
	}
	if id := undoing(top); id != "" {
		s.cause(in, causeEnd, attribute.String("riverstones.task_id", st.TaskID))
		return s.undone(top, id, &st)
	}
	e, j := in.jobOf(end.Task)
	if j == nil || in.Ended() {
		return nil
	}
	s.cause(in, causeEnd, attribute.String("riverstones.task_id", st.TaskID))
	if in.Suspended {
		return s.keepLate(j, end.Occasion == store.Resumed)
	}
	return s.settle(e, j, &st, end.Occasion == store.Resumed)
}

// jobOf finds the execution that waits for a task.
func (in *instance) jobOf(id string) (*execution, *row[store.Job]) {
	for _, e := range in.all {
		if j := e.jobs.find(id); j != nil {
			return e, j
		}
	}
	return nil, nil
}

// settle moves an execution by the end of the task that it waits for.
func (s *step) settle(e *execution, j *row[store.Job], st *store.Standing, resumed bool) error {
	w, err := workOf(&j.v)
	if err != nil || !w.Published {
		return err
	}
	n, err := nodeOf(e)
	if err != nil {
		return err
	}
	switch {
	case st.Status == task.RollbackSuccess || st.Status == task.DeleteSuccess:
		return nil // an operator has undone it, and will run it again or resume
	case !st.Status.Failed() && st.Method != task.Cancel:
		if err := s.takeOutputs(e, n, w.Namespace, st.Outputs); err != nil {
			return err
		}
		return s.leave(e, n)
	case st.Debug && !resumed && st.Status.Failed():
		w.Held, j.dirty = true, true
		if err := w.into(&j.v); err != nil {
			return err
		}
		return s.hold(e.in, failure(n, st))
	default:
		return s.raise(e, bpmnError{code: st.Status.String(), text: failure(n, st)})
	}
}

func failure(n *bpmn.Node, st *store.Standing) string {
	text := fmt.Sprintf("%s %s: task %s ended with %s", n.Kind(), n.ID, st.TaskID, st.Status)
	if st.Reason != "" {
		text += ": " + st.Reason
	}
	return text
}

// takeOutputs makes a task's outputs variables: together as outputs.<namespace>,
// and each by its name.
func (s *step) takeOutputs(e *execution, n *bpmn.Node, namespace string, outputs json.RawMessage) error {
	if len(outputs) == 0 {
		outputs = json.RawMessage("{}")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(outputs, &members); err != nil {
		return fmt.Errorf("%w: outputs of %s: %w", errCorrupt, n.ID, err)
	}
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	top := e
	for top.parent != nil {
		top = top.parent
	}
	all, err := variable.FromJSON(variable.TypeJSON, true, jsontext.Value(outputs))
	if err != nil {
		return stuck("outputs of %s: %v", n.ID, err)
	}
	s.setLocal(top, OutputsPrefix+namespace, all)
	for _, name := range names {
		if name == "" || len(name) > MaxVariableName || task.Secret(name) {
			continue // it stays in outputs.<namespace>
		}
		v, err := variable.FromJSON("", true, jsontext.Value(members[name]))
		if err != nil {
			return stuck("output %s of %s: %v", name, n.ID, err)
		}
		s.set(e, name, v)
	}
	return nil
}
