// Package config makes one validated [Config] out of defaults, a YAML file,
// the environment and flags, in this order. Every key has one name in three
// spellings: limits.body in the file, RIVERSTONES_LIMITS_BODY in the
// environment, --limits-body as a flag.
//
// It opens nothing and starts nothing. Package cli calls it; package app takes
// the result and reads neither flags nor environment.
package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store/recorder"
)

// Role is a part of the system that a process plays.
type Role string

// The roles.
const (
	Gateway  Role = "gateway"  // serves the REST API
	Recorder Role = "recorder" // turns events into the statuses of tasks
	River    Role = "river"    // moves processes in the background
	Worker   Role = "worker"   // runs built-in stones
)

// Roles returns all roles in the order in which they start.
func Roles() []Role { return []Role{Recorder, Gateway, River, Worker} }

// Embedded is the value of nats that starts a server inside the process.
const Embedded = "embedded"

// Log formats.
const (
	JSON    = "json"
	Console = "console"
)

// Config is all that a process must know. [Default] is a usable one.
type Config struct {
	Roles []Role

	Listen string // host:port of the REST API; port 0 takes a free one
	// HealthListen is the host:port of a listener for /healthz, /readyz and /metrics
	// only, "" for none. The REST API serves them by itself.
	HealthListen string
	AllowOpen    bool // allow to listen where other machines can connect, without authentication

	NATS       string // Embedded, or URLs separated by commas
	NATSListen string // host:port of the embedded server for stones of other processes; port 0 takes a free one, "" keeps it inside
	NATSCreds  string // file with the credentials of a NATS user, "" for none
	Replicas   int    // of streams in a NATS cluster: 1, 3 or 5
	SyncAlways bool   // the embedded server calls fsync before it confirms a message

	Data    string // directory for what is kept on this machine
	Store   string // sqlite://PATH or postgres://…, "" for SQLite in Data; may hold a password, see [Config.StoreName]
	Migrate bool   // bring the database to this version's schema at the start

	SealKeys     string // file with the keys that seal secrets in the database, "" for none
	SealKeysText string // these keys themselves, "" for none; a secret
	SealMake     bool   // without both, keep a key file in Data that is made at the first start

	// Traces is the URL that an OpenTelemetry collector takes spans at over HTTP, ""
	// for no spans.
	Traces string

	TimeZone    *time.Location // of createTime and endTime in the API
	LogLevel    zapcore.Level
	LogFormat   string        // JSON or Console
	StopTimeout time.Duration // how long running steps may go on at a stop

	Retention  Retention
	AcceptGaps bool // the recorder goes on where messages are gone that it never recorded

	Callbacks Callbacks
	Processes Processes
	Limits    Limits
	Work      Work
	Stones    Stones
}

// Retention says how long what is done with is kept.
type Retention struct {
	Messages  time.Duration // recorded ones in the streams, at least [queue.DuplicateWindow]
	Callbacks time.Duration // deliveries of callbacks that were told or given up
}

// Limits protect the gateway.
type Limits struct {
	Body        int64 // bytes of a request
	Backlog     int   // waiting tasks of one stone
	Concurrency int   // requests at once
}

// Work says what the worker role runs.
type Work struct {
	Stones      []string // codes to run, empty for all that are configured
	Concurrency int      // commands at once of each stone's lane

	SealKeys     string // file with the keys that secrets are sealed to in the queue, "" for none
	SealKeysText string // these keys themselves, "" for none; a secret
}

// Default returns the configuration of `serve` when nothing is set.
func Default() Config {
	return Config{
		Roles:       []Role{Gateway, Recorder, River},
		Listen:      "127.0.0.1:8306",
		NATS:        Embedded,
		NATSListen:  "127.0.0.1:4222",
		Replicas:    1,
		Data:        "riverstones-data",
		TimeZone:    time.UTC,
		LogLevel:    zapcore.InfoLevel,
		LogFormat:   JSON,
		StopTimeout: 20 * time.Second,
		Retention:   Retention{Messages: queue.DuplicateWindow, Callbacks: recorder.DefaultKeepDeliveries},
		Limits:      Limits{Body: 8 << 20, Backlog: 100_000, Concurrency: 4096},
		Work:        Work{Concurrency: 10},
		Stones:      Stones{Machine: true},
	}
}

// Has reports whether the process plays role r.
func (c *Config) Has(r Role) bool { return slices.Contains(c.Roles, r) }

// Schemes of Store.
const (
	sqliteScheme = "sqlite://"
	pgScheme     = "postgres://"
	pgScheme2    = "postgresql://"
)

// SQLite returns the path of the SQLite database, or false for PostgreSQL.
func (c *Config) SQLite() (path string, ok bool) {
	if c.Store == "" {
		return filepath.Join(c.Data, "riverstones.db"), true
	}
	return strings.CutPrefix(c.Store, sqliteScheme)
}

// StoreName names the store for people and logs, without a password.
func (c *Config) StoreName() string {
	if path, ok := c.SQLite(); ok {
		return sqliteScheme + path
	}
	return Redact(c.Store)
}

// NATSName names the NATS server for people and logs, without a password.
func (c *Config) NATSName() string { return Redact(c.NATS) }

// NATSDir is where the embedded NATS server keeps its streams.
func (c *Config) NATSDir() string { return filepath.Join(c.Data, "nats") }

// SealFile is the key file that is kept in Data with SealMake.
func (c *Config) SealFile() string { return filepath.Join(c.Data, "seal.keys") }

// MachineDir is where the machines of the reference stone live.
func (c *Config) MachineDir() string {
	return cmp.Or(c.Stones.Machines.Dir, filepath.Join(c.Data, "machines"))
}

// String is safe to log: it has no secrets.
func (c *Config) String() string {
	return fmt.Sprintf("roles %v, listen %s, nats %s, store %s, data %s", c.Roles, c.Listen, c.NATSName(), c.StoreName(), c.Data)
}
