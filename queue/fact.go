package queue

import (
	"context"
	"fmt"
	"strconv"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/queue/task"
)

// FactSubject is where gateways tell, in RS_EVENTS, that they have written
// something to the store by themselves. No stone has the token _, so that no
// stone's user may publish there.
const FactSubject = "rs.evt._.fact"

// FactKind says what a [Fact] tells of.
type FactKind string

// The kinds of facts.
const (
	// FactBegun: the epoch began in the store, with a transition that no other
	// message of the streams brings: produce.success of a command or of a task
	// that is held back, produce.failed, or canceled before the begin.
	FactBegun FactKind = "begun"
	// FactResumed: debugging of the failed task was given up.
	FactResumed FactKind = "resumed"
	// FactEnded: the epoch was given up in the store, since nothing came of its
	// command.
	FactEnded FactKind = "ended"
)

// Fact points at something in the store, for those who follow the streams. It
// changes nothing: the recorder passes over it, and what it says is to be looked
// up. It follows the transaction that wrote it.
type Fact struct {
	task.Names // without the business key

	Epoch  int
	Kind   FactKind
	Number int64 // tells the facts of one epoch and kind apart, for the other kinds than FactBegun
}

// MsgID is the Nats-Msg-Id of the fact.
func (f *Fact) MsgID() string {
	id := "f." + f.ID + "." + strconv.Itoa(f.Epoch)
	if f.Kind != FactBegun {
		id += "." + string(f.Kind) + "." + strconv.FormatInt(f.Number, 10)
	}
	return id
}

// Append appends the payload.
func (f *Fact) Append(dst []byte) []byte {
	dst = appendNames(append(dst, '{'), &f.Names)
	dst = strconv.AppendInt(append(dst, `,"epoch":`...), int64(f.Epoch), 10)
	return append(appendString(append(dst, `,"fact":`...), string(f.Kind)), '}')
}

// ParseFact reads the payload of a fact. Errors wrap [ErrMessage].
func ParseFact(payload []byte) (*Fact, error) {
	var w struct {
		wireNames

		Epoch int      `json:"epoch"`
		Kind  FactKind `json:"fact"`
	}
	if err := jsonv2.Unmarshal(payload, &w); err != nil {
		return nil, fmt.Errorf("%w: fact: %w", ErrMessage, err)
	}
	f := &Fact{Names: w.names(), Epoch: w.Epoch, Kind: w.Kind}
	if err := checkNames(&f.Names); err != nil {
		return nil, err
	}
	if f.Epoch < 1 || f.Kind != FactBegun && f.Kind != FactResumed && f.Kind != FactEnded {
		return nil, fmt.Errorf("%w: fact %q of epoch %d", ErrMessage, f.Kind, f.Epoch)
	}
	return f, nil
}

// PublishFacts stores facts in RS_EVENTS, all at once, and waits for their acks,
// which come back in the same order.
func (p *Publisher) PublishFacts(ctx context.Context, facts []Fact) []Ack {
	msgs, acks, open := make([]*nats.Msg, len(facts)), make([]Ack, len(facts)), make([]int, len(facts))
	for i := range facts {
		f := &facts[i]
		open[i] = i
		msgs[i] = &nats.Msg{Subject: FactSubject, Data: f.Append(nil), Header: nats.Header{
			nats.MsgIdHdr:                  {f.MsgID()},
			jetstream.ExpectedStreamHeader: {StreamEvents},
			HeaderTask:                     {f.ID},
			HeaderEpoch:                    {strconv.Itoa(f.Epoch)},
			HeaderSchema:                   {Schema},
		}}
	}
	p.store(ctx, msgs, acks, open)
	return acks
}
