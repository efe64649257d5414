package sqlkit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// ErrConflict says that another writer changed a task of the batch between
// reading and writing it: the transaction was rolled back.
var ErrConflict = errors.New("a task was changed by another writer")

const (
	maxTries = 8
	maxPause = 50 * time.Millisecond
)

// Retry runs try until it succeeds, at most 8 times. After [ErrConflict] it
// goes on with certain: states are to be read under locks then, and clashes
// looked up. Errors that transient knows are tried again after a short random
// pause; all others are returned.
func Retry(ctx context.Context, log *zap.Logger, transient func(error) bool,
	try func(ctx context.Context, certain bool) error) error {
	certain := false
	for n := 1; ; n++ {
		err := try(ctx, certain)
		conflict := errors.Is(err, ErrConflict)
		switch {
		case err == nil:
			return nil
		case !conflict && !transient(err):
			return err
		case n == maxTries && conflict: // under locks: it is not the others
			return fmt.Errorf("%w: %w, after %d tries", store.ErrRejected, err, n)
		case n == maxTries:
			return fmt.Errorf("%w, after %d tries", err, n)
		}
		log.Debug("transaction is tried again", zap.Int("try", n), zap.Error(err))
		if conflict && !certain {
			certain = true
			continue // the locks to come make a pause needless
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context) error {
	t := time.NewTimer(rand.N(maxPause))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// CheckBatch returns the ids of b, or what is wrong with it.
func CheckBatch(b store.Batch) ([]ID, error) {
	if b.Fold == nil || len(b.IDs) != len(b.TaskIDs) {
		return nil, fmt.Errorf("%w: batch of %d ids, %d taskIds, fold %t", store.ErrRejected, len(b.IDs), len(b.TaskIDs), b.Fold != nil)
	}
	ids, err := IDs(b.IDs)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrRejected, err)
	}
	return ids, nil
}

// Unknown returns the taskIds of those tasks of b that are not in states.
func Unknown(b store.Batch, states map[string]store.State) []string {
	var out []string
	for i, id := range b.IDs {
		if _, ok := states[id]; !ok {
			out = append(out, b.TaskIDs[i])
		}
	}
	return out
}

// Clash adds a [store.State] with Clash for each unknown task of b whose taskId
// belongs to another: to one of owners, which the database has, or to one that
// stands before it in b itself. tried are the new tasks of the try before.
func Clash(b store.Batch, states map[string]store.State, owners []task.Names, tried []store.State) {
	owner := make(map[string]task.Names, len(owners))
	for _, o := range owners {
		owner[o.TaskID] = o
	}
	fresh := make(map[string]task.Names, len(tried))
	for i := range tried {
		fresh[tried[i].ID] = tried[i].Names
	}
	for i, id := range b.IDs {
		if _, known := states[id]; known {
			continue
		}
		if o, taken := owner[b.TaskIDs[i]]; taken {
			states[id] = store.State{Names: o, Clash: true}
		} else if n, ok := fresh[id]; ok {
			owner[b.TaskIDs[i]] = n
		}
	}
}

// Granted returns the ids of the tasks whose Grants are to be filled.
func Granted(states map[string]store.State) ([]ID, error) {
	var texts []string
	for id := range states {
		if states[id].Grants != nil {
			texts = append(texts, id)
		}
	}
	return IDs(texts)
}
