package queue_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
)

// large is a JSON object of about so many bytes.
func large(n int) json.RawMessage { return json.RawMessage(`{"a":"` + strings.Repeat("x", n) + `"}`) }

func TestBlobsAreNamedByTheirContent(t *testing.T) {
	t.Parallel()
	js := queuetest.Start(t).JetStream(t)
	b := queue.NewBlobs(js)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	name, err := b.Put(ctx, large(queue.MaxBlob), nil)
	require.NoError(t, err)
	sum := sha256.Sum256([]byte(`{"params":` + string(large(queue.MaxBlob)) + `,"outputs":null}`))
	require.Equal(t, "sha256-"+hex.EncodeToString(sum[:]), name)
	s, err := js.Stream(ctx, "OBJ_"+queue.BucketBlobs)
	require.NoError(t, err)
	before := s.CachedInfo().State
	again, err := queue.NewBlobs(js).Put(ctx, large(queue.MaxBlob), nil)
	require.NoError(t, err)
	require.Equal(t, name, again)
	after, err := s.Info(ctx)
	require.NoError(t, err)
	require.Equal(t, before.LastSeq, after.State.LastSeq, "what is there is not written again")

	params, outputs, err := b.Get(ctx, name)
	require.NoError(t, err)
	require.Equal(t, large(queue.MaxBlob), params)
	require.Equal(t, json.RawMessage(`{}`), outputs)
	_, err = b.Put(ctx, large(2*queue.MaxBlob), large(1<<10))
	require.ErrorContains(t, err, "at most")
}

// An object is what its name says, or it is refused; the store being away is
// another error.
func TestBrokenBlobs(t *testing.T) {
	t.Parallel()
	js := queuetest.Start(t).JetStream(t)
	store, err := js.ObjectStore(t.Context(), queue.BucketBlobs)
	require.NoError(t, err)
	put := func(name, text string) string {
		_, err := store.PutString(t.Context(), name, text)
		require.NoError(t, err)
		return name
	}
	named := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return put("sha256-"+hex.EncodeToString(sum[:]), text)
	}
	b := queue.NewBlobs(js)
	good := named(`{"params":{"a":1},"outputs":null}`)
	_, _, err = b.Get(t.Context(), good)
	require.NoError(t, err)
	for why, name := range map[string]string{
		"missing":     "sha256-" + strings.Repeat("0", 64),
		"other":       put("sha256-"+strings.Repeat("a", 64), `{"params":{},"outputs":{}}`),
		"a bad name":  put("x", "{}"),
		"upper case":  "sha256-" + strings.Repeat("A", 64),
		"no JSON":     named(`{"params":`),
		"no object":   named(`{"params":[],"outputs":{}}`),
		"twice":       named(`{"params":{"a":1,"a":2}}`),
		"deep":        named(`{"params":{"a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}}`),
		"too long":    named(`{"params":{"a":"` + strings.Repeat("x", 2*queue.MaxBlob+2<<10) + `"}}`),
		"not a digit": "sha256-" + strings.Repeat("z", 64),
	} {
		_, _, err := b.Get(t.Context(), name)
		require.ErrorIs(t, err, queue.ErrBlob, why)
	}
	require.NoError(t, js.DeleteObjectStore(t.Context(), queue.BucketBlobs))
	for _, b := range []*queue.Blobs{b, queue.NewBlobs(js)} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, _, err = b.Get(ctx, good)
		require.Error(t, err)
		require.NotErrorIs(t, err, queue.ErrBlob)
		_, err = b.Put(ctx, large(10), nil)
		require.Error(t, err)
		cancel()
	}
}

// Large commands travel with an object, beside small ones that do not.
func TestLargeCommands(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	p := publisher(t, s.Connect(t), queue.PublisherConfig{})
	all := commands(3)
	all[1].Params = large(1 << 20)
	for _, a := range p.Publish(t.Context(), all) {
		require.NoError(t, a.Err)
	}
	require.Equal(t, large(1<<20), all[1].Params, "the caller's command stays as it is")
	b := queue.NewBlobs(s.JetStream(t))
	for i, m := range s.Messages(t, queue.StreamTasks, 3) {
		c, err := queue.ParseCommandMsg(&nats.Msg{Data: m.Data, Header: m.Header})
		require.NoError(t, err)
		want := all[[]int{0, 2, 1}[i]] // large ones go last
		require.Equal(t, want == all[1], c.Blob != "")
		if c.Blob != "" {
			require.Contains(t, string(m.Data), `"params":null,"outputs":null`)
			require.NoError(t, b.Command(t.Context(), c))
			require.Empty(t, c.Blob)
		}
		require.Equal(t, want, c)
	}
	require.NoError(t, s.JetStream(t).DeleteObjectStore(t.Context(), queue.BucketBlobs))
	p = publisher(t, s.Connect(t), queue.PublisherConfig{Deadline: 500 * time.Millisecond})
	all = commands(2)
	all[0].Outputs = large(queue.MaxInline)
	acks := p.Publish(t.Context(), all)
	require.Error(t, acks[0].Err)
	require.NoError(t, acks[1].Err, "a small command does not wait for a large one")
}

// An event with an object travels alone, whatever is beside it.
func TestLargeEvents(t *testing.T) {
	t.Parallel()
	js := queuetest.Start(t).JetStream(t)
	b := queue.NewBlobs(js)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	name, err := b.Put(ctx, nil, large(1<<20))
	require.NoError(t, err)
	var events []queue.Event
	for i, c := range commands(5) {
		e := queue.Event{Names: c.Names, Method: c.Method, Epoch: 1, Delivery: 1, Worker: "w",
			Transitions: []queue.Transition{{Status: task.StartBegin, Time: c.CreateTime}}}
		if i == 2 {
			e.Blob = name
		}
		events = append(events, e)
	}
	msgs := queue.EventMsgs("MachineStone", events)
	require.Len(t, msgs, 3)
	require.Contains(t, string(msgs[1].Data), `"outputs":null`)
	var got []queue.Event
	for _, m := range msgs {
		parsed, err := queue.ParseEventsMsg(m)
		require.NoError(t, err)
		for _, p := range parsed {
			require.NoError(t, p.Err)
			require.Equal(t, m == msgs[1], p.Event.Blob != "")
			require.NoError(t, b.Event(ctx, &p.Event))
			got = append(got, p.Event)
		}
	}
	events[2].Blob, events[2].Outputs = "", large(1<<20)
	require.Equal(t, events, got)

	msgs[0].Header.Set(queue.HeaderBlob, name)
	_, err = queue.ParseEventsMsg(msgs[0])
	require.ErrorIs(t, err, queue.ErrMessage)
	empty := &nats.Msg{Data: []byte(`[]`), Header: nats.Header{queue.HeaderBlob: {name}}}
	_, err = queue.ParseEventsMsg(empty)
	require.ErrorIs(t, err, queue.ErrMessage)
}

// A body goes once no message is left that is as old as it.
func TestTrimOfBlobs(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	js := s.JetStream(t)
	b := queue.NewBlobs(js)
	p := publisher(t, s.Connect(t), queue.PublisherConfig{})
	one := commands(1)
	require.NoError(t, p.Publish(t.Context(), one)[0].Err) // nobody serves it
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	name, err := b.Put(ctx, large(1<<20), nil)
	require.NoError(t, err)
	r, err := queue.Trim(ctx, js, 1, 0, time.Nanosecond)
	require.NoError(t, err)
	require.Zero(t, r.Blobs)
	_, _, err = b.Get(ctx, name)
	require.NoError(t, err)

	tasks, err := js.Stream(ctx, queue.StreamTasks)
	require.NoError(t, err)
	require.NoError(t, tasks.Purge(ctx))
	r, err = queue.Trim(ctx, js, 1, 0, time.Hour)
	require.NoError(t, err)
	require.Zero(t, r.Blobs, "it is younger than that")
	r, err = queue.Trim(ctx, js, 1, 0, time.Nanosecond)
	require.NoError(t, err)
	require.NotZero(t, r.Blobs)
	_, _, err = b.Get(ctx, name)
	require.ErrorIs(t, err, queue.ErrBlob)
	again, err := b.Put(ctx, large(1<<20), nil)
	require.NoError(t, err)
	require.Equal(t, name, again)
	_, _, err = b.Get(ctx, name)
	require.NoError(t, err)
}
