package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

const (
	relayDuty  = "relay"
	relayLease = 5 * time.Second
	relayRenew = 1500 * time.Millisecond
	relayBatch = 500
	// relayLook is how often the outbox is looked at although nobody said that
	// there is something.
	relayLook = 500 * time.Millisecond
	minAgain  = 100 * time.Millisecond
	// sureToRepeat is for how long the queue knows a message again. A row that
	// is older may have been published by a relay that died, or before the
	// database was restored: its message is a copy, of which workers ask first.
	sureToRepeat = queue.DuplicateWindow - time.Minute
	maxAgain     = 30 * time.Second
)

// RelayStore is what a [Relay] needs of the store.
type RelayStore interface {
	store.Outbox
	store.Leases
	Position(ctx context.Context) (store.Position, error)
	Task(ctx context.Context, key string) (task.Task, error)
	History(ctx context.Context, id string, notes bool) ([]store.Note, error)
}

// Relay sends what commands left in the outbox: at least once, and in effect
// once, since every message carries an id. One of all relays works at a time;
// another takes over within seconds when it dies.
type Relay struct {
	store  RelayStore
	pub    Publisher
	facts  *queue.Publisher
	nc     *nats.Conn
	js     jetstream.JetStream
	pursue func(ctx context.Context, id string, epoch int) error
	log    *zap.Logger
	now    func() time.Time
	name   string

	wake   chan struct{}
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// NewRelay returns a relay that is not started. pursue is [Commander.Pursue].
func NewRelay(st RelayStore, pub Publisher, nc *nats.Conn, pursue func(ctx context.Context, id string, epoch int) error, log *zap.Logger) (*Relay, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("make relay: %w", err)
	}
	facts, err := queue.NewPublisher(nc, queue.PublisherConfig{})
	if err != nil {
		return nil, fmt.Errorf("make relay: %w", err)
	}
	return &Relay{store: st, pub: pub, facts: facts, nc: nc, js: js, pursue: pursue, log: log.Named("relay"), now: time.Now, name: nats.NewInbox(),
		wake: make(chan struct{}, 1)}, nil
}

// Start begins in the background, and listens to other gateways' wakes.
func (r *Relay) Start(ctx context.Context) error {
	sub, err := r.nc.Subscribe(queue.OutboxSubject, func(*nats.Msg) { r.kick() })
	if err != nil {
		return fmt.Errorf("start relay: %w", err)
	}
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	r.done.Go(func() {
		defer func() {
			if err := sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
				r.log.Debug("not unsubscribed", zap.Error(err))
			}
		}()
		r.run(ctx)
	})
	return nil
}

// Stop ends the relay after what it is sending.
func (r *Relay) Stop() {
	if r.cancel != nil {
		r.cancel()
		r.done.Wait()
	}
}

// Wake tells the relay at work, here or elsewhere, that something waits.
func (r *Relay) Wake() {
	r.kick()
	if err := r.nc.Publish(queue.OutboxSubject, nil); err != nil {
		r.log.Debug("wake not published, the relay looks by itself", zap.Error(err))
	}
}

func (r *Relay) kick() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run works while it holds the lease.
func (r *Relay) run(ctx context.Context) {
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if err := r.store.Release(ctx, relayDuty, r.name); err != nil {
			r.log.Debug("lease not released, it runs out", zap.Error(err))
		}
	}()
	var renewed time.Time
	for ctx.Err() == nil {
		if time.Since(renewed) > relayRenew {
			held, err := r.store.Lease(ctx, relayDuty, r.name, relayLease)
			if err != nil && ctx.Err() == nil {
				r.log.Warn("the database can not answer", zap.Error(err))
			}
			if err != nil || !held {
				r.pause(ctx, relayRenew, false)
				continue
			}
			renewed = time.Now()
		}
		r.pause(ctx, r.work(ctx), true)
	}
}

// pause waits for d, or for a wake if it may be woken.
func (r *Relay) pause(ctx context.Context, d time.Duration, wakes bool) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	var woken <-chan struct{}
	if wakes {
		woken = r.wake
	}
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-woken:
	}
}

// work sends what is due and returns how long nothing will be.
func (r *Relay) work(ctx context.Context) time.Duration {
	now := r.now()
	rows, next, err := r.store.Outgoing(ctx, now, relayBatch)
	if err != nil {
		if ctx.Err() == nil {
			r.log.Warn("outbox can not be read", zap.Error(err))
		}
		return relayLook
	}
	if len(rows) == 0 {
		if next.IsZero() {
			return relayLook
		}
		return min(max(next.Sub(r.now()), time.Millisecond), relayLook)
	}
	done := r.sendAll(ctx, rows)
	if err := r.store.Sent(context.WithoutCancel(ctx), done); err != nil {
		r.log.Warn("outbox not cleared, the same messages go out again", zap.Error(err))
		return relayLook
	}
	return 0
}

// sendAll sends rows of different tasks.
func (r *Relay) sendAll(ctx context.Context, rows []store.Outgoing) []store.Sent {
	done := make([]store.Sent, len(rows))
	var commands []*queue.Command
	var at []int
	untold := r.announce(ctx, rows)
	for i := range rows {
		row := &rows[i]
		done[i].Number = row.Number
		if err := untold[i]; err != nil {
			r.failed(&done[i], row, err)
			continue
		}
		if row.Kind == store.Send {
			if r.late(row) {
				row.Command.Copy = "late"
			}
			if row.Timeout > 0 {
				row.Command.Deadline = r.now().Add(row.Timeout).UTC().Truncate(time.Microsecond)
			}
			commands, at = append(commands, &row.Command), append(at, i)
			continue
		}
		r.failed(&done[i], row, r.tell(ctx, row))
	}
	if len(commands) == 0 {
		return done
	}
	for k, ack := range r.pub.Publish(context.WithoutCancel(ctx), commands) {
		i := at[k]
		done[i].Sequence, done[i].Deadline = ack.Sequence, rows[i].Command.Deadline
		r.failed(&done[i], &rows[i], ack.Err)
	}
	return done
}

// late reports whether the queue may not know the row's message any more.
func (r *Relay) late(row *store.Outgoing) bool { return r.now().Sub(row.Since) > sureToRepeat }

// failed notes when to try again, if err is not nil.
func (r *Relay) failed(s *store.Sent, row *store.Outgoing, err error) {
	if err == nil {
		return
	}
	wait := min(minAgain<<min(row.Tries, 10), maxAgain)
	s.Again, s.Problem = r.now().Add(wait), err.Error()
	if !errors.Is(err, errUnread) {
		r.log.Warn("not sent, trying again", zap.String("task", row.Command.ID), zap.Int("tries", row.Tries+1), zap.Duration("in", wait), zap.Error(err))
	}
}

// errUnread says that the recorder has to read a message before it may go.
var errUnread = errors.New("the message is not recorded yet")

func (r *Relay) tell(ctx context.Context, row *store.Outgoing) error {
	switch row.Kind {
	case store.Withdraw:
		if err := r.remove(ctx, row); err != nil {
			return err
		}
		return r.halt(row)
	case store.Halt:
		return r.halt(row)
	case store.Pursue:
		return r.pursue(ctx, row.Command.ID, row.Command.Epoch)
	case store.Tell, store.TellResumed, store.TellEnded:
		return nil // it was announced
	default:
		return fmt.Errorf("outbox row of unknown kind %d", row.Kind)
	}
}

// remove deletes a waiting command from the stream. Workers that have it
// already are told by halt.
func (r *Relay) remove(ctx context.Context, row *store.Outgoing) error {
	if row.Sequence == 0 {
		return nil
	}
	pos, err := r.store.Position(ctx)
	if err != nil {
		return err
	}
	if pos.Tasks < row.Sequence {
		return errors.Join(errUnread, r.halt(row))
	}
	s, err := r.js.Stream(ctx, queue.StreamTasks)
	if err != nil {
		return err
	}
	m, err := s.GetMsg(ctx, row.Sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && m.Header.Get(queue.HeaderTask) != row.Command.ID {
		return nil
	}
	if err == nil {
		err = s.DeleteMsg(ctx, row.Sequence)
	}
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil
	}
	return err
}

func (r *Relay) halt(row *store.Outgoing) error {
	out, err := json.Marshal(queue.Halt{ID: row.Command.ID, Epoch: row.Command.Epoch})
	if err != nil {
		return err
	}
	if err := r.nc.Publish(queue.CtlSubject(row.Command.Stone), out); err != nil {
		return err
	}
	return r.nc.FlushTimeout(time.Second)
}
