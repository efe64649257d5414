package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store"
)

// Other writers get their turn however many steps wait, and steps that wait
// while another one writes are there when it has.
func TestStepsAndOthers(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "tasks.db"), true)
	defer func() { require.NoError(t, s.Close()) }()
	var wg sync.WaitGroup
	ended := make(chan struct{})
	for n := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-ended:
					return
				default:
				}
				err := s.Step(t.Context(), func(ctx context.Context, tx store.RuntimeTx) error {
					return tx.Write(ctx, &store.RuntimeChanges{Deployments: []store.Deployment{{ID: fmt.Sprint(n, "-", i)}}})
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range uint64(20) {
		b := store.Batch{From: store.Position{Tasks: i}, To: store.Position{Tasks: i + 1},
			Fold: func(map[string]store.State) store.Changes { return store.Changes{} }}
		require.NoError(t, s.Record(t.Context(), b))
	}
	close(ended)
	wg.Wait()
}
