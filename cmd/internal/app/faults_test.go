package app_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/audit"
	"github.com/riverstones/riverstones/store/storetest"
)

// faulted is how many tasks a run with faults has to bring to their ends.
const faulted = 200

// With faults at a rate of 1 to 20 % in the queue, the store, the stone or all
// of them, each task that was accepted ends once, each of its steps is recorded
// once and in order, and an audit finds nothing. A run that fails tells the
// seed that makes the same choices.
func TestFaults(t *testing.T) {
	t.Parallel()
	for kind, url := range stores {
		for _, where := range []string{"queue", "store", "stone", "all"} {
			t.Run(kind+", "+where, func(t *testing.T) {
				t.Parallel()
				runWithFaults(t, url(t), where)
			})
		}
	}
}

func runWithFaults(t *testing.T, url, where string) {
	t.Helper()
	chance := queuetest.NewChance(t)
	rate := func(part string) float64 {
		switch where {
		case part:
			return chance.Between(0.01, 0.2)
		case "all":
			return chance.Between(0.01, 0.05)
		default:
			return 0
		}
	}
	server := queuetest.Start(t)
	line := faultyLine(t, server, chance, rate("queue"))
	cfg := settings(t)
	cfg.Roles = []config.Role{config.Recorder, config.Gateway}
	cfg.Store, cfg.NATS = url, line.URL()
	var under store.Store
	var broken *storetest.Faulty
	r := rate("store")
	a := start(t, cfg, app.Hooks{Store: func(st store.Store) store.Store {
		under = st
		broken = storetest.NewFaulty(t, st, chance, storetest.Faults{Fail: r, Doubt: r, Delay: r, Pause: 20 * time.Millisecond, Conflict: r / 4, Conflicts: 1})
		return broken
	}})
	s := &faultyStone{chance: chance, rate: rate("stone"), done: map[string]int{}}
	startFaulty(t, line.URL(), s)
	tasks := publishFaulted(t, a.URL())
	requireEnds(t, under, tasks)
	chance.Calm()
	requireClean(t, under, server.URL())
	requireNoFailure(t, a)
	done := 0
	for _, faults := range []map[string]int{line.Done(), broken.Done(), s.faults()} {
		for _, n := range faults {
			done += n
		}
	}
	require.NotZero(t, done, "nothing went wrong: nothing was shown")
}

// publishFaulted publishes all tasks from many goroutines, and returns those
// that were taken: all, since a client sends again what was refused.
func publishFaulted(t *testing.T, url string) []string {
	t.Helper()
	const clients = 20
	l := &load{c: newClient(t, url), stone: "Quick"}
	for g := range clients {
		l.wg.Go(func() {
			for i := range faulted / clients {
				l.publish(t, fmt.Sprintf("%d-%d", g, i))
			}
		})
	}
	l.wg.Wait()
	require.Len(t, l.taken, faulted)
	return l.taken
}

func faultyLine(t *testing.T, server *queuetest.Server, chance *queuetest.Chance, rate float64) *queuetest.Faulty {
	t.Helper()
	return queuetest.NewFaulty(t, server, chance, queuetest.Faults{Refuse: rate, Doubt: rate, Repeat: rate, Forget: rate, Delay: rate,
		Miss: rate / 4, Cut: rate / 20, Pause: 5 * time.Millisecond})
}

// startFaulty runs a worker of this stone that does not give up on a task.
func startFaulty(t *testing.T, url string, s stone.Stone) {
	t.Helper()
	nc, err := queue.Connect(url, queue.ConnectConfig{})
	require.NoError(t, err)
	w, err := stone.NewWorker(nc, stone.Config{AckWait: lease})
	require.NoError(t, err)
	require.NoError(t, w.Add(stone.Spec{Code: "Quick", Concurrency: 20, MaxAttempts: 1000, Backoff: 10 * time.Millisecond}, s))
	ctx := within(t)
	require.Eventually(t, func() bool { return w.Start(ctx) == nil }, patience, 10*time.Millisecond)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, w.Stop(ctx))
		nc.Close()
	})
}

// faultyStone is done at once, if nothing goes wrong: it fails before or after
// its work, takes long, or panics.
type faultyStone struct {
	chance *queuetest.Chance
	rate   float64

	mu   sync.Mutex
	done map[string]int
}

func (s *faultyStone) faults() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.done)
}

func (s *faultyStone) hit(name string) bool {
	if !s.chance.In(s.rate / stoneFaults) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done[name]++
	return true
}

// stoneFaults is how many kinds of faults share the rate.
const stoneFaults = 4

func (s *faultyStone) work(ctx context.Context, t *stone.Task) error {
	switch {
	case s.hit("fail"):
		return errors.New("injected: before the work")
	case s.hit("panic"):
		panic("injected")
	case s.hit("delay"):
		select {
		case <-time.After(s.chance.Up(20 * time.Millisecond)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := t.SetOutput("done", true); err != nil {
		return err
	}
	if s.hit("doubt") {
		return stone.Retry(s.chance.Up(20*time.Millisecond), "injected: after the work")
	}
	return nil
}

func (s *faultyStone) Start(ctx context.Context, t *stone.Task) error { return s.work(ctx, t) }

func (s *faultyStone) Monitor(ctx context.Context, t *stone.Task) error { return s.work(ctx, t) }

// requireEnds waits until the tasks have ended, and requires that they and no
// others are there, and that each went its way once and in order. It asks the
// store itself, on which nothing goes wrong.
func requireEnds(t *testing.T, st store.Store, tasks []string) {
	t.Helper()
	ctx := within(t)
	var last []store.Known
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(patience); ; <-tick.C {
		var err error
		last, err = st.Lookup(ctx, tasks, nil)
		if err == nil && len(last) == len(tasks) && !slices.ContainsFunc(last, func(k store.Known) bool { return !k.Task.Ended() }) {
			break
		}
		if time.Now().After(limit) {
			require.Fail(t, "accepted tasks did not end", unended(t, st, last))
		}
	}
	for i := range last {
		task := &last[i].Task
		history, err := st.History(ctx, task.ID, false)
		require.NoError(t, err)
		var statuses []string
		for _, n := range history {
			statuses = append(statuses, n.Status.String())
		}
		require.Equal(t, way, withoutRefusal(statuses), task.TaskID)
	}
	page, err := st.List(ctx, store.Filter{Size: 1})
	require.NoError(t, err)
	require.Equal(t, len(tasks), page.Total, "tasks that nobody has sent")
}

// unended shows what is known of the tasks that did not end.
func unended(t *testing.T, st store.Store, all []store.Known) string {
	t.Helper()
	text := fmt.Sprintf("%d tasks are known\n", len(all))
	for i := range all {
		task := &all[i].Task
		if task.Ended() {
			continue
		}
		history, err := st.History(context.WithoutCancel(t.Context()), task.ID, true)
		require.NoError(t, err)
		text += fmt.Sprintln(task.TaskID, task.ID, task.Status)
		for _, n := range history {
			text += fmt.Sprintln("  ", n.Time.Format(time.RFC3339Nano), n.Status, n.Delivery, n.Worker, n.Why)
		}
		lines, err := st.Log(t.Context(), task.ID, 0, 0)
		require.NoError(t, err)
		for _, l := range lines {
			text += fmt.Sprintln("  ", l.Time.Format(time.RFC3339Nano), l.Line)
		}
	}
	return text
}

// withoutRefusal leaves out a produce.failed before the produce.success: the
// queue was silent about a message that it had.
func withoutRefusal(statuses []string) []string {
	if len(statuses) > 1 && statuses[0] == "produce.failed" {
		return statuses[1:]
	}
	return statuses
}

// requireClean requires that an audit finds nothing.
func requireClean(t *testing.T, st audit.Store, url string) {
	t.Helper()
	nc, err := queue.Connect(url, queue.ConnectConfig{})
	require.NoError(t, err)
	defer nc.Close()
	r, err := audit.Run(within(t), st, nc, audit.Config{Patience: patience / 2})
	require.NoError(t, err)
	require.Empty(t, r.Findings, fmt.Sprint(r.Totals))
	require.Zero(t, r.Undecided)
	require.NotZero(t, r.Tasks)
}
