package river

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river/bpmn"
	"github.com/riverstones/riverstones/store"
)

// The external worker API: work of a topic is taken under a lock. A job whose
// task was published to a stone is taken out of the queue first, so that one
// or the other does it, never both.

// MaxAcquire is how many jobs one call takes at most.
const MaxAcquire = 1000

// AcquiredJob is a job that a worker holds now.
type AcquiredJob struct {
	store.Job

	Variables []Variable
}

// maxSeen is how many jobs one call looks at, to find those that are to be had.
const maxSeen = 2 * MaxAcquire

// AcquireJobs locks jobs of a topic for a worker, the oldest first.
func (r *Runtime) AcquireJobs(ctx context.Context, a Acquire) ([]AcquiredJob, error) {
	if a.Tasks < 1 || a.Tasks > MaxAcquire {
		return nil, fault.New(fault.Invalid, "numberOfTasks must be between 1 and %d", MaxAcquire)
	}
	f := store.JobFilter{Topic: a.Topic, Kinds: []store.JobKind{store.ExternalJob}, Acquirable: true, Now: r.now(),
		Paging: store.Paging{Sort: "created", Size: max(2*a.Tasks, 20), CountTo: 1}}
	f.Tenant = a.Tenant
	k := &taking{r: r, a: &a}
	for seen := 0; seen < maxSeen; {
		rows, _, err := r.store.Jobs(ctx, f)
		if err != nil {
			return k.got(r.explain(err))
		}
		before := len(k.out)
		for i := range rows {
			if err := k.take(ctx, &rows[i]); err != nil || len(k.out) == a.Tasks {
				return k.got(err)
			}
		}
		if len(rows) < f.Size {
			break
		}
		seen += len(rows)
		f.Start += len(rows) - (len(k.out) - before) // what was taken is not found again
	}
	return k.out, nil
}

// taking is one call of a worker for jobs.
type taking struct {
	r   *Runtime
	a   *Acquire
	out []AcquiredJob
	// passed is the highest place in the queue that could not be had: what is
	// before it has gone to a stone too.
	passed uint64
}

// got returns the jobs that are locked already, rather than an error that would
// hide them from their worker.
func (k *taking) got(err error) ([]AcquiredJob, error) {
	if len(k.out) > 0 {
		return k.out, nil
	}
	return nil, err
}

// take takes one job, if it is still to be had. One whose task was published is
// locked before the command is taken out of the queue: what is not to be
// locked must stay there.
func (k *taking) take(ctx context.Context, seen *store.Job) error {
	w, err := workOf(seen)
	if err != nil {
		return k.r.explain(err)
	}
	if !w.Published {
		_, err := k.lock(ctx, seen.ID, false)
		return err
	}
	sequence := k.r.published(ctx, seen.ID, w)
	if sequence <= k.passed || seen.LockOwner != "" {
		return nil
	}
	held, err := k.lock(ctx, seen.ID, true)
	if err != nil || !held {
		return err
	}
	switch k.r.deps.Withdraw(ctx, seen.ID, sequence) {
	case dispatch.Out:
		return k.withdrawn(ctx, seen.ID)
	case dispatch.Left:
		k.passed = sequence
		return k.unlock(ctx, seen.ID)
	default: // it stays locked until recoverTakes finds out
		return nil
	}
}

// published returns the place of a task's command in the queue, 0 if it has
// none yet or if somebody has commanded another one.
func (r *Runtime) published(ctx context.Context, id string, w work) uint64 {
	attempts, err := r.deps.Attempts(ctx, id)
	if err != nil || len(attempts) != 1+w.Again {
		return 0
	}
	return attempts[w.Again].Sequence
}

// lock locks a job for the worker, and takes it if it is not published. If it
// is, the lock is one for the taking, and one that has run out is left to
// recoverTakes.
func (k *taking) lock(ctx context.Context, id string, published bool) (held bool, err error) {
	var out *AcquiredJob
	err = k.r.step(ctx, func(s *step) error {
		out, held = nil, false
		e, j, err := s.openJob(id)
		if err != nil || j == nil || !able(e.in) || !s.free(e, &j.v) {
			return err
		}
		now, err := workOf(&j.v)
		if err != nil || now.Published != published || published && j.v.LockOwner != "" {
			return err
		}
		held, j.dirty = true, true
		j.v.LockOwner, j.v.LockUntil = k.a.Worker, s.now.Add(k.a.Lock)
		if published {
			j.v.LockUntil = s.now.Add(takeFor)
		}
		if published {
			return nil
		}
		out, err = s.handed(e, j)
		return err
	})
	if err == nil && out != nil {
		k.out = append(k.out, *out)
	}
	return held, err
}

// withdrawn takes a job that is locked, and whose command is out of the queue.
func (k *taking) withdrawn(ctx context.Context, id string) error {
	var out *AcquiredJob
	held, err := k.onLocked(ctx, id, func(s *step, e *execution, j *row[store.Job], w work) error {
		if err := s.cancelTask(&j.v, false); err != nil {
			return err
		}
		w.Published, w.Withdrawn = false, true
		j.v.LockUntil = s.now.Add(k.a.Lock)
		if err := w.into(&j.v); err != nil {
			return err
		}
		var err error
		out, err = s.handed(e, j)
		return err
	})
	if err == nil && held {
		k.out = append(k.out, *out)
	}
	return err
}

// unlock leaves a job to the stone that has it.
func (k *taking) unlock(ctx context.Context, id string) error {
	_, err := k.onLocked(ctx, id, func(_ *step, _ *execution, j *row[store.Job], _ work) error {
		j.v.LockOwner, j.v.LockUntil = "", time.Time{}
		return nil
	})
	return err
}

// onLocked changes a published job that the worker has locked, and reports
// whether it was still there.
func (k *taking) onLocked(ctx context.Context, id string, f func(*step, *execution, *row[store.Job], work) error) (held bool, err error) {
	err = k.r.step(ctx, func(s *step) error {
		held = false
		e, j, err := s.openJob(id)
		if err != nil || j == nil || j.v.LockOwner != k.a.Worker {
			return err
		}
		w, err := workOf(&j.v)
		if err != nil || !w.Published {
			return err
		}
		j.dirty, held = true, true
		return f(s, e, j, w)
	})
	return held, err
}

// handed is a job as its worker gets it.
func (s *step) handed(e *execution, j *row[store.Job]) (*AcquiredJob, error) {
	vars, err := s.carried(e)
	return &AcquiredJob{Job: j.v, Variables: vars}, err
}

// free reports whether a job may be locked now: nobody holds it, and while an
// exclusive one of the instance is held no other exclusive one may be.
func (s *step) free(e *execution, j *store.Job) bool {
	if j.Kind != store.ExternalJob || j.Retries <= 0 || j.LockUntil.After(s.now) || j.Due.After(s.now) {
		return false
	}
	if !j.Exclusive {
		return true
	}
	for _, other := range e.in.all {
		for _, o := range other.jobs.rows {
			if o.v.Kind == store.ExternalJob && o.v.Exclusive && o.id != j.ID && o.v.LockUntil.After(s.now) {
				return false
			}
		}
	}
	return true
}

// carried returns the variables that a job's worker gets.
func (s *step) carried(e *execution) ([]Variable, error) {
	n, err := nodeOf(e)
	if err != nil {
		return nil, err
	}
	w := workerOf(n)
	if w == nil || w.DoNotIncludeVariables {
		return nil, nil
	}
	var out []Variable
	for i := range w.In {
		v, name, err := s.mapped(&w.In[i], e, "of serviceTask "+n.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, Variable{Name: name, Value: v})
	}
	if len(w.In) > 0 {
		return out, nil
	}
	seen := map[string]bool{}
	for at := e; at != nil; at = at.parent {
		for name, h := range at.vars {
			if seen[name] {
				continue
			}
			seen[name] = true
			v, err := s.valueOf(h)
			if err != nil {
				return nil, err
			}
			out = append(out, Variable{Name: name, Value: v})
		}
	}
	return out, nil
}

func workerOf(n *bpmn.Node) *bpmn.Worker {
	if t, ok := n.Detail.(*bpmn.ServiceTask); ok {
		return t.Worker
	}
	return nil
}

// CompleteJob ends the work of a job: its variables are set, and the process
// goes on. NotFound, Forbidden if the worker does not hold the lock, State if the
// instance is suspended.
func (r *Runtime) CompleteJob(ctx context.Context, jobID, worker string, vars []Var) error {
	return r.onJob(ctx, jobID, worker, func(s *step, e *execution, _ *row[store.Job]) error {
		n, err := s.deliverJob(e, vars)
		if err != nil {
			return err
		}
		return s.leave(e, n)
	})
}

// deliverJob takes what a worker gives back: all of it, or what the model maps.
func (s *step) deliverJob(e *execution, vars []Var) (*bpmn.Node, error) {
	if err := checkVars(vars); err != nil {
		return nil, err
	}
	n, err := nodeOf(e)
	if err != nil {
		return nil, err
	}
	w := workerOf(n)
	if w == nil || len(w.Out) == 0 {
		return n, s.setAll(e, vars)
	}
	before := s.transient
	s.transient = nil
	for i := range vars {
		s.flash(e.in, vars[i].Name, vars[i].Value)
	}
	err = s.carry(w.Out, e, e, "of serviceTask "+n.ID)
	s.transient = before
	return n, err
}

// ErrorJob ends the work of a job with a BPMN error, which a boundary event may
// catch; uncaught, it fails the process.
func (r *Runtime) ErrorJob(ctx context.Context, jobID, worker, code string, vars []Var) error {
	return r.onJob(ctx, jobID, worker, func(s *step, e *execution, _ *row[store.Job]) error {
		n, err := s.deliverJob(e, vars)
		if err != nil {
			return err
		}
		return s.raise(e, bpmnError{code: code, text: "the external worker of " + n.ID + " raised an error"})
	})
}

// FailJob notes that a worker failed: the lock is released, and the job can be
// taken again after a while, until no retries are left.
func (r *Runtime) FailJob(ctx context.Context, jobID string, f JobFailure) error {
	return r.onJob(ctx, jobID, f.Worker, func(s *step, _ *execution, j *row[store.Job]) error {
		left := j.v.Retries - 1
		if f.Retries != nil {
			left = *f.Retries
		}
		j.v.Retries, j.v.Problem, j.v.Details = max(left, 0), f.Message, f.Details
		j.v.LockOwner, j.v.LockUntil, j.dirty = "", time.Time{}, true
		j.v.Due = time.Time{}
		if f.After > 0 {
			j.v.Due = s.now.Add(f.After)
		}
		return nil
	})
}

// UnacquireJobs gives jobs back that a worker holds, all of them if none is named.
func (r *Runtime) UnacquireJobs(ctx context.Context, worker string, jobIDs ...string) error {
	if len(jobIDs) == 0 {
		locked := true
		rows, _, err := r.store.Jobs(ctx, store.JobFilter{Kinds: []store.JobKind{store.ExternalJob}, Locked: &locked, Owner: worker, Now: r.now(),
			Paging: store.Paging{Size: maxErase, CountTo: 1}})
		if err != nil {
			return r.explain(err)
		}
		for i := range rows {
			if w, err := workOf(&rows[i]); err == nil && !w.Published {
				jobIDs = append(jobIDs, rows[i].ID)
			}
		}
	}
	for _, id := range jobIDs {
		err := r.onJob(ctx, id, worker, func(_ *step, _ *execution, j *row[store.Job]) error {
			j.v.LockOwner, j.v.LockUntil, j.dirty = "", time.Time{}, true
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// openJob opens the instance of a job; nil if it is not there.
func (s *step) openJob(id string) (*execution, *row[store.Job], error) {
	in, err := s.open(store.OfJob, id)
	if err != nil {
		return nil, nil, gone(err)
	}
	e, j := in.jobOf(id)
	return e, j, nil
}

// onJob runs f on a job that a worker holds.
func (r *Runtime) onJob(ctx context.Context, id, worker string, f func(*step, *execution, *row[store.Job]) error) error {
	return r.step(ctx, func(s *step) error {
		e, j, err := s.openJob(id)
		if err != nil {
			return err
		}
		if j == nil || j.v.Kind != store.ExternalJob {
			return unknown("job", id)
		}
		w, err := workOf(&j.v)
		if err != nil {
			return err
		}
		if j.v.LockOwner == "" || j.v.LockOwner != worker || w.Published { // it is being taken
			return fault.New(fault.Forbidden, "job %s is not locked by worker %.200q", id, worker)
		}
		if err := writable(e.in); err != nil {
			return err
		}
		return f(s, e, j)
	})
}

// Adopt publishes the tasks of external jobs that nobody has taken yet, for a
// stone that has announced itself since they were made.
func (r *Runtime) Adopt(ctx context.Context, topic string) error {
	rows, _, err := r.store.Jobs(ctx, store.JobFilter{Topic: topic, Kinds: []store.JobKind{store.ExternalJob}, Acquirable: true, Now: r.now(),
		Paging: store.Paging{Sort: "created", Size: maxErase}})
	if err != nil {
		return err
	}
	for i := range rows {
		w, err := workOf(&rows[i])
		if err != nil || w.Published || w.Withdrawn || rows[i].LockOwner != "" {
			continue
		}
		err = r.step(ctx, func(s *step) error { return s.adoptJob(rows[i].ID, topic) })
		if f := fault.Of(err); err != nil && (f.Kind == fault.Unavailable || f.Kind == fault.Internal) {
			return err
		}
		if err != nil { // the model does not allow it: it stays with workers over REST
			r.log.Warn("an external job can not be handed to its stone", zap.String("job", rows[i].ID), zap.Error(err))
		}
	}
	return nil
}

// adoptJob publishes the task of a job that is nobody's yet.
func (s *step) adoptJob(id, topic string) error {
	e, j, err := s.openJob(id)
	if err != nil || j == nil || !able(e.in) || j.v.LockOwner != "" {
		return err
	}
	if w, err := workOf(&j.v); err != nil || w.Published || w.Withdrawn {
		return err
	}
	n, err := nodeOf(e)
	if err != nil {
		return err
	}
	j.dirty = true
	st := as[*bpmn.ServiceTask](n).Stone
	return s.publish(e, n, &j.v, dispatch.Request{Stone: topic, Namespace: st.Namespace}, st.Params)
}
