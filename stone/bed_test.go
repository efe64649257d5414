package stone_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

// bed is a queue with a worker of one stone, and somebody who answers its
// questions as a script says.
type bed struct {
	t       *testing.T
	server  *queuetest.Server
	nc      *nats.Conn
	pub     *queue.Publisher
	mu      sync.Mutex
	asked   []queue.Question
	answers func(q queue.Question) *queue.Answer
}

const code = "Test::Stone"

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{t: t, server: queuetest.Start(t)}
	b.nc = b.server.Connect(t)
	pub, err := queue.NewPublisher(b.nc, queue.PublisherConfig{})
	require.NoError(t, err)
	b.pub = pub
	b.answers = func(q queue.Question) *queue.Answer {
		return &queue.Answer{Answer: queue.Run, Delivery: q.Delivery, Try: q.Delivery}
	}
	_, err = b.nc.Subscribe(queue.AllAsks, func(m *nats.Msg) {
		var q queue.Question
		if json.Unmarshal(m.Data, &q) != nil {
			return
		}
		b.mu.Lock()
		b.asked = append(b.asked, q)
		a := b.answers(q)
		b.mu.Unlock()
		if out, err := json.Marshal(a); err == nil && a != nil {
			_ = m.Respond(out)
		}
	})
	require.NoError(t, err)
	return b
}

// work starts a worker and stops it with the test.
func (b *bed) work(spec stone.Spec, s stone.Stone, cfg stone.Config) *stone.Worker {
	b.t.Helper()
	spec.Code = code
	if spec.Backoff == 0 {
		spec.Backoff = time.Millisecond
	}
	w, err := stone.NewWorker(b.server.Connect(b.t), cfg)
	require.NoError(b.t, err)
	require.NoError(b.t, w.Add(spec, s))
	require.NoError(b.t, w.Start(b.t.Context()))
	b.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := w.Stop(ctx); err != nil {
			b.t.Error(err)
		}
	})
	return w
}

func (b *bed) send(m task.Method, change ...func(*queue.Command)) *queue.Command {
	b.t.Helper()
	c := &queue.Command{Names: task.Names{ID: uuid.NewString(), TaskID: "t", ProcessInstanceID: "p", Name: "n", Namespace: "ns", Stone: code},
		Method: m, Epoch: 1, Params: []byte(`{"a":1}`), Outputs: []byte(`{"before":true}`), CreateTime: time.Now()}
	for _, f := range change {
		f(c)
	}
	require.NoError(b.t, b.pub.Publish(b.t.Context(), []*queue.Command{c})[0].Err)
	return c
}

// events returns all events of a task so far.
func (b *bed) events(id string) (all []queue.Event) {
	b.t.Helper()
	for _, m := range b.server.Messages(b.t, queue.StreamEvents, 0) {
		ps, err := queue.ParseEventsMsg(&nats.Msg{Data: m.Data, Header: m.Header})
		require.NoError(b.t, err)
		for _, p := range ps {
			require.NoError(b.t, p.Err)
			if p.Event.ID == id {
				all = append(all, p.Event)
			}
		}
	}
	return all
}

// until waits until the statuses told of a task end with these, and returns its events.
func (b *bed) until(id string, want ...string) []queue.Event {
	b.t.Helper()
	var got []string
	var all []queue.Event
	queuetest.WaitFor(b.t, func() bool {
		got, all = nil, b.events(id)
		for _, e := range all {
			for _, x := range e.Transitions {
				got = append(got, x.Status.String())
			}
		}
		return len(got) >= len(want)
	})
	require.Equal(b.t, want, got)
	return all
}

// idle waits until no command waits or is held. A consumer's count of what
// waits would not do: it lags behind the stream.
func (b *bed) idle() {
	b.t.Helper()
	js := b.server.JetStream(b.t)
	s, err := js.Stream(b.t.Context(), queue.StreamTasks)
	require.NoError(b.t, err)
	for _, l := range queue.Lanes() {
		last := uint64(0)
		for _, subject := range l.Subjects(code, "") {
			m, err := s.GetLastMsgForSubject(b.t.Context(), subject)
			if !errors.Is(err, jetstream.ErrMsgNotFound) {
				require.NoError(b.t, err)
				last = max(last, m.Sequence)
			}
		}
		queuetest.WaitFor(b.t, func() bool {
			c, err := js.Consumer(b.t.Context(), queue.StreamTasks, l.Durable(code, ""))
			if err != nil {
				return false
			}
			i := c.CachedInfo()
			return i.Delivered.Stream >= last && i.NumAckPending == 0
		})
	}
}

func (b *bed) questions() []queue.Question {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked)
}

func (b *bed) script(f func(q queue.Question) *queue.Answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers = f
}

// full is a stone with all methods, each a func that may be nil for success.
type full struct {
	start, monitor, rollback, remove, cancel, mock stone.Func
}

func call(ctx context.Context, f stone.Func, t *stone.Task) error {
	if f == nil {
		return nil
	}
	return f(ctx, t)
}

func (f full) Start(ctx context.Context, t *stone.Task) error    { return call(ctx, f.start, t) }
func (f full) Monitor(ctx context.Context, t *stone.Task) error  { return call(ctx, f.monitor, t) }
func (f full) Rollback(ctx context.Context, t *stone.Task) error { return call(ctx, f.rollback, t) }
func (f full) Delete(ctx context.Context, t *stone.Task) error   { return call(ctx, f.remove, t) }
func (f full) Cancel(ctx context.Context, t *stone.Task) error   { return call(ctx, f.cancel, t) }
func (f full) Mock(ctx context.Context, t *stone.Task) error     { return call(ctx, f.mock, t) }
