package storetest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

var outboxTests = map[string]func(*testing.T, store.Store){
	"Outbox/fields":         testOutboxFields,
	"Outbox/recorder":       testOutboxOfRecorder,
	"Outbox/order":          testOutboxOrder,
	"Outbox/due":            testOutboxDue,
	"Outbox/one task":       testOutboxOneTask,
	"Outbox/sent":           testSent,
	"Outbox/sequence stays": testSequenceStays,
	"Outbox/again":          testAgain,
	"Outbox/gone":           testSentGone,
	"Outbox/taken back":     testTakenBack,
	"Outbox/recalled late":  testTakenBackLate,
	"Outbox/in between":     testTakenBackBetween,
	"Outbox/race":           testTakenBackRace,
	"Outbox/waiting":        testWaiting,
}

// never is behind all times of the tests.
var never = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// requireOutbox returns the rows that are due in the end, which must be this many.
func requireOutbox(t *testing.T, s store.Store, want int) []store.Outgoing {
	t.Helper()
	rows, next, err := s.Outgoing(t.Context(), never, 1000)
	require.NoError(t, err)
	require.Len(t, rows, want)
	require.Zero(t, next)
	return since(t, rows)
}

// since checks that rows have the time they were due first, and takes it away.
func since(t *testing.T, rows []store.Outgoing) []store.Outgoing {
	t.Helper()
	for i := range rows {
		require.False(t, rows[i].Since.IsZero() || rows[i].Tries == 0 && rows[i].Since.Before(rows[i].Due), "%s", rows[i].Since)
		rows[i].Since = time.Time{}
	}
	return rows
}

// enqueue gives a command on a task that does nothing but leave rows.
func enqueue(t *testing.T, s store.Store, n task.Names, rows ...store.Outgoing) {
	t.Helper()
	command(t, s, n.ID, func(was store.Standing) *store.Step {
		for i := range rows {
			rows[i].Command.Names = n
		}
		return &store.Step{State: was.State, Outbox: rows}
	})
}

// send is a row that publishes the command of epoch 1.
func send(due time.Time) store.Outgoing {
	return store.Outgoing{Kind: store.Send, Due: due, Command: queue.Command{Method: task.Start, Epoch: 1,
		Params: json.RawMessage(`{}`), Outputs: json.RawMessage(`{}`), CreateTime: noon}}
}

func sent(t *testing.T, s store.Store, done ...store.Sent) {
	t.Helper()
	require.NoError(t, s.Sent(t.Context(), done))
}

func taskIDsOf(rows []store.Outgoing) []string {
	return ids(rows, func(o store.Outgoing) string { return o.Command.TaskID })
}

// Each kind comes back as it was written; only Send with its command.
func testOutboxFields(t *testing.T, s store.Store) {
	n := names("t1")
	n.BusinessKey = "k"
	create(t, s, n)
	full := queue.Command{Names: n, Method: task.Monitor, Epoch: 3, Params: json.RawMessage(`{"n": 12345678901234567890, "nul":"\u0000"}`),
		Outputs: json.RawMessage(`{"o":1.0}`), CreateTime: noon, Deadline: later, Trace: "00-trace",
		Retry: &queue.Retry{MaxAttempts: 3, Backoff: 1500 * time.Microsecond}}
	bare := queue.Command{Names: n, Epoch: 4}
	want := []store.Outgoing{
		{Kind: store.Send, Command: full, Timeout: 90*time.Second + time.Microsecond, Due: later},
		{Kind: store.Withdraw, Command: bare, Sequence: 1 << 40},
		{Kind: store.Halt, Command: bare, Due: later},
		{Kind: store.Pursue, Command: bare},
	}
	given := append([]store.Outgoing{}, want...)
	given[1].Command = full // more than names and epoch is left out
	given[1].Command.Epoch = 4
	enqueue(t, s, n, given...)
	for i := range want {
		rows := requireOutbox(t, s, 1)
		want[i].Number = rows[0].Number
		require.Equal(t, want[i], rows[0])
		sent(t, s, store.Sent{Number: rows[0].Number})
	}
	requireOutbox(t, s, 0)
}

// Rows of a batch are written with it, or not at all.
func testOutboxOfRecorder(t *testing.T, s store.Store) {
	n, fresh := names("t1"), names("t2")
	create(t, s, n)
	rows := []store.Outgoing{{Kind: store.Pursue, Command: queue.Command{Names: n, Epoch: 2}}, send(time.Time{})}
	rows[1].Command.Names = fresh
	bad := state(fresh)
	bad.EndTime = noon
	require.ErrorIs(t, s.Record(t.Context(), batch(t, s, store.Changes{New: []store.State{bad}, Outbox: rows})), store.ErrRejected)
	requireOutbox(t, s, 0)
	record(t, s, store.Changes{New: []store.State{state(fresh)}, Outbox: rows})
	require.Equal(t, []string{"t1", "t2"}, taskIDsOf(requireOutbox(t, s, 2)))
}

// What is due at once goes before what was held back, the oldest first.
func testOutboxOrder(t *testing.T, s store.Store) {
	for _, row := range []struct {
		taskID string
		due    time.Time
	}{{"d", noon.Add(3 * time.Minute)}, {"a", time.Time{}}, {"c", noon}, {"b", time.Time{}}, {"e", noon.Add(time.Hour)}, {"f", noon.Add(time.Hour)}} {
		n := names(row.taskID)
		create(t, s, n)
		enqueue(t, s, n, send(row.due))
	}
	require.Equal(t, []string{"a", "b", "c", "d", "e", "f"}, taskIDsOf(requireOutbox(t, s, 6)))
	for limit := range 7 {
		rows, _, err := s.Outgoing(t.Context(), never, limit)
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b", "c", "d", "e", "f"}[:limit], taskIDsOf(rows))
	}
}

func testOutboxDue(t *testing.T, s store.Store) {
	a, b := names("a"), names("b")
	create(t, s, a, b)
	enqueue(t, s, a, send(later))
	enqueue(t, s, b, send(later.Add(time.Hour)))
	for _, test := range []struct {
		now  time.Time
		rows []string
		next time.Time
	}{
		{noon, []string{}, later},
		{later.Add(-time.Microsecond), []string{}, later},
		{later, []string{"a"}, later.Add(time.Hour)},
		{later.Add(time.Hour), []string{"a", "b"}, time.Time{}},
	} {
		rows, next, err := s.Outgoing(t.Context(), test.now, 10)
		require.NoError(t, err)
		require.Equal(t, test.rows, taskIDsOf(rows))
		require.Equal(t, test.next, next)
	}
}

// Of one task only the first row is due, and the next one only then.
func testOutboxOneTask(t *testing.T, s store.Store) {
	n, other := names("t1"), names("other")
	create(t, s, n, other)
	enqueue(t, s, n, send(later), send(time.Time{}))
	enqueue(t, s, n, send(noon))
	enqueue(t, s, other, send(time.Time{}))
	rows, next, err := s.Outgoing(t.Context(), noon, 10)
	require.NoError(t, err)
	require.Equal(t, []string{"other"}, taskIDsOf(rows))
	require.Equal(t, later, next)
	sent(t, s, store.Sent{Number: rows[0].Number})
	var got []int64
	for range 3 {
		rows, next, err = s.Outgoing(t.Context(), later, 10)
		require.NoError(t, err)
		require.Equal(t, []string{"t1"}, taskIDsOf(rows))
		require.Zero(t, next)
		got = append(got, rows[0].Number)
		sent(t, s, store.Sent{Number: rows[0].Number, Again: later, Problem: "out"})
		rows, _, err = s.Outgoing(t.Context(), later, 10)
		require.NoError(t, err)
		require.Equal(t, got[len(got)-1], rows[0].Number, "a failed one keeps its place")
		sent(t, s, store.Sent{Number: rows[0].Number})
	}
	require.IsIncreasing(t, got)
	requireOutbox(t, s, 0)
}

// What was published is noted with its attempt, of the row's epoch.
func testSent(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	second := *command2(t, s, n)
	row := requireOutbox(t, s, 1)[0]
	sent(t, s, store.Sent{Number: row.Number, Sequence: 1 << 40, Deadline: later})
	requireOutbox(t, s, 0)
	second.Sequence, second.Deadline = 1<<40, later
	attempts, err := s.Attempts(t.Context(), n.ID)
	require.NoError(t, err)
	require.Equal(t, []store.Attempt{attempt(n, `{}`), second}, attempts)
	require.Equal(t, second, look(t, s, "t1").Current)
}

// command2 commands epoch 2 and returns its attempt.
func command2(t *testing.T, s store.Store, n task.Names) (out *store.Attempt) {
	t.Helper()
	command(t, s, n.ID, func(was store.Standing) *store.Step {
		step := again(&was, task.Start)
		out = step.Attempt
		return step
	})
	return out
}

// The recorder may read the command before the relay notes that it sent it,
// and after: who comes first has said it.
func testSequenceStays(t *testing.T, s store.Store) {
	for _, recorderFirst := range []bool{true, false} {
		n := names("t1" + newID())
		create(t, s, n)
		want := *command2(t, s, n)
		row := requireOutbox(t, s, 1)[0]
		read, relayed := want, store.Sent{Number: row.Number, Sequence: 50, Deadline: later}
		read.Sequence, read.Deadline = 40, later.Add(time.Second)
		if recorderFirst {
			record(t, s, store.Changes{Attempts: []store.Attempt{read}})
			sent(t, s, relayed)
			want.Sequence, want.Deadline = read.Sequence, read.Deadline
		} else {
			sent(t, s, relayed)
			record(t, s, store.Changes{Attempts: []store.Attempt{read}})
			want.Sequence, want.Deadline = relayed.Sequence, relayed.Deadline
		}
		require.Equal(t, want, look(t, s, n.ID).Current)
		requireOutbox(t, s, 0)
	}
	// A command without a timeout keeps the deadline it has.
	n := names("deadline")
	create(t, s, n)
	command(t, s, n.ID, func(was store.Standing) *store.Step {
		step := again(&was, task.Start)
		step.Attempt.Deadline = later
		return step
	})
	sent(t, s, store.Sent{Number: requireOutbox(t, s, 1)[0].Number, Sequence: 9})
	require.Equal(t, later, look(t, s, n.ID).Current.Deadline)
}

func testAgain(t *testing.T, s store.Store) {
	n, other := names("t1"), names("t2")
	create(t, s, n, other)
	enqueue(t, s, n, send(time.Time{}))
	enqueue(t, s, other, send(time.Time{}))
	rows := requireOutbox(t, s, 2)
	want := rows[0]
	for tries := 1; tries < 4; tries++ {
		want.Due, want.Tries = noon.Add(time.Duration(tries)*time.Minute), tries
		sent(t, s, store.Sent{Number: want.Number, Again: want.Due, Problem: "no answer \x00"}, store.Sent{Number: rows[1].Number})
		got, next, err := s.Outgoing(t.Context(), noon, 10)
		require.NoError(t, err)
		require.Empty(t, got)
		require.Equal(t, want.Due, next)
		require.Equal(t, []store.Outgoing{want}, requireOutbox(t, s, 1))
	}
	require.Equal(t, attempt(n, `{}`), look(t, s, "t1").Current)
}

// Who tells late what became of a row tells nothing about another one.
func testSentGone(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	require.NoError(t, s.Sent(t.Context(), nil))
	for range 3 {
		enqueue(t, s, n, send(time.Time{}))
		number := requireOutbox(t, s, 1)[0].Number
		sent(t, s, store.Sent{Number: number}, store.Sent{Number: number + 100, Sequence: 3})
		enqueue(t, s, n, send(time.Time{}))
		sent(t, s, store.Sent{Number: number, Sequence: 3, Deadline: later})
		sent(t, s, store.Sent{Number: number, Again: never, Problem: "late"})
		row := requireOutbox(t, s, 1)[0]
		require.Greater(t, row.Number, number)
		require.Zero(t, row.Tries)
		sent(t, s, store.Sent{Number: row.Number})
	}
	require.Equal(t, attempt(n, `{}`), look(t, s, "t1").Current)
}
