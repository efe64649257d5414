package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

var callbackTests = map[string]func(*testing.T, store.Store){
	"Callbacks/recorder":     testDeliveryOfRecorder,
	"Callbacks/many":         testDeliveriesOfMany,
	"Callbacks/rolled back":  testDeliveryRolledBack,
	"Callbacks/command":      testDeliveryOfCommand,
	"Callbacks/refused":      testDeliveryOfRefused,
	"Callbacks/resumed":      testDeliveryOfResumed,
	"Callbacks/want":         testWant,
	"Callbacks/order":        testDeliveryOrder,
	"Callbacks/per process":  testDeliveriesPerProcess,
	"Callbacks/told":         testTold,
	"Callbacks/replay":       testReplay,
	"Callbacks/replay while": testReplayWhileTold,
}

func want(t *testing.T, s store.Store, all ...task.Names) {
	t.Helper()
	rows := make([]store.Callback, len(all))
	for i, n := range all {
		rows[i] = store.Callback{ID: n.ID, ProcessInstanceID: n.ProcessInstanceID, Kind: store.Webhook, URL: "https://example.com/" + n.TaskID}
	}
	require.NoError(t, s.Want(t.Context(), rows))
}

// finish records that tasks, which are new, were started and failed.
func finish(t *testing.T, s store.Store, all ...task.Names) {
	t.Helper()
	record(t, s, ended(all...))
}

func ended(all ...task.Names) (c store.Changes) {
	for i, n := range all {
		st := state(n)
		st.Status, st.EndTime = task.StartFailed, noon.Add(time.Duration(i)*time.Second)
		c.New = append(c.New, st)
		end := transition(n.ID, task.StartFailed)
		end.Time = st.EndTime
		c.Transitions = append(c.Transitions, transition(n.ID, task.ProduceSuccess), transition(n.ID, task.StartBegin), end)
	}
	return c
}

func due(t *testing.T, s store.Store) []store.Delivery {
	t.Helper()
	rows, err := s.DueDeliveries(t.Context(), time.Now().Add(time.Minute), 1000, 1000)
	require.NoError(t, err)
	return rows
}

func deliveries(t *testing.T, s store.Store, id string) []store.Delivery {
	t.Helper()
	rows, err := s.Deliveries(t.Context(), id)
	require.NoError(t, err)
	return rows
}

func urls(rows []store.Delivery) []string {
	return ids(rows, func(d store.Delivery) string { return d.URL[len("https://example.com/"):] })
}

// An end of a task with a callback makes one delivery, however often it is
// recorded; other tasks and other statuses make none.
func testDeliveryOfRecorder(t *testing.T, s store.Store) {
	a, b := names("a"), names("b")
	want(t, s, a)
	before := time.Now().Add(-time.Minute)
	finish(t, s, a, b)
	rows := due(t, s)
	require.Len(t, rows, 1)
	require.WithinRange(t, rows[0].Since, before, time.Now().Add(time.Minute))
	require.NotZero(t, rows[0].Number)
	require.Equal(t, store.Delivery{
		Callback: store.Callback{ID: a.ID, ProcessInstanceID: a.ProcessInstanceID, Kind: store.Webhook, URL: "https://example.com/a"},
		Number:   rows[0].Number, Occasion: store.Ended, Epoch: 1, Status: task.StartFailed, Time: noon, State: store.DeliveryDue, Since: rows[0].Since,
	}, rows[0])
	require.Equal(t, rows, deliveries(t, s, a.ID))
	require.Empty(t, deliveries(t, s, b.ID))
	require.Empty(t, deliveries(t, s, "no id"))

	record(t, s, store.Changes{Transitions: []store.Transition{transition(a.ID, task.StartFailed)}})
	require.Len(t, deliveries(t, s, a.ID), 1)
}

// Batches of every size: their rows go different ways.
func testDeliveriesOfMany(t *testing.T, s store.Store) {
	for _, n := range []int{1, 47, 48, 200} {
		var all []task.Names
		for i := range n {
			all = append(all, names(fmt.Sprintf("n%d-%03d", n, i)))
		}
		want(t, s, all...)
		finish(t, s, all...)
		rows := due(t, s)
		require.Equal(t, ids(all, func(n task.Names) string { return n.TaskID }), urls(rows), "in the order of their ends")
		for i := range rows {
			require.NoError(t, s.Told(t.Context(), []store.Told{{Number: rows[i].Number, Since: rows[i].Since, State: store.DeliveryDone}}))
		}
	}
}

func testDeliveryRolledBack(t *testing.T, s store.Store) {
	n := names("a")
	want(t, s, n)
	c := ended(n)
	c.New[0].EndTime = time.Time{} // no end without one
	require.ErrorIs(t, s.Record(t.Context(), batch(t, s, c)), store.ErrRejected)
	require.Empty(t, deliveries(t, s, n.ID))
}

func testDeliveryOfCommand(t *testing.T, s store.Store) {
	n := names("a")
	want(t, s, n)
	create(t, s, n)
	command(t, s, n.ID, func(was store.Standing) *store.Step { return canceled(&was) })
	rows := due(t, s)
	require.Len(t, rows, 1)
	require.Equal(t, task.Canceled, rows[0].Status)
	require.Equal(t, 2, rows[0].Epoch)
}

func testDeliveryOfRefused(t *testing.T, s store.Store) {
	n := names("a")
	want(t, s, n)
	for range 2 {
		require.NoError(t, s.Refuse(t.Context(), []*queue.Command{refused(n)}, "full", noon))
	}
	rows := due(t, s)
	require.Len(t, rows, 1)
	require.Equal(t, task.ProduceFailed, rows[0].Status)
}

func testDeliveryOfResumed(t *testing.T, s store.Store) {
	n := names("a")
	want(t, s, n)
	finish(t, s, n)
	for range 2 {
		off := false
		command(t, s, n.ID, func(was store.Standing) *store.Step { return &store.Step{State: was.State, Debug: &off} })
	}
	rows := deliveries(t, s, n.ID)
	require.Len(t, rows, 2)
	require.Equal(t, store.Resumed, rows[1].Occasion)
	require.Equal(t, task.StartFailed, rows[1].Status)
	require.Equal(t, noon, rows[1].Time)
	require.Len(t, due(t, s), 1, "the end first")
}

func testWant(t *testing.T, s store.Store) {
	n := names("a")
	require.NoError(t, s.Want(t.Context(), nil))
	require.ErrorIs(t, s.Want(t.Context(), []store.Callback{{ID: "none"}}), store.ErrRejected)
	want(t, s, n)
	finish(t, s, n)
	other := store.Callback{ID: n.ID, ProcessInstanceID: "p2", Kind: store.Flowable, URL: "https://example.com/other"}
	require.NoError(t, s.Want(t.Context(), []store.Callback{other}))
	require.Equal(t, other, due(t, s)[0].Callback)
}

// The ends of one task are told in their order, one after the other.
func testDeliveryOrder(t *testing.T, s store.Store) {
	a, b := names("a"), names("b")
	want(t, s, a, b)
	finish(t, s, a, b)
	command(t, s, a.ID, func(was store.Standing) *store.Step { return canceled(&was) })
	rows := due(t, s)
	require.Equal(t, []string{"a", "b"}, urls(rows))
	for i, state := range []store.DeliveryState{store.DeliveryDue, store.DeliveryParked, store.DeliveryDone} {
		first := deliveries(t, s, a.ID)[0]
		require.NoError(t, s.Told(t.Context(), []store.Told{{Number: first.Number, Since: first.Since, State: state, Due: never, Problem: "later"}}))
		require.Len(t, due(t, s), 1+i/2, "behind an open one")
	}
	require.Equal(t, 2, due(t, s)[1].Epoch)
}

func testDeliveriesPerProcess(t *testing.T, s store.Store) {
	var all []task.Names
	for i := range 6 {
		n := names(fmt.Sprint(i))
		n.ProcessInstanceID = fmt.Sprint("p", i%2)
		all = append(all, n)
	}
	want(t, s, all...)
	finish(t, s, all...)
	for _, c := range []struct {
		perProcess, limit int
		want              []string
	}{{1, 10, []string{"0", "1"}}, {2, 10, []string{"0", "1", "2", "3"}}, {9, 10, []string{"0", "1", "2", "3", "4", "5"}}, {9, 3, []string{"0", "1", "2"}}} {
		rows, err := s.DueDeliveries(t.Context(), time.Now(), c.perProcess, c.limit)
		require.NoError(t, err)
		require.Equal(t, c.want, urls(rows))
	}
}

func testTold(t *testing.T, s store.Store) {
	n := names("a")
	want(t, s, n)
	finish(t, s, n)
	first := due(t, s)[0]
	for i, state := range []store.DeliveryState{store.DeliveryDue, store.DeliveryParked, store.DeliveryGivenUp} {
		require.NoError(t, s.Told(t.Context(), []store.Told{{Number: first.Number, Since: first.Since, State: state, Due: never, Problem: "no\x00pe"}}))
		first.State, first.Due, first.Problem, first.Tries = state, never, "no\uFFFDpe", i+1
		require.Equal(t, []store.Delivery{first}, deliveries(t, s, n.ID))
		require.Empty(t, due(t, s))
		rows, err := s.DueDeliveries(t.Context(), never, 1, 1)
		require.NoError(t, err)
		require.Len(t, rows, map[bool]int{true: 1}[state.Open()])
	}
	require.NoError(t, s.Told(t.Context(), nil))
	require.NoError(t, s.Told(t.Context(), []store.Told{{Number: 1 << 40, State: store.DeliveryDone}}))
}

func testReplay(t *testing.T, s store.Store) {
	n := names("a")
	want(t, s, n)
	finish(t, s, n)
	first := due(t, s)[0]
	require.NoError(t, s.Told(t.Context(), []store.Told{{Number: first.Number, Since: first.Since, State: store.DeliveryGivenUp, Problem: "500"}}))
	at := first.Since.Add(time.Hour)
	count, err := s.Replay(t.Context(), n.ID, at)
	require.NoError(t, err)
	require.Equal(t, 1, count)
	first.Since = at
	require.Equal(t, []store.Delivery{first}, due(t, s))
	for _, unknown := range []string{newID(), "no id"} {
		count, err := s.Replay(t.Context(), unknown, at)
		require.NoError(t, err)
		require.Zero(t, count)
	}
}

// What became of a try that was under way at a replay does not count, also
// when the clock has not moved.
func testReplayWhileTold(t *testing.T, s store.Store) {
	n := names("a")
	want(t, s, n)
	finish(t, s, n)
	first := due(t, s)[0]
	_, err := s.Replay(t.Context(), n.ID, first.Since)
	require.NoError(t, err)
	require.NoError(t, s.Told(t.Context(), []store.Told{{Number: first.Number, Since: first.Since, State: store.DeliveryDone}}))
	require.Len(t, due(t, s), 1)
}
