package stonetest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/stone/stonetest"
)

// failing records what a test would have failed with.
type failing struct {
	ctx  context.Context
	said string
}

func (*failing) Helper()                          {}
func (f *failing) Context() context.Context       { return f.ctx }
func (f *failing) Fatalf(format string, a ...any) { f.said = fmt.Sprintf(format, a...); panic(f) }

// fails runs do and returns what the test failed with, "" if it did not.
func fails(t *testing.T, do func(stonetest.TB)) (said string) {
	t.Helper()
	f := &failing{ctx: t.Context()}
	defer func() {
		if v := recover(); v != nil && v != any(f) {
			panic(v)
		}
		said = f.said
	}()
	do(f)
	return ""
}

func TestRun(t *testing.T) {
	t.Parallel()
	var late *stone.Task
	s := stone.Func(func(_ context.Context, st *stone.Task) error {
		late = st
		st.Progress(40)
		st.Progress(400)
		st.Logf("info", "size %s", st.Params())
		require.JSONEq(t, `{"a":0,"b":1}`, string(st.Before()))
		require.Equal(t, "i/2/start", st.IdempotencyKey())
		require.Equal(t, 7, st.FencingToken())
		require.Equal(t, 3, st.Try)
		return st.SetOutput("a", 12345678901234567)
	})
	r := stonetest.Run(t, s, stonetest.Task{
		ID: "i", Attempt: 2, Try: 3, Delivery: 7,
		Params: map[string]int{"n": 1}, Outputs: []byte(`{"a":0,"b":1}`),
	})
	late.Progress(99)
	late.Logf("info", "too late")
	r.RequireSuccess(t)
	r.RequireOutputs(t, `{"b":1,"a":12345678901234567}`)
	require.JSONEq(t, `{"a":12345678901234567}`, string(r.Reported))
	require.Equal(t, []int{40, 100}, r.Progress)
	require.Equal(t, []string{`size {"n":1}`}, r.Lines())
	require.Equal(t, task.StartSuccess, r.Status)
	var a int
	require.True(t, r.Output("a", &a))
	require.Equal(t, 12345678901234567, a)
	require.False(t, r.Output("c", &a))
}

func TestMethodsThatAreNotThere(t *testing.T) {
	t.Parallel()
	s := stone.Func(func(context.Context, *stone.Task) error { return nil })
	for m, want := range map[task.Method]task.Status{
		task.Mock: task.MockPassed, task.Cancel: task.Canceled, task.Rollback: task.RollbackSuccess, task.Delete: task.DeleteSuccess,
	} {
		r := stonetest.Run(t, s, stonetest.Task{Method: m})
		r.RequireSuccess(t)
		require.Equal(t, want, r.Status)
	}
}

func TestRunToEnd(t *testing.T) {
	t.Parallel()
	var waited []time.Duration
	looks := 0
	s := stone.Methods{
		task.Start: func(_ context.Context, st *stone.Task) error {
			if st.Try == 1 {
				return stone.Retry(time.Hour, "busy")
			}
			return st.SetOutput("id", "m-1")
		},
		task.Monitor: func(_ context.Context, st *stone.Task) error {
			if looks++; looks == 1 {
				return stone.Again(time.Minute)
			}
			require.JSONEq(t, `{"id":"m-1"}`, string(st.Before()))
			return nil
		},
	}
	r := stonetest.RunToEnd(t, s, stonetest.Task{Wait: func(_ context.Context, d time.Duration) error {
		waited = append(waited, d)
		return nil
	}})
	r.RequireSuccess(t)
	require.Equal(t, task.MonitorSuccess, r.Status)
	require.Equal(t, []time.Duration{time.Hour, time.Minute}, r.Delays)
	require.Equal(t, r.Delays, waited)
	require.Equal(t, 4, r.Runs)

	_, err := stonetest.DoToEnd(t.Context(), s, stonetest.Task{Wait: func(context.Context, time.Duration) error { return errors.New("enough") }})
	require.EqualError(t, err, "enough")
}

func TestRunToEndGivesUp(t *testing.T) {
	t.Parallel()
	never := stone.Func(func(context.Context, *stone.Task) error { return errors.New("down") })
	r := stonetest.RunToEnd(t, never, stonetest.Task{MaxTries: 5})
	r.RequireRetry(t, "down")
	require.Equal(t, 5, r.Runs)
	require.Equal(t, task.StartFailed, r.Status)

	forever := stone.Methods{task.Start: never.Start, task.Monitor: func(context.Context, *stone.Task) error { return stone.Again(0) }}
	_, err := stonetest.DoToEnd(t.Context(), forever, stonetest.Task{Method: task.Monitor, MaxLooks: 7})
	require.EqualError(t, err, "monitor is not done after 7 looks")
}

func TestAssertionsFail(t *testing.T) {
	t.Parallel()
	s := stone.Func(func(_ context.Context, st *stone.Task) error { return st.SetOutput("n", 1) })
	r := stonetest.Run(t, s, stonetest.Task{})
	require.Contains(t, fails(t, func(tb stonetest.TB) { r.RequireAgain(tb) }), "want again")
	require.Contains(t, fails(t, func(tb stonetest.TB) { r.RequireRetry(tb, "") }), "want retry")
	require.Contains(t, fails(t, func(tb stonetest.TB) { r.RequireReject(tb, "") }), "want reject")
	require.Contains(t, fails(t, func(tb stonetest.TB) { r.RequireOutputs(tb, `{"n":2}`) }), `want outputs {"n":2}`)
	require.Empty(t, fails(t, func(tb stonetest.TB) { r.RequireOutputs(tb, `{ "n": 1 }`) }))
	bad := stonetest.Run(t, stone.Func(func(context.Context, *stone.Task) error { return stone.Reject("size") }), stonetest.Task{})
	require.Contains(t, fails(t, func(tb stonetest.TB) { bad.RequireReject(tb, "region") }), `want reject "region"`)
	require.Contains(t, fails(t, func(tb stonetest.TB) { stonetest.Run(tb, s, stonetest.Task{Params: "[]"}) }), "params")
}

func TestTaskRefuses(t *testing.T) {
	t.Parallel()
	s := stone.Func(func(context.Context, *stone.Task) error { return nil })
	for _, in := range []stonetest.Task{{Params: "[1]"}, {Outputs: `{"a":1,"a":2}`}, {Params: make(chan int)}, {Method: "begin"}} {
		_, err := stonetest.Do(t.Context(), s, in)
		require.ErrorIs(t, err, stonetest.ErrTask)
	}
}
