package eventapi

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
)

const (
	// silence is after how long without an announcement the store is asked,
	// while a message waits to be recorded.
	silence = 500 * time.Millisecond
	// asking is the least time between two questions.
	asking    = 20 * time.Millisecond
	maxDigits = 20 // of a sequence
)

// gate tells how far both streams are recorded. It hears the recorder's
// announcements, which may be lost, and asks the store where they do not
// suffice. An announcement is believed only up to what was read of the stream,
// as the gateway's other follower does.
type gate struct {
	nc    *nats.Conn
	store Store
	log   *zap.Logger

	mu      sync.Mutex
	passed  store.Position
	read    store.Position // the highest sequences that were read
	claimed store.Position // the sequences that were announced last, true or not
	changed chan struct{}  // closed when passed moves
	heard   time.Time

	ask chan struct{}
}

func newGate(nc *nats.Conn, st Store, log *zap.Logger) *gate {
	return &gate{nc: nc, store: st, log: log, changed: make(chan struct{}), ask: make(chan struct{}, 1)}
}

// open reads the position, and begins to follow it until ctx ends.
func (g *gate) open(ctx context.Context, running *sync.WaitGroup) error {
	sub, err := g.nc.Subscribe(queue.AllCheckpoints, g.hear)
	if err != nil {
		return fmt.Errorf("follow the recorder: %w", err)
	}
	status := g.nc.StatusChanged(nats.CONNECTED)
	running.Go(func() {
		defer g.nc.RemoveStatusListener(status)
		defer func() { _ = sub.Unsubscribe() }() // fails only if the connection is gone
		g.follow(ctx, status)
	})
	return g.look(ctx)
}

// state returns how far both streams are recorded, and what is closed when that
// changes.
func (g *gate) state() (store.Position, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passed, g.changed
}

// known returns up to where a stream is likely to have messages.
func (g *gate) known(stream string) uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(*of(&g.passed, stream), *of(&g.claimed, stream), *of(&g.read, stream))
}

// saw tells that a message was read of a stream.
func (g *gate) saw(stream string, seq uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := of(&g.read, stream)
	*at = max(*at, seq)
}

// hear takes an announcement. Others can have messages sent to its subject, by
// naming it as the place for an answer: those are no number, or have a subject
// of their own, a reply subject or headers.
func (g *gate) hear(m *nats.Msg) {
	stream := queue.ParseCheckpointSubject(m.Subject)
	if stream != queue.StreamTasks && stream != queue.StreamEvents || m.Reply != "" || len(m.Header) > 0 || len(m.Data) > maxDigits {
		return
	}
	seq, err := strconv.ParseUint(string(m.Data), 10, 64)
	if err != nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	*of(&g.claimed, stream) = seq
	switch {
	case seq <= *of(&g.passed, stream):
	case seq <= *of(&g.read, stream):
		to := g.passed
		*of(&to, stream) = seq
		g.heard = time.Now()
		g.advance(to)
	default:
		notify(g.ask)
	}
}

// advance moves the position. The lock is held.
func (g *gate) advance(to store.Position) {
	to.Tasks, to.Events = max(to.Tasks, g.passed.Tasks), max(to.Events, g.passed.Events)
	if to != g.passed {
		g.passed = to
		close(g.changed)
		g.changed = make(chan struct{})
	}
}

// look asks the store.
func (g *gate) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	at, err := g.store.Position(ctx)
	if err != nil {
		return fmt.Errorf("read the checkpoint: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.heard = time.Now()
	g.advance(at)
	return nil
}

// follow asks the store when it is told to, after a lost connection, and when
// nothing was heard of a message that waits.
func (g *gate) follow(ctx context.Context, status <-chan nats.Status) {
	tick := time.NewTicker(silence)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.ask:
		case <-status:
		case <-tick.C:
			if !g.late() {
				continue
			}
		}
		if err := g.look(ctx); err != nil {
			g.log.Debug("checkpoint can not be read", zap.Error(err))
		}
		select { // whoever announces much must not have the store asked as often
		case <-ctx.Done():
			return
		case <-time.After(asking):
		}
	}
}

// late reports whether a message waits and nothing was heard for a while.
func (g *gate) late() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return (g.read.Tasks > g.passed.Tasks || g.read.Events > g.passed.Events) && time.Since(g.heard) >= silence
}

func of(p *store.Position, stream string) *uint64 {
	if stream == queue.StreamTasks {
		return &p.Tasks
	}
	return &p.Events
}

// notify wakes who listens on ch, or will.
func notify(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
