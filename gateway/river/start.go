package river

import (
	"context"
	"errors"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/store"
)

// MockVariable is the start variable that makes an instance a dry run.
const MockVariable = "SipRS::Mock"

// StartInstance starts a new instance, which has gone on to its first wait
// states when the call returns. Invalid names what is wrong with the request; an
// unknown model is Invalid too.
func (r *Runtime) StartInstance(ctx context.Context, q Start) (store.Instance, error) {
	if err := q.valid(); err != nil {
		return store.Instance{}, err
	}
	var in *instance
	err := r.start(ctx, func(s *step) error {
		d, start, err := s.model(&q)
		if err == nil {
			in, err = s.start(d, start, &q)
		}
		return err
	})
	if err != nil {
		return store.Instance{}, err
	}
	return in.Instance, nil
}

func (q *Start) valid() error {
	named := 0
	for _, by := range []string{q.Definition, q.Key, q.Message, q.Deployment} {
		if by != "" {
			named++
		}
	}
	switch {
	case named != 1:
		return fault.New(fault.Invalid, "exactly one of the process definition's id, its key and a message must name the model")
	case q.Tenant != "" && q.Key == "" && q.Message == "":
		return fault.New(fault.Invalid, "tenantId goes with a key or a message only")
	}
	return errors.Join(checkVars(q.Variables), checkVars(q.Transient))
}

// model finds what is to be started, and where it begins.
func (s *step) model(q *Start) (*definition, *bpmn.Node, error) {
	row, err := s.named(q)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, fault.New(fault.Invalid, "no process definition is deployed that is named so (%s)", q.name())
	}
	if err != nil {
		return nil, nil, err
	}
	if row.Suspended {
		return nil, nil, stuck("process definition %s is suspended", row.ID)
	}
	d, err := s.rt.models.of(s.ctx, row)
	if err != nil {
		return nil, nil, err
	}
	at := d.Start
	if q.Message != "" {
		at = startOf(d, store.Message, q.Message)
	}
	if at == nil {
		return nil, nil, stuck("process definition %s can not be started so: it has no such start event", row.ID)
	}
	return d, at, nil
}

func (q *Start) name() string { return q.Definition + q.Key + q.Message + q.Deployment }

// named looks a definition up, once for all starts of the step that name it so.
func (s *step) named(q *Start) (store.Definition, error) {
	by := [...]string{q.Definition, q.Key, q.Message, q.Deployment, q.Tenant}
	if row, ok := s.found[by]; ok {
		return row, nil
	}
	row, err := s.lookUp(q)
	if err == nil {
		s.found[by] = row
	}
	return row, err
}

func (s *step) lookUp(q *Start) (store.Definition, error) {
	switch {
	case q.Definition != "":
		return s.tx.Definition(s.ctx, q.Definition)
	case q.Key != "":
		return s.tx.Latest(s.ctx, q.Key, q.Tenant)
	case q.Message != "":
		all, err := s.tx.Starts(s.ctx, store.Message, q.Message, &q.Tenant)
		if err == nil && len(all) == 0 {
			err = store.ErrNotFound
		}
		if err != nil {
			return store.Definition{}, err
		}
		return all[0], nil
	}
	all, total, err := s.rt.store.Definitions(s.ctx, store.DefinitionFilter{Deployment: q.Deployment, Paging: store.Paging{Size: 1}})
	switch {
	case err != nil:
		return store.Definition{}, err
	case total == 0:
		return store.Definition{}, store.ErrNotFound
	case total > 1:
		return store.Definition{}, fault.New(fault.Invalid, "deployment %s holds %d processes: name one by its key", q.Deployment, total)
	default:
		return s.tx.Definition(s.ctx, all[0].ID)
	}
}

// startOf returns the start event that a signal or message reaches.
func startOf(d *definition, kind store.SubscriptionKind, name string) *bpmn.Node {
	for _, n := range d.Nodes {
		st, ok := n.Detail.(*bpmn.StartEvent)
		switch {
		case !ok:
		case kind == store.Signal && st.Trigger == bpmn.TriggerSignal && st.Signal.Name == name,
			kind == store.Message && st.Trigger == bpmn.TriggerMessage && st.Message.Name == name:
			return n
		}
	}
	return nil
}

// start makes the instance and plans its first token.
func (s *step) start(d *definition, at *bpmn.Node, q *Start) (*instance, error) {
	content, err := s.rt.content(q, d.process)
	if err != nil {
		return nil, err
	}
	in := s.bear(birth{definition: d, business: q.Business, name: q.Name, user: q.User, debug: q.Debug, mock: q.Mock, content: content})
	if err := s.setAll(in.root, q.Variables); err != nil {
		return nil, err
	}
	if err := s.pass(in, q.Transient); err != nil {
		return nil, err
	}
	if v := in.root.vars[MockVariable]; v != nil {
		got, err := s.valueOf(v)
		if err != nil {
			return nil, err
		}
		on, isBool := got.Bool()
		in.Mock = in.Mock || isBool && on || got.Equal(variable.String("true"))
	}
	if err := s.fillTemplate(in, d.process); err != nil {
		return nil, err
	}
	if in.Debug {
		if err := s.setDebug(in, true); err != nil {
			return nil, err
		}
	}
	return in, s.launch(in, at)
}

// startAll starts an instance of each latest definition that a signal starts.
func (s *step) startAll(kind store.SubscriptionKind, name, tenant string, vars []Var) error {
	rows, err := s.tx.Starts(s.ctx, kind, name, &tenant)
	if err != nil {
		return err
	}
	for i := range rows {
		d, err := s.rt.models.of(s.ctx, rows[i])
		if err != nil {
			return err
		}
		at := startOf(d, kind, name)
		if at == nil || rows[i].Suspended {
			continue
		}
		if _, err := s.start(d, at, &Start{Variables: vars}); err != nil {
			return err
		}
	}
	return nil
}
