// Package queuetest gives tests a real NATS server each, with the streams
// made, and ways to take it away: a stop, a restart on the same port and
// directory, a kill. Only tests import it. Tests that use it may run in
// parallel; their package should hand its TestMain to [Main], or begin it with
// [Serve].
package queuetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/embedded"
)

const (
	patience = 30 * time.Second // of every wait; a test that fails is late anyway
	poll     = 5 * time.Millisecond
	maxStore = 8 << 30

	// Ports are taken below the range that systems hand out by themselves, so
	// that nobody gets the port of a stopped server by chance: neither another
	// listener nor an outgoing connection.
	firstPort, lastPort = 10_000, 32_000
)

// Config says how a server differs from the usual one.
type Config struct {
	// SyncAlways as in [embedded.Config].
	SyncAlways bool
	// Bare leaves out the streams.
	Bare bool
	// Provision sizes the streams.
	Provision queue.ProvisionConfig
	// Process runs the server in a process of its own, so that [Server.Kill]
	// is possible. It starts a little slower. The package's TestMain must begin
	// with [Main] or [Serve].
	Process bool
}

// Server is a NATS server for one test. It ends with the test. All methods may
// be called concurrently but Stop, Kill and Restart, which belong to one goroutine.
type Server struct {
	dir  string
	port int
	cfg  Config
	log  *zap.Logger

	mu      sync.Mutex
	running backend // nil while stopped
}

// backend is a running server, in this process or in another one.
type backend interface {
	Stop() error
}

// Start runs a server in this process, with all streams made.
func Start(t testing.TB) *Server {
	t.Helper()
	return StartWith(t, Config{})
}

// StartWith runs a server that differs from the usual one.
func StartWith(t testing.TB, cfg Config) *Server {
	t.Helper()
	s := &Server{dir: t.TempDir(), cfg: cfg, log: zaptest.NewLogger(t, zaptest.Level(zapcore.WarnLevel))}
	t.Cleanup(func() {
		if s.running != nil {
			require.NoError(t, s.running.Stop())
		}
	})
	for {
		s.port = firstPort + rand.N(lastPort-firstPort)
		err := s.run()
		if err == nil {
			break
		}
		require.ErrorIs(t, err, embedded.ErrListen)
	}
	if !cfg.Bare {
		require.NoError(t, s.provision())
	}
	return s
}

// provision makes the streams over a connection of its own.
func (s *Server) provision() error {
	nc, err := queue.Connect(s.URL(), queue.ConnectConfig{})
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return queue.Provision(ctx, js, s.cfg.Provision)
}

func (s *Server) run() error {
	cfg := embedded.Config{Dir: s.dir, Port: s.port, SyncAlways: s.cfg.SyncAlways, MaxStore: maxStore}
	var b backend
	var err error
	if s.cfg.Process {
		b, err = startProcess(cfg)
	} else {
		cfg.Logger = s.log
		b, err = embedded.Start(cfg)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = b
	return nil
}

// URL is where the server listens, also while it is stopped.
func (s *Server) URL() string { return fmt.Sprintf("nats://127.0.0.1:%d", s.port) }

// Dir is where the server stores its streams.
func (s *Server) Dir() string { return s.dir }

// Connect returns a connection with the settings of [queue.Connect]. It comes
// back by itself after a restart, and is closed with the test.
func (s *Server) Connect(t testing.TB) *nats.Conn {
	t.Helper()
	nc, err := queue.Connect(s.URL(), queue.ConnectConfig{Name: t.Name()})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// JetStream returns JetStream on a new connection.
func (s *Server) JetStream(t testing.TB) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(s.Connect(t))
	require.NoError(t, err)
	return js
}

// Stop ends the server in good order: everything it holds is written. Clients
// lose their connections. Stopping a stopped server does nothing.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if b := s.take(); b != nil {
		require.NoError(t, b.Stop())
	}
}

// Kill ends the server as kill -9 does, which it is: what was stored is there
// after a restart, acknowledgements of about the last 100 ms are not. It needs
// [Config.Process]; a server in this process can not be killed alone.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	p, ok := s.take().(*process)
	require.True(t, ok, "only a running server with Config.Process can be killed")
	require.NoError(t, p.kill())
}

// Restart starts the server again on the same port and directory, stopping it
// first if it runs.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	WaitFor(t, func() bool {
		err := s.run()
		if err != nil && !errors.Is(err, embedded.ErrListen) {
			t.Errorf("restart nats server: %v", err)
			return true
		}
		return err == nil
	})
	require.False(t, t.Failed(), "the nats server did not restart")
}

func (s *Server) take() backend {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.running
	s.running = nil
	return b
}

// Messages waits until a stream holds n messages at least and returns all it
// holds, in order.
func (s *Server) Messages(t testing.TB, stream string, n int) []*jetstream.RawStreamMsg {
	t.Helper()
	return Messages(t, s.JetStream(t), stream, n)
}

// Messages is [Server.Messages] over a connection that is there already.
func Messages(t testing.TB, js jetstream.JetStream, stream string, n int) []*jetstream.RawStreamMsg {
	t.Helper()
	ctx := t.Context()
	str, err := js.Stream(ctx, stream)
	require.NoError(t, err)
	var count uint64
	enough := func() bool {
		info, err := str.Info(ctx)
		if err != nil {
			return false // the server may be away for a while
		}
		count = info.State.Msgs
		return count >= uint64(n) //nolint:gosec // n is a count
	}
	eventually(t, enough, func() string { return fmt.Sprintf("%s holds %d messages, want %d", stream, count, n) })
	return read(ctx, t, str)
}

func read(ctx context.Context, t testing.TB, s jetstream.Stream) []*jetstream.RawStreamMsg {
	t.Helper()
	var all []*jetstream.RawStreamMsg
	for seq := uint64(1); ; {
		m, err := s.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(">"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return all
		}
		require.NoError(t, err)
		all = append(all, m)
		seq = m.Sequence + 1
	}
}

// WaitFor waits until cond holds, and ends the test if it does not for long.
func WaitFor(t testing.TB, cond func() bool) {
	t.Helper()
	eventually(t, cond, func() string { return "the condition did not come true in time" })
}

// eventually runs cond on the caller's goroutine, so that it may end the test.
func eventually(t testing.TB, cond func() bool, why func() string) {
	t.Helper()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for end := time.Now().Add(patience); !cond(); <-tick.C {
		if time.Now().After(end) {
			require.FailNow(t, why())
		}
	}
}
