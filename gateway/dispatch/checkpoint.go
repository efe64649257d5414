package dispatch

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
)

const (
	tick        = 20 * time.Millisecond  // how exactly a wait ends
	silence     = 200 * time.Millisecond // after which the store is asked, while somebody waits
	readTimeout = time.Second

	maxDigits    = 20 // of a sequence
	linesAMinute = 5  // of the log, for each message
)

// Positions tells how far the streams are recorded.
type Positions interface {
	Position(ctx context.Context) (store.Position, error)
}

// Checkpoint follows how far the recorder has come with RS_TASKS, and lets
// publishers wait for it. It hears the recorder's announcements, which may be
// lost, and asks the store at the start, after a reconnect, and when somebody
// waits and nothing was heard for a while. All waits are as long.
//
// An announcement is believed only up to the last sequence that is known to be
// in the stream, since a caller is told "recorded" on the strength of it; for
// one beyond, the store is asked.
type Checkpoint struct {
	nc       *nats.Conn
	at       Positions
	patience time.Duration
	log      *zap.Logger

	passed atomic.Uint64
	stored atomic.Uint64 // the highest sequence that is known to be in the stream
	known  atomic.Bool
	heard  atomic.Int64 // when, in ns

	mu      sync.Mutex
	waiters bySeq     // what they wait for
	queue   []*waiter // in the order of their deadlines
	stopped bool
	hooks   []func(passed uint64)

	some chan struct{} // somebody waits
	ask  chan struct{} // the store is to be asked
	stop context.CancelFunc
	done sync.WaitGroup
}

// waiter waits for one sequence.
type waiter struct {
	seq      uint64
	deadline time.Time
	index    int           // in the heap, -1 if it is out
	woken    chan struct{} // closed when it is out
	ok       bool          // the sequence was passed
}

// NewCheckpoint returns a checkpoint that is not started. patience is how long
// a wait lasts at most.
func NewCheckpoint(nc *nats.Conn, at Positions, patience time.Duration, log *zap.Logger) *Checkpoint {
	return &Checkpoint{nc: nc, at: at, patience: patience, log: sparing(log),
		some: make(chan struct{}, 1), ask: make(chan struct{}, 1), stop: func() {}}
}

// OnAdvance has f called with each new position, one call at a time. It must
// be called before Start.
func (c *Checkpoint) OnAdvance(f func(passed uint64)) { c.hooks = append(c.hooks, f) }

// Start begins to follow the recorder until Stop.
func (c *Checkpoint) Start(ctx context.Context) error {
	sub, err := c.nc.Subscribe(queue.CheckpointSubject(queue.StreamTasks), c.hear)
	if err != nil {
		return fmt.Errorf("subscribe to checkpoints: %w", err)
	}
	ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	status := c.nc.StatusChanged(nats.CONNECTED)
	c.ask <- struct{}{}
	c.done.Go(func() { c.read(ctx) })
	c.done.Go(func() {
		c.watch(ctx, status)
		c.nc.RemoveStatusListener(status)
		_ = sub.Unsubscribe() // fails only if the connection is gone
	})
	return nil
}

// Stop ends all waits and returns when nothing runs any more.
func (c *Checkpoint) Stop() {
	c.stop()
	c.done.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	for _, w := range c.waiters {
		close(w.woken)
	}
	c.waiters, c.queue = nil, nil
}

// Known reports whether the position was heard or read since the start.
func (c *Checkpoint) Known() bool { return c.known.Load() }

// Passed returns the last sequence that is known to be recorded.
func (c *Checkpoint) Passed() uint64 { return c.passed.Load() }

// Stored tells that the stream holds a message at seq, as its acknowledgement
// says. Announcements up to it are believed.
func (c *Checkpoint) Stored(seq uint64) {
	for {
		old := c.stored.Load()
		if seq <= old || c.stored.CompareAndSwap(old, seq) {
			return
		}
	}
}

// Wait waits until the message at seq, which is in the stream, is recorded, at most for the patience
// and as long as ctx lasts, and reports whether it is.
func (c *Checkpoint) Wait(ctx context.Context, seq uint64) bool {
	if seq <= c.passed.Load() {
		return true
	}
	c.Stored(seq)
	w := &waiter{seq: seq, deadline: time.Now().Add(c.patience), woken: make(chan struct{})}
	c.mu.Lock()
	if passed := seq <= c.passed.Load(); passed || c.stopped { // it went on meanwhile
		c.mu.Unlock()
		return passed
	}
	heap.Push(&c.waiters, w)
	c.queue = append(c.queue, w)
	first := len(c.waiters) == 1
	c.mu.Unlock()
	if first {
		notify(c.some)
	}
	select {
	case <-w.woken:
		return w.ok
	case <-ctx.Done():
		return false
	}
}

// Advance tells that everything up to seq is recorded. A position that is
// lower than the last one changes nothing.
func (c *Checkpoint) Advance(seq uint64) {
	c.heard.Store(time.Now().UnixNano())
	c.known.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	if seq <= c.passed.Load() {
		return
	}
	c.passed.Store(seq)
	for len(c.waiters) > 0 && c.waiters[0].seq <= seq {
		w := heap.Pop(&c.waiters).(*waiter) //nolint:errcheck // holds nothing else
		w.ok = true
		close(w.woken)
	}
	for _, f := range c.hooks {
		f(seq)
	}
}

// goBack takes the store's word for less than was announced before the store
// was asked: an older backup was restored, or the announcement was false.
func (c *Checkpoint) goBack(to uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log.Error("the store holds less than was announced as recorded", zap.Uint64("announced", c.passed.Load()), zap.Uint64("recorded", to))
	c.passed.Store(to)
}

// hear takes an announcement. Others can have messages sent to its subject, by
// naming it as the place for an answer: those have another subject, a reply
// subject or headers, or are no number.
func (c *Checkpoint) hear(m *nats.Msg) {
	seq, err := announced(m)
	switch {
	case err != nil:
		c.log.Warn("message on the checkpoint's subject is ignored", zap.Error(err))
	case seq <= c.stored.Load():
		c.Advance(seq)
	case seq > c.passed.Load():
		notify(c.ask)
	}
}

var errForeign = errors.New("it is no announcement of the recorder")

func announced(m *nats.Msg) (uint64, error) {
	if m.Subject != queue.CheckpointSubject(queue.StreamTasks) || m.Reply != "" || len(m.Header) > 0 {
		return 0, errForeign
	}
	if len(m.Data) > maxDigits {
		return 0, fmt.Errorf("%w: %d bytes", errForeign, len(m.Data))
	}
	return strconv.ParseUint(string(m.Data), 10, 64)
}

// sparing lets a few lines of each message a minute through: anybody who can
// publish could fill the log otherwise.
func sparing(log *zap.Logger) *zap.Logger {
	return log.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, time.Minute, linesAMinute, 0)
	}))
}

// watch ends waits that took too long, with one ticker for all, and notices
// when announcements may have been lost.
func (c *Checkpoint) watch(ctx context.Context, status <-chan nats.Status) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-status:
			notify(c.ask)
		case <-c.some:
			ticker.Reset(tick)
		case now := <-ticker.C:
			if !c.expire(now) {
				ticker.Stop()
				continue
			}
			if now.Sub(time.Unix(0, c.heard.Load())) > silence {
				c.heard.Store(now.UnixNano())
				notify(c.ask)
			}
		}
	}
}

// expire ends the waits whose time is over, and reports whether any are left.
func (c *Checkpoint) expire(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for ; n < len(c.queue); n++ {
		w := c.queue[n]
		if w.index < 0 {
			continue
		}
		if w.deadline.After(now) {
			break
		}
		heap.Remove(&c.waiters, w.index)
		close(w.woken)
	}
	clear(c.queue[:n])
	c.queue = c.queue[n:]
	if len(c.waiters) == 0 { // those that are left were woken before
		c.queue = nil
	}
	return len(c.waiters) > 0
}

// read asks the store whenever it is told to.
func (c *Checkpoint) read(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.ask:
		}
		before := c.passed.Load()
		reading, cancel := context.WithTimeout(ctx, readTimeout)
		at, err := c.at.Position(reading)
		cancel()
		if err != nil {
			c.log.Debug("checkpoint can not be read", zap.Error(err))
			continue
		}
		if at.Tasks < before {
			c.goBack(at.Tasks)
		}
		c.Stored(at.Tasks)
		c.Advance(at.Tasks)
	}
}

// notify wakes who listens on ch, or will.
func notify(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// bySeq is a heap of waiters.
type bySeq []*waiter

func (h bySeq) Len() int           { return len(h) }
func (h bySeq) Less(i, j int) bool { return h[i].seq < h[j].seq }
func (h bySeq) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *bySeq) Push(x any) {
	w := x.(*waiter) //nolint:errcheck // heap.Push is given nothing else
	w.index = len(*h)
	*h = append(*h, w)
}

func (h *bySeq) Pop() any {
	old := *h
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	w.index = -1
	return w
}
