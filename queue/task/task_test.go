package task_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
)

func TestMethods(t *testing.T) {
	t.Parallel()
	require.Equal(t, []task.Method{"start", "monitor", "rollback", "delete", "cancel", "mock"}, task.Methods())
	for i, m := range task.Methods() {
		require.Equal(t, i+1, m.Code(), "numbers are kept in databases")
		require.Equal(t, m, task.MethodOf(i+1))
		back, err := task.ParseMethod(string(m))
		require.NoError(t, err)
		require.Equal(t, m, back)
	}
	for _, name := range []string{"", "Start", "produce", "reRun"} {
		require.Zero(t, task.Method(name).Code())
		_, err := task.ParseMethod(name)
		require.ErrorIs(t, err, task.ErrMethod)
	}
	for _, code := range []int{-1, 0, 7} {
		require.Empty(t, task.MethodOf(code))
	}
}

func TestPhasesOfAMethod(t *testing.T) {
	t.Parallel()
	for _, m := range task.Methods() {
		require.Equal(t, string(m)+".begin", m.Begin().String())
		require.Equal(t, string(m)+".success", m.Success().String())
		require.Equal(t, string(m)+".failed", m.Failed().String())
	}
	require.False(t, task.Method("none").Begin().Valid())
	require.False(t, task.Method("").Success().Valid())
}

func TestEnded(t *testing.T) {
	t.Parallel()
	require.False(t, (&task.Task{}).Ended())
	require.False(t, (&task.Task{Status: task.StartSuccess}).Ended())
	require.True(t, (&task.Task{Status: task.StartSuccess, Final: true}).Ended())
	require.True(t, (&task.Task{Status: task.ProduceFailed}).Ended())
}
