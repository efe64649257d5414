package storetest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Texts, numbers and times at the edge of what may come.
var oddTests = map[string]func(*testing.T, store.Store){
	"Odd/names":   testOddNames,
	"Odd/filters": testOddFilters,
	"Odd/texts":   testOddTexts,
	"Odd/large":   testLarge,
	"Odd/times":   testOddTimes,
}

// widest is the longest name there may be.
var widest = strings.Repeat("\U0001F30A", 255)

var oddNames = []string{
	widest, "' or 1=1 --", `"`, `\`, `\x00`, "%", "_", "$1", "?1", "\u007f", "a\u0301", "\u00e1", " ", "ends with space ", "null", "0", "\uFFFD", "{}",
}

// Names are kept as they are, and found by each filter and by Lookup.
func testOddNames(t *testing.T, s store.Store) {
	var all []task.Names
	for _, odd := range oddNames {
		all = append(all, task.Names{ID: newID(), TaskID: odd, ProcessInstanceID: odd, Name: odd, Namespace: odd, Stone: odd, BusinessKey: odd})
	}
	create(t, s, all...)
	for i, odd := range oddNames {
		got, err := s.Task(t.Context(), odd)
		require.NoError(t, err, "%q", odd)
		require.Equal(t, all[i], got.Names)
		for _, f := range []store.Filter{{TaskID: odd}, {ProcessInstanceID: odd}, {Name: odd}, {Namespace: odd}, {Stone: odd}, {BusinessKey: odd}} {
			page, err := s.List(t.Context(), f)
			require.NoError(t, err)
			require.Equal(t, []string{odd}, taskIDs(page.Tasks), "%+q", f)
		}
	}
	known, err := s.Lookup(t.Context(), oddNames, nil)
	require.NoError(t, err)
	require.ElementsMatch(t, all, ids2names(known))
	require.Equal(t, all[0], read(t, s, all[0].ID)[all[0].ID].Names)
}

// What no name can be is found nowhere, and is no error.
func testOddFilters(t *testing.T, s store.Store) {
	create(t, s, names("t1"))
	for _, odd := range []string{"\x00", "t1\x00", "\xff", "t1\xff", "\xed\xa0\x80"} {
		for _, f := range []store.Filter{{TaskID: odd}, {ProcessInstanceID: odd}, {Name: odd}, {Namespace: odd}, {Stone: odd}, {BusinessKey: odd}} {
			page, err := s.List(t.Context(), f)
			require.NoError(t, err, "%+q", f)
			require.Empty(t, page.Tasks, "%+q", f)
		}
	}
}

// oddTexts are what people read, as told and as kept: what a database may
// refuse becomes U+FFFD.
var oddTexts = map[string]string{
	"nul \x00":                    "nul \uFFFD",
	"no UTF-8 \xff":               "no UTF-8 \uFFFD",
	"lone surrogate \xed\xa0\x80": "lone surrogate \uFFFD",
	"cut in the middle \xe4\xb8":  "cut in the middle \uFFFD",
	`\u0000 in words`:             `\u0000 in words`,
	"lines\r\n\tand \x1b[31mred":  "lines\r\n\tand \x1b[31mred",
	"\ufeffmark, \U0010FFFF":      "\ufeffmark, \U0010FFFF",
	"' $1 ?1 %s \\":               "' $1 ?1 %s \\",
}

func testOddTexts(t *testing.T, s store.Store) {
	for told, kept := range oddTexts {
		n := names("t" + newID())
		st := state(n)
		st.Reason, st.Worker = told, told
		done := transition(n.ID, task.ProduceSuccess)
		done.Reason, done.Worker = told, told
		line := store.LogLine{LogLine: queue.LogLine{Time: noon, Level: told, Line: told}, ID: n.ID, N: 1, Epoch: 1, Worker: told}
		record(t, s, store.Changes{New: []store.State{st}, Attempts: []store.Attempt{attempt(n, `{}`)}, Transitions: []store.Transition{done},
			Notes: []store.Note{{Transition: done, Why: told}}, Log: []store.LogLine{line},
			Quarantine: []store.Quarantined{{Stream: told, Sequence: 1, Subject: told, Time: noon, Reason: told, TaskID: told, Bytes: []byte(told)}}})

		st.Reason, st.Worker = kept, kept
		require.Equal(t, st, read(t, s, n.ID)[n.ID])
		got, err := s.Task(t.Context(), n.ID)
		require.NoError(t, err)
		require.Equal(t, kept, got.Reason)
		done.Reason, done.Worker = kept, kept
		history, err := s.History(t.Context(), n.ID, true)
		require.NoError(t, err)
		require.Equal(t, []store.Note{{Transition: done}, {Transition: done, Why: kept}}, history)
		line.Level, line.Line, line.Worker = kept, kept, kept
		log, err := s.Log(t.Context(), n.ID, 0, 0)
		require.NoError(t, err)
		require.Equal(t, []store.LogLine{line}, log)
	}
}

// Nothing is cut off.
func testLarge(t *testing.T, s store.Store) {
	const size = 1 << 20
	long := strings.Repeat("ä", size/2)
	raw := json.RawMessage(`{"long":"` + long + `"}`)
	n := names("t1")
	st := state(n)
	st.Status, st.EndTime, st.Reason, st.Outputs = task.StartFailed, noon, long, raw
	failed := transition(n.ID, task.StartFailed)
	failed.Reason = long
	line := lines(n.ID, 1, 1)
	line[0].Line = long
	record(t, s, store.Changes{New: []store.State{st}, Attempts: []store.Attempt{attempt(n, string(raw))},
		Transitions: []store.Transition{failed}, Log: line})
	got, err := s.Task(t.Context(), "t1")
	require.NoError(t, err)
	history, err := s.History(t.Context(), n.ID, false)
	require.NoError(t, err)
	log, err := s.Log(t.Context(), n.ID, 0, 0)
	require.NoError(t, err)
	for what, texts := range map[string][2]string{
		"reason": {long, got.Reason}, "params": {string(raw), string(got.Params)}, "outputs": {string(raw), string(got.Outputs)},
		"history": {long, history[0].Reason}, "log": {long, log[0].Line}, "state": {string(raw), string(read(t, s, n.ID)[n.ID].Outputs)},
	} {
		if texts[0] != texts[1] { // not shown: a megabyte
			t.Errorf("%s: %d bytes became %d others", what, len(texts[0]), len(texts[1]))
		}
	}
}

// Times come back in UTC, to the microsecond, from long ago as from far ahead.
func testOddTimes(t *testing.T, s store.Store) {
	for name, at := range map[string]time.Time{
		"zone":         noon.In(time.FixedZone("", 8*3600)),
		"before 1970":  time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC),
		"before 2000":  time.Date(1999, 12, 31, 23, 59, 59, 999999000, time.UTC),
		"far":          time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
		"the first":    time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC),
		"microseconds": noon.Add(time.Microsecond),
	} {
		n := names(name)
		st := state(n)
		st.Status, st.CreateTime, st.UpdateTime, st.EndTime = task.StartFailed, at, at, at
		command := attempt(n, `{}`)
		command.CreateTime, command.Deadline = at, at
		failed := transition(n.ID, task.StartFailed)
		failed.Time = at
		record(t, s, store.Changes{New: []store.State{st}, Attempts: []store.Attempt{command}, Transitions: []store.Transition{failed}})
		known, err := s.Lookup(t.Context(), []string{name}, nil)
		require.NoError(t, err)
		got := known[0]
		history, err := s.History(t.Context(), n.ID, false)
		require.NoError(t, err)
		for _, back := range []time.Time{got.Task.CreateTime, got.Task.UpdateTime, got.Task.EndTime, got.First.CreateTime, got.First.Deadline, history[0].Time} {
			require.Equal(t, at.UTC(), back, name)
		}
	}
}
