package stone_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

// What one task reports too much of holds up no other task of the stone.
func TestLargeReports(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	kib := strings.Repeat("x", 1<<10)
	b.work(stone.Spec{}, stone.Func(func(_ context.Context, t *stone.Task) error {
		if t.Name == "chatty" {
			for range 200 {
				t.Logf("info", "%s", strings.Repeat("\x02", 4<<10))
			}
			return nil
		}
		return t.SetOutput("report", strings.Repeat(kib, 8200))
	}), stone.Config{})

	chatty := b.send(task.Start, func(c *queue.Command) { c.Name = "chatty" })
	lines := 0
	for _, e := range b.until(chatty.ID, "start.begin", "start.success") {
		lines += len(e.Log)
	}
	require.Equal(t, 200, lines)

	all := b.until(b.send(task.Start).ID, "start.begin", "start.failed")
	end := all[len(all)-1]
	require.Empty(t, end.Outputs)
	require.Contains(t, end.Transitions[len(end.Transitions)-1].Reason, "the outputs have 8200 KiB")
	b.idle()
}

// Outputs of both methods count.
func TestOutputsAddUp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	half := strings.Repeat("x", 5<<20)
	b.work(stone.Spec{}, full{
		start:   func(_ context.Context, t *stone.Task) error { return t.SetOutput("a", half) },
		monitor: func(_ context.Context, t *stone.Task) error { return t.SetOutput("b", half) },
	}, stone.Config{})
	all := b.until(b.send(task.Start).ID, "start.begin", "start.success", "monitor.begin", "monitor.failed")
	end := all[len(all)-1]
	require.Contains(t, end.Transitions[len(end.Transitions)-1].Reason, "the outputs have 10240 KiB")
	require.Empty(t, end.Outputs)
	require.NoError(t, b.blobs().Event(t.Context(), &end))
	require.Len(t, string(end.Outputs), len(`{"a":""}`)+len(half))
	b.idle()
}

// blobs are the large bodies of the bed's queue.
func (b *bed) blobs() *queue.Blobs {
	b.t.Helper()
	return queue.NewBlobs(b.server.JetStream(b.t))
}

// Large params reach every method, and large outputs of start reach monitor.
func TestLargeParamsAndOutputs(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	mib := strings.Repeat("x", 1<<20)
	var looked atomic.Bool
	b.work(stone.Spec{}, full{
		start: func(_ context.Context, t *stone.Task) error {
			if string(t.Params()) != `{"in":"`+mib+`"}` || string(t.Before()) != `{"before":true}` {
				return stone.Reject("other params")
			}
			return t.SetOutput("out", mib)
		},
		monitor: func(_ context.Context, t *stone.Task) error {
			if string(t.Params()) != `{"in":"`+mib+`"}` || string(t.Before()) != `{"before":true,"out":"`+mib+`"}` {
				return stone.Reject("other params or outputs")
			}
			if !looked.Swap(true) {
				return stone.Again(time.Millisecond)
			}
			return nil
		},
	}, stone.Config{})
	c := b.send(task.Start, func(c *queue.Command) { c.Params = []byte(`{"in":"` + mib + `"}`) })
	var outputs string
	for _, e := range b.until(c.ID, "start.begin", "start.success", "monitor.begin", "monitor.success") {
		require.Empty(t, e.Outputs)
		require.NoError(t, b.blobs().Event(t.Context(), &e))
		outputs += string(e.Outputs)
	}
	require.Equal(t, `{"out":"`+mib+`"}`, outputs)
	b.idle()
}

// A command whose params are missing or broken fails its task after the
// stone's attempts; nothing is run.
func TestParamsThatAreBroken(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	store, err := b.server.JetStream(t).ObjectStore(t.Context(), queue.BucketBlobs)
	require.NoError(t, err)
	missing, broken := "sha256-"+strings.Repeat("0", 64), "sha256-"+strings.Repeat("a", 64)
	_, err = store.PutString(t.Context(), broken, `{"params":{},"outputs":{}}`)
	require.NoError(t, err)
	b.work(stone.Spec{MaxAttempts: 2}, stone.Func(func(context.Context, *stone.Task) error {
		t.Error("it was run")
		return nil
	}), stone.Config{})
	for _, name := range []string{missing, broken} {
		c := b.send(task.Start, func(c *queue.Command) { c.Blob = name })
		tries := 0
		for _, e := range b.until(c.ID, "start.begin", "start.begin", "start.failed") {
			tries += len(e.Log)
			for _, x := range e.Transitions {
				if x.Status == task.StartFailed {
					require.Contains(t, x.Reason, queue.ErrBlob.Error())
				}
			}
		}
		require.Equal(t, 1, tries, "a line tells of the first try")
	}
	b.idle()
}

// What can not be fetched now is given back, and costs no try.
func TestParamsThatAreAway(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.script(func(q queue.Question) *queue.Answer {
		return &queue.Answer{Answer: queue.Run, Delivery: q.Delivery, Try: 1}
	})
	js := b.server.JetStream(t)
	body := strings.Repeat("x", 200<<10)
	c := b.send(task.Start, func(c *queue.Command) { c.Params = []byte(`{"in":"` + body + `"}`) })
	bucket, err := js.Stream(t.Context(), "OBJ_"+queue.BucketBlobs)
	require.NoError(t, err)
	backup := bucket.CachedInfo().Config
	require.NoError(t, js.DeleteStream(t.Context(), backup.Name))
	b.work(stone.Spec{MaxAttempts: 1}, stone.Func(func(context.Context, *stone.Task) error { return nil }), stone.Config{})
	queuetest.WaitFor(t, func() bool {
		return slices.ContainsFunc(b.questions(), func(q queue.Question) bool { return q.Release })
	})
	_, err = js.CreateStream(t.Context(), backup)
	require.NoError(t, err)
	_, err = b.blobs().Put(t.Context(), c.Params, c.Outputs)
	require.NoError(t, err)
	b.until(c.ID, "start.begin", "start.success")
}
