package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// Puller fetches the messages of one consumer. It keeps pull requests open on
// one inbox, so that there is no gap between two of them, never asks for more
// than there is room for, and watches for silence: a server that waits for
// messages sends heartbeats, and where none come the pulls are taken for lost
// and made again. It is written by hand because the library's Consume was seen
// to stop pulling for good, and its Fetch costs a timer for every message.
type Puller struct {
	nc     *nats.Conn
	cfg    PullConfig
	next   string // the subject of pull requests
	inbox  string
	wake   chan struct{}
	stalls atomic.Uint64
	heard  atomic.Int64 // lastSign, for others, in Unix nanoseconds; 0 for never

	// The rest belongs to Run.
	owed      int // messages asked for that have not come
	lastSign  time.Time
	pauseTill time.Time
}

// PullConfig says what a [Puller] fetches and how.
type PullConfig struct {
	Stream   string
	Consumer string
	// Limit is the most that Room ever returns.
	Limit int
	// Room returns how many messages may be asked for or on their way now; by
	// default Limit. It is called often.
	Room func() int
	// Expires is how long a pull waits, 30 s by default; Heartbeat how often
	// the server shows that it does, 500 ms by default.
	Expires   time.Duration
	Heartbeat time.Duration
	// Lost is called when nobody answers for the consumer. Returning nil says
	// that it is there, or will be; an error ends Run. By default Run ends with
	// [ErrConsumerLost] once the server says that the consumer was deleted.
	Lost func(ctx context.Context) error
}

// ErrConsumerLost says that the consumer was deleted on the server.
var ErrConsumerLost = errors.New("consumer is gone")

// NewPuller returns a puller; Run starts it.
func NewPuller(nc *nats.Conn, cfg PullConfig) *Puller {
	if cfg.Expires <= 0 {
		cfg.Expires = 30 * time.Second
	}
	if cfg.Heartbeat <= 0 {
		cfg.Heartbeat = 500 * time.Millisecond
	}
	if cfg.Room == nil {
		cfg.Room = func() int { return cfg.Limit }
	}
	return &Puller{nc: nc, cfg: cfg, inbox: nc.NewInbox(), wake: make(chan struct{}, 1),
		next: "$JS.API.CONSUMER.MSG.NEXT." + cfg.Stream + "." + cfg.Consumer}
}

// Wake tells that there is more room.
func (p *Puller) Wake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Stalls counts how often the consumer fell silent and was pulled again.
func (p *Puller) Stalls() uint64 { return p.stalls.Load() }

// Heard returns when the server last answered a pull, be it with a message or
// with the sign that it waits for some; zero for never.
func (p *Puller) Heard() time.Time {
	if n := p.heard.Load(); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}

// Run pulls until ctx ends, and hands every message to deliver, one at a time
// and in order. When ctx ends it stops asking, hands over what is on its way
// with stopping set, and returns nil. It returns early when deliver fails.
func (p *Puller) Run(ctx context.Context, deliver func(d *Delivery, stopping bool) error) error {
	ch := make(chan *nats.Msg, 4*p.cfg.Limit+256)
	sub, err := p.nc.ChanSubscribe(p.inbox, ch)
	if err != nil {
		return fmt.Errorf("subscribe to deliveries: %w", err)
	}
	err = p.loop(ctx, ch, deliver)
	if drainErr := p.drain(sub, ch, deliver); err == nil {
		err = drainErr
	}
	return err
}

func (p *Puller) loop(ctx context.Context, ch <-chan *nats.Msg, deliver func(*Delivery, bool) error) error {
	tick := time.NewTicker(p.cfg.Heartbeat / 2)
	defer tick.Stop()
	status := p.nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer p.nc.RemoveStatusListener(status)
	p.lastSign = time.Now()
	for {
		p.ask()
		select {
		case <-ctx.Done():
			return nil
		case m := <-ch:
			if err := p.take(ctx, m, deliver, false); err != nil {
				return err
			}
		case <-p.wake:
		case s := <-status:
			if s == nats.CLOSED {
				return nats.ErrConnectionClosed
			}
			p.forget() // pulls do not outlive a connection
		case <-tick.C:
			p.watch()
		}
	}
}

// ask pulls as many messages as there is room for, once that is worth a
// request: as long as at least half of them are still owed it waits.
func (p *Puller) ask() {
	room := p.cfg.Room() - p.owed
	if room <= 0 || room < p.owed {
		return
	}
	now := time.Now()
	if now.Before(p.pauseTill) || !p.nc.IsConnected() {
		return
	}
	req, _ := json.Marshal(pullRequest{Batch: room, Expires: p.cfg.Expires, Heartbeat: p.cfg.Heartbeat})
	if p.nc.PublishRequest(p.next, p.inbox, req) != nil {
		p.pause()
		return
	}
	p.owed += room
	p.lastSign = now
}

type pullRequest struct {
	Batch     int           `json:"batch"`
	Expires   time.Duration `json:"expires"`
	Heartbeat time.Duration `json:"idle_heartbeat"`
}

func (p *Puller) take(ctx context.Context, m *nats.Msg, deliver func(*Delivery, bool) error, stopping bool) error {
	p.lastSign = time.Now()
	p.heard.Store(p.lastSign.UnixNano())
	if m.Subject == p.inbox { // a message has the subject it was stored under
		return p.status(ctx, m)
	}
	d, err := newDelivery(p.nc, m)
	if err != nil {
		return err
	}
	p.owed = max(p.owed-1, 0)
	return deliver(&d, stopping)
}

// status handles what the server says of a pull. The end of one comes with the
// number of messages that it still owed.
func (p *Puller) status(ctx context.Context, m *nats.Msg) error {
	code, text := m.Header.Get("Status"), strings.ToLower(m.Header.Get("Description"))
	if code == "100" { // heartbeat
		return nil
	}
	left, err := strconv.Atoi(m.Header.Get("Nats-Pending-Messages"))
	if err != nil { // the pull was not taken, or all of them are off
		left = p.owed
	}
	p.owed = max(p.owed-left, 0)
	switch {
	case code == "503", strings.Contains(text, "consumer deleted"):
		p.pause()
		return p.lost(ctx, code)
	case code != "404" && code != "408": // a limit, or the consumer moved to another server
		p.pause()
	}
	return nil
}

func (p *Puller) lost(ctx context.Context, code string) error {
	if p.cfg.Lost != nil {
		return p.cfg.Lost(ctx)
	}
	if code == "503" { // nobody answers: JetStream as a whole may not be there yet
		return nil
	}
	return fmt.Errorf("%w: %s on %s", ErrConsumerLost, p.cfg.Consumer, p.cfg.Stream)
}

func (p *Puller) forget() { p.owed, p.pauseTill = 0, time.Time{} }

func (p *Puller) pause() { p.pauseTill = time.Now().Add(100 * time.Millisecond) }

// watch takes pulls for lost when the server is silent about them.
func (p *Puller) watch() {
	if p.owed > 0 && p.nc.IsConnected() && time.Since(p.lastSign) > 5*p.cfg.Heartbeat/2 {
		p.stalls.Add(1)
		p.forget()
	}
}

// drain takes back the interest and hands over what the server sent before it knew.
func (p *Puller) drain(sub *nats.Subscription, ch <-chan *nats.Msg, deliver func(*Delivery, bool) error) error {
	done := sub.StatusChanged(nats.SubscriptionClosed)
	if sub.Drain() != nil { // the connection is gone, and with it what was on its way
		return nil
	}
	limit := time.NewTimer(2 * time.Second)
	defer limit.Stop()
	for {
		select {
		case m := <-ch:
			if err := p.take(context.Background(), m, deliver, true); err != nil {
				return err
			}
		case <-done:
			for len(ch) > 0 {
				if err := p.take(context.Background(), <-ch, deliver, true); err != nil {
					return err
				}
			}
			return nil
		case <-limit.C:
			return nil
		}
	}
}
