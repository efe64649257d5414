package registry

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// However many ask, one call is under way, and nobody gets an answer that is
// older than asked for.
func TestSharedCalls(t *testing.T) {
	t.Parallel()
	var runs sync.WaitGroup
	var calls, under atomic.Int32
	var fail atomic.Bool
	s := &shared[int32]{runs: &runs, run: func(context.Context) (int32, error) {
		if under.Add(1) > 1 {
			t.Error("two calls at once")
		}
		defer under.Add(-1)
		if fail.Load() {
			return 0, errors.New("no")
		}
		return calls.Add(1), nil
	}}
	var askers sync.WaitGroup
	for range 50 {
		askers.Go(func() {
			n, err := s.get(t.Context(), time.Now())
			if err != nil || n == 0 {
				t.Error(n, err)
			}
		})
	}
	askers.Wait()
	kept := calls.Load()
	n, err := s.get(t.Context(), time.Now().Add(-time.Hour))
	require.NoError(t, err)
	require.Equal(t, kept, n, "the last answer will do")
	n, err = s.get(t.Context(), time.Now())
	require.NoError(t, err)
	require.Equal(t, kept+1, n, "it is too old")
	fail.Store(true)
	_, err = s.get(t.Context(), time.Now())
	require.EqualError(t, err, "no")
	n, err = s.get(t.Context(), time.Now().Add(-time.Hour))
	require.NoError(t, err)
	require.Equal(t, kept+1, n, "a failure takes nothing away")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.get(ctx, time.Now())
	require.Error(t, err)
	runs.Wait()
}
