package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/stone/machinestone"
)

// load reads a file of this text (none if empty), an environment and flags.
func load(t *testing.T, yaml string, environ []string, args ...string) (config.Config, error) {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Flags(fs, config.Default(), config.Process, config.API, config.Callback, config.Keeping, config.Models, config.Health, config.Queue, config.Database, config.Sealing, config.Logging, config.Working)
	if yaml != "" {
		name := filepath.Join(t.TempDir(), "riverstones.yaml")
		require.NoError(t, os.WriteFile(name, []byte(yaml), 0o600))
		args = append(args, "--config", name)
	}
	require.NoError(t, fs.Parse(args))
	return config.Load(config.Sources{Base: config.Default(), Flags: fs, Environ: environ})
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, "", nil)
	require.NoError(t, err)
	require.Equal(t, config.Default(), cfg)
	require.Equal(t, "sqlite://riverstones-data/riverstones.db", cfg.StoreName())
}

func TestOrder(t *testing.T) {
	t.Parallel()
	const file = "listen: 127.0.0.1:1\nlimits:\n  body: 1MiB\n  backlog: 5\ntime-zone: Europe/Berlin\n"
	env := []string{"RIVERSTONES_LISTEN=127.0.0.1:2", "RIVERSTONES_LIMITS_BODY=2MiB", "RIVERSTONES_SERVICE_HOST=10.0.0.1"}
	cfg, err := load(t, file, env, "--listen", "127.0.0.1:3")
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:3", cfg.Listen, "a flag wins")
	require.EqualValues(t, 2<<20, cfg.Limits.Body, "the environment wins over the file")
	require.Equal(t, 5, cfg.Limits.Backlog, "the file wins over the default")
	require.Equal(t, "Europe/Berlin", cfg.TimeZone.String())
	require.Equal(t, 4096, cfg.Limits.Concurrency)
}

func TestEveryKeyInEverySpelling(t *testing.T) {
	t.Parallel()
	creds := filepath.Join(t.TempDir(), "nats.creds")
	require.NoError(t, os.WriteFile(creds, nil, 0o600))
	for path, tc := range map[string]struct {
		value string
		check func(t *testing.T, c *config.Config)
	}{
		"roles":              {"recorder, worker", func(t *testing.T, c *config.Config) { require.Equal(t, []config.Role{"recorder", "worker"}, c.Roles) }},
		"migrate":            {"true", func(t *testing.T, c *config.Config) { require.True(t, c.Migrate) }},
		"stop-timeout":       {"3s", func(t *testing.T, c *config.Config) { require.Equal(t, 3*time.Second, c.StopTimeout) }},
		"listen":             {"127.0.0.1:99", func(t *testing.T, c *config.Config) { require.Equal(t, "127.0.0.1:99", c.Listen) }},
		"health-listen":      {":8307", func(t *testing.T, c *config.Config) { require.Equal(t, ":8307", c.HealthListen) }},
		"allow-open":         {"true", func(t *testing.T, c *config.Config) { require.True(t, c.AllowOpen) }},
		"time-zone":          {"Asia/Tokyo", func(t *testing.T, c *config.Config) { require.Equal(t, "Asia/Tokyo", c.TimeZone.String()) }},
		"limits.body":        {"64KiB", func(t *testing.T, c *config.Config) { require.EqualValues(t, 64<<10, c.Limits.Body) }},
		"limits.backlog":     {"7", func(t *testing.T, c *config.Config) { require.Equal(t, 7, c.Limits.Backlog) }},
		"limits.concurrency": {"8", func(t *testing.T, c *config.Config) { require.Equal(t, 8, c.Limits.Concurrency) }},
		"nats":               {"nats://h:1,tls://i:2", func(t *testing.T, c *config.Config) { require.Equal(t, "nats://h:1,tls://i:2", c.NATS) }},
		"nats-listen":        {"[::1]:0", func(t *testing.T, c *config.Config) { require.Equal(t, "[::1]:0", c.NATSListen) }},
		"sync-always":        {"true", func(t *testing.T, c *config.Config) { require.True(t, c.SyncAlways) }},
		"store":              {"postgres://u:p@h/d", func(t *testing.T, c *config.Config) { require.Equal(t, "postgres://u:p@h/d", c.Store) }},
		"data":               {"elsewhere", func(t *testing.T, c *config.Config) { require.Equal(t, "elsewhere/nats", c.NATSDir()) }},
		"log-level":          {"debug", func(t *testing.T, c *config.Config) { require.Equal(t, zapcore.DebugLevel, c.LogLevel) }},
		"log-format":         {"console", func(t *testing.T, c *config.Config) { require.Equal(t, "console", c.LogFormat) }},
		"worker.stones":      {"MachineStone", func(t *testing.T, c *config.Config) { require.Equal(t, []string{"MachineStone"}, c.Work.Stones) }},
		"worker.concurrency": {"9", func(t *testing.T, c *config.Config) { require.Equal(t, 9, c.Work.Concurrency) }},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			cfg, err := load(t, nested(path, tc.value), nil)
			require.NoError(t, err)
			tc.check(t, &cfg)
			cfg, err = load(t, "", []string{"RIVERSTONES_" + strings.NewReplacer(".", "_", "-", "_").Replace(strings.ToUpper(path)) + "=" + tc.value})
			require.NoError(t, err)
			tc.check(t, &cfg)
			cfg, err = load(t, "", nil, "--"+strings.ReplaceAll(path, ".", "-")+"="+tc.value)
			require.NoError(t, err)
			tc.check(t, &cfg)
		})
	}
	cfg, err := load(t, "", nil, "--nats", "nats://h:1", "--nats-creds", creds, "--replicas", "3")
	require.NoError(t, err)
	require.Equal(t, 3, cfg.Replicas)
	require.Equal(t, creds, cfg.NATSCreds)
}

func nested(path, value string) string {
	if outer, inner, ok := strings.Cut(path, "."); ok {
		return outer + ":\n  " + inner + ": " + value + "\n"
	}
	if strings.HasPrefix(value, "[") {
		value = `"` + value + `"`
	}
	return path + ": " + value + "\n"
}

func TestListsOfYAML(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, "roles: [gateway, recorder, gateway]\n", nil)
	require.NoError(t, err)
	require.Equal(t, []config.Role{config.Gateway, config.Recorder}, cfg.Roles)
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		yaml string
		args []string
		want []string
	}{
		"all at once, in every spelling": {"", []string{"--limits-body", "much", "--log-level", "loud", "--nats", "nats://h:1", "--replicas", "2"}, []string{
			"configuration has 3 problems:",
			`limits.body: "much" is no size; write for example 8MiB (--limits-body, RIVERSTONES_LIMITS_BODY)`,
			`log-level: "loud" is no level; choose debug, info, warn or error (--log-level, RIVERSTONES_LOG_LEVEL)`,
			"replicas: must be 1, 3 or 5, not 2"}},
		"unknown key, suggested":     {"limits:\n  bdy: 5\n", nil, []string{`limits.bdy: there is no such key`, `did you mean "limits.body"?`}},
		"unknown key, nothing near":  {"colour: red\n", nil, []string{"colour: there is no such key"}},
		"key twice":                  {"listen: a\nlisten: b\n", nil, []string{"config: ", "already defined"}},
		"no YAML":                    {"a: [", nil, []string{"config: "}},
		"open address":               {"", []string{"--listen", ":8306"}, []string{`":8306" can be reached from other machines`, "--allow-open"}},
		"open NATS address":          {"", []string{"--nats-listen", "0.0.0.0:4222"}, []string{"nats-listen: ", "--allow-open"}},
		"no address":                 {"", []string{"--listen", "8306"}, []string{"write host:port"}},
		"no port":                    {"", []string{"--listen", "localhost:http"}, []string{`"http" is no port`}},
		"health address":             {"", []string{"--health-listen", "8307"}, []string{`health-listen: "8307" is no address`}},
		"health port":                {"", []string{"--health-listen", ":99999"}, []string{`health-listen: "99999" is no port`}},
		"health on the REST API's":   {"", []string{"--health-listen", "127.0.0.1:8306"}, []string{"health-listen: is that of listen"}},
		"role":                       {"", []string{"--roles", "gateway,king"}, []string{`there is no role "king"; choose among recorder,gateway,river,worker`}},
		"no role":                    {"roles: []\n", nil, []string{"roles: name at least one"}},
		"zone":                       {"", []string{"--time-zone", "Mars"}, []string{`"Mars" is no time zone`}},
		"format":                     {"", []string{"--log-format", "xml"}, []string{`"xml" is no format`}},
		"stop":                       {"", []string{"--stop-timeout", "0s"}, []string{"stop-timeout: must be more than 0"}},
		"duration":                   {"stop-timeout: 5\n", nil, []string{`"5" is no duration`}},
		"text":                       {"listen: 5\n", nil, []string{"5 is no text"}},
		"truth":                      {"migrate: perhaps\n", nil, []string{`"perhaps" is neither true nor false`}},
		"number":                     {"limits: {backlog: many}\n", nil, []string{`"many" is no whole number`}},
		"limits":                     {"limits: {backlog: 0, concurrency: 0, body: 5}\n", nil, []string{"limits.backlog: must", "limits.concurrency: must", "limits.body: must"}},
		"NATS URL":                   {"", []string{"--nats", "http://h:1"}, []string{`nats: "http://h:1" is no server`}},
		"creds of embedded":          {"", []string{"--nats-creds", "x"}, []string{"nats-creds: the embedded server asks for none"}},
		"creds that are not there":   {"", []string{"--nats", "nats://h:1", "--nats-creds", "/no/such"}, []string{"nats-creds: ", "no such file"}},
		"copies of embedded":         {"", []string{"--replicas", "3"}, []string{"replicas: the embedded server is one alone"}},
		"sync of another's server":   {"", []string{"--nats", "nats://h:1", "--sync-always"}, []string{"sync-always: "}},
		"worker alone with embedded": {"", []string{"--roles", "worker"}, []string{"nats: a worker alone"}},
		"store":                      {"", []string{"--store", "mysql://h/d"}, []string{`store: begins with "mysql"`}},
		"empty path":                 {"", []string{"--store", "sqlite://"}, []string{"store: write sqlite://PATH"}},
		"data":                       {"", []string{"--data", ""}, []string{"data: must name a directory"}},
		"unknown stone":              {"", []string{"--worker-stones", "Ghost"}, []string{`worker.stones: no stone "Ghost" is configured`}},
		"concurrency":                {"", []string{"--worker-concurrency", "0"}, []string{"worker.concurrency: must"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, tc.yaml, nil, tc.args...)
			require.Error(t, err)
			for _, w := range tc.want {
				require.ErrorContains(t, err, w)
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	t.Parallel()
	_, err := load(t, "", []string{"RIVERSTONES_CONFIG=/no/such.yaml"})
	require.ErrorContains(t, err, "config: /no/such.yaml cannot be read")
	require.ErrorContains(t, err, "(--config, RIVERSTONES_CONFIG)")
}

func TestOpenOnPurpose(t *testing.T) {
	t.Parallel()
	_, err := load(t, "", nil, "--listen", "0.0.0.0:8306", "--nats-listen", ":4222", "--allow-open")
	require.NoError(t, err)
}

func TestFixedKeysCannotBeSet(t *testing.T) {
	t.Parallel()
	base := config.Default()
	base.Roles = []config.Role{config.Worker}
	base.NATS = "nats://h:1"
	cfg, err := config.Load(config.Sources{Base: base, Environ: []string{"RIVERSTONES_ROLES=gateway"}, Fixed: []string{"roles"}})
	require.NoError(t, err)
	require.Equal(t, base.Roles, cfg.Roles)
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"postgres://app:hunter2@db/rs":            "postgres://app:xxxxx@db/rs",
		"postgres://db/rs?password=hunter2&a=b":   "postgres://db/rs?a=b&password=xxxxx",
		"postgres://app@db/rs":                    "postgres://app@db/rs",
		"nats://hunter2@h:4222":                   "nats://xxxxx@h:4222",
		"nats://u:hunter2@h:1,nats://v:hunter2@i": "nats://u:xxxxx@h:1,nats://v:xxxxx@i",
		"postgres://u:hunter2%zz@db/rs":           "postgres://xxxxx",
	} {
		require.Equal(t, want, config.Redact(in))
	}
	cfg := config.Default()
	cfg.Store, cfg.NATS = "postgres://app:hunter2@db/rs", "nats://u:hunter2@h:1"
	require.NotContains(t, cfg.String(), "hunter2")
	for _, args := range [][]string{{"--store", "postgres://u:hunter2%zz@db"}, {"--store", "postgres://u:hunter2@"}, {"--nats", "http://u:hunter2@h"}} {
		_, err := load(t, "", nil, args...)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

const stonesYAML = `
worker:
  stones: [Deploy, Backup]
  concurrency: 3
machine-stone: false
http-stones:
  - code: Deploy
    start: {url: "https://deploy.example/jobs", outputs: {job: id}}
    monitor: {url: "https://deploy.example/jobs/{{.outputs.job}}", interval: 2s, done: {path: state, values: [done]}}
command-stones:
  - code: Backup
    commands: {full: {path: /bin/true, args: ["{{.params.disk}}"], env: [HOME]}}
`

func TestStonesOfTheFile(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, stonesYAML, []string{"HOME=/home/app"})
	require.NoError(t, err)
	require.Equal(t, []string{"Deploy", "Backup"}, cfg.Stones.Codes())
	require.Equal(t, []string{"HOME=/home/app"}, cfg.Stones.Command[0].Environ)
	require.True(t, cfg.Runs("Deploy"))
	require.False(t, cfg.Runs("MachineStone"))
	require.Equal(t, 2*time.Second, cfg.Stones.HTTP[0].Monitor.Interval)
}

func TestStonesOfTheFileAreChecked(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ yaml, want string }{
		"unknown name": {"http-stones: [{code: A, strat: {}}]\n", "http-stones: number 1: "},
		"no list":      {"http-stones: {code: A}\n", "must be a list"},
		"twice":        {"http-stones: [{code: A, start: {url: 'https://a'}}, {code: A, start: {url: 'https://a'}}]\n", `stones: there are two with the code "A"`},
		"machine":      {"machine-stone: maybe\n", "machine-stone: is true, false, or a map"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, tc.yaml, nil)
			require.ErrorContains(t, err, tc.want)
			require.NotContains(t, err.Error(), "RIVERSTONES_HTTP")
		})
	}
}

func TestMachineStoneIsTuned(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, "machine-stone:\n  dir: /srv/machines\n  businessKey: eu-1\n  command: [/opt/vm, '--name', 'a, b ']\n  env: [A=1]\n"+
		"  strategies: [s1]\n  bootTimeout: 1m\n  interval: 1s\n  grace: 2s\n  maxMachines: 3\n", nil)
	require.NoError(t, err)
	require.True(t, cfg.Stones.Machine)
	require.Equal(t, machinestone.Config{Dir: "/srv/machines", BusinessKey: "eu-1", Command: []string{"/opt/vm", "--name", "a, b "}, Env: []string{"A=1"},
		Strategies: []string{"s1"}, BootTimeout: time.Minute, Interval: time.Second, Grace: 2 * time.Second, MaxMachines: 3}, cfg.Stones.Machines)
	require.Equal(t, "/srv/machines", cfg.MachineDir())

	_, err = load(t, "machine-stone:\n  dir: machines\n  businessKey: 'a b'\n  command: sh\n  env: ['hunter2']\n  grace: 5\n  interval: -1s\n"+
		"  maxMachines: 0\n  maxmachine: 1\n  strategies: [1]\n", nil)
	require.Error(t, err)
	for _, want := range []string{"configuration has 9 problems", `machine-stone.dir: "machines" is not absolute`, "machine-stone.businessKey: business key must be",
		"machine-stone.command: sh is no list", "machine-stone.env: number 1 is no variable", `machine-stone.grace: "5" is no duration`, `machine-stone.interval: "-1s" is no duration`,
		"machine-stone.maxMachines: 0 is no whole number of at least 1", "machine-stone.maxmachine: there is no such key; did you mean maxMachines?",
		"machine-stone.strategies: 1 in the list is no text"} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "RIVERSTONES_MACHINE")
}
