package nats_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/registry"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store"
)

// One task from its publishing to its end, each step by the user whose it is.
func TestRightsSuffice(t *testing.T) {
	t.Parallel()
	for stone, inbox := range map[string]string{"MachineStone": "machine", "SIP::EC2::Volume": "volume"} {
		t.Run(inbox, func(t *testing.T) {
			t.Parallel()
			in := install(t)
			worker := in.machine
			if inbox == "volume" {
				worker = in.volume
			}
			halt, err := worker.nc.SubscribeSync(queue.CtlSubject(stone))
			require.NoError(t, err)
			require.NoError(t, worker.nc.Flush())
			in.serve(t)
			seq := in.publish(t, stone)
			in.work(t, worker, stone)
			in.record(t)
			in.cancel(t, stone, seq)
			_, err = halt.NextMsg(20 * time.Second)
			require.NoError(t, err)
			for _, u := range []*user{in.admin, in.gateway, in.recorder, worker} {
				require.Empty(t, u.denials())
			}
		})
	}
}

// serve answers workers as the recorder does.
func (in *installation) serve(t *testing.T) {
	t.Helper()
	_, err := in.recorder.nc.Subscribe(queue.AllAsks, func(m *nats.Msg) { _ = m.Respond([]byte(`{"answer":"run","delivery":1}`)) })
	require.NoError(t, err)
	require.NoError(t, in.recorder.nc.Flush())
}

// publish does what a gateway does.
func (in *installation) publish(t *testing.T, stone string) uint64 {
	t.Helper()
	ctx, js := t.Context(), in.gateway.js
	require.NoError(t, queue.Verify(ctx, js))
	ack, err := js.Publish(ctx, queue.TaskSubject(stone, "", task.Start), []byte("{}"))
	require.NoError(t, err)

	blobs, err := js.ObjectStore(ctx, queue.BucketBlobs)
	require.NoError(t, err)
	_, err = blobs.PutBytes(ctx, "sha256-00", make([]byte, 200<<10))
	require.NoError(t, err)
	b, err := blobs.GetBytes(ctx, "sha256-00")
	require.NoError(t, err)
	require.Len(t, b, 200<<10)
	in.carry(t)

	s, err := js.Stream(ctx, queue.StreamTasks)
	require.NoError(t, err)
	list := s.ListConsumers(ctx)
	count := 0
	for range list.Info() {
		count++
	}
	require.NoError(t, list.Err())
	require.Equal(t, 6, count, "the gateway sees the backlogs")
	return ack.Sequence
}

// carry passes a large body from the gateway to the recorder.
func (in *installation) carry(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	large := []byte(`{"a":"` + strings.Repeat("x", 1<<20) + `"}`)
	for range 2 { // written, and found there
		name, err := queue.NewBlobs(in.gateway.js).Put(ctx, large, nil)
		require.NoError(t, err)
		params, _, err := queue.NewBlobs(in.recorder.js).Get(ctx, name)
		require.NoError(t, err)
		require.Equal(t, large, []byte(params))
	}
}

// work does what a worker does.
func (in *installation) work(t *testing.T, u *user, stone string) {
	t.Helper()
	ctx := t.Context()
	stones, err := u.js.KeyValue(ctx, queue.BucketStones)
	require.NoError(t, err)
	_, err = stones.Put(ctx, queue.Token(stone)+".host-1", []byte("{}"))
	require.NoError(t, err)
	lanes, err := queue.EnsureConsumers(ctx, u.js, stone, "")
	require.NoError(t, err)
	m, err := lanes[queue.Work].Next()
	require.NoError(t, err)
	answer, err := u.nc.Request(queue.AskSubject(stone), []byte("{}"), 20*time.Second)
	require.NoError(t, err)
	require.Contains(t, string(answer.Data), "run")
	require.NoError(t, m.InProgress())
	_, err = u.js.Publish(ctx, queue.EventSubject(stone, task.Start), []byte("{}"))
	require.NoError(t, err)
	_, err = u.js.Publish(ctx, queue.BatchSubject(stone), []byte("[]"))
	require.NoError(t, err)
	_, err = u.js.Publish(ctx, queue.TaskSubject(stone, "", task.Monitor), []byte("{}"))
	require.NoError(t, err)
	require.NoError(t, m.DoubleAck(ctx))
	m, err = lanes[queue.Follow].Next()
	require.NoError(t, err)
	require.NoError(t, m.DoubleAck(ctx))
	_, err = u.js.Publish(ctx, queue.DLQSubject(stone), []byte("?"))
	require.NoError(t, err)
}

// record does what a recorder does.
func (in *installation) record(t *testing.T) {
	t.Helper()
	ctx, js := t.Context(), in.recorder.js
	require.NoError(t, queue.Verify(ctx, js))
	for stream, want := range map[string]int{queue.StreamTasks: 2, queue.StreamEvents: 2} {
		for _, durable := range []string{"recorder", ""} {
			c, err := js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{Durable: durable, AckPolicy: jetstream.AckExplicitPolicy})
			require.NoError(t, err)
			for range want {
				m, err := c.Next()
				require.NoError(t, err)
				require.NoError(t, m.DoubleAck(ctx))
			}
			require.NoError(t, js.DeleteConsumer(ctx, stream, c.CachedInfo().Name))
		}
	}
	require.NoError(t, in.recorder.nc.Publish(queue.CheckpointSubject(queue.StreamTasks), []byte("2")))
	_, err := js.Publish(ctx, queue.DLQSubject("MachineStone"), []byte("{}")) // what is published again in vain
	require.NoError(t, err)
	r, err := queue.Trim(ctx, js, 2, 2, time.Nanosecond)
	require.NoError(t, err)
	require.EqualValues(t, 2, r.Tasks)
	require.EqualValues(t, 2, r.Events)
	require.NotZero(t, r.Blobs)

	stones, err := js.KeyValue(ctx, queue.BucketStones)
	require.NoError(t, err)
	w, err := stones.WatchAll(ctx)
	require.NoError(t, err)
	require.NotNil(t, <-w.Updates())
	require.NoError(t, w.Stop())
	blobs, err := js.ObjectStore(ctx, queue.BucketBlobs)
	require.NoError(t, err)
	_, err = blobs.GetInfo(ctx, "sha256-00")
	require.ErrorIs(t, err, jetstream.ErrObjectNotFound)
}

// cancel takes a command out of the queue, and watches, as a gateway does.
func (in *installation) cancel(t *testing.T, stone string, trimmed uint64) {
	t.Helper()
	ctx, js := t.Context(), in.gateway.js
	ack, err := js.Publish(ctx, queue.TaskSubject(stone, "", task.Start), []byte("{}"))
	require.NoError(t, err)
	s, err := js.Stream(ctx, queue.StreamTasks)
	require.NoError(t, err)
	_, err = s.GetMsg(ctx, trimmed)
	require.ErrorIs(t, err, jetstream.ErrMsgNotFound)
	_, err = s.GetMsg(ctx, ack.Sequence)
	require.NoError(t, err)
	require.NoError(t, s.DeleteMsg(ctx, ack.Sequence))
	require.NoError(t, in.gateway.nc.Publish(queue.CtlSubject(stone), []byte("{}")))
	facts, err := queue.NewPublisher(in.gateway.nc, queue.PublisherConfig{})
	require.NoError(t, err)
	require.NoError(t, facts.PublishFacts(ctx, []queue.Fact{{Kind: queue.FactBegun, Epoch: 2}})[0].Err)

	stones, err := js.KeyValue(ctx, queue.BucketStones)
	require.NoError(t, err)
	w, err := stones.WatchAll(ctx)
	require.NoError(t, err)
	require.NotNil(t, <-w.Updates())
	require.NoError(t, w.Stop())
	queuetest.Messages(t, js, queue.StreamDLQ, 1)
	c, err := js.OrderedConsumer(ctx, queue.StreamEvents, jetstream.OrderedConsumerConfig{})
	require.NoError(t, err)
	batch, err := c.FetchNoWait(1)
	require.NoError(t, err)
	for range batch.Messages() { // else the library waits on for the answer, beyond the test
	}
	require.NoError(t, batch.Error())
}

// A worker's rights suffice to announce its stone and to take that back; the
// gateway's to see it, and to pause and resume the stone.
func TestRightsSufficeForTheRegistry(t *testing.T) {
	t.Parallel()
	in := install(t)
	w, err := stone.NewWorker(in.machine.nc, stone.Config{Name: "host.1-a"})
	require.NoError(t, err)
	require.NoError(t, w.Add(stone.Spec{Code: "MachineStone"}, stone.Func(func(context.Context, *stone.Task) error { return nil })))
	require.NoError(t, w.Start(t.Context()))
	reg, err := registry.New(in.gateway.nc, none{}, registry.Config{})
	require.NoError(t, err)
	require.NoError(t, reg.Start(t.Context()))
	t.Cleanup(reg.Stop)
	queuetest.WaitFor(t, func() bool {
		s, err := reg.Stone(t.Context(), "MachineStone")
		return err == nil && len(s.Workers) == 1
	})
	s, err := reg.Pause(t.Context(), "MachineStone")
	require.NoError(t, err)
	require.True(t, s.Paused)
	_, err = in.gateway.js.Publish(t.Context(), queue.TaskSubject("MachineStone", "", task.Start), []byte("{}"))
	require.NoError(t, err)
	queuetest.WaitFor(t, func() bool {
		s, err := reg.Stone(t.Context(), "MachineStone")
		return err == nil && s.Backlog[task.Start] == 1
	})
	s, err = reg.Resume(t.Context(), "MachineStone")
	require.NoError(t, err)
	require.False(t, s.Paused)
	require.NoError(t, w.Stop(t.Context()))
	queuetest.WaitFor(t, func() bool {
		s, err := reg.Stone(t.Context(), "MachineStone")
		return err == nil && len(s.Workers) == 0
	})
	require.Empty(t, in.gateway.denials())
	require.Empty(t, in.machine.denials())
}

// none is a store that remembers no stones.
type none struct{}

func (none) PutStone(context.Context, string, json.RawMessage, time.Time) error { return nil }
func (none) Stones(context.Context) ([]store.KnownStone, error)                 { return nil, nil }
func (none) UsedStones(context.Context) ([]string, error)                       { return nil, nil }

// An orchestrator asks the gateway to publish, and can do nothing else; the
// gateway answers, and follows both streams for those who listen.
func TestAnOrchestratorOnlyPublishes(t *testing.T) {
	t.Parallel()
	in := install(t)
	_, err := in.gateway.nc.QueueSubscribe(queue.PubSubject, "gateway", func(m *nats.Msg) { _ = m.Respond([]byte("{}")) })
	require.NoError(t, err)
	require.NoError(t, in.gateway.nc.Flush())
	answer, err := in.orchestrator.nc.Request(queue.PubSubject, []byte("{}"), 20*time.Second)
	require.NoError(t, err)
	require.Equal(t, "{}", string(answer.Data))
	require.Empty(t, in.orchestrator.denials())
	for _, subject := range []string{
		"rs.task.MachineStone._.start", "rs.evt.MachineStone.start", "rs.ask.MachineStone", "rs.ctl.MachineStone", "rs.checkpoint.RS_TASKS", "rs.outbox", "rs.debug", "rs.dlq.MachineStone",
		"$JS.API.STREAM.INFO.RS_TASKS", "$JS.API.DIRECT.GET.RS_TASKS", "$JS.API.CONSUMER.CREATE.RS_EVENTS.mine", "$KV.RS_STONES.MachineStone.host-1",
	} {
		require.NoError(t, in.orchestrator.nc.Publish(subject, nil))
		in.orchestrator.wasDenied(t, subject)
	}
	for _, subject := range []string{"rs.pub", "rs.>", "_INBOX.>", "_INBOX.gateway.>"} {
		_, err := in.orchestrator.nc.SubscribeSync(subject)
		require.NoError(t, err)
		in.orchestrator.wasDenied(t, subject)
	}

	in.publish(t, "MachineStone")
	_, err = in.machine.js.Publish(t.Context(), queue.EventSubject("MachineStone", task.Start), []byte("{}"))
	require.NoError(t, err)
	for _, stream := range []string{queue.StreamTasks, queue.StreamEvents} {
		r, err := queue.NewReader(in.gateway.nc, stream, 10)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		require.NoError(t, r.Run(ctx, 0, func(*queue.Delivery) error { cancel(); return nil }))
		require.ErrorIs(t, ctx.Err(), context.Canceled, stream)
		s, err := in.gateway.js.Stream(t.Context(), stream)
		require.NoError(t, err)
		_, err = s.GetMsg(t.Context(), 1, jetstream.WithGetMsgSubject(">"))
		require.NoError(t, err)
	}
	require.Empty(t, in.gateway.denials())
}

// forbidden are the things that a worker of MachineStone must not do.
var forbidden = []string{
	// forge another stone's events, questions, announcements, dead letters
	"rs.evt.SIP=3A=3AEC2=3A=3AVolume.start", "rs.ask.SIP=3A=3AEC2=3A=3AVolume", "$KV.RS_STONES.SIP=3A=3AEC2=3A=3AVolume.host-1", "rs.dlq.SIP=3A=3AEC2=3A=3AVolume",
	// publish tasks, for others or for itself
	"rs.task.SIP=3A=3AEC2=3A=3AVolume._.start", "rs.task.MachineStone._.start", "rs.task.MachineStone._.cancel",
	// stop the work of others, speak for gateway and recorder
	"rs.ctl.SIP=3A=3AEC2=3A=3AVolume", "rs.ctl.MachineStone", "rs.checkpoint.RS_TASKS", "rs.pub", "rs.evt._.fact",
	// read or settle another stone's queue
	"$JS.API.CONSUMER.MSG.NEXT.RS_TASKS.w_SIP=3A=3AEC2=3A=3AVolume", "$JS.ACK.RS_TASKS.w_SIP=3A=3AEC2=3A=3AVolume.1.1.1.1.1",
	"$JS.API.CONSUMER.CREATE.RS_TASKS.w_MachineStone", "$JS.API.CONSUMER.CREATE.RS_TASKS.mine.rs.task.>", "$JS.API.CONSUMER.DURABLE.CREATE.RS_TASKS.w_MachineStone",
	"$JS.API.CONSUMER.PAUSE.RS_TASKS.w_MachineStone", "$JS.API.CONSUMER.PAUSE.RS_TASKS.w_SIP=3A=3AEC2=3A=3AVolume",
	"$JS.API.CONSUMER.CREATE.RS_EVENTS.mine", "$JS.API.CONSUMER.DELETE.RS_TASKS.w_SIP=3A=3AEC2=3A=3AVolume",
	"$JS.API.STREAM.MSG.GET.RS_TASKS", "$JS.API.DIRECT.GET.RS_TASKS", "$JS.API.DIRECT.GET.RS_EVENTS",
	// list, remove or read by number what stands in the object store
	"$JS.API.DIRECT.GET.OBJ_RS_BLOB", "$JS.API.STREAM.MSG.GET.OBJ_RS_BLOB", "$JS.API.CONSUMER.NAMES.OBJ_RS_BLOB", "$JS.API.CONSUMER.LIST.OBJ_RS_BLOB",
	"$JS.API.CONSUMER.CREATE.OBJ_RS_BLOB.mine.$O.RS_BLOB.M.>", "$JS.API.CONSUMER.CREATE.OBJ_RS_BLOB.mine", "$JS.API.CONSUMER.CREATE.OBJ_RS_BLOB.mine.$O.RS_BLOB.>",
	"$JS.API.STREAM.PURGE.OBJ_RS_BLOB", "$JS.API.STREAM.DELETE.OBJ_RS_BLOB", "$JS.API.STREAM.MSG.DELETE.OBJ_RS_BLOB", "$JS.API.STREAM.UPDATE.OBJ_RS_BLOB",
	// change streams
	"$JS.API.STREAM.DELETE.RS_TASKS", "$JS.API.STREAM.PURGE.RS_EVENTS", "$JS.API.STREAM.UPDATE.RS_TASKS", "$JS.API.STREAM.CREATE.X",
	"$JS.API.STREAM.MSG.DELETE.RS_TASKS", "$JS.API.STREAM.SNAPSHOT.RS_TASKS",
}

func TestAStoneCannotReachAnother(t *testing.T) {
	t.Parallel()
	in := install(t)
	ctx := t.Context()
	_, err := in.gateway.js.Publish(ctx, queue.TaskSubject("SIP::EC2::Volume", "", task.Start), []byte("{}"))
	require.NoError(t, err)

	inbox, err := in.machine.nc.SubscribeSync(in.machine.nc.NewInbox())
	require.NoError(t, err)
	for _, subject := range forbidden {
		require.NoError(t, in.machine.nc.PublishRequest(subject, inbox.Subject, nil))
		in.machine.wasDenied(t, subject)
	}
	for _, subject := range []string{"rs.>", "rs.evt.*.*", "rs.task.*.*.*", "rs.ctl.*", "rs.ask.MachineStone", "_INBOX.>", "_INBOX.Volume.>", "$KV.>", "$JS.>", ">"} {
		_, err := in.machine.nc.SubscribeSync(subject)
		require.NoError(t, err)
		in.machine.wasDenied(t, subject)
	}

	pending, _, err := inbox.Pending()
	require.NoError(t, err)
	require.Zero(t, pending, "nobody answered")
	require.NoError(t, queue.Verify(ctx, in.admin.js))
	require.Len(t, queuetest.Messages(t, in.admin.js, queue.StreamTasks, 1), 1)
	require.Empty(t, queuetest.Messages(t, in.admin.js, queue.StreamEvents, 0))
	require.Empty(t, queuetest.Messages(t, in.admin.js, queue.StreamDLQ, 0))
	lanes, err := queue.EnsureConsumers(ctx, in.volume.js, "SIP::EC2::Volume", "")
	require.NoError(t, err)
	_, err = lanes[queue.Work].Next()
	require.NoError(t, err, "the other stone's command waits for it")
}

func TestAStoneWithoutConsumersNeedsTheAdministrator(t *testing.T) {
	t.Parallel()
	in := install(t)
	require.NoError(t, in.admin.js.DeleteConsumer(t.Context(), queue.StreamTasks, "w_MachineStone"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := queue.EnsureConsumers(ctx, in.machine.js, "MachineStone", "")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "make consumer w_MachineStone")
	require.ErrorContains(t, err, "right")
}

// NATS does not check where a request asks its answer to be sent, so a user can
// make the server send one, such as the acknowledgement of its own event, to a
// subject it may not publish to. What it says is the server's choice. Readers
// must bear with it; the day this test fails they need not any more.
func TestAnswersCanBeSentAnywhere(t *testing.T) {
	t.Parallel()
	in := install(t)
	const other = "rs.evt.SIP=3A=3AEC2=3A=3AVolume.start"
	require.NoError(t, in.machine.nc.PublishRequest("rs.evt.MachineStone.start", other, []byte("{}")))
	got := queuetest.Messages(t, in.admin.js, queue.StreamEvents, 2)
	require.Equal(t, other, got[1].Subject)
	require.JSONEq(t, `{"stream": "RS_EVENTS", "seq": 1}`, string(got[1].Data))
	require.Empty(t, in.machine.denials())
}

// The files that an administrator makes a stone's consumers from give what a
// worker expects.
func TestConsumerFiles(t *testing.T) {
	t.Parallel()
	in := install(t)
	for _, l := range queue.Lanes() {
		name := l.Durable("MachineStone", "")
		require.NoError(t, in.admin.js.DeleteConsumer(t.Context(), queue.StreamTasks, name))
		b, err := os.ReadFile("stones/" + name + ".json")
		require.NoError(t, err)
		var cfg jetstream.ConsumerConfig
		strict := json.NewDecoder(bytes.NewReader(b))
		strict.DisallowUnknownFields()
		require.NoError(t, strict.Decode(&cfg))
		_, err = in.admin.js.CreateConsumer(t.Context(), queue.StreamTasks, cfg)
		require.NoError(t, err)
	}
	_, err := queue.EnsureConsumers(t.Context(), in.machine.js, "MachineStone", "")
	require.NoError(t, err)
	require.Empty(t, in.machine.denials())
}

func TestTheRecorderCannotForgeEvents(t *testing.T) {
	t.Parallel()
	in := install(t)
	for _, subject := range []string{"rs.evt.MachineStone.start", "$JS.API.STREAM.DELETE.RS_EVENTS"} {
		require.NoError(t, in.recorder.nc.Publish(subject, nil))
		in.recorder.wasDenied(t, subject)
		require.NoError(t, in.gateway.nc.Publish(subject, nil))
		in.gateway.wasDenied(t, subject)
	}
}

func TestNobodyGetsInWithoutAPassword(t *testing.T) {
	t.Parallel()
	in := install(t)
	for _, opt := range []nats.Option{nats.Name("nobody"), nats.UserInfo("admin", ""), nats.UserInfo("admin", "wrong"), nats.UserInfo("gateway", os.Getenv("RS_ADMIN_PASSWORD"))} {
		_, err := nats.Connect("tls://"+in.srv.Addr().String(), nats.RootCAs(in.ca), opt)
		require.ErrorIs(t, err, nats.ErrAuthorization)
	}
	_, err := nats.Connect(in.srv.ClientURL(), nats.UserInfo("admin", os.Getenv("RS_ADMIN_PASSWORD")))
	require.Error(t, err, "nor without knowing the authority")
}

// Three servers keep three replicas; the stones' consumers have one, and the
// loss of a server loses nothing.
func TestClusterTakesTasksWithoutOneServer(t *testing.T) {
	t.Parallel()
	servers, ca := cluster(t)
	u := connect(t, servers[0], ca, "admin", os.Getenv("RS_ADMIN_PASSWORD"))
	queuetest.WaitFor(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		return queue.Provision(ctx, u.js, queue.ProvisionConfig{Replicas: 3}) == nil
	})
	s, err := u.js.Stream(t.Context(), queue.StreamTasks)
	require.NoError(t, err)
	require.Equal(t, 3, s.CachedInfo().Config.Replicas)
	require.Len(t, s.CachedInfo().Cluster.Replicas, 2)
	lanes, err := queue.EnsureConsumers(t.Context(), u.js, "MachineStone", "")
	require.NoError(t, err)
	require.Empty(t, lanes[queue.Work].CachedInfo().Cluster.Replicas, "one replica only")
	require.NoError(t, queue.Provision(t.Context(), u.js, queue.ProvisionConfig{Replicas: 1}))
	info, err := s.Info(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, info.Config.Replicas, "never fewer")

	servers[2].Shutdown()
	queuetest.WaitFor(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := u.js.Publish(ctx, queue.TaskSubject("MachineStone", "", task.Start), nil, jetstream.WithMsgID("one"))
		return err == nil
	})
	require.Len(t, queuetest.Messages(t, u.js, queue.StreamTasks, 1), 1)
}
