package postgres_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest"
)

// Steps that lock other names run at once.
func TestStepsAtOnce(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t)
	const steps = 3 // fewer than there are connections
	var all sync.WaitGroup
	all.Add(steps)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var done sync.WaitGroup
	for _, name := range []string{"a", "b", "c"} {
		done.Go(func() {
			err := s.Step(ctx, func(ctx context.Context, tx store.RuntimeTx) error {
				if err := tx.Lock(ctx, name); err != nil {
					return err
				}
				_, err := tx.Activities(ctx, name) // has the lock now
				all.Done()
				all.Wait()
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	require.NoError(t, ctx.Err())
}

// A step that loses the race for a version is tried again, and sees the other's.
func TestVersionTaken(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t)
	deploy := func(id string, between func()) error {
		return s.Step(t.Context(), func(ctx context.Context, tx store.RuntimeTx) error {
			last, err := tx.Latest(ctx, "a", "")
			if err != nil && last.Version > 0 {
				return err
			}
			between()
			between = func() {}
			return tx.Write(ctx, &store.RuntimeChanges{Definitions: []store.Definition{{ID: id, Key: "a", Version: last.Version + 1}}})
		})
	}
	require.NoError(t, deploy("slow", func() { require.NoError(t, deploy("quick", func() {})) }))
	all, _, err := s.Definitions(t.Context(), store.DefinitionFilter{Paging: store.Paging{Size: 9, Sort: "version"}})
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, "quick", all[0].ID)
	require.Equal(t, 2, all[1].Version)
}
