package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

// Each commit waits for the disk, and one transaction writes at a time. So
// steps that wait at once share a transaction: each runs behind a savepoint of
// its own, in the goroutine of its caller, and one commit is the answer to all.

const (
	maxSteps    = 128                   // of one transaction
	maxStepping = 50 * time.Millisecond // how long one takes steps in: the recorder waits for it
)

const (
	savepoint         = `savepoint step`
	releaseSavepoint  = `release step`
	rollbackSavepoint = `rollback to step`
)

var errAbandoned = errors.New("the step was left without an answer")

// steps are those that wait for their turn. The goroutine that gives the turns
// lives while there are any.
type steps struct {
	mu      sync.Mutex
	waiting []*waiter
	leading bool
	leader  sync.WaitGroup
}

// waiter is a step that waits. Each channel has room for its one message.
type waiter struct {
	turn   chan turn
	done   chan error // what the step answered
	result chan error // of the transaction
}

type turn struct {
	tx  *recording
	err error // there is no transaction
}

// Step runs f in a transaction that other steps may share.
func (s *Store) Step(ctx context.Context, f func(context.Context, store.RuntimeTx) error) error {
	return sqlkit.Retry(ctx, s.log, transient, func(ctx context.Context, _ bool) error {
		return s.step(ctx, func(tx *recording) error {
			work := &stepTx{recording: tx}
			err := f(context.WithoutCancel(ctx), work)
			if err == nil || transient(work.failed) || errors.Is(work.failed, sqlkit.ErrConflict) {
				return work.failed
			}
			return err
		})
	})
}

// step waits for the turn, and for the commit.
func (s *Store) step(ctx context.Context, do func(*recording) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &waiter{make(chan turn, 1), make(chan error, 1), make(chan error, 1)}
	s.enqueue(w)
	var mine turn
	select {
	case mine = <-w.turn:
	case <-ctx.Done():
		if s.steps.leave(w) {
			return ctx.Err()
		}
		mine = <-w.turn
	}
	if mine.err != nil {
		return mine.err
	}
	if err := w.run(ctx, mine.tx, do); err != nil {
		return err
	}
	return <-w.result
}

// run hands the transaction to do and then back, whatever becomes of do: a
// panic goes on in the caller.
func (w *waiter) run(ctx context.Context, tx *recording, do func(*recording) error) (err error) {
	err = errAbandoned
	defer func() { w.done <- err }()
	if ended := ctx.Err(); ended != nil {
		err = ended
		return err
	}
	answer := do(tx)
	if answer == nil {
		answer = ctx.Err()
	}
	err = answer
	return err
}

func (s *Store) enqueue(w *waiter) {
	q := &s.steps
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, w)
	if !q.leading {
		q.leading = true
		q.leader.Go(s.lead)
	}
}

// leave takes a step out of the queue, if its turn has not come.
func (q *steps) leave(w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.waiting {
		if q.waiting[i] == w {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// next takes the first step out of the queue, nil if there is none.
func (q *steps) next() *waiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil
	}
	w := q.waiting[0]
	q.waiting = q.waiting[1:]
	return w
}

// rest reports whether nobody waits, and ends the leading then.
func (q *steps) rest() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.leading = len(q.waiting) > 0
	return !q.leading
}

// lead makes transactions as long as steps wait. Between two of them the
// recorder gets the connection if it waits.
func (s *Store) lead() {
	for !s.steps.rest() {
		if err := s.together(context.Background()); err != nil {
			if w := s.steps.next(); w != nil {
				w.turn <- turn{err: err}
			}
		}
	}
}

// together runs waiting steps in one transaction. It fails when there is none,
// and has not touched a step then.
func (s *Store) together(ctx context.Context) error {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // goes back to the pool
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	g := &group{work: &recording{tx: tx, store: s}, began: time.Now()}
	defer tx.Rollback() //nolint:errcheck // does nothing after a commit
	for !g.full() {
		w := s.steps.next()
		if w == nil {
			break
		}
		if g.err = g.add(ctx, w); g.err != nil {
			break
		}
	}
	g.finish()
	return nil
}

// group is a transaction with the steps that are in it.
type group struct {
	work    *recording
	began   time.Time
	members []*waiter
	err     error // the transaction is lost
}

func (g *group) full() bool { return len(g.members) == maxSteps || time.Since(g.began) > maxStepping }

// add gives w its turn. An error is one of the transaction; w is a member then
// if its own answer was none.
func (g *group) add(ctx context.Context, w *waiter) error {
	if err := g.work.run(ctx, savepoint); err != nil {
		w.turn <- turn{err: err}
		return err
	}
	stones := len(g.work.stones)
	w.turn <- turn{tx: g.work}
	if err := <-w.done; err != nil {
		g.work.stones = g.work.stones[:stones]
		return errors.Join(g.work.run(ctx, rollbackSavepoint), g.work.run(ctx, releaseSavepoint))
	}
	g.members = append(g.members, w)
	return g.work.run(ctx, releaseSavepoint)
}

// finish commits, and answers all members.
func (g *group) finish() {
	if len(g.members) == 0 {
		return
	}
	if g.err == nil {
		g.err = g.work.tx.Commit()
	}
	if g.err == nil {
		g.work.store.stones.Add(g.work.stones)
	}
	for _, w := range g.members {
		w.result <- g.err
	}
}

// run runs one of the prepared statements that have no result.
func (tx *recording) run(ctx context.Context, text string, args ...any) error {
	_, err := tx.tx.StmtContext(ctx, tx.store.stepping[text]).ExecContext(ctx, args...)
	return err
}

// ask runs one of the prepared queries of a step.
func (tx *recording) ask(ctx context.Context, text string, read func(*row), args ...any) error {
	rows, err := tx.tx.StmtContext(ctx, tx.store.stepping[text]).QueryContext(ctx, args...)
	return collect(rows, err, read)
}

// prepareSteps prepares the statements of steps.
func (s *Store) prepareSteps(ctx context.Context) error {
	s.stepping = map[string]*sql.Stmt{}
	for _, text := range stepping {
		st, err := s.write.PrepareContext(ctx, text)
		if err != nil {
			return err
		}
		s.stepping[text] = st
	}
	return nil
}
