package dispatch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

var at = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// standing is a task of epoch 3 that a worker has begun at least once, with
// changes.
func standing(status task.Status, change ...func(*store.Standing)) *store.Standing {
	s := &store.Standing{Begun: true}
	s.Names = task.Names{ID: "0190f6a0-0c1d-7b52-9c1f-0d6b8b6f2a11", TaskID: "t", ProcessInstanceID: "p", Name: "n", Namespace: "n", Stone: "S"}
	progress := 40
	s.State = store.State{Names: s.Names, Method: task.Start, Epoch: 3, Status: status, Seen: 1<<task.ProduceSuccess | 1<<status,
		CreateTime: at, UpdateTime: at, Reason: "why", Outputs: []byte(`{"o":1}`), Progress: &progress, Worker: "w", Following: true}
	if status.End(false) {
		s.EndTime = at
	}
	s.Current = store.Attempt{ID: s.ID, Epoch: 3, Method: task.Start, Params: []byte(`{"p":1}`), CreateTime: at, Deadline: at.Add(time.Minute),
		Retry: &queue.Retry{MaxAttempts: 2}, Sequence: 17}
	for _, f := range change {
		f(s)
	}
	return s
}

func debugOn(s *store.Standing)   { s.Debug = true }
func final(s *store.Standing)     { s.Final, s.EndTime = true, at }
func unbegun(s *store.Standing)   { s.Begun = false }
func canceling(s *store.Standing) { s.Method = task.Cancel }

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	again := func(m task.Method) func(*store.Standing) (*store.Step, error) {
		return func(s *store.Standing) (*store.Step, error) { return reRun(s, Rerun{Method: m}, at) }
	}
	stop := func(s *store.Standing) (*store.Step, error) { return cancel(s, at) }
	back := func(s *store.Standing) (*store.Step, error) { return undo(s, task.Rollback, at) }
	for name, c := range map[string]struct {
		s    *store.Standing
		do   func(*store.Standing) (*store.Step, error)
		says string
	}{
		"reRun of a task at work":           {standing(task.StartBegin, debugOn), again(task.Start), "only a failed task can be run again"},
		"reRun of one that waits":           {standing(task.ProduceSuccess, debugOn), again(task.Monitor), "is produce.success"},
		"reRun of one that ended well":      {standing(task.MonitorSuccess, debugOn), again(task.Start), "is monitor.success"},
		"reRun without debug mode":          {standing(task.StartFailed), again(task.Start), "process p is not in debug mode"},
		"resume without debug mode":         {standing(task.StartFailed), resume, "not in debug mode"},
		"resume of a task at work":          {standing(task.MonitorBegin, debugOn), resume, "only a failed task can be resumed"},
		"cancel of an ended task":           {standing(task.MonitorFailed), stop, "has ended with monitor.failed"},
		"cancel of a finally started one":   {standing(task.StartSuccess, final), stop, "has ended"},
		"cancel of a cancelled one":         {standing(task.Canceled, canceling), stop, "has ended"},
		"rollback before the begin":         {standing(task.ProduceSuccess, unbegun), back, "has not begun"},
		"rollback of one never begun":       {standing(task.Canceled, unbegun, canceling), back, "has not begun"},
		"rollback of one at work":           {standing(task.MonitorBegin), back, "is running (monitor.begin)"},
		"rollback while it is cancelled":    {standing(task.CancelBegin, canceling), back, "is being cancelled"},
		"rollback of one started, followed": {standing(task.StartSuccess), back, "is running"},
	} {
		step, err := c.do(c.s)
		require.Nil(t, step, name)
		require.Equal(t, fault.Conflict, fault.Of(err).Kind, name)
		require.ErrorContains(t, err, c.says, name)
	}
}

func TestANextAttempt(t *testing.T) {
	t.Parallel()
	s := standing(task.StartFailed, debugOn)
	step, err := reRun(s, Rerun{Method: task.Start, Params: []byte(`{"p":2}`), Outputs: []byte(`{}`)}, at.Add(time.Hour))
	require.NoError(t, err)
	now := at.Add(time.Hour)
	require.Equal(t, store.State{Names: s.Names, Method: task.Start, Epoch: 4, Status: task.ProduceSuccess, Seen: 1 << task.ProduceSuccess,
		CreateTime: at, UpdateTime: now, Outputs: []byte(`{"o":1}`)}, step.State)
	require.Equal(t, &store.Attempt{ID: s.ID, Epoch: 4, Method: task.Start, Params: []byte(`{"p":2}`), Outputs: []byte(`{"o":1}`),
		CreateTime: now, Retry: s.Current.Retry}, step.Attempt)
	require.Equal(t, []store.Transition{{ID: s.ID, Epoch: 4, Status: task.ProduceSuccess, Time: now}}, step.Transitions)
	require.Equal(t, []store.Outgoing{{Kind: store.Send, Timeout: time.Minute, Command: queue.Command{Names: s.Names, Method: task.Start, Epoch: 4,
		Params: []byte(`{"p":2}`), Outputs: []byte(`{"o":1}`), CreateTime: now, Retry: s.Current.Retry}}}, step.Outbox)
	require.Nil(t, step.Debug)

	step, err = reRun(standing(task.ProduceFailed, debugOn), Rerun{Method: task.Start}, now)
	require.NoError(t, err)
	require.Equal(t, []store.Kind{store.Withdraw, store.Send}, kinds(step), "its message may be stored after all")
	require.JSONEq(t, `{"p":1}`, string(step.Attempt.Params))

	for _, status := range []task.Status{task.StartFailed, task.MonitorSuccess, task.CancelFailed, task.RollbackSuccess, task.Canceled} {
		step, err = undo(standing(status), task.Delete, now)
		require.NoError(t, err)
		require.Equal(t, task.Delete, step.State.Method)
		require.Equal(t, []store.Kind{store.Send}, kinds(step))
		require.Zero(t, step.Outbox[0].Timeout, "the timeout was for the work")
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := standing(task.ProduceSuccess)
	step, err := cancel(s, at)
	require.NoError(t, err)
	require.Equal(t, task.Canceled, step.State.Status)
	require.Equal(t, at, step.State.EndTime)
	require.Equal(t, 4, step.State.Epoch)
	require.Equal(t, []store.Kind{store.Withdraw, store.Tell}, kinds(step), "no command is sent")
	require.Equal(t, 4, step.Outbox[1].Command.Epoch)
	require.Equal(t, uint64(17), step.Outbox[0].Sequence)
	require.Equal(t, 4, step.Outbox[0].Command.Epoch)
	require.Len(t, step.Transitions, 1)

	for _, status := range []task.Status{task.StartBegin, task.StartSuccess, task.MonitorBegin, task.RollbackBegin} {
		step, err = cancel(standing(status), at)
		require.NoError(t, err)
		require.Equal(t, task.ProduceSuccess, step.State.Status)
		require.Equal(t, []store.Kind{store.Halt, store.Send}, kinds(step), "running work stops at once")
		require.Equal(t, task.Cancel, step.Outbox[1].Command.Method)
	}

	for _, status := range []task.Status{task.ProduceSuccess, task.CancelBegin} {
		step, err = cancel(standing(status, canceling), at)
		require.NoError(t, err)
		require.Nil(t, step, "it is under way")
	}
}

func TestPursue(t *testing.T) {
	t.Parallel()
	s := standing(task.Canceled, canceling)
	require.Equal(t, []store.Kind{store.Send}, kinds(pursue(s, 3, at)))
	require.Nil(t, pursue(s, 2, at), "somebody has commanded something since")
	require.Nil(t, pursue(standing(task.StartBegin), 3, at))
}

func TestResume(t *testing.T) {
	t.Parallel()
	s := standing(task.MonitorFailed, debugOn)
	step, err := resume(s)
	require.NoError(t, err)
	require.Equal(t, s.State, step.State, "it stays failed")
	require.False(t, *step.Debug)
	require.Nil(t, step.Attempt)
	require.Equal(t, []store.Kind{store.TellResumed}, kinds(step), "no command is sent")
}

func kinds(s *store.Step) (all []store.Kind) {
	for _, o := range s.Outbox {
		all = append(all, o.Kind)
	}
	return all
}
