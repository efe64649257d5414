package river

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/duty"
	"github.com/riverstones/riverstones/store"
)

// takeFor is how long a job whose task is published is locked while its command
// is taken out of the queue. A lock that has run out says that the taking was
// broken off: the command may be out of the queue, and nobody have the job.
const takeFor = 10 * time.Second

// recoverTakes gives jobs back to their stones whose taking was broken off.
func (r *Runtime) recoverTakes(ctx context.Context) {
	for ctx.Err() == nil {
		r.report(ctx, "jobs that were not taken to the end can not be given back", r.recoverAll(ctx))
		duty.Pause(ctx, 5*r.cfg.Look)
	}
}

func (r *Runtime) recoverAll(ctx context.Context) error {
	f := store.JobFilter{Kinds: []store.JobKind{store.ExternalJob}, Lapsed: true, Now: r.now(), Paging: store.Paging{Sort: "created", Size: r.cfg.Batch}}
	for {
		rows, _, err := r.store.Jobs(ctx, f)
		if err != nil {
			return err
		}
		for i := range rows {
			w, err := workOf(&rows[i])
			if err == nil && w.Published { // else a worker's own lock has run out
				err = r.recoverTake(ctx, rows[i].ID, w)
			}
			if err != nil {
				return err
			}
		}
		if f.Start += len(rows); len(rows) < f.Size {
			return nil
		}
	}
}

// recoverTake unlocks a job, and publishes its task again if the command is out
// of the queue and no worker has begun it.
func (r *Runtime) recoverTake(ctx context.Context, id string, seen work) error {
	sequence, lost := r.published(ctx, id, seen), false
	if sequence > 0 {
		var err error
		if lost, err = r.deps.Gone(ctx, sequence); err != nil {
			return err
		}
	}
	return r.step(ctx, func(s *step) error {
		_, j, err := s.openJob(id)
		if err != nil || j == nil || j.v.LockOwner == "" || j.v.LockUntil.After(s.now) {
			return err
		}
		w, err := workOf(&j.v)
		if err != nil || !w.Published || w.Again != seen.Again {
			return err
		}
		j.v.LockOwner, j.v.LockUntil, j.dirty = "", time.Time{}, true
		if !lost {
			return nil
		}
		return s.publishAgain(j, w, sequence)
	})
}

func (s *step) publishAgain(j *row[store.Job], w work, sequence uint64) error {
	sent := false
	_, err := s.command(j.id, func(st store.Standing) (*store.Step, error) {
		step := dispatch.AgainStep(st, sequence, s.now)
		sent = step != nil
		return step, nil
	})
	if err != nil || !sent {
		return gone(err)
	}
	s.rt.log.Warn("a job was taken from its stone, and came to no worker: it is published again", zap.String("job", j.id))
	w.Again++
	return w.into(&j.v)
}
