package storetest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest"
)

// Each fault, when it always happens, does what it says.
func TestFaulty(t *testing.T) {
	t.Parallel()
	next := store.Position{Tasks: 1}
	record := store.Batch{To: next, Fold: func(map[string]store.State) store.Changes { return store.Changes{} }}
	for name, c := range map[string]struct {
		faults storetest.Faults
		want   error
		done   bool
	}{
		"fail":     {storetest.Faults{Fail: 1}, storetest.ErrInjected, false},
		"doubt":    {storetest.Faults{Doubt: 1}, storetest.ErrInjected, true},
		"conflict": {storetest.Faults{Conflict: 1, Conflicts: 1}, store.ErrStale, false},
		"delay":    {storetest.Faults{Delay: 1, Pause: time.Millisecond}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, chance := storetest.SQLite(t), queuetest.NewChance(t)
			f := storetest.NewFaulty(t, s, chance, c.faults)
			require.ErrorIs(t, f.Record(t.Context(), record), c.want)
			require.Equal(t, map[string]int{name: 1}, f.Done())
			pos, err := s.Position(t.Context())
			require.NoError(t, err)
			require.Equal(t, c.done, pos == next)
			_, err = f.Position(t.Context())
			require.Equal(t, errors.Is(c.want, storetest.ErrInjected), err != nil)
			chance.Calm()
			pos, err = f.Position(t.Context())
			require.NoError(t, err)
			require.Equal(t, c.done, pos == next)
			held, err := f.Lease(t.Context(), "duty", "me", time.Minute)
			require.NoError(t, err)
			require.True(t, held)
		})
	}
}
