package seal

import (
	"bytes"
	"context"
	"slices"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Variables of processes: one whose name says that it is a secret is sealed
// whole, and of JSON what is secret within. Conditions do not find what is sealed
// whole, for its key would tell it. So it is with what an instance gives back at its end.

const typeJSON = "json"

// Step hands f a transaction that seals what is written, and opens what is read.
func (s *Store) Step(ctx context.Context, f func(ctx context.Context, tx store.RuntimeTx) error) error {
	return s.Store.Step(ctx, func(ctx context.Context, tx store.RuntimeTx) error { return f(ctx, &stepTx{tx, s}) })
}

// Variables returns variables in clear.
func (s *Store) Variables(ctx context.Context, owners ...string) ([]store.Variable, error) {
	all, err := s.Store.Variables(ctx, owners...)
	for i := range all {
		s.showVariable(&all[i])
	}
	return all, err
}

// Instances returns instances with their outputs in clear.
func (s *Store) Instances(ctx context.Context, f store.InstanceFilter) ([]store.Instance, int, error) {
	all, total, err := s.Store.Instances(ctx, f)
	for i := range all {
		s.showInstance(&all[i])
	}
	return all, total, err
}

// showInstance opens what the output template of an instance gave. Its start
// variables are kept without secrets.
func (s *Store) showInstance(in *store.Instance) {
	in.Outputs, _ = s.open(outputsOf(in), in.Outputs)
}

// outputsOf is what the secrets in an instance's outputs are bound to.
func outputsOf(in *store.Instance) string { return in.ID + "/" }

// hideInstances returns the rows as they are stored.
func (s *Store) hideInstances(x *sealer, rows []store.Instance) []store.Instance {
	if s.keys == nil || len(rows) == 0 {
		return rows
	}
	out := slices.Clone(rows)
	for i := range out {
		out[i].Outputs = x.seal(outputsOf(&out[i]), nil, out[i].Outputs)
	}
	return out
}

// showVariable opens a variable.
func (s *Store) showVariable(v *store.Variable) {
	v.Data = s.openData(v.VariableKey, v.Type, v.Data)
	v.Size = len(v.Data)
}

func (s *Store) openData(key store.VariableKey, kind string, data []byte) []byte {
	switch {
	case bytes.HasPrefix(data, []byte(start)) && bytes.HasSuffix(data, []byte(`"`)):
		plain, err := value(s.keys, owner(key), data[1:len(data)-1])
		if err == nil {
			return plain
		}
		if kind == typeJSON || !task.Secret(key.Name) {
			return data // a client's own
		}
		s.log.Error("a sealed variable can not be opened and stays masked", zap.String("owner", key.Owner), zap.Error(err))
		return []byte(task.Mask)
	case kind == typeJSON:
		opened, _ := s.open(owner(key), data)
		return opened
	default:
		return data
	}
}

// owner is what a variable's secrets are bound to.
func owner(key store.VariableKey) string { return key.Owner + "/" + key.Name }

// hideVariables returns the rows as they are stored.
func (s *Store) hideVariables(rows []store.Variable) []store.Variable {
	if s.keys == nil || len(rows) == 0 {
		return rows
	}
	out, x := slices.Clone(rows), s.sealer()
	for i := range out {
		v := &out[i]
		switch {
		case task.Secret(v.Name) && len(v.Data) > 0:
			id, key := s.keys.Current()
			v.Data, v.Key, v.Fold = token(id, key, owner(v.VariableKey), v.Data), "", ""
		case v.Type == typeJSON:
			sealed := x.seal(owner(v.VariableKey), nil, v.Data)
			if !bytes.Equal(sealed, v.Data) {
				v.Data, v.Key, v.Fold = sealed, "", ""
			}
		}
		v.Size = len(v.Data)
	}
	return out
}

// stepTx is a transaction that seals.
type stepTx struct {
	store.RuntimeTx

	s *Store
}

// Load returns an instance in clear.
func (t *stepTx) Load(ctx context.Context, instanceID string) (*store.Process, error) {
	p, err := t.RuntimeTx.Load(ctx, instanceID)
	if err != nil {
		return nil, err
	}
	t.s.showProcess(p)
	return p, nil
}

// Open returns instances in clear.
func (t *stepTx) Open(ctx context.Context, instanceIDs ...string) ([]*store.Process, error) {
	all, err := t.RuntimeTx.Open(ctx, instanceIDs...)
	for _, p := range all {
		t.s.showProcess(p)
	}
	return all, err
}

func (s *Store) showProcess(p *store.Process) {
	s.showInstance(&p.Instance)
	for i := range p.Variables {
		if v := &p.Variables[i]; v.Data != nil {
			s.showVariable(v)
		}
	}
}

// Tasks returns tasks in clear.
func (t *stepTx) Tasks(ctx context.Context, ids ...string) (map[string]store.Standing, error) {
	all, err := t.RuntimeTx.Tasks(ctx, ids...)
	for id := range all {
		all[id] = t.s.standing(all[id])
	}
	return all, err
}

// Data returns the data of a variable in clear.
func (t *stepTx) Data(ctx context.Context, owner, name string) ([]byte, error) {
	data, err := t.RuntimeTx.Data(ctx, owner, name)
	if err != nil {
		return nil, err
	}
	kind := ""
	if trimmed := bytes.TrimLeft(data, " "); len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') {
		kind = typeJSON
	}
	return t.s.openData(store.VariableKey{Owner: owner, Name: name}, kind, data), nil
}

// Write seals variables, outputs and the commands of new tasks.
func (t *stepTx) Write(ctx context.Context, c *store.RuntimeChanges) error {
	out, x := *c, t.s.sealer()
	out.Variables = t.s.hideVariables(c.Variables)
	out.Instances = t.s.hideInstances(x, c.Instances)
	out.Publish = slices.Clone(c.Publish)
	for i := range out.Publish {
		t.s.hideCommand(x, &out.Publish[i].Command)
	}
	return t.RuntimeTx.Write(ctx, &out)
}

// Command hands a task in clear to decide, and seals the step it answers.
func (t *stepTx) Command(ctx context.Context, key string, decide func(store.Standing) (*store.Step, error)) (task.Task, error) {
	got, err := t.RuntimeTx.Command(ctx, key, t.s.deciding(decide))
	t.s.show(&got)
	return got, err
}
