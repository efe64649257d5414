package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Delivery is one message that a consumer handed out, with the verbs that
// answer it. A message that is not answered within AckWait, or given back, is
// delivered again.
type Delivery struct {
	Msg      *nats.Msg
	Sequence uint64    // in the stream
	Order    uint64    // in the consumer: counts deliveries, from 1
	Count    int       // how often this message has been delivered, from 1
	Pending  uint64    // messages of the consumer behind this one
	Time     time.Time // when the message was stored, by the server's clock
	Received time.Time // when it came in here; monotonic

	nc *nats.Conn
}

// The words of JetStream's acknowledgement protocol.
var (
	ackDone     = []byte("+ACK")
	ackProgress = []byte("+WPI")
)

// ErrDelivery says that a message did not come from a consumer.
var ErrDelivery = errors.New("message does not come from a JetStream consumer")

// newDelivery reads what the server wrote into the reply subject:
// $JS.ACK.<stream>.<consumer>.<count>.<sequence>.<order>.<time>.<pending>, or
// with a domain and an account's hash in front of the stream, and perhaps a
// random token at the end.
func newDelivery(nc *nats.Conn, m *nats.Msg) (Delivery, error) {
	const prefix = "$JS.ACK."
	if !strings.HasPrefix(m.Reply, prefix) {
		return Delivery{}, ErrDelivery
	}
	var tok [12]string
	n := 0
	for rest := m.Reply[len(prefix):]; n < len(tok); n++ {
		var more bool
		if tok[n], rest, more = strings.Cut(rest, "."); !more {
			n++
			break
		}
	}
	first := 2 // behind stream and consumer
	if n >= 9 {
		first = 4 // behind domain and account as well
	}
	if n < first+5 {
		return Delivery{}, fmt.Errorf("%w: %d tokens", ErrDelivery, n)
	}
	var v [5]uint64
	for i := range v {
		var err error
		if v[i], err = strconv.ParseUint(tok[first+i], 10, 64); err != nil {
			return Delivery{}, fmt.Errorf("%w: %w", ErrDelivery, err)
		}
	}
	return Delivery{Msg: m, Count: int(v[0]), Sequence: v[1], Order: v[2], Time: time.Unix(0, int64(v[3])).UTC(), //nolint:gosec // counts and nanoseconds of a server fit
		Pending: v[4], Received: time.Now(), nc: nc}, nil
}

// Ack says that the message is done with. It is sent without waiting for an
// answer: an ack that gets lost costs one more delivery.
func (d *Delivery) Ack() error { return d.answer(ackDone) }

// Nak gives the message back, to be delivered again after at least the delay.
func (d *Delivery) Nak(delay time.Duration) error {
	if delay <= 0 {
		return d.answer([]byte("-NAK"))
	}
	return d.answer(fmt.Appendf(nil, `-NAK {"delay":%d}`, delay.Nanoseconds()))
}

// Term gives the message up: it is not delivered again. The server puts the
// reason into an advisory.
func (d *Delivery) Term(reason string) error { return d.answer([]byte("+TERM " + reason)) }

// Renew prolongs the lease by another AckWait and waits for the server to say
// so. An error means that the lease may run out.
func (d *Delivery) Renew(ctx context.Context) error {
	if _, err := d.nc.RequestWithContext(ctx, d.Msg.Reply, ackProgress); err != nil {
		return fmt.Errorf("renew lease: %w", err)
	}
	return nil
}

func (d *Delivery) answer(word []byte) error {
	if err := d.nc.Publish(d.Msg.Reply, word); err != nil {
		return fmt.Errorf("answer delivery: %w", err)
	}
	return nil
}
