package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/embedded"
)

// How long a start waits for NATS, and how long between two tries.
const (
	natsPatience = 60 * time.Second
	natsPause    = 500 * time.Millisecond
	natsTry      = 10 * time.Second
	flushTime    = 2 * time.Second
)

// startNATS starts the embedded server, if one is wanted.
func (a *App) startNATS() error {
	if a.cfg.NATS != config.Embedded {
		return nil
	}
	cfg := embedded.Config{Dir: a.cfg.NATSDir(), SyncAlways: a.cfg.SyncAlways, Logger: a.log.Named("nats")}
	if a.cfg.NATSListen != "" {
		host, port, err := net.SplitHostPort(a.cfg.NATSListen)
		if err != nil {
			return fmt.Errorf("nats-listen: %w", err)
		}
		if cfg.Port, err = strconv.Atoi(port); err != nil {
			return fmt.Errorf("nats-listen: %w", err)
		}
		if cfg.Host = host; host == "" {
			cfg.Host = "0.0.0.0"
		}
		if cfg.Port == 0 {
			cfg.Port = embedded.AnyPort
		}
	}
	s, err := embedded.Start(cfg)
	if err != nil {
		return err
	}
	a.nats = s
	a.stack.push("nats server", func(context.Context) error { return s.Stop() })
	return nil
}

// connect makes the connection of one role. Each has its own, so that one
// role's flood of messages does not hold up another's answers.
func (a *App) connect(r config.Role) (*nats.Conn, error) {
	host, _ := os.Hostname()
	cfg := queue.ConnectConfig{
		Name: string(r) + "@" + host, CredsFile: a.cfg.NATSCreds, Logger: a.log.Named("nats").With(zap.String("role", string(r))),
		OnClosed: func(err error) {
			a.fail(fmt.Errorf("the connection of the %s to NATS is closed for good: %w", r, errors.Join(err, nats.ErrConnectionClosed)))
		},
	}
	nc, err := a.dial(cfg)
	if err != nil {
		return nil, err
	}
	a.stack.push("nats connection of the "+string(r), func(ctx context.Context) error {
		if nc.IsConnected() {
			// Acks go out without an answer: see them off.
			ctx, cancel := context.WithTimeout(ctx, flushTime)
			defer cancel()
			if err := nc.FlushWithContext(ctx); err != nil {
				a.log.Debug("nats connection not flushed", zap.Error(err))
			}
		}
		nc.Close()
		return nil
	})
	return nc, nil
}

func (a *App) dial(cfg queue.ConnectConfig) (*nats.Conn, error) {
	if a.nats != nil {
		return a.nats.Connect(queue.Options(cfg)...)
	}
	return queue.Connect(a.cfg.NATS, cfg)
}

// provision makes the streams.
func (a *App) provision(ctx context.Context, nc *nats.Conn) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	cfg := queue.ProvisionConfig{Replicas: a.cfg.Replicas}
	if a.nats != nil {
		cfg.Store = a.nats.MaxStore()
	}
	return a.await(ctx, nc, func(ctx context.Context) error { return queue.Provision(ctx, js, cfg) })
}

// await tries something that needs NATS until it succeeds. A server that
// cannot be reached yet is waited for, since nothing says who starts first.
func (a *App) await(ctx context.Context, nc *nats.Conn, try func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, natsPatience)
	defer cancel()
	var told string
	for {
		once, stop := context.WithTimeout(ctx, natsTry)
		err := try(once)
		stop()
		if away := queue.Reached(nc); err != nil && away != nil {
			err = away // what failed is only how that shows
		}
		if err == nil || errors.Is(err, queue.ErrAssetSettings) || errors.Is(err, queue.ErrOtherForm) || nc.IsClosed() {
			return err // time would not change it
		}
		waits := "NATS is not ready, waiting for it"
		if errors.Is(err, queue.ErrNoConsumer) {
			waits = "a consumer is missing, waiting for it"
		}
		if told != waits {
			told = waits
			a.log.Error(waits, zap.String("nats", a.cfg.NATSName()), zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("NATS at %s was not ready: %w", a.cfg.NATSName(), err)
		case <-time.After(natsPause):
		}
	}
}
