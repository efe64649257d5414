package telemetry_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/telemetry"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/recorder"
)

// Whoever names ever more stones makes no more series than there is room for.
func TestStonesAreBounded(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("")
	r := m.Recorder(nil)
	for i := range 1000 {
		r.Answer(fmt.Sprint("stone", i), queue.Answer{Answer: queue.Run})
	}
	require.Equal(t, 201, testutil.CollectAndCount(m.Registry(), "riverstones_redeliveries_total"))
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// commit is what the recorder tells of a task's transitions.
func commit(s store.State, ts ...store.Transition) recorder.Commit {
	for i := range ts {
		ts[i].ID, ts[i].Epoch = s.ID, s.Epoch
	}
	return recorder.Commit{Rows: 1, Changes: &store.Changes{Changed: []store.State{s}, Transitions: ts}, Messages: slices.Values([]recorder.Message(nil))}
}

func at(s task.Status, seconds int) store.Transition {
	return store.Transition{Status: s, Time: noon.Add(time.Duration(seconds) * time.Second)}
}

// An attempt is counted once for each end, its times from its own transitions,
// whatever commits they come in; those of an older attempt count for nothing.
func TestTimesOfAttempts(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("")
	r := m.Recorder(nil)
	s := store.State{Names: task.Names{ID: "1", Stone: "A"}, Method: task.Start, Epoch: 1}
	r.Commit(commit(s, at(task.ProduceSuccess, 0), at(task.StartBegin, 2)))
	r.Commit(commit(s, at(task.StartSuccess, 3), at(task.MonitorBegin, 4)))
	s.EndTime = noon
	r.Commit(commit(s, at(task.MonitorFailed, 12)))
	r.Commit(commit(s)) // a log line after the end
	again := s
	again.Epoch, again.EndTime = 2, time.Time{}
	r.Commit(commit(again, at(task.ProduceSuccess, 20)))
	r.Commit(commit(s, at(task.StartBegin, 100)))
	again.EndTime = noon
	r.Commit(commit(again, at(task.Canceled, 30)))

	sums := map[string]float64{}
	families, err := m.Registry().Gather()
	require.NoError(t, err)
	for _, f := range families {
		for _, one := range f.GetMetric() {
			if h := one.GetHistogram(); h != nil {
				sums[f.GetName()+"_count"] += float64(h.GetSampleCount())
				sums[f.GetName()] += h.GetSampleSum()
			} else if c := one.GetCounter(); c != nil {
				sums[f.GetName()] += c.GetValue()
			}
		}
	}
	require.InDelta(t, 2, sums["riverstones_tasks_published_total"], 0)
	require.InDelta(t, 2, sums["riverstones_tasks_ended_total"], 0)
	require.InDelta(t, 1, sums["riverstones_task_wait_seconds_count"], 0)
	require.InDelta(t, 2, sums["riverstones_task_wait_seconds"], 1e-9)
	require.InDelta(t, 1, sums["riverstones_task_run_seconds_count"], 0)
	require.InDelta(t, 10, sums["riverstones_task_run_seconds"], 1e-9)
}

// Counting costs the recorder little beside a commit, which is milliseconds.
func BenchmarkCommit(b *testing.B) {
	r := telemetry.NewMetrics("").Recorder(nil)
	const tasks = 500
	open := store.Changes{}
	for i := range tasks {
		s := store.State{Names: task.Names{ID: fmt.Sprint(i), Stone: "A"}, Method: task.Start, Epoch: 1, EndTime: noon}
		open.New = append(open.New, s)
		for _, t := range []store.Transition{at(task.ProduceSuccess, 0), at(task.StartBegin, 1), at(task.StartSuccess, 2), at(task.MonitorBegin, 2), at(task.MonitorSuccess, 3)} {
			t.ID, t.Epoch = s.ID, 1
			open.Transitions = append(open.Transitions, t)
		}
	}
	c := recorder.Commit{Lags: make([]time.Duration, 2*tasks), Changes: &open, Messages: slices.Values([]recorder.Message(nil))}
	b.ReportAllocs()
	for b.Loop() {
		r.Commit(c)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tasks), "ns/task")
}
