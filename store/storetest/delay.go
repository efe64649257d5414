package storetest

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

var delayTests = map[string]func(*testing.T, store.Store){
	"Delay/new":           testDelayNew,
	"Delay/known":         testDelayKnown,
	"Delay/at once":       testDelayRace,
	"Delay/refused":       testDelayRefused,
	"Delay/not before":    testNotBefore,
	"Delay/with refusals": testDelayAndRefuse,
}

// delayed is a task that is held back.
func delayed(n task.Names, until time.Time) store.Delayed {
	return store.Delayed{Command: *refused(n), NotBefore: until}
}

// requireTold returns the tasks whose rows tell of a transition that the store
// wrote, in their order, and takes these rows out.
func requireTold(t *testing.T, s store.Store) (taskIDs []string) {
	t.Helper()
	rows, _, err := s.Outgoing(t.Context(), never, 1000)
	require.NoError(t, err)
	for _, row := range rows {
		if row.Kind == store.Tell {
			require.Equal(t, queue.Command{Names: row.Command.Names, Epoch: 1}, row.Command)
			taskIDs = append(taskIDs, row.Command.TaskID)
			sent(t, s, store.Sent{Number: row.Number})
		}
	}
	return taskIDs
}

func testDelayNew(t *testing.T, s store.Store) {
	n, plain := names("t1"), names("t2")
	n.BusinessKey = "k"
	d := delayed(n, later)
	d.Timeout = time.Hour
	d.Command.Outputs, d.Command.Trace = json.RawMessage(`{"o":1}`), "00-trace"
	d.Command.Retry = &queue.Retry{MaxAttempts: 3, Backoff: time.Second}
	none, err := s.Delay(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, none)
	fresh, err := s.Delay(t.Context(), []store.Delayed{d, delayed(plain, later.Add(time.Hour)), delayed(plain, never)})
	require.NoError(t, err)
	require.Equal(t, map[string]bool{n.ID: true, plain.ID: true}, fresh)

	got, err := s.Task(t.Context(), "t1")
	require.NoError(t, err)
	require.Equal(t, task.Task{Names: n, Method: task.Start, Epoch: 1, Status: task.ProduceSuccess, CreateTime: noon, UpdateTime: noon,
		Params: json.RawMessage(`{"p":1}`), Outputs: json.RawMessage(`{"o":1}`), NotBefore: later}, got)
	states := read(t, s, n.ID, plain.ID)
	want := state(n)
	want.Outputs, want.NotBefore = got.Outputs, later
	require.Equal(t, want, states[n.ID])
	require.Nil(t, states[plain.ID].Outputs)
	history, err := s.History(t.Context(), n.ID, true)
	require.NoError(t, err)
	require.Equal(t, []store.Note{{Transition: store.Transition{ID: n.ID, Epoch: 1, Status: task.ProduceSuccess, Time: noon}}}, history)
	known, err := s.Lookup(t.Context(), []string{"t1"}, nil)
	require.NoError(t, err)
	first := d.Command
	first.Trace, first.Deadline = "", first.CreateTime.Add(time.Hour)
	require.Equal(t, []store.Known{{Task: got, First: first}}, known)
	require.Zero(t, look(t, s, "t1").Current.Sequence)

	at, _, err := s.Outgoing(t.Context(), noon, 10)
	require.NoError(t, err)
	require.Len(t, at, 2, "they are told of at once")
	require.Equal(t, []string{"t1", "t2"}, requireTold(t, s))
	rows := requireOutbox(t, s, 2)
	require.Equal(t, store.Outgoing{Number: rows[0].Number, Kind: store.Send, Command: d.Command, Timeout: time.Hour, Due: later}, rows[0])
	sent(t, s, store.Sent{Number: rows[0].Number, Sequence: 5, Deadline: later.Add(time.Hour)})
	current := look(t, s, "t1").Current
	require.EqualValues(t, 5, current.Sequence)
	require.Equal(t, later.Add(time.Hour), current.Deadline)
}

// A task that is known by id or taskId is left alone, whatever it is.
func testDelayKnown(t *testing.T, s store.Store) {
	known, held, failed, fresh := names("known"), names("held"), names("failed"), names("fresh")
	create(t, s, known)
	_, err := s.Delay(t.Context(), []store.Delayed{delayed(held, later)})
	require.NoError(t, err)
	require.NoError(t, s.Refuse(t.Context(), refusals(failed), "out", noon))
	before := read(t, s, known.ID, held.ID, failed.ID)
	require.Equal(t, []string{"held", "failed"}, requireTold(t, s))
	rows := requireOutbox(t, s, 1)

	clash := names("known")
	got, err := s.Delay(t.Context(), []store.Delayed{
		delayed(known, never), delayed(held, never), delayed(failed, never), delayed(fresh, never), delayed(clash, never)})
	require.NoError(t, err)
	require.Equal(t, map[string]bool{fresh.ID: true}, got)
	require.Equal(t, []string{"fresh"}, requireTold(t, s))
	require.Equal(t, before, read(t, s, known.ID, held.ID, failed.ID, clash.ID))
	require.Equal(t, rows[0], requireOutbox(t, s, 2)[0])
	attempts, err := s.Attempts(t.Context(), known.ID)
	require.NoError(t, err)
	require.Equal(t, []store.Attempt{attempt(known, `{}`)}, attempts)
	attempts, err = s.Attempts(t.Context(), clash.ID)
	require.NoError(t, err)
	require.Empty(t, attempts)
}

// Of gateways that are handed the same tasks each task is new for one.
func testDelayRace(t *testing.T, s store.Store) {
	const gateways, tasks = 4, 20
	var all []store.Delayed
	for i := range tasks {
		all = append(all, delayed(names(fmt.Sprint(i)), later))
	}
	var fresh atomic.Int32
	var wg sync.WaitGroup
	for g := range gateways {
		wg.Go(func() {
			mine := append(append([]store.Delayed{}, all[g:]...), all[:g]...)
			got, err := s.Delay(t.Context(), mine)
			if err != nil {
				t.Error(err)
			}
			fresh.Add(int32(len(got))) //nolint:gosec // a few
		})
	}
	wg.Wait()
	require.EqualValues(t, tasks, fresh.Load())
	requireOutbox(t, s, tasks)
}

func testDelayRefused(t *testing.T, s store.Store) {
	for name, spoil := range map[string]func(*store.Delayed){
		"id":     func(d *store.Delayed) { d.Command.ID = "1" },
		"method": func(d *store.Delayed) { d.Command.Method = "" },
		"params": func(d *store.Delayed) { d.Command.Params = json.RawMessage(`[]`) },
		"epoch":  func(d *store.Delayed) { d.Command.Epoch = 0 },
	} {
		bad := delayed(names("bad"), later)
		spoil(&bad)
		_, err := s.Delay(t.Context(), []store.Delayed{delayed(names("good"), later), bad})
		require.ErrorIs(t, err, store.ErrRejected, name)
		page, err := s.List(t.Context(), store.Filter{})
		require.NoError(t, err)
		require.Empty(t, page.Tasks, name)
	}
	requireOutbox(t, s, 0)
}

// All reads show until when a task was held back; the recorder leaves that.
func testNotBefore(t *testing.T, s store.Store) {
	n, plain := names("t1"), names("t2")
	create(t, s, plain)
	_, err := s.Delay(t.Context(), []store.Delayed{delayed(n, later)})
	require.NoError(t, err)
	require.NoError(t, s.SetDebug(t.Context(), "process", true))
	st := read(t, s, n.ID)[n.ID]
	require.Equal(t, later, st.NotBefore)
	st.Status, st.NotBefore = task.StartBegin, never
	record(t, s, store.Changes{Changed: []store.State{st}})
	require.Equal(t, later, look(t, s, "t1").NotBefore)

	one, err := s.Task(t.Context(), n.ID)
	require.NoError(t, err)
	page, err := s.List(t.Context(), store.Filter{ProcessInstanceID: "process", Descending: true, Size: 5})
	require.NoError(t, err)
	known, err := s.Lookup(t.Context(), nil, []string{n.ID, plain.ID})
	require.NoError(t, err)
	all := append(append([]task.Task{one}, page.Tasks...), known[0].Task, known[1].Task)
	require.Len(t, all, 5)
	for _, got := range all {
		require.True(t, got.Debug)
		if got.ID == n.ID {
			require.Equal(t, later, got.NotBefore)
			require.Equal(t, task.StartBegin, got.Status)
		} else {
			require.Zero(t, got.NotBefore)
		}
	}
	require.NoError(t, s.SetDebug(t.Context(), "process", false))
	one, err = s.Task(t.Context(), n.ID)
	require.NoError(t, err)
	require.False(t, one.Debug)
}

// A task is held back or refused, never both.
func testDelayAndRefuse(t *testing.T, s store.Store) {
	const tasks = 20
	var wg sync.WaitGroup
	for i := range tasks {
		wg.Go(func() {
			if err := s.Refuse(t.Context(), refusals(names(fmt.Sprint(i))), "out", noon); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, err := s.Delay(t.Context(), []store.Delayed{delayed(names(fmt.Sprint(i)), later)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	page, err := s.List(t.Context(), store.Filter{})
	require.NoError(t, err)
	require.Len(t, page.Tasks, tasks)
	held := 0
	for _, got := range page.Tasks {
		if got.Status == task.ProduceSuccess {
			held++
		}
		history, err := s.History(t.Context(), got.ID, true)
		require.NoError(t, err)
		require.Len(t, history, 1)
	}
	require.Len(t, requireTold(t, s), tasks)
	requireOutbox(t, s, held)
}
