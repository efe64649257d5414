package letters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The words of JetStream's direct get, of which the client library knows the
// form for one message only.
const (
	directGet = "$JS.API.DIRECT.GET."
	status    = "Status"

	endOfBatch = "204"
	noMessage  = "404"
)

// batchTime bounds one answer of the server.
const batchTime = 5 * time.Second

// maxBatchBytes is about how much is asked for at once: it is in memory once.
const maxBatchBytes = 4 << 20

var errDirect = errors.New("the stream can not be read")

// raw is a message as it is stored.
type raw struct {
	seq     uint64
	subject string
	time    time.Time
	header  nats.Header
	data    []byte
}

type batchRequest struct {
	Seq      uint64 `json:"seq"`
	Batch    uint64 `json:"batch"`
	MaxBytes int    `json:"max_bytes"`
}

// read hands the messages of a stream from sequence from to sequence to, in
// their order, to take. It asks for many at a time, and for no more than there
// can be.
func read(ctx context.Context, nc *nats.Conn, stream string, from, to uint64, take func(m *raw)) error {
	for from <= to {
		last, err := readBatch(ctx, nc, stream, from, to, take)
		if err != nil {
			return fmt.Errorf("read %s: %w", stream, err)
		}
		if last == 0 {
			return nil
		}
		from = last + 1
	}
	return nil
}

// readBatch is one request. It returns the last sequence that came, 0 if there
// is nothing more.
func readBatch(ctx context.Context, nc *nats.Conn, stream string, from, to uint64, take func(m *raw)) (last uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, batchTime)
	defer cancel()
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return 0, err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only if the connection is gone
	req, _ := json.Marshal(batchRequest{Seq: from, Batch: to - from + 1, MaxBytes: maxBatchBytes})
	if err := nc.PublishRequest(directGet+stream, inbox, req); err != nil {
		return 0, err
	}
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return 0, err
		}
		switch s := m.Header.Get(status); {
		case s == endOfBatch, s == noMessage:
			return last, nil
		case s != "":
			return 0, fmt.Errorf("%w: %s %s", errDirect, s, m.Header.Get("Description"))
		}
		one, err := parse(m)
		if err != nil {
			return 0, err
		}
		if last = one.seq; last > to {
			return last, nil
		}
		take(one)
	}
}

func parse(m *nats.Msg) (*raw, error) {
	seq, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%w: sequence: %w", errDirect, err)
	}
	at, err := time.Parse(time.RFC3339Nano, m.Header.Get(jetstream.TimeStampHeaer))
	if err != nil {
		return nil, fmt.Errorf("%w: time: %w", errDirect, err)
	}
	return &raw{seq: seq, subject: m.Header.Get(jetstream.SubjectHeader), time: at, header: m.Header, data: m.Data}, nil
}
