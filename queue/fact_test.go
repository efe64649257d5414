package queue_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
)

func fact(kind queue.FactKind) queue.Fact {
	return queue.Fact{Kind: kind, Epoch: 2, Names: task.Names{ID: "0190f6a0-0c1d-7b52-9c1f-0d6b8b6f2a11", TaskID: "t", ProcessInstanceID: "p",
		Name: "n", Namespace: "ns", Stone: "SIP::EC2::Volume"}}
}

func TestFacts(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	p, err := queue.NewPublisher(s.Connect(t), queue.PublisherConfig{})
	require.NoError(t, err)
	begun, resumed, again := fact(queue.FactBegun), fact(queue.FactResumed), fact(queue.FactResumed)
	resumed.Number, again.Number = 7, 8
	for i, ack := range p.PublishFacts(t.Context(), []queue.Fact{begun, resumed, again}) {
		require.NoError(t, ack.Err)
		require.EqualValues(t, i+1, ack.Sequence)
	}
	require.True(t, p.PublishFacts(t.Context(), []queue.Fact{begun})[0].Duplicate)

	got := queuetest.Messages(t, s.JetStream(t), queue.StreamEvents, 3)
	require.JSONEq(t, `{"id":"0190f6a0-0c1d-7b52-9c1f-0d6b8b6f2a11","taskId":"t","processInstanceId":"p","name":"n","namespace":"ns",
		"stone":"SIP::EC2::Volume","epoch":2,"fact":"begun"}`, string(got[0].Data))
	for _, m := range got {
		require.Equal(t, "rs.evt._.fact", m.Subject)
	}
	read, err := queue.ParseFact(got[1].Data)
	require.NoError(t, err)
	resumed.Number = 0
	require.Equal(t, &resumed, read)
}

func TestMalformedFacts(t *testing.T) {
	t.Parallel()
	none, unknown, nameless := fact(queue.FactBegun), fact("other"), fact(queue.FactBegun)
	none.Epoch, nameless.TaskID = 0, ""
	for _, payload := range []string{``, `[]`, `{"stream":"RS_EVENTS","seq":1}`, string(none.Append(nil)), string(unknown.Append(nil)), string(nameless.Append(nil))} {
		_, err := queue.ParseFact([]byte(payload))
		require.ErrorIs(t, err, queue.ErrMessage, payload)
	}
}
