package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrGap says that messages behind the checkpoint are gone from a stream
	// although nobody has recorded them.
	ErrGap = errors.New("messages are missing behind the checkpoint")
	// ErrBehind says that a stream ends before the checkpoint: it was lost or
	// replaced, or the database belongs to another queue.
	ErrBehind = errors.New("the stream ends before the checkpoint")
)

// Reader reads a whole stream in its order, from a sequence on, without acks:
// its caller keeps the position. That is how the recorder reads.
type Reader struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	stream string
	limit  int
}

// NewReader returns a reader of a stream that asks for at most limit messages
// ahead (500 if it is 0).
func NewReader(nc *nats.Conn, stream string, limit int) (*Reader, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	if limit <= 0 {
		limit = 500
	}
	return &Reader{nc: nc, js: js, stream: stream, limit: limit}, nil
}

// errLost ends one consumer; the next one goes on behind the last message.
var errLost = errors.New("messages were lost on the way")

// Run hands every message behind the sequence after to take, in order, each
// once, until ctx ends (nil) or take fails (its error). Outages of the queue
// are waited out. It ends with [ErrGap] or [ErrBehind] when it could only go
// on by skipping.
func (r *Reader) Run(ctx context.Context, after uint64, take func(d *Delivery) error) error {
	last := after
	for {
		err := r.run(ctx, &last, take)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // what fails because it was stopped has not failed
		case err == nil, errors.Is(err, errLost), errors.Is(err, ErrConsumerLost), transient(err):
		default:
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// transient reports whether err comes from a queue that is out of reach.
func transient(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders) ||
		errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrDisconnected) || errors.Is(err, nats.ErrReconnectBufExceeded) ||
		errors.Is(err, nats.ErrConnectionReconnecting) || errors.Is(err, jetstream.ErrJetStreamNotEnabled) || isUnavailable(err)
}

func isUnavailable(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.Code == 503
}

func (r *Reader) run(ctx context.Context, last *uint64, take func(*Delivery) error) error {
	name, err := r.consumer(ctx, *last)
	if err != nil {
		return err
	}
	order := uint64(0)
	p := NewPuller(r.nc, PullConfig{Stream: r.stream, Consumer: name, Limit: r.limit, Lost: func(ctx context.Context) error {
		return r.check(ctx, name)
	}})
	return p.Run(ctx, func(d *Delivery, stopping bool) error {
		if stopping {
			return nil
		}
		if order++; d.Order != order {
			return errLost
		}
		if err := take(d); err != nil {
			return err
		}
		*last = d.Sequence
		return nil
	})
}

// consumer makes a consumer that begins behind last, and refuses to skip.
func (r *Reader) consumer(ctx context.Context, last uint64) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s, err := r.js.Stream(ctx, r.stream)
	if err != nil {
		return "", fmt.Errorf("stream %s: %w", r.stream, err)
	}
	state := s.CachedInfo().State
	if state.FirstSeq > last+1 {
		return "", fmt.Errorf("%w: %s begins at %d, %d to %d are gone", ErrGap, r.stream, state.FirstSeq, last+1, state.FirstSeq-1)
	}
	if state.LastSeq < last {
		return "", fmt.Errorf("%w: %s ends at %d, recorded up to %d", ErrBehind, r.stream, state.LastSeq, last)
	}
	c, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: last + 1,
		InactiveThreshold: time.Minute, MemoryStorage: true, Replicas: 1,
	})
	if err != nil {
		return "", fmt.Errorf("read %s: %w", r.stream, err)
	}
	return c.CachedInfo().Name, nil
}

func (r *Reader) check(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := r.js.Consumer(ctx, r.stream, name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return ErrConsumerLost
	}
	return nil
}
