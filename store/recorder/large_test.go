package recorder_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store/recorder"
)

func (b *bed) putBlob(params, outputs string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	name, err := queue.NewBlobs(b.server.JetStream(b.t)).Put(ctx, []byte(params), []byte(outputs))
	require.NoError(b.t, err)
	return name
}

// Large params and outputs are recorded in full, many of them too; an object
// that is missing or broken spoils its own message only.
func TestLargeBodiesAreRecorded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		body := `{"a":"` + strings.Repeat("x", 300<<10) + `"}`
		var all []*queue.Command
		for i := range 25 {
			c := command(i)
			c.Params = []byte(body)
			all = append(all, c)
		}
		missing, broken := command(100), command(101)
		missing.Blob, broken.Blob = "sha256-"+strings.Repeat("0", 64), "sha256-"+strings.Repeat("a", 64)
		store, err := b.server.JetStream(t).ObjectStore(t.Context(), queue.BucketBlobs)
		require.NoError(t, err)
		_, err = store.PutString(t.Context(), broken.Blob, `{"params":{},"outputs":{}}`)
		require.NoError(t, err)
		b.publish(append(all, missing, broken)...)
		b.record(recorder.Config{})
		outputs := `{"old":1,"b":"` + strings.Repeat("y", 300<<10) + `"}`
		name := b.putBlob("", outputs)
		for _, c := range all {
			first, second := event(c, 1, task.StartBegin), event(c, 1, whole[1:]...)
			first.Outputs, second.Blob = []byte(`{"old":0}`), name
			b.tell(first, second)
		}
		spoilt := event(all[0], 1)
		spoilt.Blob = missing.Blob
		b.tell(spoilt)
		for _, c := range all {
			var got task.Task
			queuetest.WaitFor(t, func() bool { // the events of a task may be recorded before its command
				got = b.until(c.ID, task.MonitorSuccess)
				return len(got.Params) > len("{}")
			})
			require.Equal(t, body, string(got.Params))
			require.Equal(t, outputs, string(got.Outputs))
			require.Equal(t, path, b.history(c.ID))
		}
		queuetest.WaitFor(t, func() bool { return len(b.quarantined()) == 3 })
		for _, why := range b.quarantined() {
			require.Contains(t, why, queue.ErrBlob.Error())
		}
	})
}

// An object store that is away is waited for as the database is: nothing goes
// to quarantine for it.
func TestTheObjectStoreIsWaitedFor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		js := b.server.JetStream(t)
		c := command(1)
		c.Params = []byte(`{"a":"` + strings.Repeat("x", 300<<10) + `"}`)
		b.publish(c)
		require.NoError(t, js.DeleteObjectStore(t.Context(), queue.BucketBlobs))
		r := b.record(recorder.Config{})
		queuetest.WaitFor(t, func() bool {
			err := r.Ready()
			return err != nil && strings.Contains(err.Error(), queue.BucketBlobs)
		})
		_, err := js.CreateObjectStore(t.Context(), jetstream.ObjectStoreConfig{Bucket: queue.BucketBlobs})
		require.NoError(t, err)
		b.putBlob(string(c.Params), string(c.Outputs))
		require.Equal(t, string(c.Params), string(b.until(c.ID, task.ProduceSuccess).Params))
		require.Empty(t, b.quarantined())
	})
}
