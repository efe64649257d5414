package river

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/store"
)

// maxMoves bounds one step: a model that loops without a wait state would
// never end.
const maxMoves = 20_000

// step is one transaction: the instances it has loaded, what is still to be
// done with them, and what is to be written.
type step struct {
	ctx context.Context //nolint:containedctx // a step lives as long as the call that it serves
	rt  *Runtime
	tx  store.RuntimeTx
	now time.Time

	instances map[string]*instance
	order     []*instance // as they were loaded or made
	agenda    []func() error
	moves     int
	tasks     map[string]store.Standing            // that were looked at before, and not commanded since
	depth     int                                  // of calls of calls
	transient map[string]map[string]variable.Value // by instance
	found     map[[5]string]store.Definition       // by how they were named
	write     store.RuntimeChanges
	due       bool   // a job was made
	sends     bool   // the outbox has something new
	trace     string // of the request that is served, "" for none
	watch     *watch
}

// step runs f and what it leads to in one transaction, up to the wait states.
// What f keeps outside must be overwritten when it is called again.
func (r *Runtime) step(ctx context.Context, f func(s *step) error) error {
	var sends, due bool
	w := r.watch(ctx)
	traced := w.traceparent(ctx)
	err := r.store.Step(ctx, func(ctx context.Context, tx store.RuntimeTx) error {
		s := &step{ctx: ctx, rt: r, tx: tx, now: r.now(), instances: map[string]*instance{}, found: map[[5]string]store.Definition{}, trace: traced, watch: w}
		w.causes = nil // of a try that the database gave up
		defer func() { w.moves = s.moves }()
		if err := f(s); err != nil {
			return err
		}
		if err := s.run(); err != nil {
			return err
		}
		if err := s.flush(); err != nil {
			return err
		}
		sends, due = s.sends || len(s.write.Publish) > 0, s.due
		return nil
	})
	err = r.explained(err)
	w.done(err)
	if err != nil {
		return err
	}
	if sends {
		r.deps.Wake()
	}
	if due {
		r.jobs.wake()
	}
	return nil
}

// explained is [Runtime.explain] for what may be no error.
func (r *Runtime) explained(err error) error {
	if err == nil {
		return nil
	}
	return r.explain(err)
}

// explain makes a fault of what a step returned.
func (r *Runtime) explain(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	if errors.Is(err, store.ErrRejected) {
		return fault.New(fault.Invalid, "the database refuses a value: it holds characters or a size that can not be kept").Because(err)
	}
	if errors.Is(err, errCorrupt) {
		return fault.New(fault.Internal, "").Because(err)
	}
	return fault.New(fault.Unavailable, "the database can not answer now: send it again").Because(err).After(time.Second)
}

// plan puts a move behind those that are planned already.
func (s *step) plan(move func() error) { s.agenda = append(s.agenda, move) }

// run makes all planned moves; then tokens that wait at inclusive gateways are
// looked at, since others may not be able to come any more.
func (s *step) run() error {
	for {
		for len(s.agenda) > 0 {
			if s.moves++; s.moves > maxMoves {
				return stuck("the process made %d moves without coming to a wait state: does it loop?", maxMoves)
			}
			move := s.agenda[0]
			s.agenda = s.agenda[1:]
			if err := move(); err != nil {
				return err
			}
		}
		if err := s.mergeInclusive(); err != nil {
			return err
		}
		if len(s.agenda) == 0 {
			return s.release()
		}
	}
}

// open locks the tree of an entity and loads its instance, which it belongs to
// for good: whether it is still there shows in what was loaded.
func (s *step) open(of store.Entity, id string) (*instance, error) {
	owner := id
	if of != store.OfInstance {
		var err error
		if owner, err = s.tx.Owner(s.ctx, of, id); err != nil {
			return nil, err
		}
	}
	if err := s.openAll(owner); err != nil {
		return nil, err
	}
	if in := s.instances[owner]; in != nil {
		return in, nil
	}
	return nil, store.ErrNotFound
}

// openAll locks trees, and loads those of these instances that are there.
func (s *step) openAll(ids ...string) error {
	missing := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return s.instances[id] != nil })
	if len(missing) == 0 {
		return nil
	}
	all, err := s.tx.Open(s.ctx, missing...)
	if err != nil {
		return err
	}
	for _, p := range all {
		if _, err := s.adopt(p); err != nil {
			return err
		}
	}
	return nil
}

// load returns an instance of a tree that is locked.
func (s *step) load(id string) (*instance, error) {
	if in := s.instances[id]; in != nil {
		return in, nil
	}
	p, err := s.tx.Load(s.ctx, id)
	if err != nil {
		return nil, err
	}
	return s.adopt(p)
}

// adopt makes a loaded instance part of the step.
func (s *step) adopt(p *store.Process) (*instance, error) {
	var model *bpmn.Process
	d, err := s.rt.models.get(s.ctx, s.tx, p.Instance.Definition)
	switch {
	case err == nil:
		model = d.process
	case !p.Instance.Ended() || !errors.Is(err, store.ErrNotFound):
		return nil, err // what has ended may outlive its deployment
	}
	in, err := build(p, model)
	if err != nil {
		return nil, err
	}
	s.add(in)
	return in, nil
}

func (s *step) add(in *instance) {
	s.instances[in.ID] = in
	s.order = append(s.order, in)
}

// execution opens the instance of an execution that is there and may act.
func (s *step) execution(id string) (*execution, error) {
	in, err := s.open(store.OfExecution, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, unknown("execution", id)
	}
	if err != nil {
		return nil, err
	}
	e := in.all[id]
	if e == nil {
		return nil, unknown("execution", id)
	}
	return e, nil
}

func unknown(what, id string) error {
	return fault.New(fault.NotFound, "%s %s does not exist", what, id)
}

// stuck is what Flowable calls an engine error.
func stuck(format string, args ...any) error { return fault.New(fault.State, format, args...) }

// writable refuses to act on a suspended instance.
func writable(in *instance) error {
	switch {
	case in.Ended():
		return stuck("process instance %s has ended", in.ID)
	case in.Suspended:
		return stuck("process instance %s is suspended: activate it first", in.ID)
	case in.Status != store.Running && in.Status != store.Debugging:
		return stuck("process instance %s is being undone", in.ID)
	default:
		return nil
	}
}

// able reports whether [writable] finds nothing.
func able(in *instance) bool { return writable(in) == nil }

// flush hands everything that changed to the transaction.
func (s *step) flush() error {
	w := &s.write
	for _, in := range s.order {
		if in.drop {
			w.DropInstances = append(w.DropInstances, in.ID)
			continue
		}
		for _, e := range in.ended {
			collect(w, e)
		}
		for _, e := range in.inOrder() {
			if err := e.keep(); err != nil {
				return fmt.Errorf("keep execution %s: %w", e.ID, err)
			}
			collect(w, e)
		}
		if in.dirty {
			w.Instances = append(w.Instances, in.Instance)
		}
	}
	return s.tx.Write(s.ctx, w)
}

// inOrder returns the executions as they were made.
func (in *instance) inOrder() []*execution {
	all := make([]*execution, 0, len(in.all))
	for _, e := range in.all {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b *execution) int { return a.Seq - b.Seq })
	return all
}

// collect adds what changed of an execution and of what hangs on it.
func collect(w *store.RuntimeChanges, e *execution) {
	switch {
	case e.dead && !e.fresh:
		w.DropExecutions = append(w.DropExecutions, e.ID)
	case !e.dead && e.dirty:
		w.Executions = append(w.Executions, e.Execution)
	}
	for _, v := range e.vars {
		if v.dirty {
			w.Variables = append(w.Variables, v.row)
		}
	}
	for _, name := range e.gone {
		if _, again := e.vars[name]; !again {
			w.DropVariables = append(w.DropVariables, store.VariableKey{Owner: e.ID, Name: name})
		}
	}
	w.Subscriptions, w.DropSubscriptions = e.subs.changed(w.Subscriptions, w.DropSubscriptions)
	w.Jobs, w.DropJobs = e.jobs.changed(w.Jobs, w.DropJobs)
	w.UserTasks, w.DropUserTasks = e.tasks.changed(w.UserTasks, w.DropUserTasks)
}

// nodeOf returns the element that an execution must stand at.
func nodeOf(e *execution) (*bpmn.Node, error) {
	n := e.node()
	if n == nil {
		return nil, stuck("execution %s stands at no activity", e.ID)
	}
	return n, nil
}
