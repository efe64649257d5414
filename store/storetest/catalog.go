package storetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// What is kept beside tasks, for operators.
var catalogTests = map[string]func(*testing.T, store.Store){
	"Processes/debug":     testDebug,
	"Processes/debugged":  testDebugged,
	"Attempts/all":        testAttempts,
	"Stones/announced":    testStones,
	"Stones/used":         testUsedStones,
	"Stones/used at once": testUsedStonesRace,
	"Quarantine/page":     testQuarantinePage,
}

func testDebug(t *testing.T, s store.Store) {
	require.NoError(t, s.SetDebug(t.Context(), "off", false))
	for _, id := range []string{"unknown", "off", "", "nul \x00"} {
		debug, err := s.Debug(t.Context(), id)
		require.NoError(t, err)
		require.False(t, debug, "%q", id)
	}
	for _, want := range []bool{true, true, false, true} {
		require.NoError(t, s.SetDebug(t.Context(), widest, want))
		debug, err := s.Debug(t.Context(), widest)
		require.NoError(t, err)
		require.Equal(t, want, debug)
	}
	debug, err := s.Debug(t.Context(), "off")
	require.NoError(t, err)
	require.False(t, debug)
}

// Those in debug mode are found among the others.
func testDebugged(t *testing.T, s store.Store) {
	require.NoError(t, s.SetDebug(t.Context(), "off", false))
	got, err := s.Debugged(t.Context(), 3)
	require.NoError(t, err)
	require.Empty(t, got)
	for _, id := range []string{"a", widest, "b"} {
		require.NoError(t, s.SetDebug(t.Context(), id, true))
	}
	got, err = s.Debugged(t.Context(), 3)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"a", widest, "b"}, got)
	require.NoError(t, s.SetDebug(t.Context(), "a", false))
	got, err = s.Debugged(t.Context(), 3)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{widest, "b"}, got)
	got, err = s.Debugged(t.Context(), 1)
	require.NoError(t, err)
	require.Len(t, got, 1)
}

// All commands of a task, in the order of their epochs.
func testAttempts(t *testing.T, s store.Store) {
	n, other := names("t1"), names("t2")
	create(t, s, other)
	first := attempt(n, oddJSON[2])
	second := store.Attempt{ID: n.ID, Epoch: 2, Method: task.Rollback, Params: json.RawMessage(oddJSON[4]), Outputs: json.RawMessage(`{"o":1}`),
		CreateTime: later, Deadline: later.Add(time.Hour), Retry: &queue.Retry{MaxAttempts: 0, Backoff: time.Second}, Sequence: 1 << 40}
	third := store.Attempt{ID: n.ID, Epoch: 3, Method: task.Cancel, CreateTime: later}
	record(t, s, store.Changes{New: []store.State{state(n)}, Attempts: []store.Attempt{third, first, second}})
	got, err := s.Attempts(t.Context(), n.ID)
	require.NoError(t, err)
	require.Equal(t, []store.Attempt{first, second, third}, got)
	for _, id := range []string{newID(), "t1", ""} {
		got, err := s.Attempts(t.Context(), id)
		require.NoError(t, err)
		require.Empty(t, got)
	}
}

// The last announcement of each stone is kept byte for byte.
func testStones(t *testing.T, s store.Store) {
	got, err := s.Stones(t.Context())
	require.NoError(t, err)
	require.Empty(t, got)
	put := func(code, announcement string, at time.Time) {
		require.NoError(t, s.PutStone(t.Context(), code, json.RawMessage(announcement), at))
	}
	put("b::B", oddJSON[0], noon)
	put("A", `{"version":1}`, later)
	put("a", `{}`, noon)
	put("A", `{"version":2}`, later)
	put("A", `{"version":0}`, noon) // read late
	put("a", `{ "x": 1.0 }`, later)
	got, err = s.Stones(t.Context())
	require.NoError(t, err)
	require.Equal(t, []store.KnownStone{
		{Code: "A", Announcement: json.RawMessage(`{"version":2}`), Time: later},
		{Code: "a", Announcement: json.RawMessage(`{ "x": 1.0 }`), Time: later},
		{Code: "b::B", Announcement: json.RawMessage(oddJSON[0]), Time: noon},
	}, got)
	used, err := s.UsedStones(t.Context())
	require.NoError(t, err)
	require.Empty(t, used, "no task names them")
}

// However a task comes, its stone is known to be used; a task that is not
// written uses none.
func testUsedStones(t *testing.T, s store.Store) {
	of := func(stone string) task.Names {
		n := names(stone + newID())
		n.Stone = stone
		return n
	}
	requireUsed := func(want ...string) {
		t.Helper()
		got, err := s.UsedStones(t.Context())
		require.NoError(t, err)
		require.Equal(t, strings.Join(want, " "), strings.Join(got, " "))
	}
	requireUsed()
	bad := state(of("Bad"))
	bad.EndTime = noon
	require.Error(t, s.Record(t.Context(), batch(t, s, store.Changes{New: []store.State{bad}})))
	requireUsed()
	create(t, s, of("b"), of("B"), of("b"), of("A::1"))
	create(t, s, of("b"))
	requireUsed("A::1", "B", "b")

	require.NoError(t, s.Refuse(t.Context(), refusals(of("Refused")), "out", noon))
	_, err := s.Delay(t.Context(), []store.Delayed{delayed(of("Held"), later)})
	require.NoError(t, err)
	requireUsed("A::1", "B", "Held", "Refused", "b")

	known := of("b")
	create(t, s, known)
	known.Stone = "Other" // the same task again
	require.NoError(t, s.Refuse(t.Context(), refusals(known), "out", noon))
	_, err = s.Delay(t.Context(), []store.Delayed{delayed(known, later)})
	require.NoError(t, err)
	requireUsed("A::1", "B", "Held", "Refused", "b")

	create(t, s, of("Bad"))
	var many []task.Names
	for range 100 { // large batches go other ways
		many = append(many, of("Many"))
	}
	create(t, s, many...)
	requireUsed("A::1", "B", "Bad", "Held", "Many", "Refused", "b")
}

func testUsedStonesRace(t *testing.T, s store.Store) {
	const gateways, tasks = 4, 10
	var wg sync.WaitGroup
	for range gateways {
		wg.Go(func() {
			for i := range tasks {
				n := names(newID())
				n.Stone = fmt.Sprint("S", i)
				if err := s.Refuse(t.Context(), refusals(n), "out", noon); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	used, err := s.UsedStones(t.Context())
	require.NoError(t, err)
	require.Len(t, used, tasks)
}

// The newest first, all of them or those of one task.
func testQuarantinePage(t *testing.T, s store.Store) {
	at := func(minute int, stream string, sequence uint64, index int, taskID string) store.Quarantined {
		return store.Quarantined{Stream: stream, Sequence: sequence, Index: index, Subject: "rs.evt.A.batch", Reason: "why", TaskID: taskID,
			Time: noon.Add(time.Duration(minute) * time.Minute), Bytes: []byte("\x00\xff{")}
	}
	all := []store.Quarantined{ // the newest first
		at(3, "RS_EVENTS", 1, 0, "t1"), at(2, "RS_TASKS", 9, 0, "t2"), at(2, "RS_EVENTS", 1<<40, 2, "t1"), at(2, "RS_EVENTS", 1<<40, 1, ""),
		at(2, "RS_EVENTS", 8, 0, "t1"), at(1, "RS_EVENTS", 1<<41, 0, "t2"),
	}
	record(t, s, store.Changes{Quarantine: []store.Quarantined{all[3], all[0], all[5]}})
	record(t, s, store.Changes{Quarantine: []store.Quarantined{all[4], all[1], all[2]}})
	for _, test := range []struct {
		taskID      string
		start, size int
		want        []store.Quarantined
	}{
		{"", 0, 0, all}, {"", 0, 2, all[:2]}, {"", 2, 3, all[2:5]}, {"", 5, 9, all[5:]}, {"", 6, 1, nil}, {"", 4, 0, all[4:]},
		{"t1", 0, 0, []store.Quarantined{all[0], all[2], all[4]}}, {"t1", 1, 1, all[2:3]}, {"t2", 0, 9, []store.Quarantined{all[1], all[5]}},
		{"t3", 0, 0, nil}, {"nul \x00", 0, 0, nil},
	} {
		got, err := s.Quarantine(t.Context(), test.taskID, test.start, test.size)
		require.NoError(t, err)
		require.Equal(t, test.want, got, "%+v", test)
	}
}
