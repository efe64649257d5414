package river

import (
	"encoding/json"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/gateway/river/expr"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// serviceTask is work of a stone, or of an external worker.
type serviceTask struct{}

func (serviceTask) enter(s *step, e *execution, n *bpmn.Node) error {
	t := as[*bpmn.ServiceTask](n)
	if t.Worker != nil {
		return s.offer(e, n, t)
	}
	return s.callStone(e, n, t.Stone)
}

// work is what the runtime keeps with the job of a stone's task.
type work struct {
	Namespace string `json:"namespace,omitzero"`
	// Published says that a task of a stone stands for the job; its id is the job's.
	Published bool `json:"published,omitzero"`
	// Withdrawn says that its task was taken out of the queue for a worker over
	// REST: no stone gets it any more.
	Withdrawn bool `json:"withdrawn,omitzero"`
	// Again counts how often it was published again, since it was lost on its
	// way to a worker over REST.
	Again int `json:"again,omitzero"`
	// Late says that the task ended while the instance or a caller was suspended.
	Late bool `json:"late,omitzero"`
	// Resumed says of a late end that an operator has given the task up.
	Resumed bool `json:"resumed,omitzero"`
	// Held says that the task failed in debug mode, and an operator decides.
	Held bool `json:"held,omitzero"`
	// Stone has the task.
	Stone string `json:"stone,omitzero"`
}

func workOf(j *store.Job) (w work, err error) {
	if len(j.State) == 0 {
		return w, nil
	}
	if err := json.Unmarshal(j.State, &w); err != nil {
		return w, fmt.Errorf("%w: job %s: %w", errCorrupt, j.ID, err)
	}
	return w, nil
}

func (w work) into(j *store.Job) error {
	raw, err := json.Marshal(w)
	j.State = raw
	return err
}

// callStone publishes a task to a stone, and lets the execution wait for it.
func (s *step) callStone(e *execution, n *bpmn.Node, st *bpmn.Stone) error {
	j := s.job(e, n, store.StoneJob)
	r := dispatch.Request{Stone: st.Code, Namespace: st.Namespace, QueueType: st.Method}
	if st.Retries != nil {
		r.Retry = &dispatch.Retry{MaxAttempts: *st.Retries + 1}
	}
	if st.Timeout > 0 {
		r.Timeout = st.Timeout.String()
	}
	var err error
	if r.BusinessKey, err = s.evalText(e, st.BusinessKey, "businessKey of "+n.ID); err != nil {
		return err
	}
	if err := s.publish(e, n, &j, r, st.Params); err != nil {
		return err
	}
	e.jobs.add(j.ID, j)
	return nil
}

// offer makes the job of an external worker. A stone that has announced itself
// under the topic is given the task; workers over REST may take it instead.
func (s *step) offer(e *execution, n *bpmn.Node, t *bpmn.ServiceTask) error {
	topic, err := s.evalText(e, t.Worker.Topic, "topic of "+n.ID)
	if err != nil {
		return err
	}
	j := s.job(e, n, store.ExternalJob)
	j.Topic = topic
	if queue.CheckStone(topic) == nil && s.rt.deps.Declared(topic) {
		if err := s.publish(e, n, &j, dispatch.Request{Stone: topic, Namespace: t.Stone.Namespace}, t.Stone.Params); err != nil {
			return err
		}
	} else if err := (work{Namespace: t.Stone.Namespace}).into(&j); err != nil {
		return err
	}
	e.jobs.add(j.ID, j)
	return nil
}

// publish puts a task into the outbox, with the job's id.
func (s *step) publish(e *execution, n *bpmn.Node, j *store.Job, r dispatch.Request, fields []bpmn.Field) error {
	params, err := s.params(e, n, r.Namespace, fields)
	if err != nil {
		return err
	}
	r.ID, r.TaskID, r.ProcessInstanceID, r.Name, r.Params = j.ID, j.ID, e.in.ID, n.Name, params
	if e.in.Mock && (r.QueueType == "" || r.QueueType == string(task.Start)) {
		r.QueueType = string(task.Mock)
	}
	d, err := dispatch.Prepare(r, s.rt.deps.Check, s.now)
	if err != nil {
		return stuck("%s %s: its task can not be published: %v", n.Kind(), n.ID, err)
	}
	d.Command.Trace = s.traceOf(e.in)
	s.write.Publish = append(s.write.Publish, d)
	return work{Namespace: r.Namespace, Published: true, Stone: r.Stone}.into(j)
}

// params are the fields or mapped variables of the model, and over them what
// the variable has that is named like the namespace.
func (s *step) params(e *execution, n *bpmn.Node, namespace string, fields []bpmn.Field) (json.RawMessage, error) {
	out := map[string]jsontext.Value{}
	for i := range fields {
		f := &fields[i]
		v, err := s.field(e, f, "field "+f.Name+" of "+n.ID)
		if err != nil {
			return nil, err
		}
		out[f.Name] = v
	}
	if w := workerOf(n); w != nil {
		for i := range w.In {
			v, name, err := s.mapped(&w.In[i], e, "of serviceTask "+n.ID)
			if err != nil {
				return nil, err
			}
			out[name] = v.JSON()
		}
	}
	own, ok, err := s.value(e, namespace)
	if err != nil {
		return nil, err
	}
	if raw, is := own.Raw(); ok && is && raw.Kind() == jsontext.KindBeginObject {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", errCorrupt, namespace, err)
		}
		for name, v := range members {
			out[name] = jsontext.Value(v)
		}
	}
	doc := make(map[string]json.RawMessage, len(out))
	for name, v := range out {
		doc[name] = json.RawMessage(v)
	}
	return json.Marshal(doc)
}

// field works out one parameter.
func (s *step) field(e *execution, f *bpmn.Field, what string) (jsontext.Value, error) {
	switch f.Form {
	case bpmn.FieldJSON:
		return s.resolve(e, jsontext.Value(f.Value), what)
	case bpmn.FieldExpression:
		v, err := s.eval(e, f.Value, what)
		if err != nil {
			return nil, err
		}
		if v.IsBytes() {
			return nil, stuck("%s: a value of type %s is no parameter", what, v.Type())
		}
		return v.JSON(), nil
	default:
		return variable.String(f.Value).JSON(), nil
	}
}

// resolve works out the texts and functions in a JSON value.
func (s *step) resolve(e *execution, doc jsontext.Value, what string) (jsontext.Value, error) {
	at := &view{s: s, e: e}
	v, err := expr.ResolveTree(s.ctx, doc, at, functions{s})
	return v, at.failed(s.ctx, err, what)
}

// cancelTask cancels the task that stands for a job; one that was not even
// written yet is taken back.
func (s *step) cancelTask(j *store.Job, fresh bool) error {
	w, err := workOf(j)
	if err != nil || !w.Published {
		return err
	}
	if fresh && s.takeBack(j.ID) {
		return nil
	}
	_, err = s.command(j.ID, func(st store.Standing) (*store.Step, error) { return dispatch.CancelStep(st, s.now), nil })
	return gone(err)
}

func (s *step) takeBack(id string) bool {
	for i := range s.write.Publish {
		if s.write.Publish[i].Command.ID == id {
			s.write.Publish = append(s.write.Publish[:i:i], s.write.Publish[i+1:]...)
			return true
		}
	}
	return false
}

// command changes a task in this transaction.
func (s *step) command(id string, decide func(store.Standing) (*store.Step, error)) (store.Standing, error) {
	var was store.Standing
	_, err := s.tx.Command(s.ctx, id, func(st store.Standing) (*store.Step, error) {
		was = st
		step, err := decide(st)
		if step != nil {
			delete(s.tasks, st.ID)
			s.sends = s.sends || len(step.Outbox) > 0
		}
		return step, err
	})
	return was, err
}
