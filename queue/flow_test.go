package queue_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
)

// commands returns n commands of one stone, with ids of their own.
func commands(n int) []*queue.Command {
	all := make([]*queue.Command, n)
	for i := range all {
		c := command()
		c.ID, c.TaskID = uuid.NewString(), fmt.Sprintf("t%d", i)
		all[i] = c
	}
	return all
}

func publisher(t *testing.T, nc *nats.Conn, cfg queue.PublisherConfig) *queue.Publisher {
	t.Helper()
	p, err := queue.NewPublisher(nc, cfg)
	require.NoError(t, err)
	return p
}

func TestPublishStoresEachCommandOnce(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	p := publisher(t, s.Connect(t), queue.PublisherConfig{})
	all := commands(300)
	for i, a := range p.Publish(t.Context(), all) {
		require.NoError(t, a.Err)
		require.Equal(t, uint64(i+1), a.Sequence)
		require.False(t, a.Duplicate)
	}
	again := p.Publish(t.Context(), all[:1])
	require.True(t, again[0].Duplicate)
	require.Equal(t, uint64(1), again[0].Sequence)

	m := s.Messages(t, queue.StreamTasks, 300)
	require.Len(t, m, 300)
	require.Equal(t, "rs.task.MachineStone._.start", m[0].Subject)
	require.Equal(t, all[0].ID+".1.start", m[0].Header.Get("Nats-Msg-Id"))
	require.Equal(t, all[0].ID, m[0].Header.Get("Rs-Task"))
	require.Equal(t, "1", m[0].Header.Get("Rs-Epoch"))
	require.Equal(t, "start", m[0].Header.Get("Rs-Method"))
	require.Equal(t, "1", m[0].Header.Get("Rs-Schema"))
}

// A publish rides out an outage shorter than its deadline, and gives a longer
// one a clear error without leaving anything behind to be sent later.
func TestPublishThroughAnOutage(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	p := publisher(t, s.Connect(t), queue.PublisherConfig{Deadline: 20 * time.Second})
	s.Stop(t)
	acks := make(chan []queue.Ack, 1)
	go func() { acks <- p.Publish(context.WithoutCancel(t.Context()), commands(3)) }()
	s.Restart(t)
	for _, a := range <-acks {
		require.NoError(t, a.Err)
	}
	require.Len(t, s.Messages(t, queue.StreamTasks, 3), 3)

	hasty := publisher(t, s.Connect(t), queue.PublisherConfig{Deadline: 300 * time.Millisecond})
	s.Stop(t)
	a := hasty.Publish(t.Context(), commands(1))[0]
	require.ErrorIs(t, a.Err, queue.ErrSilent)
	s.Restart(t)
	require.Len(t, s.Messages(t, queue.StreamTasks, 3), 3)
}

func TestPublishToAFullStream(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	js := s.JetStream(t)
	str, err := js.Stream(t.Context(), queue.StreamTasks)
	require.NoError(t, err)
	cfg := str.CachedInfo().Config
	cfg.MaxMsgs = 2
	_, err = js.UpdateStream(t.Context(), cfg)
	require.NoError(t, err)
	p := publisher(t, s.Connect(t), queue.PublisherConfig{})
	acks := p.Publish(t.Context(), commands(3))
	require.NoError(t, acks[0].Err)
	require.NoError(t, acks[1].Err)
	require.ErrorIs(t, acks[2].Err, queue.ErrFull)
}

// collector gathers sequences.
type collector struct {
	mu  sync.Mutex
	got []uint64
}

func (c *collector) add(d *queue.Delivery) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, d.Sequence)
	return nil
}

func (c *collector) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.got)
}

// A reader hands out every message once and in order, across restarts of the server.
func TestReaderMissesNothing(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	nc := s.Connect(t)
	p := publisher(t, nc, queue.PublisherConfig{Deadline: 20 * time.Second})
	r, err := queue.NewReader(nc, queue.StreamTasks, 50)
	require.NoError(t, err)
	var c collector
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, 0, c.add) }()

	const rounds, each = 3, 400
	for i := range rounds {
		for _, a := range p.Publish(t.Context(), commands(each)) {
			require.NoError(t, a.Err)
		}
		if i < rounds-1 {
			s.Restart(t)
		}
	}
	queuetest.WaitFor(t, func() bool { return c.len() >= rounds*each })
	cancel()
	require.NoError(t, <-done)
	require.Len(t, c.got, rounds*each)
	for i, seq := range c.got {
		require.Equal(t, uint64(i+1), seq)
	}
}

func TestReaderRefusesToSkip(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	nc := s.Connect(t)
	p := publisher(t, nc, queue.PublisherConfig{})
	p.Publish(t.Context(), commands(10))
	str, err := s.JetStream(t).Stream(t.Context(), queue.StreamTasks)
	require.NoError(t, err)
	require.NoError(t, str.Purge(t.Context(), jetstream.WithPurgeSequence(6)))
	r, err := queue.NewReader(nc, queue.StreamTasks, 0)
	require.NoError(t, err)
	var c collector
	require.ErrorIs(t, r.Run(t.Context(), 3, c.add), queue.ErrGap)
	require.ErrorIs(t, r.Run(t.Context(), 11, c.add), queue.ErrBehind)

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, 5, c.add) }()
	queuetest.WaitFor(t, func() bool { return c.len() == 5 })
	cancel()
	require.NoError(t, <-done)
}

func pull(t *testing.T, nc *nats.Conn, cfg queue.PullConfig, f func(*queue.Delivery, bool) error) (stop func() error) {
	t.Helper()
	cancel, done := pulling(t, nc, cfg, f)
	return func() error { cancel(); return <-done }
}

func pulling(t *testing.T, nc *nats.Conn, cfg queue.PullConfig, f func(*queue.Delivery, bool) error) (cancel func(), ended <-chan error) {
	t.Helper()
	return runPuller(t, newPuller(t, nc, cfg), f)
}

func newPuller(t *testing.T, nc *nats.Conn, cfg queue.PullConfig) *queue.Puller {
	t.Helper()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = queue.EnsureConsumers(t.Context(), js, "MachineStone", "")
	require.NoError(t, err)
	cfg.Stream, cfg.Consumer = queue.StreamTasks, queue.Work.Durable("MachineStone", "")
	return queue.NewPuller(nc, cfg)
}

func runPuller(t *testing.T, p *queue.Puller, f func(*queue.Delivery, bool) error) (cancel func(), ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, f) }()
	return cancel, done
}

// What a puller was sent but has not taken when it stops is handed over, so
// that it can be given back: nothing waits for its lease to run out.
func TestPullerGivesEverythingOver(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	nc := s.Connect(t)
	p := publisher(t, nc, queue.PublisherConfig{})
	p.Publish(t.Context(), commands(100))
	first, goOn := make(chan struct{}), make(chan struct{})
	seen, late := 0, 0
	stop := pull(t, nc, queue.PullConfig{Limit: 50}, func(d *queue.Delivery, stopping bool) error {
		if seen++; seen == 1 {
			close(first)
			<-goOn
		}
		if stopping {
			late++
		}
		return d.Nak(0)
	})
	<-first
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	close(goOn)
	require.NoError(t, <-stopped)

	var c collector
	stop = pull(t, nc, queue.PullConfig{Limit: 200}, func(d *queue.Delivery, _ bool) error {
		if err := c.add(d); err != nil {
			return err
		}
		return d.Ack()
	})
	queuetest.WaitFor(t, func() bool { return c.len() >= 100 })
	require.NoError(t, stop())
}

// A puller never holds more than there is room for, unless it takes a pull for
// lost: its heartbeat is long enough that it does not.
func TestPullerKeepsToItsRoom(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	nc := s.Connect(t)
	publisher(t, nc, queue.PublisherConfig{}).Publish(t.Context(), commands(60))
	var mu sync.Mutex
	var held, most, done int
	room := func() int { mu.Lock(); defer mu.Unlock(); return 7 - held }
	ch := make(chan *queue.Delivery, 100)
	p := newPuller(t, nc, queue.PullConfig{Limit: 7, Room: room, Heartbeat: 10 * time.Second})
	cancel, ended := runPuller(t, p, func(d *queue.Delivery, _ bool) error {
		mu.Lock()
		defer mu.Unlock()
		held++
		most = max(most, held)
		x := *d
		ch <- &x
		return nil
	})
	for done < 60 {
		d := <-ch
		require.NoError(t, d.Ack())
		mu.Lock()
		held--
		done++
		mu.Unlock()
		p.Wake()
	}
	cancel()
	require.NoError(t, <-ended)
	require.LessOrEqual(t, most, 7)
	require.Zero(t, p.Stalls())
}

func TestPullerSaysThatItsConsumerIsGone(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	nc := s.Connect(t)
	publisher(t, nc, queue.PublisherConfig{}).Publish(t.Context(), commands(1))
	first := make(chan struct{})
	cancel, done := pulling(t, nc, queue.PullConfig{Limit: 10}, func(d *queue.Delivery, _ bool) error { close(first); return d.Ack() })
	defer cancel()
	<-first
	require.NoError(t, s.JetStream(t).DeleteConsumer(t.Context(), queue.StreamTasks, "w_MachineStone"))
	require.ErrorIs(t, <-done, queue.ErrConsumerLost)
}

func TestRenewKeepsALease(t *testing.T) {
	t.Parallel()
	s := queuetest.Start(t)
	nc := s.Connect(t)
	publisher(t, nc, queue.PublisherConfig{}).Publish(t.Context(), commands(1))
	got := make(chan error, 1)
	stop := pull(t, nc, queue.PullConfig{Limit: 1}, func(d *queue.Delivery, _ bool) error {
		got <- d.Renew(t.Context())
		return d.Ack()
	})
	require.NoError(t, <-got)
	require.NoError(t, stop())
}
