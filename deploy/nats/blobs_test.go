package nats_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

// A worker with a stone's rights gets large params from the gateway, and its
// large outputs come to the recorder.
func TestRightsSufficeForLargeBodies(t *testing.T) {
	t.Parallel()
	in := install(t)
	in.serve(t)
	large := `{"a":"` + strings.Repeat("x", 1<<20) + `"}`
	gateway, err := queue.NewPublisher(in.gateway.nc, queue.PublisherConfig{})
	require.NoError(t, err)
	ack := gateway.Publish(t.Context(), []*queue.Command{{Method: task.Start, Epoch: 1, Params: []byte(large), Outputs: []byte("{}"), CreateTime: time.Now(),
		Names: task.Names{ID: "0190f6a0-0c1d-7b52-9c1f-0d6b8b6f2a11", TaskID: "t", ProcessInstanceID: "p", Name: "n", Namespace: "n", Stone: "MachineStone"}}})
	require.NoError(t, ack[0].Err)

	w, err := stone.NewWorker(in.machine.nc, stone.Config{Name: "host.1-a"})
	require.NoError(t, err)
	require.NoError(t, w.Add(stone.Spec{Code: "MachineStone"}, stone.Func(func(_ context.Context, tk *stone.Task) error {
		return tk.SetOutput("copy", string(tk.Params()))
	})))
	require.NoError(t, w.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, w.Stop(context.Background())) })

	var last []queue.Parsed
	queuetest.WaitFor(t, func() bool {
		s, err := in.recorder.js.Stream(t.Context(), queue.StreamEvents)
		require.NoError(t, err)
		m, err := s.GetMsg(t.Context(), s.CachedInfo().State.LastSeq)
		if err != nil || m.Header.Get(queue.HeaderBlob) == "" {
			return false
		}
		_, outputs, err := queue.NewBlobs(in.recorder.js).Get(t.Context(), m.Header.Get(queue.HeaderBlob))
		require.NoError(t, err)
		require.Greater(t, len(outputs), 1<<20)
		last, err = queue.ParseEvents(m.Data)
		return err == nil
	})
	require.Equal(t, task.StartSuccess, last[0].Event.Transitions[len(last[0].Event.Transitions)-1].Status)
	for _, u := range []*user{in.gateway, in.recorder, in.machine} {
		require.Empty(t, u.denials())
	}
}

// A stone without rights on large bodies neither reads nor writes any.
func TestLargeBodiesAreGranted(t *testing.T) {
	t.Parallel()
	in := install(t)
	inbox, err := in.volume.nc.SubscribeSync(in.volume.nc.NewInbox())
	require.NoError(t, err)
	for _, subject := range []string{
		"$JS.API.STREAM.INFO.OBJ_RS_BLOB", "$JS.API.DIRECT.GET.OBJ_RS_BLOB.$O.RS_BLOB.M.x", "$JS.API.CONSUMER.CREATE.OBJ_RS_BLOB.mine.$O.RS_BLOB.C.x",
		"$O.RS_BLOB.C.x", "$O.RS_BLOB.M.x", "$JS.API.STREAM.PURGE.OBJ_RS_BLOB",
	} {
		require.NoError(t, in.volume.nc.PublishRequest(subject, inbox.Subject, nil))
		in.volume.wasDenied(t, subject)
	}
	pending, _, err := inbox.Pending()
	require.NoError(t, err)
	require.Zero(t, pending, "nobody answered")
}
