package recorder //nolint:testpackage // folding is not exported: only the recorder may write

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// The command knows better than the event that made the row.
func TestTheCommandCompletesTheRowOfAnEvent(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.record(told(task.Start, 1, 1, task.StartBegin))
	require.NotEqual(t, t0, m.states[names.ID].CreateTime)
	e := commanded(task.Mock, 1)
	e.command.BusinessKey, e.command.Outputs = "k", []byte(`{"o":1}`)
	m.record(e)
	s := m.states[names.ID]
	require.Equal(t, "k", s.BusinessKey)
	require.Equal(t, task.Mock, s.Method)
	require.Equal(t, t0, s.CreateTime)
	require.JSONEq(t, `{"o":1}`, string(s.Outputs))
	require.Equal(t, task.StartBegin, s.Status)
}

// What a worker has told already goes over what the command came with, and the
// rest of that stays.
func TestTheCommandsOutputsComeFirst(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.record(with(told(task.Start, 1, 1, task.StartBegin), func(ev *queue.Event) { ev.Outputs = []byte(`{"told":1}`) }))
	e := commanded(task.Start, 1)
	e.command.Outputs = []byte(`{"o":1,"told":0}`)
	m.record(e)
	require.JSONEq(t, `{"o":1,"told":1}`, string(m.states[names.ID].Outputs))
}

// A task that was thought to be lost may be worked on before its stored command
// is read: its results count.
func TestProduceFailedIsNoEnd(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.states[names.ID] = store.State{Names: names, Method: task.Start, Epoch: 1, Status: task.ProduceFailed, EndTime: t0, Reason: "no queue",
		Seen: bit(task.ProduceFailed)}
	m.record(with(told(task.Start, 1, 1, task.StartBegin), func(ev *queue.Event) { ev.Outputs = []byte(`{"told":1}`) }))
	s := m.states[names.ID]
	require.Equal(t, task.StartBegin, s.Status)
	require.True(t, s.EndTime.IsZero())
	require.JSONEq(t, `{"told":1}`, string(s.Outputs))
	require.Empty(t, m.notes)
}

// JetStream's count can go back, so a lower one is granted once the lease is
// over, but not to a question that is older than the grant.
func TestAStaleQuestionFencesNobody(t *testing.T) {
	t.Parallel()
	s := store.State{Names: names, Method: task.Start, Epoch: 1, Status: task.StartBegin, Seen: bit(task.StartBegin)}
	last := &store.Grant{ID: names.ID, Epoch: 1, Method: task.Start, Number: 2, Asked: 2, Worker: "b", Try: 2, Time: t0}
	q := queue.Question{ID: names.ID, Epoch: 1, Method: task.Start, Delivery: 1, Worker: "a"}
	for asked, want := range map[time.Time]queue.Verdict{{}: queue.Run, t0.Add(-time.Millisecond): queue.Leave, t0.Add(leaseTime): queue.Run} {
		q.Time = asked
		a, g := decide(&s, last, q, t0.Add(leaseTime))
		require.Equal(t, want, a.Answer, asked)
		require.Equal(t, want == queue.Run, g != nil, asked)
	}
	a, _ := decide(&s, last, q, t0.Add(leaseTime-1))
	require.Equal(t, queue.Leave, a.Answer, "the lease may still run")
}

func TestReleaseBelongsToTheHolder(t *testing.T) {
	t.Parallel()
	s := store.State{Names: names, Method: task.Start, Epoch: 1, Status: task.StartBegin, Seen: bit(task.StartBegin)}
	last := &store.Grant{ID: names.ID, Epoch: 1, Method: task.Start, Number: 2, Asked: 2, Worker: "b", Try: 2, Time: t0}
	q := queue.Question{ID: names.ID, Epoch: 1, Method: task.Start, Delivery: 2, Worker: "a", Release: true}
	_, g := decide(&s, last, q, t0.Add(time.Second))
	require.Nil(t, g, "it is b's")
	q.Worker = "b"
	_, g = decide(&s, last, q, t0.Add(time.Second))
	require.True(t, g.Released)
	require.False(t, last.Released, "the grant that was read is not changed")
	_, again := decide(&s, g, q, t0.Add(time.Second))
	require.Nil(t, again)
}

// A task that was cancelled since nobody had begun it, and was begun all the
// same, gets a cancel command.
func TestACanceledTaskThatWasBegun(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.record(commanded(task.Start, 1))
	s := m.states[names.ID]
	s.Epoch, s.Method, s.Status, s.Seen, s.EndTime = 2, task.Cancel, task.Canceled, bit(task.Canceled), t0
	m.states[names.ID] = s
	c := m.record(with(told(task.Start, 1, 1, task.StartBegin, task.StartSuccess), func(e *queue.Event) { e.Outputs = []byte(`{"made":1}`) }))
	require.Equal(t, []store.Outgoing{{Kind: store.Pursue, Command: queue.Command{Names: names, Method: task.Cancel, Epoch: 2}}}, c.Outbox)
	require.Equal(t, task.Canceled, m.states[names.ID].Status)
	require.Equal(t, []string{"produce.success", "start.begin"}, m.history(1), "a late begin is kept at its place")
	require.Equal(t, []string{"start.success: older attempt"}, m.why())
	require.JSONEq(t, `{"made":1}`, string(m.states[names.ID].Outputs), "what was made is known to the cancel")
	for _, e := range []*entry{told(task.Start, 1, 1, task.StartSuccess), told(task.Start, 1, 1, task.StartFailed),
		with(told(task.Start, 1, 1), func(e *queue.Event) { e.Log = []queue.LogLine{{Time: t0, Line: "at work"}} })} {
		require.Equal(t, c.Outbox, m.record(e).Outbox, "its begin was lost")
	}

	// A stone that had a command and no method for it said canceled itself.
	s.Seen |= bit(task.ProduceSuccess)
	m.states[names.ID] = s
	require.Empty(t, m.record(told(task.Start, 1, 2, task.StartBegin)).Outbox)
}

// The attempt of a command on a recorded task, or of one that was held back, is
// there before the message, which then tells its place and deadline.
func TestThePublishedCommandOfAKnownAttempt(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]store.State{
		"epoch 2":   {Names: names, Method: task.Start, Epoch: 2, Status: task.ProduceSuccess, Seen: bit(task.ProduceSuccess)},
		"held back": {Names: names, Method: task.Start, Epoch: 1, Status: task.ProduceSuccess, Seen: bit(task.ProduceSuccess), NotBefore: t0},
	} {
		e := commanded(task.Start, s.Epoch)
		e.sequence, e.command.Deadline = 42, t0
		out := fold(map[string]store.State{names.ID: s}, []*entry{e}, t0)
		require.Equal(t, store.Changes{Published: []store.Published{{ID: names.ID, Epoch: s.Epoch, Sequence: 42, Deadline: t0}}}, out, name)
	}
	plain := store.State{Names: names, Method: task.Start, Epoch: 1, Status: task.ProduceSuccess, Seen: bit(task.ProduceSuccess)}
	require.Empty(t, fold(map[string]store.State{names.ID: plain}, []*entry{commanded(task.Start, 1)}, t0), "a plain task costs nothing more")
}

// The monitor command is noted whatever was read first, until the end.
func TestFollowing(t *testing.T) {
	t.Parallel()
	for _, seen := range [][]task.Status{nil, {task.StartBegin}, {task.StartBegin, task.StartSuccess}} {
		m := newMemory()
		m.record(commanded(task.Start, 1))
		if seen != nil {
			m.record(told(task.Start, 1, 1, seen...))
		}
		m.record(commanded(task.Monitor, 1))
		require.True(t, m.states[names.ID].Following)
	}
	m := newMemory()
	m.record(commanded(task.Start, 1), told(task.Start, 1, 1, task.StartBegin, task.StartFailed), commanded(task.Monitor, 1))
	require.False(t, m.states[names.ID].Following)
}
