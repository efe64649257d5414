package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

// What a step does goes to the server when something is to be read, and at its
// end: so locking and loading an instance is one round trip, and so is writing
// and committing it.

var lockName = statement{"rs_lock_name", `
select pg_advisory_xact_lock(hashtextextended($1::text, 0))`, ""}

// stepTx is a step's transaction.
type stepTx struct {
	*recording

	batch  pgconn.Batch // not sent yet
	queued int          // statements in it
	begun  bool         // something was sent
	named  []string     // stones named for the first time
	failed error        // what the database refused: the step can not go on
}

var _ store.RuntimeTx = (*stepTx)(nil)

// Step runs f in a transaction.
func (s *Store) Step(ctx context.Context, f func(context.Context, store.RuntimeTx) error) error {
	var own error // f's own
	err := sqlkit.Retry(ctx, s.log, transient, func(ctx context.Context, _ bool) error {
		own = nil
		leave, err := s.enter(ctx)
		if err != nil {
			return err
		}
		defer leave()
		return s.inConn(ctx, func(tx *recording) error {
			step := &stepTx{recording: tx}
			step.queue(begin)
			err := f(ctx, step)
			if err == nil {
				return step.end(ctx)
			}
			if transient(step.failed) || errors.Is(step.failed, sqlkit.ErrConflict) {
				return step.failed
			}
			own = err
			return err
		})
	})
	if own != nil {
		return own
	}
	return named("step", err)
}

// enter waits until a step may begin. One connection is left to the recorder,
// however many steps wait for each other's locks.
func (s *Store) enter(ctx context.Context) (leave func(), err error) {
	select {
	case s.steps <- struct{}{}:
		return func() { <-s.steps }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// end commits, unless there was nothing to do.
func (tx *stepTx) end(ctx context.Context) error {
	if tx.failed == nil {
		tx.failed = ctx.Err()
	}
	if tx.failed != nil || !tx.begun && tx.queued == 1 {
		return tx.failed
	}
	tx.queue(commit)
	if err := tx.ask(ctx); err != nil {
		return err
	}
	tx.stones.Add(tx.named)
	return nil
}

// queue adds a statement to those that are sent next.
func (tx *stepTx) queue(st statement, params ...[]byte) {
	run(&tx.batch, st, params...)
	tx.queued++
}

// add is [put] for a step.
func add[T any](tx *stepTx, st statement, rows []T, write func(sqlkit.Writer, *T) error) {
	if tx.failed != nil || len(rows) == 0 {
		return
	}
	if tx.failed = put(&tx.batch, st, rows, write); tx.failed == nil {
		tx.queued++
	}
}

// ask sends what is queued. The last statements have these readers.
func (tx *stepTx) ask(ctx context.Context, read ...func(*row)) error {
	if tx.failed != nil {
		return tx.failed
	}
	readers := make([]func(*row), tx.queued-len(read), tx.queued)
	batch := tx.take()
	return tx.note(refusal(tx.answers(ctx, batch, append(readers, read...)...)))
}

// take returns what is queued, to be sent.
func (tx *stepTx) take() *pgconn.Batch {
	b := tx.batch
	tx.batch, tx.queued, tx.begun = pgconn.Batch{}, 0, true
	return &b
}

// note keeps an error of the database, so that the step is not committed.
func (tx *stepTx) note(err error) error {
	if err != nil {
		tx.failed = err
	}
	return err
}

// all runs a query of which every row is wanted.
func (tx *stepTx) all(ctx context.Context, st statement, read func(*row), params ...[]byte) error {
	tx.queue(st, params...)
	return tx.ask(ctx, read)
}

// one runs a query of one row; [store.ErrNotFound].
func (tx *stepTx) one(ctx context.Context, st statement, read func(*row), params ...[]byte) error {
	found := false
	err := tx.all(ctx, st, func(r *row) { found = true; read(r) }, params...)
	if err == nil && !found {
		return store.ErrNotFound
	}
	return err
}

// Lock makes this transaction the only one that holds name. It goes along with
// what is asked next.
func (tx *stepTx) Lock(_ context.Context, name string) error {
	if tx.failed == nil {
		tx.queue(lockName, textParam(name))
	}
	return tx.failed
}

func textParam(s string) []byte { return []byte(sqlkit.Text(s)) }

func textOrNull(s *string) []byte {
	if s == nil {
		return nil
	}
	return textParam(*s)
}

// named says of which operation an error is; nil for nil.
func named(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", op, err)
}
