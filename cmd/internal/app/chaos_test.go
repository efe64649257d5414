package app_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue/task"
)

// Operators command whatever they like while tasks run, fail and hang: every
// attempt has one end at most, its statuses only go forward, and what streams,
// history and current states say is the same.
func TestOperatorsAtRandom(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	desks(t, func(t *testing.T, d *desk) {
		const tasks, operators, orders = 120, 6, 60
		scripts := []string{`{}`, `{"start":"fail"}`, `{"start":"hang"}`, `{"monitor":"fail"}`, `{"cancel":"fail"}`, `{"rollback":"fail"}`, `{"start":"fail","cancel":"fail"}`}
		r := rand.New(rand.NewPCG(seed, 0))
		ids := make([]string, tasks)
		for i := range ids {
			change := inDebug
			if r.IntN(4) == 0 {
				change = func(n *client.NewTask) { n.Delay = "150ms" }
			}
			ids[i] = d.publish("Script", scripts[r.IntN(len(scripts))], change)
		}
		var wg sync.WaitGroup
		for o := range operators {
			mine := rand.New(rand.NewPCG(seed, uint64(o)+1))
			wg.Go(func() {
				for range orders {
					d.order(mine, ids[mine.IntN(tasks)], scripts)
				}
			})
		}
		wg.Wait()
		for _, id := range ids {
			d.toTheEnd(id)
			h, err := d.c.History(within(t), id, false)
			require.NoError(t, err)
			requireForward(t, id, h)
		}
	})
}

// order gives one command at random; that it may be refused is part of it.
func (d *desk) order(r *rand.Rand, id string, scripts []string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var err error
	switch r.IntN(7) {
	case 0, 1:
		_, err = d.once.Cancel(ctx, id)
	case 2:
		_, err = d.once.Rollback(ctx, id)
	case 3:
		_, err = d.once.Delete(ctx, id)
	case 4:
		_, err = d.once.Resume(ctx, id)
	case 5:
		err = d.once.SetDebug(ctx, "p-"+id, r.IntN(3) > 0)
	default:
		methods := []string{"start", "monitor", "cancel", "rollback", "delete"}
		_, err = d.once.ReRun(ctx, id, client.ReRun{QueueType: methods[r.IntN(len(methods))], Parameters: []byte(scripts[r.IntN(len(scripts))])})
	}
	if !errors.Is(err, client.ErrConflict) {
		assert.NoError(d.t, err)
	}
}

// toTheEnd cancels what hangs and waits until nothing more can happen.
func (d *desk) toTheEnd(id string) {
	d.t.Helper()
	var got client.Task
	require.Eventually(d.t, func() bool {
		var err error
		got, err = d.c.Get(within(d.t), id)
		if err != nil {
			return false
		}
		if got.EndTime != nil {
			return d.settled(id, &got)
		}
		if got.Status == "start.begin" {
			_, err = d.once.Cancel(within(d.t), id) // it may hang
			assert.True(d.t, err == nil || errors.Is(err, client.ErrConflict), "%v", err)
		}
		return false
	}, patience, 20*time.Millisecond, "task %s is %v", id, &got)
}

// requireForward requires that no attempt has two ends, none a status twice,
// and none goes back.
func requireForward(t *testing.T, id string, h []client.Transition) {
	t.Helper()
	ends, seen, last := map[int]int{}, map[string]bool{}, map[int]int{}
	for _, tr := range h {
		s, err := task.ParseStatus(tr.Status)
		require.NoError(t, err)
		key := fmt.Sprint(tr.Attempt, " ", tr.Status)
		require.False(t, seen[key], "task %s: %s twice", id, key)
		seen[key] = true
		if s.End(false) {
			ends[tr.Attempt]++
		}
		require.Greater(t, s.Ordinal(false), last[tr.Attempt], "task %s goes back at %s", id, key)
		last[tr.Attempt] = s.Ordinal(false)
	}
	for attempt, n := range ends {
		require.Equal(t, 1, n, "task %s, attempt %d", id, attempt)
	}
}
