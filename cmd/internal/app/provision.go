package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/queue"
)

// Served is a stone, or one business key of it, whose workers need consumers.
type Served struct{ Code, Key string }

// String writes it as the command line takes it.
func (s Served) String() string {
	if s.Key == "" {
		return s.Code
	}
	return s.Code + "=" + s.Key
}

// Asset is something in NATS that was provisioned.
type Asset struct {
	Kind, Name string
	Made       bool // just now; else it was there
}

// Provision makes the streams of a NATS server that runs elsewhere, and the
// consumers of these stones, where they are missing. It starts nothing.
// Processes make them by themselves when they start; this is for those whose
// user may not. What was done before an error is returned with it.
func Provision(ctx context.Context, cfg config.Config, stones []Served, log *zap.Logger) ([]Asset, error) {
	if cfg.NATS == config.Embedded {
		return nil, errors.New("an embedded server makes its streams when it starts")
	}
	a := New(cfg, log, Hooks{})
	defer func() { _ = a.Stop(context.WithoutCancel(ctx)) }()
	nc, err := a.connect(config.Recorder)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	all, err := a.provisionStreams(ctx, nc, js)
	for _, s := range stones {
		if err != nil {
			break
		}
		var made []Asset
		made, err = a.provisionConsumers(ctx, nc, js, s)
		all = append(all, made...)
	}
	return all, err
}

// streams are the names of all streams, those of buckets included.
var streams = []string{queue.StreamTasks, queue.StreamEvents, queue.StreamDLQ, "KV_" + queue.BucketStones, "OBJ_" + queue.BucketBlobs}

func (a *App) provisionStreams(ctx context.Context, nc *nats.Conn, js jetstream.JetStream) ([]Asset, error) {
	all := make([]Asset, len(streams))
	err := a.await(ctx, nc, func(ctx context.Context) error {
		for i, name := range streams {
			_, err := js.Stream(ctx, name)
			if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
				return fmt.Errorf("look up %s: %w", name, err)
			}
			all[i] = Asset{"stream", name, err != nil}
		}
		return nil
	})
	if err == nil {
		err = a.provision(ctx, nc)
	}
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (a *App) provisionConsumers(ctx context.Context, nc *nats.Conn, js jetstream.JetStream, s Served) ([]Asset, error) {
	all := make([]Asset, len(queue.Lanes()))
	err := a.await(ctx, nc, func(ctx context.Context) error {
		for i, l := range queue.Lanes() {
			name := l.Durable(s.Code, s.Key)
			_, err := js.Consumer(ctx, queue.StreamTasks, name)
			if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
				return fmt.Errorf("look up consumer %s: %w", name, err)
			}
			all[i] = Asset{"consumer", name, err != nil}
		}
		_, err := queue.EnsureConsumers(ctx, js, s.Code, s.Key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}
