package app_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/client"
)

// Cancels race with work, 5,000 times in all: before a task begins, while it
// runs, and around its end. The answer decides: after 200 the task ends as
// cancelled, and after 409 as done, once, and nothing else ever. A round is small, so that its cancels
// meet its work and do not come when all is over.
func TestCancelAgainstSuccess(t *testing.T) {
	t.Parallel()
	desks(t, func(t *testing.T, d *desk) {
		const racers, rounds, tasks = 10, 25, 10
		var wg sync.WaitGroup
		ends := make([]map[string]int, racers)
		for racer := range racers {
			ends[racer] = map[string]int{}
			wg.Go(func() {
				for round := range rounds {
					d.race(fmt.Sprintf("race-%d-%d", racer, round), tasks, ends[racer])
				}
			})
		}
		wg.Wait()
		sum, all := map[string]int{}, 0
		for _, of := range ends {
			for status, n := range of {
				sum[status] += n
				all += n
			}
		}
		t.Log(sum)
		require.Equal(t, racers*rounds*tasks, all)
		won, lost := sum["canceled"]+sum["cancel.success"], sum["monitor.success"]
		require.Greater(t, min(won, lost), all/100, "hardly anybody raced: %v", sum)
	})
}

// race publishes tasks, cancels each of them, and counts how they ended.
func (d *desk) race(process string, n int, ends map[string]int) {
	all := make([]client.NewTask, n)
	for i := range all {
		took := rand.IntN(1 << rand.IntN(10)) // of all magnitudes, so that both win on a slow machine too
		params := fmt.Sprintf(`{"start": "%dms"}`, took)
		all[i] = client.NewTask{ProcessInstanceID: process, TaskID: fmt.Sprint(process, "-", i), Stone: "Script", Params: []byte(params)}
	}
	_, _, err := d.c.Publish(within(d.t), all)
	if !assert.NoError(d.t, err) {
		return
	}
	canceled := map[string]bool{}
	for _, i := range rand.Perm(n) {
		_, err := d.once.Cancel(within(d.t), all[i].TaskID)
		for errors.Is(err, client.ErrNotFound) { // it is not recorded yet, as the answer said
			_, err = d.once.Cancel(within(d.t), all[i].TaskID)
		}
		canceled[all[i].TaskID] = err == nil
		assert.True(d.t, err == nil || errors.Is(err, client.ErrConflict), "%v", err)
	}
	assert.Eventually(d.t, func() bool { return d.raced(process, n) }, patience, 50*time.Millisecond)
	list, _, err := d.c.List(within(d.t), client.Filter{ProcessInstanceID: process})
	assert.NoError(d.t, err)
	for _, got := range list {
		want := []string{"monitor.success"}
		if canceled[got.TaskID] {
			want = []string{"canceled", "cancel.success"}
		}
		assert.Contains(d.t, want, got.Status, got.TaskID)
		ends[got.Status]++
		h, err := d.c.History(within(d.t), got.TaskID, false)
		assert.NoError(d.t, err)
		requireForward(d.t, got.TaskID, h)
	}
}

// raced reports whether all tasks of a process have ended for good.
func (d *desk) raced(process string, n int) bool {
	list, _, err := d.c.List(within(d.t), client.Filter{ProcessInstanceID: process})
	if err != nil || len(list) != n {
		return false
	}
	for i := range list {
		if list[i].EndTime == nil || !d.settled(list[i].TaskID, &list[i]) {
			return false
		}
	}
	return true
}
