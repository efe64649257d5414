// Package embedded runs a NATS server with JetStream inside this process: for
// one machine (`riverstones dev`) and for tests. A cluster is made of separate
// nats-servers, configured as deploy/nats shows; this package does not join
// one. It stores nothing of its own but a lock file in the store directory.
// The command tree and queuetest call it.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

const (
	maxPayload   = 1 << 20
	maxMemory    = 64 << 20 // of streams in memory; there are none of ours
	readyTimeout = 30 * time.Second
	readyPoll    = 25 * time.Millisecond
	dirMode      = 0o750
)

// AnyPort as [Config].Port asks for a free port.
const AnyPort = -1

var (
	// ErrInUse says that another server uses the store directory.
	ErrInUse = errors.New("store directory is in use")
	// ErrListen says that the address can not be listened on.
	ErrListen = errors.New("can not listen")
)

// Config says where and how the server runs. Dir is required.
type Config struct {
	// Dir holds all streams. It is made if it is missing.
	Dir string
	// Host is the address to listen on, 127.0.0.1 by default.
	Host string
	// Port to listen on: [AnyPort] for a free one, 0 to serve this process only.
	Port int
	// SyncAlways writes through to the disk before a message is acknowledged.
	// Without it a power loss can take back up to two minutes of acknowledged
	// messages; killing the process loses none either way. It costs throughput.
	SyncAlways bool
	// MaxStore is the greatest size of all streams together, in bytes: 60 % of
	// what the disk has free (counting what Dir holds already) by default.
	MaxStore int64
	// ServerName is shown in logs and to clients; made up by default.
	ServerName string
	// User and Password, or Token, must be presented by clients, those in this
	// process included. By default everybody who reaches the port is let in.
	User, Password string
	Token          string
	// Logger takes the server's warnings and errors, and its notices at debug
	// level. Nothing is logged by default.
	Logger *zap.Logger `json:"-"`
}

// Server is a running server. Its methods may be called concurrently.
type Server struct {
	ns       *server.Server
	lock     *dirLock
	maxStore int64
	listens  bool
	stop     sync.Once
}

// Start runs a server and returns when it takes connections. It returns
// [ErrInUse] when another server has the store directory, and [ErrListen] when
// the address is taken.
func Start(cfg Config) (*Server, error) {
	if cfg.Dir == "" {
		return nil, errors.New("start nats server: no store directory given")
	}
	log := cfg.Logger
	if log == nil {
		log = zap.NewNop()
	}
	if err := os.MkdirAll(cfg.Dir, dirMode); err != nil {
		return nil, fmt.Errorf("make store directory: %w", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	s, err := start(cfg, log)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	s.lock = lock
	log.Info("nats server started", zap.String("url", s.URL()), zap.String("dir", cfg.Dir),
		zap.Bool("sync_always", cfg.SyncAlways), zap.Int64("max_store", s.maxStore))
	return s, nil
}

func start(cfg Config, log *zap.Logger) (*Server, error) {
	opts, err := options(cfg)
	if err != nil {
		return nil, err
	}
	if err := probe(opts); err != nil {
		return nil, err
	}
	ns, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("configure nats server: %w", err)
	}
	fatal := make(chan error, 1)
	ns.SetLoggerV2(&logger{log: log.Sugar(), fatal: fatal}, false, false, false)
	ns.Start()
	if err := await(ns, fatal); err != nil {
		ns.Shutdown()
		ns.WaitForShutdown()
		return nil, err
	}
	return &Server{ns: ns, maxStore: opts.JetStreamMaxStore, listens: !opts.DontListen}, nil
}

func options(cfg Config) (*server.Options, error) {
	opts := &server.Options{
		ServerName: cfg.ServerName,
		Host:       cfg.Host,
		Port:       cfg.Port,
		DontListen: cfg.Port == 0,
		NoSigs:     true,
		MaxPayload: maxPayload,
		Username:   cfg.User, Password: cfg.Password, Authorization: cfg.Token,
		JetStream:              true,
		StoreDir:               cfg.Dir,
		SyncAlways:             cfg.SyncAlways,
		JetStreamMaxStore:      cfg.MaxStore,
		JetStreamMaxMemory:     maxMemory,
		DisableJetStreamBanner: true,
		JetStreamLimits:        server.JSLimitOpts{DefaultMaxConsumers: -1},
	}
	if opts.Host == "" {
		opts.Host = "127.0.0.1"
	}
	if opts.JetStreamMaxStore <= 0 {
		size, err := defaultMaxStore(cfg.Dir)
		if err != nil {
			return nil, err
		}
		opts.JetStreamMaxStore = size
	}
	return opts, nil
}

// probe tells a taken port before the server starts, since nats-server itself
// would end the process over it.
func probe(opts *server.Options) error {
	if opts.DontListen || opts.Port < 0 {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", net.JoinHostPort(opts.Host, strconv.Itoa(opts.Port)))
	if err != nil {
		return fmt.Errorf("%w on %s: %w", ErrListen, net.JoinHostPort(opts.Host, strconv.Itoa(opts.Port)), cause(err))
	}
	return l.Close()
}

// cause takes the address out of an error of listening, which names it again.
func cause(err error) error {
	if op := new(net.OpError); errors.As(err, &op) {
		return op.Err
	}
	return err
}

// await waits until ns is ready or has told its logger that it can not be.
func await(ns *server.Server, fatal <-chan error) error {
	for end := time.Now().Add(readyTimeout); time.Now().Before(end); {
		if ns.ReadyForConnections(readyPoll) && ns.JetStreamEnabled() {
			return nil
		}
		select {
		case err := <-fatal:
			return fmt.Errorf("start nats server: %w", err)
		default:
		}
	}
	return fmt.Errorf("start nats server: not ready within %s", readyTimeout)
}

// URL is where clients in other processes connect, "" if the server serves
// this process only. It holds no credentials.
func (s *Server) URL() string {
	if !s.listens {
		return ""
	}
	return s.ns.ClientURL()
}

// Addr is the address listened on, nil if the server serves this process only.
func (s *Server) Addr() net.Addr {
	if !s.listens {
		return nil
	}
	return s.ns.Addr()
}

// MaxStore is the greatest size of all streams together, in bytes.
func (s *Server) MaxStore() int64 { return s.maxStore }

// Connect returns a connection that does not go through the network. The
// options are those of a usual connection; queue.Options gives them.
func (s *Server) Connect(opts ...nats.Option) (*nats.Conn, error) {
	nc, err := nats.Connect("", append(opts, nats.InProcessServer(s))...)
	if err != nil {
		return nil, fmt.Errorf("connect to the embedded nats server: %w", err)
	}
	return nc, nil
}

// InProcessConn makes Server a nats.InProcessConnProvider.
func (s *Server) InProcessConn() (net.Conn, error) {
	conn, err := s.ns.InProcessConn()
	if err != nil {
		return nil, fmt.Errorf("in-process connection: %w", err)
	}
	return conn, nil
}

// Stop closes all connections, writes what is not written yet and returns when
// the server has ended. It may be called twice.
func (s *Server) Stop() error {
	var err error
	s.stop.Do(func() {
		s.ns.Shutdown()
		s.ns.WaitForShutdown()
		err = s.lock.release()
	})
	return err
}

// defaultMaxStore is 60 % of what the disk has free for dir: its own content
// is counted as free, or the limit would shrink as the streams grow.
func defaultMaxStore(dir string) (int64, error) {
	free, err := freeBytes(dir)
	if err != nil {
		return 0, fmt.Errorf("read the free space of %s: %w", dir, err)
	}
	var used int64
	err = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		used += info.Size()
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("measure store directory: %w", err)
	}
	return (free + used) / 10 * 6, nil
}
