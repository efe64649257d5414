package gateway

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/gateway/callback"
	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/eventapi"
	"github.com/riverstones/riverstones/gateway/flowable"
	"github.com/riverstones/riverstones/gateway/pub"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
)

// Defaults of [Config].
const (
	DefaultListen       = "127.0.0.1:8306"
	DefaultMaxBody      = 8 << 20
	DefaultConcurrent   = 4096
	DefaultReadTimeout  = 30 * time.Second
	DefaultWriteTimeout = time.Minute
)

// Flowable says where Flowable's API is mounted and who may call it.
type Flowable = flowable.Config

// Config says where the gateway listens and what it bears. Its zero value is
// the default.
type Config struct {
	// Listen is the address, [DefaultListen] by default; port 0 takes a free one.
	Listen string
	// Zone is the time zone of a task's createTime and endTime, UTC by default.
	Zone *time.Location
	// MaxBody is the greatest body in bytes.
	MaxBody int64
	// Concurrent is how many requests are served at once.
	Concurrent int
	// BacklogLimit is how many commands may wait in one lane of a stone,
	// [dispatch.DefaultBacklogLimit] by default, below 0 for no limit.
	BacklogLimit int
	// Patience is how long a POST waits for the recorder before it is answered
	// with 202, [dispatch.DefaultPatience] by default.
	Patience time.Duration
	// Barrier is how long the first POST waits for what was in the queue at
	// the start to be recorded, [dispatch.DefaultBarrier] by default.
	Barrier time.Duration
	// ReadTimeout bounds the reading of a request, WriteTimeout its serving.
	ReadTimeout, WriteTimeout time.Duration
	// Events says what the event stream bears, Pub what requests over NATS may.
	Events eventapi.Config
	Pub    pub.Config
	// Callbacks says who may be told of the ends of tasks, nobody by default.
	// Its Tasks are ours.
	Callbacks callback.Config
	// River tunes the process runtime, and RunRiver has it work in the
	// background too; one of all processes that do so works at a time.
	River    river.Config
	RunRiver bool
	// Flowable says where Flowable's API is mounted and who may call it.
	Flowable Flowable
}

func (c *Config) callbacks(noEcho func(stone string) []string, o *Observer, js jetstream.JetStream) callback.Config {
	out := c.Callbacks
	out.Tried, out.Tracer, out.Trace = o.Told, o.Tracer, traceOf(js)
	out.Tasks = rest.Tasks{Zone: c.Zone, NoEcho: noEcho}
	return out
}

func (c Config) withDefaults() Config {
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.MaxBody <= 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.Concurrent <= 0 {
		c.Concurrent = DefaultConcurrent
	}
	if c.Patience <= 0 {
		c.Patience = dispatch.DefaultPatience
	}
	if c.ReadTimeout <= 0 {
		c.ReadTimeout = DefaultReadTimeout
	}
	if c.WriteTimeout <= 0 {
		c.WriteTimeout = DefaultWriteTimeout
	}
	return c
}
