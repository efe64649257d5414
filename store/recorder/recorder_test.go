package recorder_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/recorder"
	"github.com/riverstones/riverstones/store/storetest"
)

// bed is a queue, a store and a recorder between them.
type bed struct {
	t      *testing.T
	server *queuetest.Server
	store  store.Store
	put    *watched
	nc     *nats.Conn
	pub    *queue.Publisher
}

func each(t *testing.T, f func(t *testing.T, b *bed)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s store.Store) {
		t.Helper()
		f(t, bedOn(t, s))
	})
}

func bedOn(t *testing.T, s store.Store) *bed {
	t.Helper()
	w := &watched{Store: s}
	b := &bed{t: t, server: queuetest.Start(t), store: w, put: w}
	b.nc = b.server.Connect(t)
	var err error
	b.pub, err = queue.NewPublisher(b.nc, queue.PublisherConfig{Deadline: 20 * time.Second})
	require.NoError(t, err)
	return b
}

// watched is a store that remembers why messages were put into quarantine.
type watched struct {
	store.Store

	mu      sync.Mutex
	reasons []string
}

func (w *watched) Record(ctx context.Context, b store.Batch) error {
	var last store.Changes
	fold := b.Fold
	b.Fold = func(states map[string]store.State) store.Changes {
		last = fold(states)
		return last
	}
	if err := w.Store.Record(ctx, b); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, q := range last.Quarantine {
		w.reasons = append(w.reasons, q.Reason)
	}
	return nil
}

// quarantined returns the reasons of all messages in quarantine, sorted.
func (b *bed) quarantined() []string {
	b.put.mu.Lock()
	defer b.put.mu.Unlock()
	return slices.Sorted(slices.Values(b.put.reasons))
}

func (b *bed) record(cfg recorder.Config) *recorder.Recorder {
	b.t.Helper()
	cfg.Logger = zaptest.NewLogger(b.t, zaptest.Level(zap.InfoLevel))
	r := recorder.New(b.store, b.server.Connect(b.t), cfg)
	require.NoError(b.t, r.Start(b.t.Context()))
	b.t.Cleanup(func() { b.stop(r) })
	return r
}

func (b *bed) stop(r *recorder.Recorder) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := r.Stop(ctx); err != nil {
		b.t.Error(err)
	}
}

func command(n int) *queue.Command {
	id, err := uuid.NewV7()
	if err != nil {
		panic(err)
	}
	return &queue.Command{Names: task.Names{ID: id.String(), TaskID: fmt.Sprintf("t%d", n), ProcessInstanceID: "p", Name: "n", Namespace: "ns", Stone: "S::1"},
		Method: task.Start, Epoch: 1, Params: []byte(`{"n":12345678901234567890}`), Outputs: []byte(`{}`), CreateTime: time.Now().UTC().Truncate(time.Microsecond)}
}

func (b *bed) publish(cs ...*queue.Command) {
	b.t.Helper()
	for _, a := range b.pub.Publish(b.t.Context(), cs) {
		require.NoError(b.t, a.Err)
	}
}

func event(c *queue.Command, delivery int, ss ...task.Status) queue.Event {
	e := queue.Event{Names: c.Names, Method: c.Method, Epoch: c.Epoch, Delivery: delivery, Worker: "w"}
	for _, s := range ss {
		e.Transitions = append(e.Transitions, queue.Transition{Status: s, Time: time.Now()})
	}
	return e
}

var whole = []task.Status{task.StartBegin, task.StartSuccess, task.MonitorBegin, task.MonitorSuccess}

func (b *bed) tell(es ...queue.Event) {
	b.t.Helper()
	require.NoError(b.t, b.pub.PublishEvents(context.WithoutCancel(b.t.Context()), "S::1", es))
}

// until waits until a task stands at a status.
func (b *bed) until(taskID string, s task.Status) task.Task {
	b.t.Helper()
	var got task.Task
	queuetest.WaitFor(b.t, func() bool {
		var err error
		got, err = b.store.Task(b.t.Context(), taskID)
		return err == nil && got.Status == s
	})
	return got
}

func (b *bed) history(id string) (all []string) {
	b.t.Helper()
	h, err := b.store.History(b.t.Context(), id, false)
	require.NoError(b.t, err)
	for _, x := range h {
		all = append(all, x.Status.String())
	}
	return all
}

var path = []string{"produce.success", "start.begin", "start.success", "monitor.begin", "monitor.success"}

func TestFromMessagesToRows(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		said := make(chan *nats.Msg, 100)
		sub, err := b.nc.ChanSubscribe(queue.AllCheckpoints, said)
		require.NoError(t, err)
		defer func() { require.NoError(t, sub.Unsubscribe()) }()
		r := b.record(recorder.Config{})
		c := command(1)
		b.publish(c)
		got := b.until("t1", task.ProduceSuccess)
		require.JSONEq(t, string(c.Params), string(got.Params))
		e := event(c, 1, whole...)
		e.Outputs = []byte(`{"big":12345678901234567890}`)
		b.tell(e)
		got = b.until(c.ID, task.MonitorSuccess)
		require.Equal(t, `{"big":12345678901234567890}`, string(got.Outputs))
		require.False(t, got.EndTime.IsZero())
		require.Equal(t, path, b.history(c.ID))
		queuetest.WaitFor(t, func() bool { return r.Position() == store.Position{Tasks: 1, Events: 1} })
		require.NoError(t, r.Ready())
		streams := map[string]bool{}
		for len(streams) < 2 {
			m := <-said
			streams[queue.ParseCheckpointSubject(m.Subject)] = true
			require.Equal(t, "1", string(m.Data))
		}
	})
}

// Two recorders, one of which is stopped in the middle, and a server that is
// restarted: everything is recorded once.
func TestTwoRecordersAndARestart(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		const n = 1500
		first := b.record(recorder.Config{BatchRows: 50})
		b.record(recorder.Config{BatchRows: 50})
		var cs []*queue.Command
		var wg sync.WaitGroup
		for i := range n {
			c := command(i)
			cs = append(cs, c)
		}
		b.publish(cs...)
		wg.Go(func() {
			for i, c := range cs {
				if i%10 == 0 {
					b.tell(event(c, 1, whole...), event(cs[(i+n/2)%n], 1, task.StartBegin))
				} else {
					b.tell(event(c, 1, whole...))
				}
			}
		})
		b.until(cs[n/4].ID, task.MonitorSuccess)
		b.server.Restart(t)
		b.until(cs[n/2].ID, task.MonitorSuccess)
		b.stop(first)
		wg.Wait()
		b.until(cs[n-1].ID, task.MonitorSuccess)
		queuetest.WaitFor(t, func() bool {
			p, err := b.store.List(t.Context(), store.Filter{Statuses: []task.Status{task.MonitorSuccess}, Size: 1})
			return err == nil && p.Total == n
		})
		for _, c := range cs[:50] {
			require.Equal(t, path, b.history(c.ID))
		}
	})
}

// Unreadable messages and impossible events go to quarantine and block nobody.
func TestPoison(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		b.record(recorder.Config{})
		js := b.server.JetStream(t)
		c := command(1)
		b.publish(c)
		b.until(c.ID, task.ProduceSuccess) // an event that comes first would own the taskId
		bad := event(c, 1, task.StartBegin)
		bad.ID = uuid.NewString() // of no task, with the taskId of another
		for subject, data := range map[string]string{
			queue.EventSubject("S::1", task.Start):       `{"id":`,
			queue.TaskSubject("S::1", "", task.Start):    "\xff\x00",
			queue.BatchSubject("S::1"):                   `[{"id":"x"},` + string(bad.Append(nil)) + `]`,
			"rs.evt.S=3A=3A1.unheard":                    `{}`,
			"rs.task." + queue.Token("S::1") + "._.stop": `{}`,
		} {
			_, err := js.Publish(t.Context(), subject, []byte(data))
			require.NoError(t, err)
		}
		b.tell(event(c, 1, whole...))
		b.until(c.ID, task.MonitorSuccess)
		require.Equal(t, path, b.history(c.ID))
		_, err := b.store.Task(t.Context(), bad.ID)
		require.ErrorIs(t, err, store.ErrNotFound)
		queuetest.WaitFor(t, func() bool { return len(b.quarantined()) == 6 }) // five messages, one of them with two events
	})
}

// ask asks as a worker does.
func (b *bed) ask(q queue.Question) queue.Answer {
	b.t.Helper()
	var a queue.Answer
	queuetest.WaitFor(b.t, func() bool { // until the recorder serves questions
		data, err := json.Marshal(q)
		require.NoError(b.t, err)
		m, err := b.nc.Request(queue.AskSubject("S::1"), data, 2*time.Second)
		if err != nil {
			return false
		}
		require.NoError(b.t, json.Unmarshal(m.Data, &a))
		return true
	})
	return a
}

// A question can name any place for its answer. The recorder may do more than
// the one who asks, so an answer must not become a request of its own.
func TestAnswersGoToInboxesOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		b.record(recorder.Config{})
		c := command(1)
		b.publish(c)
		q := queue.Question{ID: c.ID, Epoch: 1, Method: task.Start, Delivery: 1, Worker: "a"}
		data, err := json.Marshal(q)
		require.NoError(t, err)
		require.Equal(t, queue.Run, b.ask(q).Answer)
		told, err := b.nc.SubscribeSync(queue.CtlSubject("S::1"))
		require.NoError(t, err)
		for range 20 {
			for _, reply := range []string{"$JS.API.STREAM.PURGE." + queue.StreamTasks, queue.TaskSubject("S::1", "", task.Start), queue.CtlSubject("S::1")} {
				require.NoError(t, b.nc.PublishRequest(queue.AskSubject("S::1"), reply, data))
			}
		}
		require.NoError(t, b.nc.Publish(queue.AskSubject("S::1"), data)) // no answer is wanted
		for _, junk := range []string{"", "{", "[]", `{"id":5}`, "\x00\xff", `{"id":"` + c.ID + `","epoch":-1,"method":"start"}`} {
			require.NoError(t, b.nc.PublishRequest(queue.AskSubject("S::1"), nats.NewInbox(), []byte(junk)))
		}
		require.Equal(t, queue.Run, b.ask(q).Answer, "it still answers, behind those")
		require.Len(t, queuetest.Messages(t, b.server.JetStream(t), queue.StreamTasks, 1), 1)
		pending, _, err := told.Pending()
		require.NoError(t, err)
		require.Zero(t, pending)
	})
}

func TestQuestions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		b.record(recorder.Config{})
		c := command(1)
		q := queue.Question{ID: c.ID, Epoch: 1, Method: task.Start, Delivery: 1, Worker: "a"}
		require.Equal(t, queue.Later, b.ask(q).Answer, "not recorded")
		b.publish(c)
		run1 := queue.Answer{Answer: queue.Run, Delivery: 1, Try: 1}
		require.Equal(t, run1, b.ask(q))
		require.Equal(t, run1, b.ask(q), "the same question is answered as before")

		other := q
		other.Worker = "b"
		require.Equal(t, queue.Leave, b.ask(other).Answer, "the count went back, the grant holds")
		other.Delivery = 2
		require.Equal(t, queue.Answer{Answer: queue.Run, Delivery: 2, Try: 2}, b.ask(other))

		b.tell(event(c, 1, task.StartBegin, task.StartFailed)) // of the first, which was overtaken
		b.tell(event(c, 2, task.StartBegin, task.StartSuccess))
		require.Equal(t, queue.ToMonitor, b.ask(queue.Question{ID: c.ID, Epoch: 1, Method: task.Start, Delivery: 3, Worker: "c"}).Answer)
		require.Equal(t, task.StartSuccess, b.until(c.ID, task.StartSuccess).Status)

		look := queue.Question{ID: c.ID, Epoch: 1, Method: task.Monitor, Delivery: 1, Worker: "a"}
		require.Equal(t, run1, b.ask(look))
		look.Delivery = 4
		require.Equal(t, queue.Answer{Answer: queue.Run, Delivery: 4, Try: 1}, b.ask(look), "looks cost no try")
		m := event(c, 4, task.MonitorBegin, task.MonitorSuccess)
		m.Method = task.Monitor
		b.tell(m)
		require.Equal(t, queue.Done, b.ask(look).Answer)
		q.Epoch = 2
		require.Equal(t, queue.Later, b.ask(q).Answer)
		notes, err := b.store.History(t.Context(), c.ID, true)
		require.NoError(t, err)
		late := 0
		for _, x := range notes {
			if x.Why == store.NoteLate {
				late++
			}
		}
		require.Equal(t, 2, late)
	})
}

// A worker that ran the first delivery without asking and died counts as a
// try; one that gave its run back does not.
func TestTriesCountSilentDeaths(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		b.record(recorder.Config{})
		died, gave := command(1), command(2)
		b.publish(died, gave)
		b.tell(event(died, 1, task.StartBegin), event(gave, 1, task.StartBegin))
		require.Equal(t, queue.Answer{Answer: queue.Run, Delivery: 2, Try: 2},
			b.ask(queue.Question{ID: died.ID, Epoch: 1, Method: task.Start, Delivery: 2, Worker: "b"}))
		require.Equal(t, queue.Done, b.ask(queue.Question{ID: gave.ID, Epoch: 1, Method: task.Start, Delivery: 1, Worker: "w", Release: true}).Answer)
		require.Equal(t, queue.Answer{Answer: queue.Run, Delivery: 2, Try: 1},
			b.ask(queue.Question{ID: gave.ID, Epoch: 1, Method: task.Start, Delivery: 2, Worker: "b"}))

		// After a lost connection a worker asks about what it runs unasked.
		holds := command(3)
		b.publish(holds)
		b.tell(event(holds, 1, task.StartBegin))
		require.Equal(t, queue.Answer{Answer: queue.Run, Delivery: 1, Try: 1},
			b.ask(queue.Question{ID: holds.ID, Epoch: 1, Method: task.Start, Delivery: 1, Worker: "w"}))
	})
}

// A recorder that could only go on by skipping says so and waits.
func TestItNeverSkips(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bed) {
		b.publish(command(1), command(2), command(3))
		s, err := b.server.JetStream(t).Stream(t.Context(), queue.StreamTasks)
		require.NoError(t, err)
		require.NoError(t, s.Purge(t.Context(), jetstream.WithPurgeSequence(3)))
		r := b.record(recorder.Config{})
		queuetest.WaitFor(t, func() bool {
			err := r.Ready()
			return err != nil && containsGap(err)
		})
		require.Never(t, func() bool { return r.Ready() == nil }, 2500*time.Millisecond, time.Millisecond, "it looks well while it tries again")
		_, err = b.store.Task(t.Context(), "t3")
		require.ErrorIs(t, err, store.ErrNotFound)
	})
}

func containsGap(err error) bool { return errors.Is(err, queue.ErrGap) }
