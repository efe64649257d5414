package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

func TestBodyIsAWholeRequest(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 3; n++ {
		b := newBody(taskPrefix("x"), n, 2)
		b.number(123)
		b.number(98)
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b.request)))
		require.NoError(t, err)
		raw, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Len(t, raw, int(r.ContentLength))
		var tasks []map[string]any
		if n == 1 {
			raw = append(append([]byte{'['}, raw...), ']')
		}
		require.NoError(t, json.Unmarshal(raw, &tasks))
		require.Len(t, tasks, n)
		require.Equal(t, "bench-x-000000098", tasks[0]["taskId"])
		require.Equal(t, "bench-x-p000000001", tasks[0]["processInstanceId"])
		if n == 3 {
			require.Equal(t, "bench-x-000000100", tasks[2]["taskId"])
			require.Equal(t, "bench-x-p000000002", tasks[2]["processInstanceId"])
			require.Equal(t, "BenchStone01", tasks[1]["stone"])
		}
	}
	require.Len(t, params(), paramsSize)
	require.True(t, json.Valid([]byte(params())))
}

func TestWatchCountsEachTaskOnce(t *testing.T) {
	t.Parallel()
	w := newWatch("x", 2)
	w.finish("bench-x-000000001", 10)
	w.finish("bench-x-000000001", 20)
	w.finish("bench-y-000000000", 30) // of another phase
	w.finish("bench-x-000000002", 40) // there is none
	require.EqualValues(t, 1, w.ended.Load())
	select {
	case <-w.all:
		require.Fail(t, "one task is missing")
	default:
	}
	w.finish("bench-x-000000000", 50)
	<-w.all
	require.Equal(t, time.Unix(0, 50), w.last())
	w.starts[0].Store(20)
	require.Equal(t, []time.Duration{30, 10}, w.latencies())
}

func TestWhatIsCountedIsChecked(t *testing.T) {
	t.Parallel()
	history := func(statuses ...task.Status) (out []store.Note) {
		for _, s := range statuses {
			out = append(out, store.Note{Transition: store.Transition{Status: s}})
		}
		return out
	}
	good := task.Task{Status: task.MonitorSuccess, Epoch: 1}
	require.NoError(t, checkWay(&good, history(way...)))
	require.ErrorIs(t, checkWay(&task.Task{Status: task.StartSuccess, Epoch: 1}, history(way...)), ErrCount)
	require.ErrorIs(t, checkWay(&task.Task{Status: task.MonitorSuccess, Epoch: 2}, history(way...)), ErrCount)
	require.ErrorIs(t, checkWay(&good, history(way[:4]...)), ErrCount)
	require.ErrorIs(t, checkWay(&good, history(way[1], way[0], way[2], way[3], way[4])), ErrCount)
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	require.Zero(t, quantile(nil, .5))
	d := []time.Duration{3 * time.Millisecond, time.Millisecond, 2 * time.Millisecond}
	require.InDelta(t, 2, quantile(d, .5), 0)
	require.InDelta(t, 3, quantile(d, 1), 0)
}

func TestTreeCountsChildren(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		require.Zero(t, Tree{os.Getpid()}.CPU(), "it measures on Linux only")
		return
	}
	tree := Tree{os.Getpid()}
	before := tree.CPU()
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "while :; do :; done")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	require.Contains(t, tree.all(), cmd.Process.Pid)
	require.Eventually(t, func() bool { return tree.CPU() > before+0.2 }, 30*time.Second, 10*time.Millisecond)
	require.Greater(t, tree.PSS(), Tree{cmd.Process.Pid}.PSS())
}
