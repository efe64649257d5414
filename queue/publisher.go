package queue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// PublisherConfig says how patient a [Publisher] is.
type PublisherConfig struct {
	// Deadline bounds one call, retries included; 5 s by default. Writing large
	// bodies has as long again.
	Deadline time.Duration
	// Pause is the wait before a failed message is sent again, 50 ms by default.
	Pause time.Duration
}

// Ack is the queue's answer to one message.
type Ack struct {
	Sequence  uint64 // of the stored message in its stream
	Duplicate bool   // a message with this id was stored before, at Sequence
	Err       error  // nothing is known to be stored; the message may yet turn out to be
}

var (
	// ErrFull says that the stream is at its limit: the queue must be worked off first.
	ErrFull = errors.New("the queue is full")
	// ErrSilent says that the queue did not confirm a message in time. It may
	// be stored all the same.
	ErrSilent = errors.New("the queue did not confirm in time")
)

// JetStream's error codes for a message that the stream has no room for, and
// for one that no try will bring in.
const (
	codeStreamLimit jetstream.ErrorCode = 10077 // maximum bytes or messages exceeded
	codeNoSpace     jetstream.ErrorCode = 10023 // insufficient resources
	codeTooLarge    jetstream.ErrorCode = 10054 // message size exceeds maximum allowed
	codeWrongStream jetstream.ErrorCode = 10060 // expected stream does not match
)

// Publisher stores messages in the streams. Every message carries an id and
// names the stream it expects; one that is not confirmed is sent again under
// the same id until the deadline, so that it is stored once. It is safe for
// concurrent use. Params and outputs over [MaxInline] go to RS_BLOB first.
type Publisher struct {
	js    jetstream.JetStream
	blobs *Blobs
	cfg   PublisherConfig
}

// NewPublisher returns a publisher over nc. It owns no goroutine and needs no stop.
func NewPublisher(nc *nats.Conn, cfg PublisherConfig) (*Publisher, error) {
	if cfg.Deadline <= 0 {
		cfg.Deadline = 5 * time.Second
	}
	if cfg.Pause <= 0 {
		cfg.Pause = 50 * time.Millisecond
	}
	js, err := jetstream.New(nc,
		jetstream.WithPublishAsyncMaxPending(1<<14),
		jetstream.WithPublishAsyncTimeout(cfg.Deadline/2))
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	return &Publisher{js: js, blobs: NewBlobs(js), cfg: cfg}, nil
}

// Publish stores commands in RS_TASKS, all at once, and waits for their acks,
// which come back in the same order.
func (p *Publisher) Publish(ctx context.Context, commands []*Command) []Ack {
	msgs, acks := make([]*nats.Msg, len(commands)), make([]Ack, len(commands))
	open := make([]int, 0, len(commands))
	var large []int
	for i, c := range commands {
		if c.large() {
			large = append(large, i)
			continue
		}
		msgs[i] = CommandMsg(c)
		open = append(open, i)
	}
	p.store(ctx, msgs, acks, open)
	if len(large) > 0 {
		p.stow(ctx, commands, msgs, acks, large)
	}
	return acks
}

// stow stores large commands behind all others, which do not wait for their
// objects.
func (p *Publisher) stow(ctx context.Context, commands []*Command, msgs []*nats.Msg, acks []Ack, large []int) {
	put, cancel := context.WithTimeout(ctx, p.cfg.Deadline)
	defer cancel()
	open := make([]int, 0, len(large))
	for _, i := range large {
		var c *Command
		if c, acks[i].Err = p.blobs.stow(put, commands[i]); acks[i].Err == nil {
			msgs[i] = CommandMsg(c)
			open = append(open, i)
		}
	}
	p.store(ctx, msgs, acks, open)
}

// PublishEvents stores events of one stone in RS_EVENTS, several in a message
// where they fit, and waits until all are confirmed. On an error some may be
// stored and others not; publishing the same events again is harmless. Outputs
// over [MaxInline] must stand in an object: [Blobs.Put].
func (p *Publisher) PublishEvents(ctx context.Context, stone string, events []Event) error {
	msgs := EventMsgs(stone, events)
	acks, open := make([]Ack, len(msgs)), make([]int, len(msgs))
	for i := range open {
		open[i] = i
	}
	p.store(ctx, msgs, acks, open)
	for _, a := range acks {
		if a.Err != nil {
			return a.Err
		}
	}
	return nil
}

// CommandMsg is the message of a command.
func CommandMsg(c *Command) *nats.Msg {
	payload := c.Append(make([]byte, 0, 512+len(c.Params)+len(c.Outputs)))
	m := &nats.Msg{Subject: c.Subject(), Data: payload, Header: nats.Header{
		nats.MsgIdHdr:                  {c.MsgID()},
		jetstream.ExpectedStreamHeader: {StreamTasks},
		HeaderTask:                     {c.ID},
		HeaderEpoch:                    {strconv.Itoa(c.Epoch)},
		HeaderMethod:                   {string(c.Method)},
		HeaderSchema:                   {Schema},
	}}
	if c.Trace != "" {
		m.Header[HeaderTrace] = []string{c.Trace}
	}
	if c.Blob != "" {
		m.Header[HeaderBlob] = []string{c.Blob}
	}
	return m
}

// roomForHeaders is left free in a message for its headers.
const roomForHeaders = 4 << 10

// maxPayload is how long the payload of a message may be.
const maxPayload = MaxMessage - roomForHeaders

// EventMsgs packs events of one stone into messages: one event alone under its
// own subject, several as an array of at most [MaxBatch] events and
// [MaxMessage] bytes. Log lines that make an event longer than that go ahead in
// events of their own, and one with an object travels alone. Equal events give
// equal messages.
func EventMsgs(stone string, events []Event) []*nats.Msg {
	events = split(events)
	var out []*nats.Msg
	for len(events) > 0 {
		buf, n := append(make([]byte, 0, 512*min(len(events), MaxBatch)), '['), 0
		for n < len(events) && n < MaxBatch && (n == 0 || events[n].Blob == "" && events[n-1].Blob == "") {
			before := len(buf)
			if n > 0 {
				buf = append(buf, ',')
			}
			buf = events[n].Append(buf)
			if n > 0 && len(buf) > maxPayload {
				buf = buf[:before]
				break
			}
			n++
		}
		if n == 1 {
			out = append(out, eventMsg(&events[0], buf[1:]))
		} else {
			out = append(out, batchMsg(stone, append(buf, ']')))
		}
		events = events[n:]
	}
	return out
}

// split returns the events with those parted that are too long for one message.
func split(events []Event) []Event {
	if !slices.ContainsFunc(events, long) {
		return events
	}
	var out []Event
	for i := range events {
		if !long(events[i]) {
			out = append(out, events[i])
			continue
		}
		e := events[i]
		room := maxPayload - len(withoutLog(e))
		for n := fitting(e.Log, room); n < len(e.Log); n = fitting(e.Log, room) {
			part := e
			part.Transitions, part.Outputs, part.Blob, part.Progress, part.Log = nil, nil, "", nil, e.Log[:max(n, 1)]
			out, e.Log = append(out, part), e.Log[max(n, 1):]
		}
		out = append(out, e)
	}
	return out
}

// fitting is how many of the lines go into so many bytes.
func fitting(lines []LogLine, room int) (n int) {
	room -= len(`,"log":[]`)
	var buf []byte
	for n < len(lines) {
		buf = appendLog(buf[:0], lines[n:n+1])
		if room -= len(buf); room < 0 {
			break
		}
		n++
	}
	return n
}

// long reports whether an event with log lines may be too long for a message.
func long(e Event) bool {
	return len(e.Log) > 0 && len(e.Append(nil)) > maxPayload
}

func withoutLog(e Event) []byte {
	e.Log = nil
	return e.Append(nil)
}

func eventMsg(e *Event, payload []byte) *nats.Msg {
	m := &nats.Msg{Subject: EventSubject(e.Stone, e.Method), Data: payload, Header: nats.Header{
		jetstream.ExpectedStreamHeader: {StreamEvents},
		HeaderTask:                     {e.ID},
		HeaderEpoch:                    {strconv.Itoa(e.Epoch)},
		HeaderMethod:                   {string(e.Method)},
		HeaderSchema:                   {Schema},
	}}
	if id := e.MsgID(); id != "" {
		m.Header[nats.MsgIdHdr] = []string{id}
	}
	if e.Trace != "" {
		m.Header[HeaderTrace] = []string{e.Trace}
	}
	if e.Blob != "" {
		m.Header[HeaderBlob] = []string{e.Blob}
	}
	return m
}

func batchMsg(stone string, payload []byte) *nats.Msg {
	sum := sha256.Sum256(payload)
	return &nats.Msg{Subject: BatchSubject(stone), Data: payload, Header: nats.Header{
		nats.MsgIdHdr:                  {"b." + hex.EncodeToString(sum[:])},
		jetstream.ExpectedStreamHeader: {StreamEvents},
		HeaderSchema:                   {Schema},
	}}
}

// store sends the open ones of the messages and waits for all their acks,
// sending again what failed in a way that may pass.
func (p *Publisher) store(ctx context.Context, msgs []*nats.Msg, acks []Ack, open []int) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Deadline)
	defer cancel()
	for len(open) > 0 {
		if open = p.round(ctx, msgs, acks, open); len(open) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			for _, i := range open {
				acks[i].Err = fmt.Errorf("%w: %w", ErrSilent, acks[i].Err)
			}
			return
		case <-time.After(p.cfg.Pause):
		}
	}
}

// round sends the open messages once and returns those worth another try.
func (p *Publisher) round(ctx context.Context, msgs []*nats.Msg, acks []Ack, open []int) (again []int) {
	futures := make([]jetstream.PubAckFuture, len(open))
	for k, i := range open {
		// A copy: the library writes its reply subject into what it sends.
		m := *msgs[i]
		futures[k], acks[i].Err = p.js.PublishMsgAsync(&m, jetstream.WithStallWait(time.Second))
	}
	for k, i := range open {
		if acks[i].Err == nil {
			acks[i] = await(ctx, futures[k])
		}
		switch err := acks[i].Err; {
		case err == nil:
		case hopeless(err):
			acks[i].Err = final(err)
		default:
			again = append(again, i)
		}
	}
	return again
}

func await(ctx context.Context, f jetstream.PubAckFuture) Ack {
	select {
	case a := <-f.Ok():
		return Ack{Sequence: a.Sequence, Duplicate: a.Duplicate}
	case err := <-f.Err():
		return Ack{Err: err}
	case <-ctx.Done():
		return Ack{Err: ctx.Err()}
	}
}

// hopeless reports whether sending the same message again can not help.
func hopeless(err error) bool {
	if errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrBadSubject) || errors.Is(err, nats.ErrConnectionClosed) {
		return true
	}
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode {
	case codeStreamLimit, codeNoSpace, codeTooLarge, codeWrongStream:
		return true
	default:
		return false
	}
}

func final(err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && (api.ErrorCode == codeStreamLimit || api.ErrorCode == codeNoSpace) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
