package storetest

import (
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

var commandTests = map[string]func(*testing.T, store.Store){
	"Command/unknown":       testCommandUnknown,
	"Command/key":           testCommandKey,
	"Command/standing":      testStanding,
	"Command/begun":         testBegun,
	"Command/no step":       testCommandNothing,
	"Command/error":         testCommandError,
	"Command/step":          testStep,
	"Command/same epoch":    testStepWithinEpoch,
	"Command/refused rows":  testStepRefused,
	"Command/one winner":    testOneWinner,
	"Command/with recorder": testCommandAndRecord,
	"Command/with grants":   testCommandAndGrant,
	"Command/one process":   testCommandsOfProcess,
}

// later is when commands are given in the tests.
var later = noon.Add(time.Minute)

// command is Command that must succeed.
func command(t *testing.T, s store.Store, key string, decide func(was store.Standing) *store.Step) task.Task {
	t.Helper()
	got, err := s.Command(t.Context(), key, func(was store.Standing) (*store.Step, error) { return decide(was), nil })
	require.NoError(t, err)
	return got
}

// look returns a task as a command finds it.
func look(t *testing.T, s store.Store, key string) (got store.Standing) {
	t.Helper()
	command(t, s, key, func(was store.Standing) *store.Step { got = was; return nil })
	return got
}

// again is the step to the next epoch with a command to send.
func again(was *store.Standing, m task.Method) *store.Step {
	st := was.State
	st.Epoch, st.Method = st.Epoch+1, m
	st.Status, st.Final, st.Seen, st.Following = task.ProduceSuccess, false, 1<<task.ProduceSuccess, false
	st.UpdateTime, st.EndTime, st.Reason, st.Progress = later, time.Time{}, "", nil
	c := queue.Command{Names: was.Names, Method: m, Epoch: st.Epoch, Params: json.RawMessage(`{"again":1}`), Outputs: json.RawMessage(`{}`),
		CreateTime: later, Retry: &queue.Retry{MaxAttempts: 2, Backoff: time.Second}, Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	return &store.Step{State: st,
		Attempt:     &store.Attempt{ID: was.ID, Epoch: st.Epoch, Method: m, Params: c.Params, Outputs: c.Outputs, CreateTime: later, Retry: c.Retry},
		Transitions: []store.Transition{{ID: was.ID, Epoch: st.Epoch, Status: task.ProduceSuccess, Time: later}},
		Outbox:      []store.Outgoing{{Kind: store.Send, Command: c}},
	}
}

func testCommandUnknown(t *testing.T, s store.Store) {
	create(t, s, names("t1"))
	for _, key := range []string{newID(), "unknown", "", "nul \x00", "\xff"} {
		_, err := s.Command(t.Context(), key, func(store.Standing) (*store.Step, error) {
			t.Error("decide must not be called")
			return nil, nil
		})
		require.ErrorIs(t, err, store.ErrNotFound, "%q", key)
	}
}

func testCommandKey(t *testing.T, s store.Store) {
	plain := names("t1")
	thief := names(plain.ID) // its taskId is the other's id
	create(t, s, plain)
	require.Equal(t, plain, look(t, s, "t1").Names)
	require.Equal(t, plain, look(t, s, plain.ID).Names)
	create(t, s, thief)
	require.Equal(t, thief, look(t, s, plain.ID).Names, "a taskId wins over an id")
}

// decide sees all of the task, its attempt, its process and its grants.
func testStanding(t *testing.T, s store.Store) {
	bare, full := names("bare"), names("full")
	full.ProcessInstanceID, full.BusinessKey = "debugged", "k"
	want := state(full)
	want.Method, want.Epoch, want.Status, want.EndTime, want.Reason = task.Start, 2, task.StartFailed, later, "why"
	want.Outputs, want.Progress, want.Worker, want.Seen, want.LogLines = json.RawMessage(`{"o": 1.0}`), new(100), "w", 1<<task.StartFailed, 3
	current := store.Attempt{ID: full.ID, Epoch: 2, Method: task.Start, Params: json.RawMessage(`{"p": 1.0}`), Outputs: json.RawMessage(`{"o":1}`),
		CreateTime: later, Deadline: later.Add(time.Hour), Retry: &queue.Retry{MaxAttempts: 4, Backoff: 1500 * time.Microsecond}, Sequence: 1 << 40}
	record(t, s, store.Changes{New: []store.State{state(bare), want}, Attempts: []store.Attempt{attempt(full, `{"first":1}`), current}})
	require.NoError(t, s.SetDebug(t.Context(), "debugged", true))

	require.Equal(t, store.Standing{State: want, Debug: true, Current: current}, look(t, s, "full"))
	require.Equal(t, store.Standing{State: state(bare), Current: store.Attempt{ID: bare.ID, Epoch: 1, Method: task.Start}}, look(t, s, "bare"))

	require.NoError(t, s.Grant(t.Context(), full.ID, task.Start, next))
	want.Rev, want.Grants = 1, map[task.Method]int{task.Start: 1}
	require.Equal(t, want, look(t, s, "full").State)
}

// Begun looks at all epochs, and at begins only.
func testBegun(t *testing.T, s store.Store) {
	for _, st := range task.Statuses() {
		n, other := names("1 "+st.String()), names("2 "+st.String())
		create(t, s, n, other)
		record(t, s, store.Changes{Transitions: []store.Transition{transition(n.ID, st)}})
		require.Equal(t, st.Begin(), look(t, s, n.ID).Begun, st)
		command(t, s, n.ID, func(was store.Standing) *store.Step { return again(&was, task.Cancel) })
		require.Equal(t, st.Begin(), look(t, s, n.ID).Begun, "%s of an older epoch", st)
		require.False(t, look(t, s, other.ID).Begun, "of another task")
	}
}

func testCommandNothing(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	before, err := s.Task(t.Context(), "t1")
	require.NoError(t, err)
	got := command(t, s, "t1", func(store.Standing) *store.Step { return nil })
	require.Equal(t, before, got)
	require.Equal(t, state(n), read(t, s, n.ID)[n.ID], "nor is Rev raised")
}

// decide's error is handed on as it is, and nothing is written.
func testCommandError(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	for _, refused := range []error{errors.New("not in debug mode"), store.ErrNotFound} {
		calls := 0
		got, err := s.Command(t.Context(), "t1", func(was store.Standing) (*store.Step, error) {
			calls++
			return again(&was, task.Start), refused
		})
		require.Same(t, refused, err)
		require.Zero(t, got)
		require.Equal(t, 1, calls)
	}
	require.Equal(t, state(n), read(t, s, n.ID)[n.ID])
	requireOutbox(t, s, 0)
}

// A step writes all it has, and the task that is returned is the new one.
func testStep(t *testing.T, s store.Store) {
	n := names("t1")
	first := state(n)
	first.Status, first.EndTime, first.Reason, first.Progress = task.StartFailed, noon, "why", new(40)
	first.Outputs, first.Worker = json.RawMessage(`{"o":1}`), "w1"
	record(t, s, store.Changes{New: []store.State{first}, Attempts: []store.Attempt{attempt(n, `{}`)},
		Transitions: []store.Transition{transition(n.ID, task.StartFailed)}})
	var want store.State
	var step *store.Step
	got := command(t, s, "t1", func(was store.Standing) *store.Step {
		step = again(&was, task.Rollback)
		step.State.Outputs, step.State.NotBefore = json.RawMessage(`{"o":2}`), later.Add(time.Hour)
		step.Debug = new(true)
		want = step.State
		step.State.Names, step.State.CreateTime = task.Names{Stone: "other"}, later // what stays as it is
		step.Transitions = append(step.Transitions, transition(n.ID, task.StartFailed))
		return step
	})
	want.Rev++
	require.Equal(t, want, read(t, s, n.ID)[n.ID])
	require.Equal(t, task.Task{Names: n, Method: task.Rollback, Epoch: 2, Status: task.ProduceSuccess, CreateTime: noon, UpdateTime: later,
		Params: step.Attempt.Params, Outputs: want.Outputs, Debug: true, NotBefore: want.NotBefore}, got)
	same, err := s.Task(t.Context(), "t1")
	require.NoError(t, err)
	require.Equal(t, same, got)

	attempts, err := s.Attempts(t.Context(), n.ID)
	require.NoError(t, err)
	require.Equal(t, []store.Attempt{attempt(n, `{}`), *step.Attempt}, attempts)
	history, err := s.History(t.Context(), n.ID, true)
	require.NoError(t, err)
	require.Equal(t, []store.Note{{Transition: transition(n.ID, task.StartFailed)}, {Transition: step.Transitions[0]}}, history)
	rows := requireOutbox(t, s, 1)
	require.Equal(t, step.Outbox[0].Command, rows[0].Command)
	debug, err := s.Debug(t.Context(), "process")
	require.NoError(t, err)
	require.True(t, debug)
}

// A step may leave the epoch alone, as a resume does.
func testStepWithinEpoch(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	require.NoError(t, s.SetDebug(t.Context(), "process", true))
	got := command(t, s, "t1", func(was store.Standing) *store.Step {
		require.True(t, was.Debug)
		return &store.Step{State: was.State, Debug: new(false)}
	})
	require.False(t, got.Debug)
	want := state(n)
	want.Rev = 1
	require.Equal(t, want, read(t, s, n.ID)[n.ID])
	require.False(t, look(t, s, "t1").Debug)
}

func testStepRefused(t *testing.T, s store.Store) {
	n, other := names("t1"), names("t2")
	create(t, s, n, other)
	for name, spoil := range map[string]func(*store.Step){
		"end":               func(p *store.Step) { p.State.EndTime = later },
		"number":            func(p *store.Step) { p.State.Progress = new(101) },
		"other attempt":     func(p *store.Step) { p.Attempt.ID = other.ID },
		"other transition":  func(p *store.Step) { p.Transitions[0].ID = other.ID },
		"other row":         func(p *store.Step) { p.Outbox[0].Command.ID = other.ID },
		"unreadable params": func(p *store.Step) { p.Outbox[0].Command.Params = json.RawMessage(`[]`) },
		"no method":         func(p *store.Step) { p.Outbox[0].Command.Method = "" },
	} {
		_, err := s.Command(t.Context(), "t1", func(was store.Standing) (*store.Step, error) {
			step := again(&was, task.Start)
			step.Debug = new(true)
			spoil(step)
			return step, nil
		})
		require.ErrorIs(t, err, store.ErrRejected, name)
		require.Equal(t, map[string]store.State{n.ID: state(n), other.ID: state(other)}, read(t, s, n.ID, other.ID), name)
		attempts, err := s.Attempts(t.Context(), n.ID)
		require.NoError(t, err)
		require.Len(t, attempts, 1, name)
		require.False(t, look(t, s, "t1").Debug)
	}
	requireOutbox(t, s, 0)
}

// Of commands that are given at once, and that only the first state allows,
// one wins.
func testOneWinner(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	lost := errors.New("it is being run again already")
	const callers = 20
	var won atomic.Int32
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			got, err := s.Command(t.Context(), "t1", func(was store.Standing) (*store.Step, error) {
				if was.Epoch != 1 {
					return nil, lost
				}
				return again(&was, task.Start), nil
			})
			switch {
			case err == nil && got.Epoch == 2:
				won.Add(1)
			case !errors.Is(err, lost):
				t.Error(err, got)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, won.Load())
	require.Equal(t, 2, read(t, s, n.ID)[n.ID].Epoch)
	requireOutbox(t, s, 1)
}

// Neither the recorder nor those who command lose a write to the other.
func testCommandAndRecord(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	const each = 50
	var wg sync.WaitGroup
	wg.Go(func() {
		for range each {
			from, err := s.Position(t.Context())
			if err == nil {
				err = s.Record(t.Context(), count(from, n))
			}
			if err != nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for range each {
			_, err := s.Command(t.Context(), n.ID, func(was store.Standing) (*store.Step, error) { return again(&was, task.Start), nil })
			if err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	st := read(t, s, n.ID)[n.ID]
	require.Equal(t, each, st.LogLines)
	require.Equal(t, each, st.Rev)
	require.Equal(t, each+1, st.Epoch)
	attempts, err := s.Attempts(t.Context(), n.ID)
	require.NoError(t, err)
	require.Len(t, attempts, each+1)
}

// Grants are those of the epoch in which they are given.
func testCommandAndGrant(t *testing.T, s store.Store) {
	n := names("t1")
	create(t, s, n)
	const each = 20
	var wg sync.WaitGroup
	wg.Go(func() {
		for range each {
			if err := s.Grant(t.Context(), n.ID, task.Start, next); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for range each {
			_, err := s.Command(t.Context(), n.ID, func(was store.Standing) (*store.Step, error) { return again(&was, task.Start), nil })
			if err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	require.Equal(t, 2*each, read(t, s, n.ID)[n.ID].Rev)
	command(t, s, n.ID, func(was store.Standing) *store.Step { return again(&was, task.Start) })
	require.Empty(t, look(t, s, n.ID).Grants, "a new epoch has none")
}

// Commands on tasks of one process, which all set its debug mode, do not end
// each other.
func testCommandsOfProcess(t *testing.T, s store.Store) {
	const tasks, each = 4, 10
	var wg sync.WaitGroup
	for i := range tasks {
		n := names(string(rune('a' + i)))
		create(t, s, n)
		wg.Go(func() {
			for k := range each {
				_, err := s.Command(t.Context(), n.ID, func(was store.Standing) (*store.Step, error) {
					step := again(&was, task.Start)
					step.Debug = new(k%2 == 0)
					return step, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	page, err := s.List(t.Context(), store.Filter{ProcessInstanceID: "process"})
	require.NoError(t, err)
	require.Len(t, page.Tasks, tasks)
	for _, got := range page.Tasks {
		require.Equal(t, each+1, got.Epoch)
	}
}
