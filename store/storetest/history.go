package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

var historyTests = map[string]func(*testing.T, store.Store){
	"History/fields":  testHistoryFields,
	"History/order":   testHistoryOrder,
	"History/unknown": testHistoryUnknown,
	"Log/lines":       testLogLines,
	"Log/bound":       testLogBound,
}

func testHistoryFields(t *testing.T, s store.Store) {
	n := names("t1")
	first := store.Transition{ID: n.ID, Epoch: 2, Status: task.StartSuccess, Final: true, Time: noon, Delivery: 4, Worker: "w\x00", Reason: "r\xff"}
	note := store.Note{Transition: store.Transition{ID: n.ID, Epoch: 2, Status: task.StartSuccess, Time: noon.Add(time.Hour), Delivery: 5,
		Worker: "w2", Reason: "again"}, Why: store.NoteRepeat}
	record(t, s, store.Changes{New: []store.State{state(n)}, Transitions: []store.Transition{first}, Notes: []store.Note{note}})
	clean := first
	clean.Worker, clean.Reason = "w\uFFFD", "r\uFFFD"
	got, err := s.History(t.Context(), n.ID, false)
	require.NoError(t, err)
	require.Equal(t, []store.Note{{Transition: clean}}, got)
	got, err = s.History(t.Context(), n.ID, true)
	require.NoError(t, err)
	require.Equal(t, []store.Note{{Transition: clean}, note}, got)
}

// What was recorded late stands at its place, whatever its time.
func testHistoryOrder(t *testing.T, s store.Store) {
	n, other := names("t1"), names("other")
	in := func(epoch int, st task.Status, final bool) store.Transition {
		return store.Transition{ID: n.ID, Epoch: epoch, Status: st, Final: final, Time: noon}
	}
	note := func(epoch int, st task.Status, why string) store.Note {
		return store.Note{Transition: in(epoch, st, false), Why: why}
	}
	create(t, s, n, other)
	record(t, s, store.Changes{
		Transitions: []store.Transition{in(2, task.RollbackBegin, false), in(1, task.StartSuccess, false), in(1, task.MonitorFailed, false),
			transition(other.ID, task.ProduceSuccess)},
		Notes: []store.Note{note(1, task.MonitorSuccess, store.NoteLate), note(1, task.StartSuccess, store.NoteRepeat)},
	})
	record(t, s, store.Changes{
		Transitions: []store.Transition{in(1, task.MonitorBegin, false), in(1, task.ProduceSuccess, false), in(1, task.StartBegin, false),
			in(2, task.ProduceSuccess, false), in(1, task.ProduceFailed, false)},
		Notes: []store.Note{note(1, task.StartBegin, store.NoteRetry), note(1, task.StartBegin, store.NoteRepeat),
			note(1, task.CancelFailed, store.NoteOlder), note(3, task.StartBegin, store.NoteOlder)},
	})
	type entry struct {
		epoch  int
		status task.Status
		why    string
	}
	var recorded, all []entry
	for _, e := range []entry{
		{1, task.ProduceFailed, ""}, {1, task.ProduceSuccess, ""},
		{1, task.StartBegin, ""}, {1, task.StartBegin, store.NoteRetry}, {1, task.StartBegin, store.NoteRepeat},
		{1, task.StartSuccess, ""}, {1, task.StartSuccess, store.NoteRepeat},
		{1, task.MonitorBegin, ""}, {1, task.MonitorFailed, ""},
		{1, task.MonitorSuccess, store.NoteLate}, {1, task.CancelFailed, store.NoteOlder},
		{2, task.ProduceSuccess, ""}, {2, task.RollbackBegin, ""},
		{3, task.StartBegin, store.NoteOlder},
	} {
		all = append(all, e)
		if e.why == "" {
			recorded = append(recorded, e)
		}
	}
	for notes, want := range map[bool][]entry{false: recorded, true: all} {
		history, err := s.History(t.Context(), n.ID, notes)
		require.NoError(t, err)
		var got []entry
		for _, h := range history {
			require.Equal(t, n.ID, h.ID)
			got = append(got, entry{h.Epoch, h.Status, h.Why})
		}
		require.Equal(t, want, got)
	}
}

func testHistoryUnknown(t *testing.T, s store.Store) {
	for _, id := range []string{newID(), "no uuid"} {
		history, err := s.History(t.Context(), id, true)
		require.NoError(t, err)
		require.Empty(t, history)
		lines, err := s.Log(t.Context(), id, 0, 0)
		require.NoError(t, err)
		require.Empty(t, lines)
	}
}

func lines(id string, from, to int) []store.LogLine {
	var out []store.LogLine
	for n := from; n <= to; n++ {
		out = append(out, store.LogLine{ID: id, N: n, Epoch: 1, Worker: "w1",
			LogLine: queue.LogLine{Time: noon.Add(time.Duration(n)), Level: "info", Line: "line"}})
	}
	for i := range out {
		out[i].Time = out[i].Time.Truncate(time.Microsecond)
	}
	return out
}

func testLogLines(t *testing.T, s store.Store) {
	n, other := names("t1"), names("t2")
	create(t, s, n, other)
	want := lines(n.ID, 1, 5)
	odd := want[2]
	odd.Line, odd.Level = "nul \x00 and \xff", "warn\x00"
	want[2].Line, want[2].Level = "nul \uFFFD and \uFFFD", "warn\uFFFD"
	record(t, s, store.Changes{Log: append(lines(other.ID, 1, 2), want[4], odd, want[0], want[3], want[1])})
	record(t, s, store.Changes{Log: lines(n.ID, 1, 1)}) // a repeat
	for _, test := range []struct{ start, size, from, to int }{{0, 0, 0, 5}, {1, 2, 1, 3}, {4, 9, 4, 5}, {5, 1, 5, 5}, {2, 0, 2, 5}, {-2, 0, 3, 5}, {-3, 1, 2, 3}, {-9, 9, 0, 5}} {
		got, err := s.Log(t.Context(), n.ID, test.start, test.size)
		require.NoError(t, err)
		require.Equal(t, want[test.from:test.to], append([]store.LogLine{}, got...), "%+v", test)
	}
}

func testLogBound(t *testing.T, s store.Store) {
	n, other := names("one"), names("other")
	create(t, s, n, other)
	const over = 25
	var st store.State
	for _, upTo := range []int{store.MaxLogLines, store.MaxLogLines + over} {
		st = read(t, s, n.ID)[n.ID]
		from := st.LogLines + 1
		st.LogLines = upTo
		record(t, s, store.Changes{Changed: []store.State{st}, Log: append(lines(n.ID, from, upTo), lines(other.ID, from, from)...)})
	}
	got, err := s.Log(t.Context(), n.ID, 0, 0)
	require.NoError(t, err)
	require.Len(t, got, store.MaxLogLines)
	require.Equal(t, over+1, got[0].N)
	require.Equal(t, store.MaxLogLines+over, got[len(got)-1].N)
	require.Equal(t, store.MaxLogLines+over, read(t, s, n.ID)[n.ID].LogLines)
	got, err = s.Log(t.Context(), other.ID, 0, 0)
	require.NoError(t, err)
	require.Len(t, got, 2, "of another task nothing is deleted")

	// A task may be new and have too many at once.
	c := many(100)
	c.New[0].LogLines = store.MaxLogLines + 1
	c.Log = append(lines(c.New[0].ID, 1, 1), lines(c.New[0].ID, store.MaxLogLines+1, store.MaxLogLines+1)...)
	record(t, s, c)
	got, err = s.Log(t.Context(), c.New[0].ID, 0, 0)
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, store.MaxLogLines+1, got[0].N)
}
