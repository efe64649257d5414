package storetest

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/store"
)

var leaseTests = map[string]func(*testing.T, store.Store){
	"Lease/two holders": testLease,
	"Lease/runs out":    testLeaseEnds,
	"Lease/renewed":     testLeaseRenewed,
	"Lease/lost":        testLeaseLost,
	"Lease/race":        testLeaseRace,
}

func testLease(t *testing.T, s store.Store) {
	lease := func(duty, holder string, want bool) {
		t.Helper()
		got, err := s.Lease(t.Context(), duty, holder, time.Hour)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	lease("trim", "a", true)
	lease("trim", "b", false)
	lease("trim", "a", true)
	lease("sweep", "b", true)
	require.NoError(t, s.Release(t.Context(), "trim", "b"), "not held, no error")
	require.NoError(t, s.Release(t.Context(), "unknown", "b"))
	lease("trim", "b", false)
	require.NoError(t, s.Release(t.Context(), "trim", "a"))
	lease("trim", "b", true)
	lease("trim", "a", false)
}

func testLeaseEnds(t *testing.T, s store.Store) {
	const ttl, tick = 50 * time.Millisecond, time.Millisecond // of a database's clock
	from := time.Now()
	got, err := s.Lease(t.Context(), "trim", "a", ttl)
	require.NoError(t, err)
	require.True(t, got)
	require.Eventually(t, func() bool {
		got, err := s.Lease(t.Context(), "trim", "b", time.Hour)
		return err == nil && got
	}, 10*time.Second, tick)
	require.GreaterOrEqual(t, time.Since(from), ttl-2*tick)
	got, err = s.Lease(t.Context(), "trim", "a", ttl)
	require.NoError(t, err)
	require.False(t, got)
}

// shortly is how long a lease lasts that is to run out.
const shortly = 50 * time.Millisecond

func lease(t *testing.T, s store.Store, duty, holder string, ttl time.Duration) bool {
	t.Helper()
	got, err := s.Lease(t.Context(), duty, holder, ttl)
	require.NoError(t, err)
	return got
}

// taken waits until a lease that runs out can be had by another.
func taken(t *testing.T, s store.Store, duty, holder string) {
	t.Helper()
	require.Eventually(t, func() bool {
		got, err := s.Lease(t.Context(), duty, holder, time.Hour)
		return err == nil && got
	}, 10*time.Second, time.Millisecond)
}

// Renewing counts from now, for a longer time as for a shorter one.
func testLeaseRenewed(t *testing.T, s store.Store) {
	require.True(t, lease(t, s, "longer", "a", shortly))
	require.True(t, lease(t, s, "longer", "a", time.Hour))
	require.True(t, lease(t, s, "shorter", "a", time.Hour))
	require.True(t, lease(t, s, "shorter", "a", shortly))
	taken(t, s, "shorter", "b") // so the first time of longer is over, too
	require.False(t, lease(t, s, "longer", "b", time.Hour))
	require.True(t, lease(t, s, "longer", "a", time.Hour))
}

// Who has lost a lease can neither renew nor release it, and may get it again
// when nobody else has.
func testLeaseLost(t *testing.T, s store.Store) {
	require.True(t, lease(t, s, "trim", "a", shortly))
	taken(t, s, "trim", "b")
	require.False(t, lease(t, s, "trim", "a", time.Hour))
	require.NoError(t, s.Release(t.Context(), "trim", "a"))
	require.False(t, lease(t, s, "trim", "c", time.Hour), "b still has it")
	require.True(t, lease(t, s, "trim", "b", shortly))
	require.True(t, lease(t, s, "clock", "b", shortly))
	taken(t, s, "clock", "c")
	require.True(t, lease(t, s, "trim", "b", time.Hour), "it ran out, but nobody took it")
}

func testLeaseRace(t *testing.T, s store.Store) {
	var wg sync.WaitGroup
	won := make([]bool, 8)
	for i := range won {
		wg.Go(func() {
			got, err := s.Lease(t.Context(), "trim", strconv.Itoa(i), time.Hour)
			if err != nil {
				t.Error(err)
			}
			won[i] = got
		})
	}
	wg.Wait()
	holders := 0
	for _, w := range won {
		if w {
			holders++
		}
	}
	require.Equal(t, 1, holders)
}
