package config

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// key is one setting. Its path is its name in the file; the other spellings
// follow from it.
type key struct {
	path string
	kind string // shown in --help
	help string
	set  func(c *Config, v any) error
	get  func(c *Config) string // the default for --help, nil for none
}

// Prefix begins the environment variables of all keys.
const Prefix = "RIVERSTONES_"

func (k *key) flag() string { return flagOf(k.path) }

func (k *key) env() string { return envOf(k.path) }

func flagOf(path string) string { return strings.ReplaceAll(path, ".", "-") }

func envOf(path string) string {
	if path == pathSealKeys || path == pathStoneKeys { // the name without FILE is that of the keys themselves
		path += "-file"
	}
	return Prefix + strings.NewReplacer(".", "_", "-", "_").Replace(strings.ToUpper(path))
}

const (
	pathSealKeys  = "seal-keys"
	pathStoneKeys = "seal-key"
)

// envSealKeys and envStoneKeys are the variables that hold the keys themselves.
const (
	envSealKeys  = Prefix + "SEAL_KEYS"
	envStoneKeys = Prefix + "SEAL_KEY"
)

// The settings that have a single value, by the groups of commands that take
// them as flags. Definitions of stones are sections of the file only.
var (
	keyListen    = key{"listen", "host:port", "address of the REST API", text(func(c *Config) *string { return &c.Listen }), func(c *Config) string { return c.Listen }}
	keyHealth    = key{"health-listen", "host:port", `address for /healthz, /readyz and /metrics alone, which the REST API serves too, "" for none`, text(func(c *Config) *string { return &c.HealthListen }), func(c *Config) string { return c.HealthListen }}
	keyOTLP      = key{"otlp-endpoint", "url", "OpenTelemetry collector that spans are sent to over HTTP, such as http://127.0.0.1:4318 (default: $" + envOTLPTraces + ", or $" + envOTLP + "; none without)", text(func(c *Config) *string { return &c.Traces }), nil}
	keyAllowOpen = key{"allow-open", "bool", "listen where other machines can connect, although there is no authentication", truth(func(c *Config) *bool { return &c.AllowOpen }), nil}
	keyNATS      = key{"nats", "url", `"embedded" starts a server inside, else nats://host:port,…`, text(func(c *Config) *string { return &c.NATS }), func(c *Config) string { return c.NATS }}
	keyNATSAddr  = key{"nats-listen", "host:port", `address of the embedded NATS server for outside stones, "" for none`, text(func(c *Config) *string { return &c.NATSListen }), func(c *Config) string { return c.NATSListen }}
	keyNATSCreds = key{"nats-creds", "file", "credentials of the NATS user", text(func(c *Config) *string { return &c.NATSCreds }), nil}
	keyReplicas  = key{"replicas", "n", "copies of each stream in a NATS cluster: 1, 3 or 5", number(func(c *Config) *int { return &c.Replicas }), func(c *Config) string { return fmt.Sprint(c.Replicas) }}
	keySync      = key{"sync-always", "bool", "the embedded NATS server writes to the disk (fsync) before it confirms: survives a power loss, 7 to 12 times slower", truth(func(c *Config) *bool { return &c.SyncAlways }), nil}
	keyData      = key{"data", "dir", "directory for what is kept on this machine", text(func(c *Config) *string { return &c.Data }), func(c *Config) string { return c.Data }}
	keyStore     = key{"store", "url", "sqlite://PATH or postgres://user:password@host/database (default: SQLite in the data directory)", text(func(c *Config) *string { return &c.Store }), nil}
	keySealKeys  = key{pathSealKeys, "file", "keys that seal secrets in the database, lines id:key, the first seals (keys themselves: environment " + envSealKeys + ")", text(func(c *Config) *string { return &c.SealKeys }), nil}
	keyMigrate   = key{"migrate", "bool", "bring the database to this version's schema before starting", truth(func(c *Config) *bool { return &c.Migrate }), nil}
	keyRoles     = key{"roles", "list", "what this process does: gateway, recorder, river, worker", roles, func(c *Config) string { return join(c.Roles) }}
	keyZone      = key{"time-zone", "zone", "zone of createTime and endTime in the API, such as Europe/Berlin", zone, func(c *Config) string { return c.TimeZone.String() }}
	keyLevel     = key{"log-level", "level", "debug, info, warn or error", level, func(c *Config) string { return c.LogLevel.String() }}
	keyFormat    = key{"log-format", "format", "json or console", text(func(c *Config) *string { return &c.LogFormat }), func(c *Config) string { return c.LogFormat }}
	keyStop      = key{"stop-timeout", "duration", "how long running steps may go on after SIGTERM", duration(func(c *Config) *timeDuration { return &c.StopTimeout }), func(c *Config) string { return c.StopTimeout.String() }}
	keyBody      = key{"limits.body", "size", "greatest request, such as 8MiB", size(func(c *Config) *int64 { return &c.Limits.Body }), func(c *Config) string { return formatSize(c.Limits.Body) }}
	keyBacklog   = key{"limits.backlog", "n", "greatest number of waiting tasks of one stone", number(func(c *Config) *int { return &c.Limits.Backlog }), func(c *Config) string { return fmt.Sprint(c.Limits.Backlog) }}
	keyRequests  = key{"limits.concurrency", "n", "greatest number of requests at once", number(func(c *Config) *int { return &c.Limits.Concurrency }), func(c *Config) string { return fmt.Sprint(c.Limits.Concurrency) }}
	keyMessages  = key{"retention.messages", "duration", "how long recorded messages stay in the streams, at least 20m: as old may a restored database be", duration(func(c *Config) *timeDuration { return &c.Retention.Messages }), func(c *Config) string { return c.Retention.Messages.String() }}
	keyTold      = key{"retention.callbacks", "duration", "how long deliveries of callbacks that are over stay in the database", duration(func(c *Config) *timeDuration { return &c.Retention.Callbacks }), func(c *Config) string { return c.Retention.Callbacks.String() }}
	keyGaps      = key{"accept-gaps", "bool", "record on where messages are gone that were never recorded, as after restoring an older database; for one start", truth(func(c *Config) *bool { return &c.AcceptGaps }), nil}
	keyStones    = key{"worker.stones", "list", "codes of the built-in stones to run (default: all that are configured)", list(func(c *Config) *[]string { return &c.Work.Stones }), nil}
	keyStoneKeys = key{pathStoneKeys, "file", "keys that secrets of the built-in stones are sealed to in the queue, made by riverstones stone keygen, the first is announced (keys themselves: environment " + envStoneKeys + ")", text(func(c *Config) *string { return &c.Work.SealKeys }), nil}
	keyWorkConc  = key{"worker.concurrency", "n", "commands at once of each stone", number(func(c *Config) *int { return &c.Work.Concurrency }), func(c *Config) string { return fmt.Sprint(c.Work.Concurrency) }}
)

// Group is a set of keys that a command takes as flags.
type Group []key

// The groups.
var (
	Logging   = Group{keyLevel, keyFormat}
	Queue     = Group{keyNATS, keyNATSAddr, keyNATSCreds, keyReplicas, keySync}
	Client    = Group{keyNATS, keyNATSCreds} // of a NATS server that runs elsewhere
	Database  = Group{keyStore, keyData}
	Sealing   = Group{keySealKeys}
	API       = Group{keyListen, keyAllowOpen, keyZone, keyBody, keyBacklog, keyRequests}
	Process   = Group{keyRoles, keyMigrate, keyStop}
	Working   = Group{keyStones, keyWorkConc, keyStoneKeys}
	Health    = Group{keyHealth}
	Traces    = Group{keyOTLP}
	Keeping   = Group{keyMessages, keyTold, keyGaps}
	Stopping  = Group{keyStop}
	Directory = Group{keyData}
	Copies    = Group{keyReplicas}
	// Bench is what the load generator can be pointed at.
	Bench = Group{keyStore, keyNATS, keyNATSCreds, keySync}
	// Dev is what `dev` offers: it decides the rest itself.
	Dev = Group{keyListen, keyNATSAddr, keyAllowOpen, keyData, keyStore, keySealKeys, keyZone, keySync, keyCallbackAllow, keyCallbackSecret, keyFlowablePrefix, keyFlowableLogin, keyJava}
)

// every key with a single value; what the file may hold besides sections.
func keys() []key {
	var all []key
	for _, g := range []Group{Process, API, Health, Traces, Callback, Keeping, Models, Queue, Database, Sealing, Logging, Working} {
		all = append(all, g...)
	}
	return all
}

// FileFlag names the YAML file; its variable is RIVERSTONES_CONFIG.
const FileFlag = "config"

// Flags defines the flags of these groups, and --config. base has the
// defaults to show.
func Flags(fs *pflag.FlagSet, base Config, groups ...Group) {
	fs.String(FileFlag, "", "YAML `file` with any of the keys (environment "+envOf(FileFlag)+")")
	for _, g := range groups {
		for i := range g {
			define(fs, &base, &g[i])
		}
	}
}

func define(fs *pflag.FlagSet, base *Config, k *key) {
	if k.kind == "bool" {
		fs.Bool(k.flag(), false, k.help)
		return
	}
	v := &value{kind: k.kind}
	if k.get != nil {
		v.text = k.get(base)
	}
	fs.Var(v, k.flag(), k.help)
}

// value is a flag that is kept as text and read by its key's own parser, so
// that file, environment and flag are checked alike.
type value struct{ text, kind string }

// String returns the text as given.
func (v *value) String() string { return v.text }

// Set keeps the text.
func (v *value) Set(s string) error { v.text = s; return nil }

// Type is shown in --help.
func (v *value) Type() string { return v.kind }
