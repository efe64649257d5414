package recorder //nolint:testpackage // folding is not exported: only the recorder may write

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

var (
	names = task.Names{ID: "0190f6a0-0c1d-7b52-9c1f-0d6b8b6f2a11", TaskID: "t", ProcessInstanceID: "p", Name: "n", Namespace: "ns", Stone: "S"}
	t0    = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
)

// memory applies what fold answers, as a database would.
type memory struct {
	states      map[string]store.State
	transitions map[string]store.Transition
	notes       []store.Note
	quarantined []store.Quarantined
	attempts    map[string]store.Attempt
	log         []store.LogLine
	seq         uint64
}

func newMemory() *memory {
	return &memory{states: map[string]store.State{}, transitions: map[string]store.Transition{}, attempts: map[string]store.Attempt{}}
}

func (m *memory) record(entries ...*entry) store.Changes {
	for _, e := range entries {
		m.seq++
		e.sequence, e.time = m.seq, t0.Add(time.Duration(m.seq)*time.Millisecond)
	}
	c := fold(maps.Clone(m.states), entries, t0)
	for _, s := range slices.Concat(c.New, c.Changed) {
		m.states[s.ID] = s
	}
	for _, x := range c.Transitions {
		k := fmt.Sprintf("%s %d %s", x.ID, x.Epoch, x.Status)
		if _, ok := m.transitions[k]; !ok {
			m.transitions[k] = x
		}
	}
	for _, a := range c.Attempts {
		m.attempts[fmt.Sprintf("%s %d", a.ID, a.Epoch)] = a
	}
	m.notes = append(m.notes, c.Notes...)
	m.quarantined = append(m.quarantined, c.Quarantine...)
	m.log = append(m.log, c.Log...)
	return c
}

// history returns the recorded statuses of an epoch in their order.
func (m *memory) history(epoch int) (all []string) {
	var ts []store.Transition
	for _, x := range m.transitions {
		if x.Epoch == epoch {
			ts = append(ts, x)
		}
	}
	sort.Slice(ts, func(i, j int) bool { return ts[i].Status.Ordinal(ts[i].Final) < ts[j].Status.Ordinal(ts[j].Final) })
	for _, x := range ts {
		all = append(all, x.Status.String())
	}
	return all
}

func (m *memory) why() (all []string) {
	for _, n := range m.notes {
		all = append(all, n.Status.String()+": "+n.Why)
	}
	return all
}

func commanded(m task.Method, epoch int) *entry {
	c := &queue.Command{Names: names, Method: m, Epoch: epoch, Params: []byte(`{"a":1}`), Outputs: []byte(`{}`), CreateTime: t0}
	return &entry{stream: queue.StreamTasks, stone: "S", method: m, command: c, data: c.Append(nil)}
}

func told(m task.Method, epoch, delivery int, statuses ...task.Status) *entry {
	e := queue.Event{Names: names, Method: m, Epoch: epoch, Delivery: delivery, Worker: fmt.Sprintf("w%d", delivery)}
	for _, s := range statuses {
		e.Transitions = append(e.Transitions, queue.Transition{Status: s, Time: t0.Add(time.Duration(s) * time.Second)})
	}
	return &entry{stream: queue.StreamEvents, stone: "S", method: m, events: []queue.Parsed{{Event: e}}}
}

func with(e *entry, f func(ev *queue.Event)) *entry {
	f(&e.events[0].Event)
	return e
}

func TestOneTaskToItsEnd(t *testing.T) {
	t.Parallel()
	m := newMemory()
	c := m.record(commanded(task.Start, 1))
	require.Len(t, c.New, 1)
	require.Equal(t, task.ProduceSuccess, m.states[names.ID].Status)
	require.True(t, m.states[names.ID].EndTime.IsZero())
	require.Equal(t, `{"a":1}`, string(m.attempts[names.ID+" 1"].Params))

	forty := 40
	m.record(with(told(task.Start, 1, 1, task.StartBegin, task.StartSuccess), func(e *queue.Event) {
		e.Outputs, e.Progress = []byte(`{"x":1,"y":12345678901234567890}`), &forty
		e.Log = []queue.LogLine{{Line: "one"}, {Line: "two"}}
	}))
	m.record(with(told(task.Monitor, 1, 1, task.MonitorBegin, task.MonitorSuccess), func(e *queue.Event) { e.Outputs = []byte(`{"x":2}`) }))
	s := m.states[names.ID]
	require.Equal(t, task.MonitorSuccess, s.Status)
	require.Equal(t, t0.Add(time.Duration(task.MonitorSuccess)*time.Second), s.EndTime)
	require.Equal(t, `{"x":2,"y":12345678901234567890}`, string(s.Outputs))
	require.Equal(t, 40, *s.Progress)
	require.Equal(t, 2, s.LogLines)
	require.Equal(t, []int{1, 2}, []int{m.log[0].N, m.log[1].N})
	require.Equal(t, []string{"produce.success", "start.begin", "start.success", "monitor.begin", "monitor.success"}, m.history(1))
	require.Empty(t, m.notes)
	require.Empty(t, m.quarantined)
}

// A plain task whose messages arrive together is written once.
func TestWhatArrivesTogetherIsOneRow(t *testing.T) {
	t.Parallel()
	c := newMemory().record(commanded(task.Start, 1), told(task.Start, 1, 1, task.StartBegin, task.StartSuccess, task.MonitorBegin, task.MonitorSuccess))
	require.Len(t, c.New, 1)
	require.Empty(t, c.Changed)
	require.Len(t, c.Transitions, 5)
	require.Equal(t, task.MonitorSuccess, c.New[0].Status)
}

func TestNotes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		entries []*entry
		status  task.Status
		notes   []string
	}{
		{"begun again by a later delivery", []*entry{told(task.Start, 1, 1, task.StartBegin), told(task.Start, 1, 2, task.StartBegin)},
			task.StartBegin, []string{"start.begin: retry"}},
		{"told twice", []*entry{told(task.Start, 1, 1, task.StartFailed), told(task.Start, 1, 1, task.StartFailed)},
			task.StartFailed, []string{"start.failed: repeat"}},
		{"a result after the end", []*entry{told(task.Start, 1, 1, task.StartFailed), told(task.Start, 1, 1, task.StartSuccess)},
			task.StartFailed, []string{"start.success: late result"}},
		{"a begin after the end stands at its place", []*entry{told(task.Start, 1, 1, task.StartFailed), told(task.Start, 1, 1, task.StartBegin)},
			task.StartFailed, nil},
		{"start.success after monitor.begin stands at its place", []*entry{told(task.Monitor, 1, 1, task.MonitorBegin), told(task.Start, 1, 1, task.StartSuccess)},
			task.MonitorBegin, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMemory()
			m.record(append([]*entry{commanded(task.Start, 1)}, c.entries...)...)
			require.Equal(t, c.status, m.states[names.ID].Status)
			require.Equal(t, c.notes, m.why())
		})
	}
}

func raise(m *memory, method task.Method) {
	s := m.states[names.ID]
	s.Epoch++
	s.Method, s.Status, s.Final, s.Seen, s.EndTime, s.Grants = method, task.ProduceSuccess, false, bit(task.ProduceSuccess), time.Time{}, nil
	m.states[names.ID] = s
}

func TestALaterCommandTakesOver(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.record(commanded(task.Start, 1))
	raise(m, task.Cancel)
	m.record(told(task.Start, 1, 1, task.StartBegin, task.StartSuccess, task.MonitorBegin, task.MonitorSuccess))
	s := m.states[names.ID]
	require.Equal(t, task.ProduceSuccess, s.Status)
	require.Equal(t, 2, s.Epoch)
	require.Equal(t, []string{"start.success: older attempt", "monitor.success: older attempt"}, m.why())
	require.Equal(t, []string{"produce.success", "start.begin", "monitor.begin"}, m.history(1))
}

func TestGrantsFence(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.record(commanded(task.Start, 1))
	s := m.states[names.ID]
	s.Grants = map[task.Method]int{task.Start: 2}
	m.states[names.ID] = s
	m.record(with(told(task.Start, 1, 1, task.StartBegin, task.StartFailed), func(e *queue.Event) { e.Outputs = []byte(`{"stale":1}`) }))
	require.Equal(t, task.ProduceSuccess, m.states[names.ID].Status)
	require.Empty(t, m.states[names.ID].Outputs)
	require.Equal(t, []string{"start.begin: late result", "start.failed: late result"}, m.why())
	m.record(told(task.Start, 1, 2, task.StartBegin))
	require.Equal(t, task.StartBegin, m.states[names.ID].Status)
}

func TestAStoredMessageWinsOverProduceFailed(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.states[names.ID] = store.State{Names: names, Method: task.Start, Epoch: 1, Status: task.ProduceFailed, EndTime: t0, Reason: "no queue", Seen: bit(task.ProduceFailed)}
	m.record(commanded(task.Start, 1))
	s := m.states[names.ID]
	require.Equal(t, task.ProduceSuccess, s.Status)
	require.True(t, s.EndTime.IsZero())
	require.Empty(t, s.Reason)
}

func TestAnEventBeforeItsCommand(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.record(told(task.Start, 1, 1, task.StartBegin))
	require.Equal(t, task.StartBegin, m.states[names.ID].Status)
	c := m.record(commanded(task.Start, 1))
	require.Len(t, c.Attempts, 1)
	require.Equal(t, task.StartBegin, m.states[names.ID].Status)
	require.Equal(t, []string{"produce.success", "start.begin"}, m.history(1))
}

func TestTheWorkersMonitorCommandIsNoAttempt(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.record(commanded(task.Start, 1), commanded(task.Monitor, 1))
	s := m.states[names.ID]
	require.Equal(t, task.Start, s.Method)
	require.True(t, s.Following)
	require.Len(t, m.attempts, 1)
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	other := names
	other.Name = "other"
	for name, e := range map[string]*entry{
		"other names":           with(told(task.Start, 1, 1, task.StartBegin), func(e *queue.Event) { e.Names = other }),
		"epoch never commanded": told(task.Start, 2, 1, task.StartBegin),
		"other stone":           with(told(task.Start, 1, 1, task.StartBegin), func(e *queue.Event) { e.Stone = "T" }),
		"other method":          with(told(task.Start, 1, 1, task.StartBegin), func(e *queue.Event) { e.Method = task.Mock }),
		"status of no method":   told(task.Start, 1, 1, task.RollbackSuccess),
		"command of epoch 2":    commanded(task.Start, 2),
		"unreadable":            {stream: queue.StreamEvents, err: queue.ErrMessage, data: []byte("{")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMemory()
			m.record(commanded(task.Start, 1), e, told(task.Start, 1, 1, task.StartBegin))
			require.Len(t, m.quarantined, 1)
			require.NotEmpty(t, m.quarantined[0].Reason)
			require.NotEmpty(t, m.quarantined[0].Bytes)
			require.Equal(t, task.StartBegin, m.states[names.ID].Status, "neighbours go on")
			require.Empty(t, m.notes)
		})
	}
}

// Shuffled, doubled and cut into batches anyhow, the messages of a task give a
// state that follows from its history alone, with one end at most.
func TestStateFollowsFromHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		pool := []func() *entry{func() *entry { return commanded(task.Start, 1) }, func() *entry { return commanded(task.Monitor, 1) }}
		for _, s := range task.Statuses() {
			for delivery := 1; delivery <= 2; delivery++ {
				switch s.Method() {
				case task.Start:
					pool = append(pool, func() *entry { return told(task.Start, 1, delivery, s) })
				case task.Monitor:
					pool = append(pool, func() *entry { return told(task.Monitor, 1, delivery, s) }, func() *entry { return told(task.Start, 1, delivery, s) })
				}
			}
		}
		for range rapid.IntRange(1, 12).Draw(t, "batches") {
			var batch []*entry
			for range rapid.IntRange(1, 4).Draw(t, "size") {
				batch = append(batch, pool[rapid.IntRange(0, len(pool)-1).Draw(t, "what")]())
			}
			m.record(batch...)
			check(t, m)
		}
	})
}

func check(t *rapid.T, m *memory) {
	s, ok := m.states[names.ID]
	if !ok {
		return
	}
	var top store.Transition
	ends := 0
	for _, x := range m.transitions {
		if x.Status.Ordinal(x.Final) > top.Status.Ordinal(top.Final) {
			top = x
		}
		if x.Status.End(x.Final) {
			ends++
		}
		if s.Seen&bit(x.Status) == 0 {
			t.Fatalf("%s is recorded but not seen", x.Status)
		}
	}
	if ends > 1 {
		t.Fatalf("%d ends: %v", ends, m.history(1))
	}
	if top.Status != 0 && (s.Status != top.Status || !s.EndTime.IsZero() != top.Status.End(top.Final)) {
		t.Fatalf("state %s, history %v", s.Status, m.history(1))
	}
}

// Folding is pure: the same call twice gives the same answer and leaves its
// arguments alone.
func TestFoldIsPure(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.record(commanded(task.Start, 1))
	before := maps.Clone(m.states)
	batch := []*entry{told(task.Start, 1, 1, task.StartBegin), told(task.Start, 1, 1, task.StartFailed)}
	a, b := fold(m.states, batch, t0), fold(m.states, batch, t0)
	require.Empty(t, cmp.Diff(a, b))
	require.Empty(t, cmp.Diff(before, m.states))
}
