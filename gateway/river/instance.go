package river

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/store"
)

// instance is a process instance in memory: its rows as a tree, and which of
// them a step has changed.
type instance struct {
	store.Instance

	model *bpmn.Process
	root  *execution // nil when it has ended
	all   map[string]*execution

	dirty bool
	drop  bool // with everything, history included
	ended []*execution
}

// execution is a node of the tree with what hangs on it.
type execution struct {
	store.Execution

	in       *instance
	parent   *execution
	children []*execution // by Seq

	state state
	vars  map[string]*held
	gone  []string // variables that were removed, and were stored
	subs  waiting[store.Subscription]
	jobs  waiting[store.Job]
	tasks waiting[store.UserTask]

	fresh, dirty, dead bool
	// arrived is by which move of this step it came to an inclusive join, 0 if before.
	arrived int
}

// state is what the runtime itself keeps of an execution.
type state struct {
	// Inner says that it is one of a multi-instance activity, Index which.
	Inner bool `json:"inner,omitzero"`
	Index int  `json:"index,omitzero"`
	// Loop counts the instances of a MultiRoot.
	Loop *loop `json:"loop,omitzero"`
	// Group is shared by the events behind one event gateway, of which one fires.
	Group string `json:"group,omitzero"`
	// Called is the instance that a call activity waits for.
	Called string `json:"called,omitzero"`
	// Trace is, of a root, the W3C traceparent of the request that started the instance.
	Trace string `json:"trace,omitzero"`
}

// held is a variable with the owner's row.
type held struct {
	row          store.Variable
	fresh, dirty bool
}

// waiting holds rows of one kind that hang on an execution.
type waiting[T any] struct {
	rows []*row[T]
	gone []string // ids of those that were removed, and were stored
}

type row[T any] struct {
	v            T
	id           string
	fresh, dirty bool
}

func (w *waiting[T]) add(id string, v T) *row[T] {
	r := &row[T]{v: v, id: id, fresh: true, dirty: true}
	w.rows = append(w.rows, r)
	return r
}

func (w *waiting[T]) load(id string, v T) { w.rows = append(w.rows, &row[T]{v: v, id: id}) }

func (w *waiting[T]) find(id string) *row[T] {
	i := slices.IndexFunc(w.rows, func(r *row[T]) bool { return r.id == id })
	if i < 0 {
		return nil
	}
	return w.rows[i]
}

func (w *waiting[T]) remove(id string) {
	i := slices.IndexFunc(w.rows, func(r *row[T]) bool { return r.id == id })
	if i < 0 {
		return
	}
	if !w.rows[i].fresh {
		w.gone = append(w.gone, id)
	}
	w.rows = slices.Delete(w.rows, i, i+1)
}

func (w *waiting[T]) clear() {
	for len(w.rows) > 0 {
		w.remove(w.rows[0].id)
	}
}

// changed appends the rows to write.
func (w *waiting[T]) changed(put []T, drop []string) ([]T, []string) {
	for _, r := range w.rows {
		if r.dirty {
			put = append(put, r.v)
			r.dirty, r.fresh = false, false
		}
	}
	drop = append(drop, w.gone...)
	w.gone = nil
	return put, drop
}

// build makes the tree of loaded rows.
func build(p *store.Process, model *bpmn.Process) (*instance, error) {
	in := &instance{Instance: p.Instance, model: model, all: make(map[string]*execution, len(p.Executions))}
	for i := range p.Executions {
		e := &execution{Execution: p.Executions[i], in: in}
		if len(e.State) > 0 {
			if err := json.Unmarshal(e.State, &e.state); err != nil {
				return nil, fmt.Errorf("execution %s: %w", e.ID, err)
			}
		}
		in.all[e.ID] = e
		if e.Parent == "" {
			in.root = e
		}
	}
	for i := range p.Executions {
		e := in.all[p.Executions[i].ID]
		if e.Parent == "" {
			continue
		}
		if e.parent = in.all[e.Parent]; e.parent == nil {
			return nil, fmt.Errorf("execution %s: parent %s is missing", e.ID, e.Parent)
		}
		e.parent.children = append(e.parent.children, e)
	}
	return in, in.hang(p)
}

// hang puts variables, subscriptions, jobs and user tasks to their executions.
func (in *instance) hang(p *store.Process) error {
	var missing []string
	at := func(id string) *execution {
		e := in.all[id]
		if e == nil {
			missing = append(missing, id)
			e = &execution{}
		}
		return e
	}
	owners := map[string]*execution{}
	for i := range p.UserTasks {
		t := &p.UserTasks[i]
		at(t.Execution).tasks.load(t.ID, *t)
		owners[t.ID] = in.all[t.Execution]
	}
	for i := range p.Subscriptions {
		at(p.Subscriptions[i].Execution).subs.load(p.Subscriptions[i].ID, p.Subscriptions[i])
	}
	for i := range p.Jobs {
		at(p.Jobs[i].Execution).jobs.load(p.Jobs[i].ID, p.Jobs[i])
	}
	for i := range p.Variables {
		v := &p.Variables[i]
		if owners[v.Owner] != nil || in.root == nil {
			continue // of a user task, or of history
		}
		e := at(v.Owner)
		if e.vars == nil {
			e.vars = map[string]*held{}
		}
		e.vars[v.Name] = &held{row: *v}
	}
	if len(missing) > 0 {
		return fmt.Errorf("instance %s: rows hang on executions that are missing: %v", in.ID, missing)
	}
	return nil
}

// node returns the element that e stands at, nil for the root.
func (e *execution) node() *bpmn.Node {
	if e.Activity == "" || e.in.model == nil {
		return nil
	}
	return e.in.model.Node(e.Activity)
}

// child makes a new execution below e.
func (s *step) child(parent *execution, kind store.ExecutionKind) *execution {
	in := parent.in
	e := &execution{in: in, parent: parent, fresh: true, dirty: true, Execution: store.Execution{
		ID: newID(), Instance: in.ID, Root: in.Root, Parent: parent.ID, Kind: kind, Active: true, Entered: s.now, Seq: in.Seq,
	}}
	in.Seq++
	in.dirty = true
	in.all[e.ID] = e
	parent.children = append(parent.children, e)
	return e
}

// stand puts e at a node.
func (s *step) stand(e *execution, n *bpmn.Node) {
	e.Activity, e.Active, e.Entered, e.dirty = n.ID, true, s.now, true
}

func (e *execution) setActive(on bool) {
	if e.Active != on {
		e.Active, e.dirty = on, true
	}
}

// move hangs e below another parent of the same instance.
func (e *execution) move(parent *execution) {
	e.unlink()
	e.parent, e.Parent, e.dirty = parent, parent.ID, true
	parent.children = append(parent.children, e)
}

func (e *execution) unlink() {
	if p := e.parent; p != nil {
		p.children = slices.DeleteFunc(p.children, func(c *execution) bool { return c == e })
	}
}

// live reports whether a token is at work below e: one that a boundary event
// only listens for is none.
func (e *execution) live() bool {
	return slices.ContainsFunc(e.children, func(c *execution) bool { return c.Kind != store.BoundaryExecution })
}

// keep encodes what the runtime keeps of e.
func (e *execution) keep() error {
	if e.state == (state{}) {
		e.State = nil
		return nil
	}
	raw, err := json.Marshal(e.state)
	e.State = raw
	return err
}

func newID() string {
	id, err := uuid.NewV7()
	if err != nil { // the system gives no random numbers
		id = uuid.New()
	}
	return id.String()
}

// rowOf makes the stored form of a variable.
func rowOf(owner, name, instance string, v variable.Value, now time.Time) store.Variable {
	data := v.Encode()
	return store.Variable{
		VariableKey: store.VariableKey{Owner: owner, Name: name}, Instance: instance, Type: v.Type(),
		Key: v.KindKey(), Fold: v.FoldKey(), Size: len(data), Data: data, Created: now, Update: now,
	}
}

var errCorrupt = errors.New("a stored variable can not be read")

// valueOf reads a stored variable.
func valueOf(row *store.Variable) (variable.Value, error) {
	v, err := variable.Decode(row.Type, row.Data)
	if err != nil {
		return v, fmt.Errorf("%w: %s of %s: %w", errCorrupt, row.Name, row.Owner, err)
	}
	return v, nil
}
