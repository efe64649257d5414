package rivertest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/gateway/river/rivertest"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest"
)

// Random models are driven at random: after every step the tree is well formed and
// nothing hangs in the air, and every instance comes to its end.
func TestRandomModels(t *testing.T) {
	t.Parallel()
	stores := map[string]river.Store{"sqlite": runtimeOf(t, storetest.SQLite(t)), "postgres": runtimeOf(t, storetest.Postgres(t))}
	rapid.Check(t, func(rt *rapid.T) {
		// One in five on PostgreSQL: the rows are the same, and it is slower.
		name := rapid.SampledFrom([]string{"sqlite", "sqlite", "sqlite", "sqlite", "postgres"}).Draw(rt, "store")
		d := newDriver(t.Context(), rt, stores[name])
		defer d.clear()
		in, err := d.r.StartInstance(d.ctx, river.Start{Key: "p", Variables: []river.Var{{Name: "n", Value: variable.Integer(int32(rapid.IntRange(0, 3).Draw(rt, "n")))}}}) //nolint:gosec // small
		require.NoError(rt, err)
		d.check()
		for range rapid.IntRange(0, 25).Draw(rt, "steps") {
			d.anything()
			d.check()
		}
		d.finish(in.ID)
	})
}

// driver drives one instance of a random model.
type driver struct {
	ctx        context.Context //nolint:containedctx // of the test
	t          *rapid.T
	st         river.Store
	r          *river.Runtime
	models     map[string]*bpmn.Process // by definition
	deployment string
}

const calledModel = `<startEvent id="s"/> <receiveTask id="a"/> <endEvent id="e"/>
s -> a -> e
`

func newDriver(ctx context.Context, t *rapid.T, st river.Store) *driver {
	r, err := river.New(river.Config{}, river.Deps{Store: st})
	require.NoError(t, err)
	d := &driver{ctx: ctx, t: t, st: st, r: r, models: map[string]*bpmn.Process{}}
	body := drawModel(t, 8)
	dep, defs, err := r.Deploy(ctx, river.NewDeployment{Files: []river.File{
		{Name: "p.bpmn", Bytes: rivertest.XML("p", body)}, {Name: "called.bpmn", Bytes: rivertest.XML("called", calledModel)}}})
	require.NoError(t, err, body)
	d.deployment = dep.ID
	for i := range defs {
		d.models[defs[i].ID], err = r.Model(ctx, defs[i].ID)
		require.NoError(t, err)
	}
	return d
}

func (d *driver) clear() {
	require.NoError(d.t, d.r.DeleteDeployment(d.ctx, d.deployment, true))
	_, left, err := d.st.Instances(d.ctx, store.InstanceFilter{})
	require.NoError(d.t, err)
	require.Zero(d.t, left)
}

// process is an instance with its model.
type process struct {
	*store.Process

	model *bpmn.Process
}

func (d *driver) running() []process {
	no := false
	all, _, err := d.st.Instances(d.ctx, store.InstanceFilter{Ended: &no, Paging: store.Paging{Size: 10_000}})
	require.NoError(d.t, err)
	out := make([]process, len(all))
	for i := range all {
		out[i] = d.load(all[i].ID)
	}
	return out
}

func (d *driver) load(id string) process {
	var p *store.Process
	require.NoError(d.t, d.st.Step(d.ctx, func(ctx context.Context, tx store.RuntimeTx) (err error) {
		p, err = tx.Load(ctx, id)
		return err
	}))
	return process{p, d.models[p.Instance.Definition]}
}

// move is something that can be done.
type move struct {
	name string
	do   func() error
}

// moves are those by which an instance goes on; boundary adds the events beside.
func (d *driver) moves(boundary bool) []move {
	var out []move
	for _, p := range d.running() {
		for i := range p.Executions {
			e := &p.Executions[i]
			if n := p.model.Node(e.Activity); n != nil && e.Active && e.Kind != store.ScopeExecution {
				out = append(out, d.movesAt(p, e, n, boundary)...)
			}
		}
	}
	return out
}

func (d *driver) movesAt(p process, e *store.Execution, n *bpmn.Node, boundary bool) []move {
	act := func(a river.Action) []move {
		return []move{{fmt.Sprintf("%d at %s", a.Kind, n.ID), func() error { return d.act(e.ID, a) }}}
	}
	switch n.Kind() {
	case bpmn.KindReceiveTask:
		return act(river.Action{Kind: river.Trigger})
	case bpmn.KindCatchEvent:
		return act(d.event(p, e))
	case bpmn.KindBoundaryEvent:
		if boundary && len(subscriptions(p, e)) > 0 {
			return act(d.event(p, e))
		}
		return nil
	case bpmn.KindUserTask:
		for i := range p.UserTasks {
			if u := &p.UserTasks[i]; u.Execution == e.ID {
				return []move{{"complete " + n.ID, func() error { return d.r.CompleteTask(d.ctx, u.ID, river.Completion{}) }}}
			}
		}
		require.Fail(d.t, "a user task without its row", n.ID)
	default:
	}
	return nil
}

func subscriptions(p process, e *store.Execution) (out []store.Subscription) {
	for i := range p.Subscriptions {
		if p.Subscriptions[i].Execution == e.ID {
			out = append(out, p.Subscriptions[i])
		}
	}
	return out
}

// event is the action that an execution waits for.
func (d *driver) event(p process, e *store.Execution) river.Action {
	subs := subscriptions(p, e)
	require.Len(d.t, subs, 1, e.Activity)
	if subs[0].Kind == store.Message {
		return river.Action{Kind: river.MessageReceived, Name: subs[0].Name}
	}
	return river.Action{Kind: river.SignalReceived, Name: subs[0].Name}
}

// act moves an execution, and requires the answer to be what the store says.
func (d *driver) act(id string, a river.Action) error {
	v, err := d.r.Act(d.ctx, id, a)
	if err != nil {
		return err
	}
	rows, _, err := d.st.Executions(d.ctx, store.ExecutionFilter{ID: id, Paging: store.Paging{Size: 1}})
	require.NoError(d.t, err)
	if v == nil {
		require.Empty(d.t, rows)
		return nil
	}
	require.Len(d.t, rows, 1)
	rows[0].State, v.State = nil, nil // the runtime's own
	require.Equal(d.t, rows[0], *v)
	return nil
}

// anything does something at random: a move, a signal to all, a wrong action, a
// new value, a step in which nothing happens.
func (d *driver) anything() {
	all := d.moves(true)
	all = append(all,
		move{"broadcast", func() error { return d.r.Broadcast(d.ctx, river.Broadcast{Signal: "go"}) }},
		move{"wrong", d.wrong},
		move{"set", d.set},
		move{"nothing", d.nothing},
		move{"restart", d.restart})
	m := rapid.SampledFrom(all).Draw(d.t, "move")
	require.NoError(d.t, m.do(), m.name)
}

// wrong triggers what can not be triggered.
func (d *driver) wrong() error {
	for _, p := range d.running() {
		for i := range p.Executions {
			e := &p.Executions[i]
			n := p.model.Node(e.Activity)
			if n != nil && e.Active && e.Kind != store.ScopeExecution && n.Kind() != bpmn.KindCallActivity && n.Kind() != bpmn.KindUserTask {
				continue
			}
			_, err := d.r.Act(d.ctx, e.ID, river.Action{Kind: river.Trigger, Variables: []river.Var{{Name: "lost", Value: variable.Boolean(true)}}})
			require.Equal(d.t, fault.State, fault.Of(err).Kind)
		}
		require.Equal(d.t, p, d.load(p.Instance.ID))
	}
	return nil
}

// restart goes on with a runtime that remembers nothing.
func (d *driver) restart() (err error) {
	d.r, err = river.New(river.Config{}, river.Deps{Store: d.st})
	return err
}

func (d *driver) set() error {
	for _, p := range d.running() {
		n := rapid.Int32Range(0, 3).Draw(d.t, "n")
		w := river.VariableWrite{Mode: river.Put, Variables: []river.Var{{Name: "n", Value: variable.Integer(n)}}}
		if err := d.r.SetVariables(d.ctx, p.Instance.ID, w); err != nil {
			return err
		}
	}
	return nil
}

// nothing makes a step without a change: what is read is what was written.
func (d *driver) nothing() error {
	for _, p := range d.running() {
		if err := d.r.SetVariables(d.ctx, p.Instance.ID, river.VariableWrite{Mode: river.Put}); err != nil {
			return err
		}
		require.Equal(d.t, p, d.load(p.Instance.ID))
	}
	return nil
}

// finish moves on until the instance has ended.
func (d *driver) finish(id string) {
	for range 5000 {
		all := d.moves(false)
		if len(all) == 0 {
			break
		}
		m := rapid.SampledFrom(all).Draw(d.t, "move")
		require.NoError(d.t, m.do(), m.name)
		d.check()
	}
	p := d.load(id)
	require.Equal(d.t, store.Completed, p.Instance.Status)
	require.Empty(d.t, d.running())
}
