package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/cli"
)

func TestUsageErrors(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"fly":                                        `unknown command "fly"`,
		"serve now":                                  `unknown command "now"`,
		"dev --colour red":                           "unknown flag: --colour; see riverstones dev --help",
		"serve --listen :8306":                       "can be reached from other machines",
		"serve --roles king --log-level loud":        "configuration has 2 problems",
		"work --nats embedded":                       "a worker alone needs the server of the others",
		"migrate --store mysql://x":                  "write sqlite://PATH or postgres://",
		"task get":                                   "accepts 1 arg(s), received 0; see riverstones task get --help",
		"task list -o xml":                           "neither table nor json",
		"task list --created-after noon":             "--created-after: \"noon\" is no time",
		"task get --server nowhere x":                "must look like http://127.0.0.1:8306",
		"task publish":                               "name a FILE, or the stone with --stone",
		"task publish --stone S --params {":          "--params is no JSON",
		"task publish --stone S file":                "either a FILE or --stone",
		"task publish /no/such/file":                 "no such file",
		"task publish -":                             "one JSON value is wanted",
		"bench -n 0":                                 "-n must be",
		"bench --batch 1001":                         "--batch must be",
		"bench --keep":                               "--keep needs the --data",
		"bench --store postgres://u:hunter2%zz@h/db": "escape odd characters",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			r := run(t, "{} {}", strings.Fields(line)...)
			require.Equal(t, cli.ExitUsage, r.code, r.err)
			require.Contains(t, r.err, want)
			require.True(t, strings.HasPrefix(r.err, "riverstones: "), r.err)
			require.NotContains(t, r.err, "hunter2")
			require.Empty(t, r.out)
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"", "dev", "serve", "work", "migrate", "bench", "version", "task publish", "task get", "task list", "task watch"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			r := run(t, "", append(strings.Fields(command), "--help")...)
			require.Equal(t, cli.ExitOK, r.code, r.err)
			require.Contains(t, r.out, "Examples:")
			require.Contains(t, r.out, "riverstones "+command)
		})
	}
	r := run(t, "", "task")
	require.Equal(t, cli.ExitOK, r.code)
	require.Contains(t, r.out, "publish")
}

func TestVersion(t *testing.T) {
	t.Parallel()
	r := run(t, "", "version")
	require.Regexp(t, `version +v1\.2\.3\n`, r.out)
	r = run(t, "", "version", "-o", "json")
	var b map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.out), &b))
	require.Equal(t, "v1.2.3", b["version"])
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := run(t, "", "migrate", "--data", dir)
	require.Equal(t, cli.ExitOK, r.code, r.err)
	require.Regexp(t, `^sqlite://`+dir+`/riverstones\.db is at schema version \d+\n$`, r.out)
	require.Equal(t, r.out, run(t, "", "migrate", "--data", dir).out)
}

func TestBench(t *testing.T) {
	t.Parallel()
	r := run(t, "", "bench", "-n", "120", "--batch", "50", "-c", "2", "--stones", "3", "-o", "json")
	require.Equal(t, cli.ExitOK, r.code, r.err)
	d := json.NewDecoder(strings.NewReader(r.out))
	var figures map[string]any
	require.NoError(t, d.Decode(&figures))
	require.False(t, d.More(), "exactly one object")
	for _, name := range []string{"tasks_per_s", "accepts_per_s", "cpu_s_per_1000", "p50_ms", "p99_ms", "recorder_lag_p99_ms", "peak_rss_mib"} {
		require.Greater(t, figures[name], 0.0, name)
	}
	require.InDelta(t, 120, figures["verified"], 0)
	require.Regexp(t, `(?s)^\{\s*"tasks_per_s".*"peak_rss_mib".*"verified"`, r.out)
}

func TestBenchAtASteadyRate(t *testing.T) {
	t.Parallel()
	r := run(t, "", "bench", "-n", "40", "--rate", "100", "--warm", "0")
	require.Equal(t, cli.ExitOK, r.code, r.err)
	require.Contains(t, r.out, "40 verified")
	require.Contains(t, r.out, "1 tasks a POST")
}

func TestBenchRefusesAUsedStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"bench", "-n", "10", "--data", dir, "--warm", "0"}
	require.Equal(t, cli.ExitOK, run(t, "", args...).code)
	r := run(t, "", args...)
	require.Equal(t, cli.ExitFailed, r.code)
	require.Contains(t, r.err, "holds tasks already; take an empty database, or say --keep")
	r = run(t, "", append(args, "--keep")...)
	require.Equal(t, cli.ExitOK, r.code, r.err)
}
