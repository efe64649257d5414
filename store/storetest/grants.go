package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

var grantTests = map[string]func(*testing.T, store.Store){
	"Grant/unknown":    testGrantUnknown,
	"Grant/last":       testGrantLast,
	"Grant/epoch":      testGrantEpoch,
	"Grant/concurrent": testGrantConcurrent,
}

// next grants once more than last.
func next(_ store.State, last *store.Grant, _ time.Time) *store.Grant {
	g := store.Grant{Number: 1, Asked: 1, Worker: "w1", Try: 1, Time: noon}
	if last != nil {
		g.Number, g.Try = last.Number+1, last.Try+1
	}
	return &g
}

func testGrantUnknown(t *testing.T, s store.Store) {
	for _, id := range []string{newID(), "no uuid", ""} {
		err := s.Grant(t.Context(), id, task.Start, func(store.State, *store.Grant, time.Time) *store.Grant {
			t.Error("decide must not be called")
			return nil
		})
		require.ErrorIs(t, err, store.ErrNotFound)
	}
}

func testGrantLast(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	want := state(n)
	ask := func(m task.Method, wantLast *store.Grant, answer *store.Grant) {
		t.Helper()
		require.NoError(t, s.Grant(t.Context(), n.ID, m, func(st store.State, last *store.Grant, now time.Time) *store.Grant {
			require.Equal(t, want, st)
			require.Equal(t, wantLast, last)
			require.WithinDuration(t, time.Now(), now, time.Minute)
			return answer
		}))
		if answer != nil {
			want.Rev++
			if want.Grants == nil {
				want.Grants = map[task.Method]int{}
			}
			want.Grants[m] = answer.Number
		}
		require.Equal(t, want, read(t, s, n.ID)[n.ID])
	}
	first := &store.Grant{ID: n.ID, Epoch: 1, Method: task.Start, Number: 1, Asked: 3, Worker: "w1", Try: 1, Time: noon}
	second := &store.Grant{ID: n.ID, Epoch: 1, Method: task.Start, Number: 2, Asked: 1, Worker: "w\uFFFD", Try: 2, Time: noon.Add(time.Second)}
	odd := *second
	odd.Worker = "w\x00"
	released := *second
	released.Released = true
	other := &store.Grant{ID: n.ID, Epoch: 1, Method: task.Cancel, Number: 7, Asked: 1, Worker: "w1", Try: 1, Time: noon}

	ask(task.Start, nil, nil)
	ask(task.Start, nil, first)
	ask(task.Start, first, nil)
	ask(task.Start, first, &odd)
	ask(task.Cancel, nil, other)
	ask(task.Start, second, &released)
	ask(task.Start, &released, nil)
	ask(task.Cancel, other, nil)
}

func testGrantEpoch(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	require.NoError(t, s.Grant(t.Context(), n.ID, task.Start, next))
	st := read(t, s, n.ID)[n.ID]
	st.Epoch = 2
	record(t, s, store.Changes{Changed: []store.State{st}})
	require.Empty(t, read(t, s, n.ID)[n.ID].Grants, "grants of an older epoch")
	require.NoError(t, s.Grant(t.Context(), n.ID, task.Start, func(st store.State, last *store.Grant, now time.Time) *store.Grant {
		require.Equal(t, 2, st.Epoch)
		require.Nil(t, last)
		return next(st, last, now)
	}))
	require.Equal(t, map[task.Method]int{task.Start: 1}, read(t, s, n.ID)[n.ID].Grants)
}

func testGrantConcurrent(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	const workers, each = 4, 10
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				if err := s.Grant(t.Context(), n.ID, task.Start, next); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, map[task.Method]int{task.Start: workers * each}, read(t, s, n.ID)[n.ID].Grants)
}
