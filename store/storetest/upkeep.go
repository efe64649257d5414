package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

var upkeepTests = map[string]func(*testing.T, store.Store){
	"Upkeep/unfinished":   testUnfinished,
	"Upkeep/resends":      testResends,
	"Upkeep/overdue":      testOverdue,
	"Upkeep/forget":       testForget,
	"Outbox/unsent":       testUnsent,
	"Outbox/large":        testOutboxLarge,
	"Outbox/sequence":     testSequenceFromTheStream,
	"Delay/compared with": testDelayTimeout,
}

func testUnfinished(t *testing.T, s store.Store) {
	open, over, ignored := names("open"), names("over"), names("ignored")
	create(t, s, open, over, ignored)
	done := read(t, s, over.ID)[over.ID]
	done.Status, done.Final, done.EndTime = task.StartSuccess, true, noon
	record(t, s, store.Changes{Changed: []store.State{done}})
	require.NoError(t, s.Grant(t.Context(), open.ID, task.Start, next))
	got, err := s.Unfinished(t.Context(), []string{over.ID, open.ID, newID(), "no uuid", open.ID})
	require.NoError(t, err)
	want := read(t, s, open.ID)[open.ID]
	want.Outputs, want.Grants = nil, nil
	require.Equal(t, []store.State{want}, got)
	got, err = s.Unfinished(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, got)
}

func testResends(t *testing.T, s store.Store) {
	a, b := newID(), newID()
	first := store.Resend{ID: a, Epoch: 2, Method: task.Start, Times: 1, Sequence: 1 << 40, Time: noon}
	other := store.Resend{ID: b, Epoch: 1, Method: task.Monitor, Times: 3, Sequence: 7, Time: noon}
	second := first
	second.Times, second.Sequence, second.Time = 2, 1<<41, later
	require.ErrorIs(t, s.Resend(t.Context(), store.Resend{ID: "x", Epoch: 1, Method: task.Start}), store.ErrRejected)
	for _, r := range []store.Resend{first, other, second} {
		require.NoError(t, s.Resend(t.Context(), r))
	}
	got, err := s.Resends(t.Context(), []string{a, b, newID(), "no uuid"})
	require.NoError(t, err)
	require.ElementsMatch(t, []store.Resend{second, other}, got)
	got, err = s.Resends(t.Context(), []string{newID()})
	require.NoError(t, err)
	require.Empty(t, got)
}

// Commands are looked at in the order of their deadlines, each once, a few at a
// time; those are returned whose tasks still wait for them.
func testOverdue(t *testing.T, s store.Store) {
	due := map[string]store.Due{}
	for i, name := range []string{"second", "first", "over", "newer", "late", "none"} {
		n := names(name)
		d := store.Due{ID: n.ID, Epoch: 1, Deadline: noon.Add([]time.Duration{2 * time.Second, time.Second, 3 * time.Second, 4 * time.Second, time.Hour, 0}[i])}
		if name == "none" {
			d.Deadline = time.Time{}
		}
		command := attempt(n, `{}`)
		command.Deadline = d.Deadline
		record(t, s, store.Changes{New: []store.State{state(n)}, Attempts: []store.Attempt{command}})
		due[name] = d
	}
	done := read(t, s, due["over"].ID)[due["over"].ID]
	done.Status, done.Final, done.EndTime = task.StartSuccess, true, noon
	newer := read(t, s, due["newer"].ID)[due["newer"].ID]
	newer.Epoch = 2
	record(t, s, store.Changes{Changed: []store.State{done, newer}})

	look := func(after store.Due, limit int) ([]store.Due, store.Due) {
		t.Helper()
		open, last, err := s.Overdue(t.Context(), after, noon.Add(10*time.Second), limit)
		require.NoError(t, err)
		return open, last
	}
	open, last := look(store.Due{}, 1)
	require.Equal(t, []store.Due{due["first"]}, open)
	require.Equal(t, due["first"], last)
	open, last = look(last, 2)
	require.Equal(t, []store.Due{due["second"]}, open)
	require.Equal(t, due["over"], last)
	open, last = look(last, 10)
	require.Empty(t, open)
	require.Equal(t, due["newer"], last)
	open, last = look(last, 10)
	require.Empty(t, open)
	require.Zero(t, last)
}

// Only what is over goes, the oldest first, so many at a time.
func testForget(t *testing.T, s store.Store) {
	var ids []string
	for i, state := range []store.DeliveryState{store.DeliveryDone, store.DeliveryGivenUp, store.DeliveryDue, store.DeliveryParked} {
		n := names("t" + string(rune('a'+i)))
		ids = append(ids, n.ID)
		want(t, s, n)
		finish(t, s, n)
		d := deliveries(t, s, n.ID)
		require.Len(t, d, 1)
		require.NoError(t, s.Told(t.Context(), []store.Told{{Number: d[0].Number, Since: d[0].Since, State: state}}))
	}
	require.NoError(t, s.Resend(t.Context(), store.Resend{ID: ids[0], Epoch: 1, Method: task.Start, Times: 1, Sequence: 1, Time: noon}))
	left := func() (n []int) {
		for _, id := range ids {
			n = append(n, len(deliveries(t, s, id)))
		}
		return n
	}
	forget := func(before time.Time, limit, want int) {
		t.Helper()
		gone, err := s.Forget(t.Context(), before, limit)
		require.NoError(t, err)
		require.Equal(t, want, gone)
	}
	forget(time.Unix(0, 0), 10, 0) // they are younger
	require.Equal(t, []int{1, 1, 1, 1}, left())
	forget(never, 1, 2)
	require.Equal(t, []int{0, 1, 1, 1}, left())
	forget(never, 10, 1)
	require.Equal(t, []int{0, 0, 1, 1}, left())
	forget(never, 10, 0)
	resends, err := s.Resends(t.Context(), ids)
	require.NoError(t, err)
	require.Empty(t, resends)
	record(t, s, store.Changes{Transitions: []store.Transition{{ID: ids[0], Epoch: 2, Status: task.StartFailed, Time: noon}}})
	require.Equal(t, []int{1, 0, 1, 1}, left(), "who is told of later ends is still known")
}

func testUnsent(t *testing.T, s store.Store) {
	a, b, none := names("a"), names("b"), names("none")
	create(t, s, a, b, none)
	enqueue(t, s, a, send(never), send(time.Time{}))
	enqueue(t, s, b, send(time.Time{}))
	got, err := s.Unsent(t.Context(), []string{none.ID, a.ID, newID(), "no uuid"})
	require.NoError(t, err)
	require.Equal(t, []string{a.ID}, got)
}

// Rows with large commands come a few at a time, and one at least.
func testOutboxLarge(t *testing.T, s store.Store) {
	body := func(n int) []byte { return []byte(`{"a":"` + strings.Repeat("x", n) + `"}`) }
	for _, one := range []struct {
		taskID string
		bytes  int
	}{{"a", store.OutgoingBytes / 2}, {"b", store.OutgoingBytes / 2}, {"c", 1}, {"d", 1}} {
		n := names(one.taskID)
		create(t, s, n)
		row := send(time.Time{})
		row.Command.Params = body(one.bytes)
		enqueue(t, s, n, row)
	}
	for _, want := range [][]string{{"a", "b"}, {"c", "d"}} {
		rows, _, err := s.Outgoing(t.Context(), noon, 100)
		require.NoError(t, err)
		require.Equal(t, want, taskIDsOf(rows))
		for _, row := range rows {
			sent(t, s, store.Sent{Number: row.Number})
		}
	}
}

// The recorder, which reads what was published, and the relay, which published
// it, say the same; whoever is first is believed.
func testSequenceFromTheStream(t *testing.T, s store.Store) {
	n := names("t1")
	_, err := s.Delay(t.Context(), []store.Delayed{delayed(n, noon)})
	require.NoError(t, err)
	first := store.Published{ID: n.ID, Epoch: 1, Sequence: 42, Deadline: later}
	second := store.Published{ID: n.ID, Epoch: 1, Sequence: 44, Deadline: never}
	before, err := s.Attempts(t.Context(), n.ID)
	require.NoError(t, err)
	for _, p := range []store.Published{first, second, {ID: newID(), Epoch: 1, Sequence: 1}} {
		record(t, s, store.Changes{Published: []store.Published{p}})
	}
	requireTold(t, s)
	row := requireOutbox(t, s, 1)[0]
	sent(t, s, store.Sent{Number: row.Number, Sequence: 43, Deadline: never})
	got, err := s.Attempts(t.Context(), n.ID)
	require.NoError(t, err)
	before[0].Sequence, before[0].Deadline = 42, later
	require.Equal(t, before, got)
}

// What a held-back task was sent with is known before and after its publishing.
func testDelayTimeout(t *testing.T, s store.Store) {
	with, without := delayed(names("with"), noon), delayed(names("without"), noon)
	with.Timeout = 90*time.Second + time.Microsecond
	_, err := s.Delay(t.Context(), []store.Delayed{with, without})
	require.NoError(t, err)
	look := func() (out []time.Duration) {
		for _, d := range []store.Delayed{with, without} {
			known, err := s.Lookup(t.Context(), nil, []string{d.Command.ID})
			require.NoError(t, err)
			require.Len(t, known, 1)
			if first := known[0].First; !first.Deadline.IsZero() {
				out = append(out, first.Deadline.Sub(first.CreateTime))
			} else {
				out = append(out, 0)
			}
		}
		return out
	}
	require.Equal(t, []time.Duration{with.Timeout, 0}, look())
	requireTold(t, s)
	for _, row := range requireOutbox(t, s, 2) {
		sent(t, s, store.Sent{Number: row.Number, Sequence: 7, Deadline: later})
	}
	require.Equal(t, []time.Duration{with.Timeout, 0}, look())
}
