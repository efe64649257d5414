//go:build unix

package commandstone_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/stone/commandstone"
	"github.com/riverstones/riverstones/stone/stonetest"
)

// sh is a command that runs a script with further arguments as $1, $2, …
func sh(script string, args ...string) commandstone.Exec {
	return commandstone.Exec{Path: "/bin/sh", Args: append([]string{"-c", script, "sh"}, args...)}
}

func one(t *testing.T, e commandstone.Exec, change ...func(*commandstone.Config)) *commandstone.Stone {
	t.Helper()
	cfg := commandstone.Config{Code: "Cmd", Commands: map[string]commandstone.Command{"run": {Exec: e}}, Grace: 5 * time.Second}
	for _, f := range change {
		f(&cfg)
	}
	s, err := commandstone.New(cfg)
	require.NoError(t, err)
	return s
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	e := sh(`echo "first" >&2; echo "no space" >&2; exit "$1"`, "{{.params.code}}")
	e.Retryable = []int{75, 76}
	s := one(t, e)
	for code, want := range map[int]stonetest.Outcome{0: stonetest.Success, 1: stonetest.Reject, 2: stonetest.Reject, 75: stonetest.Retry, 76: stonetest.Retry, 255: stonetest.Reject} {
		r := stonetest.Run(t, s, stonetest.Task{Params: map[string]int{"code": code}})
		require.Equal(t, want, r.Outcome, code)
		if code != 0 {
			require.Equal(t, "exit code "+strconv.Itoa(code)+": no space", r.Reason)
		}
	}
	stonetest.Run(t, one(t, sh("kill -9 $$")), stonetest.Task{}).RequireRetry(t, "killed")
}

// A value is one argument, whatever it holds.
func TestArguments(t *testing.T) {
	t.Parallel()
	e := sh(`for a in "$@"; do echo "[$a]"; done`, "{{.params.a}}", "--b={{.params.b}}", "{{.params.n}}", "{{.params.o}}", "-{{.task.method}}", "fixed")
	r := stonetest.Run(t, one(t, e), stonetest.Task{Params: `{"a":"x; rm -rf / $(id) 'q' \"","b":"-v","n":12345678901234567890,"o":{"k":[1]}}`})
	r.RequireSuccess(t)
	require.Equal(t, []string{`[x; rm -rf / $(id) 'q' "]`, "[--b=-v]", "[12345678901234567890]", `[{"k":[1]}]`, "[-start]", "[fixed]"}, r.Lines())

	for params, why := range map[string]string{
		`{"a":"-rf","b":"","n":1,"o":1}`:                 "argument 4: a value that begins with -",
		`{"a":"x","n":1,"o":1}`:                          `no entry for key "b"`,
		`{"a":null,"b":"","n":1,"o":1}`:                  "argument 4: .params.a: the value is null",
		`{"a":"\u0000","b":"","n":1,"o":1}`:              "holds a NUL",
		`{"a":"x","b":"","n":1,"o":1,"command":"other"}`: `parameter command: must be one of "run"`,
	} {
		stonetest.Run(t, one(t, e), stonetest.Task{Params: params}).RequireReject(t, why)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	e := sh(`env | sort; pwd; cat`)
	e.Env, e.Set, e.Stdin = []string{"KEEP"}, map[string]string{"SECRET": "{{.params.s}}"}, true
	s := one(t, e, func(c *commandstone.Config) { c.Environ = []string{"KEEP=kept", "DROP=dropped"} })
	ctx := stone.ContextWithTrace(t.Context(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	r, err := stonetest.Do(ctx, s, stonetest.Task{ID: "i", TaskID: "7", Params: `{"s":"a b"}`})
	require.NoError(t, err)
	r.RequireSuccess(t)
	out := strings.Join(r.Lines(), "\n")
	for _, want := range []string{
		"KEEP=kept", "SECRET=a b", "RIVERSTONES_ID=i", "RIVERSTONES_TASK_ID=7", "RIVERSTONES_METHOD=start", "RIVERSTONES_KEY=i/1/start",
		"TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "PATH=/usr/local/sbin", `{"s":"a b","command":"run"}`,
	} {
		require.Contains(t, out, want)
	}
	require.NotContains(t, out, "dropped")
	dir := r.Lines()[len(r.Lines())-2]
	require.Contains(t, dir, "commandstone-")
	require.NoDirExists(t, dir)

	e = sh("pwd")
	e.Dir = t.TempDir()
	r = stonetest.Run(t, one(t, e), stonetest.Task{})
	require.Equal(t, []string{e.Dir}, r.Lines())
}

func TestOutputLines(t *testing.T) {
	t.Parallel()
	s := one(t, sh(`printf 'a\r\n\377\033[1mb\n'; printf '%s\n' "$1"; printf tail`, strings.Repeat("é", 9)),
		func(c *commandstone.Config) { c.MaxLine = 9 })
	r := stonetest.Run(t, s, stonetest.Task{})
	require.Equal(t, []string{"a", "\uFFFD [1mb", "éééé\uFFFD…", "tail"}, r.Lines())
	require.Equal(t, "info", r.Log[0].Level)

	s = one(t, sh(`for i in 1 2 3 4 5; do echo $i; done; echo err >&2; exit 3`), func(c *commandstone.Config) { c.MaxLines = 2 })
	r = stonetest.Run(t, s, stonetest.Task{})
	r.RequireReject(t, "exit code 3: err")
	require.Len(t, r.Lines(), 3)
	require.Contains(t, r.Lines(), "too many lines, the rest of the output is dropped")

	r = stonetest.Run(t, one(t, sh(`head -c 3000000 /dev/zero`)), stonetest.Task{})
	r.RequireSuccess(t)
	require.Len(t, r.Lines(), 1)
	require.Len(t, r.Lines()[0], 4096+len("…"))
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	r := stonetest.Run(t, one(t, sh(`printf '{"id":"b-1","size":12345678901234567890}' > "$RIVERSTONES_OUTPUTS"`)), stonetest.Task{})
	r.RequireSuccess(t)
	r.RequireOutputs(t, `{"id":"b-1","size":12345678901234567890}`)
	for script, why := range map[string]string{
		`echo '[1]' > "$RIVERSTONES_OUTPUTS"`:               "outputs: not a JSON object",
		`echo '{"a":1,"a":2}' > "$RIVERSTONES_OUTPUTS"`:     "outputs: ",
		`mkdir "$RIVERSTONES_OUTPUTS"`:                      "not a regular file",
		`mkfifo "$RIVERSTONES_OUTPUTS"`:                     "not a regular file",
		`head -c 200000 /dev/zero > "$RIVERSTONES_OUTPUTS"`: "over 131072 bytes",
		`echo '{"id":1}' > "$RIVERSTONES_OUTPUTS"; exit 1`:  "exit code 1",
	} {
		r := stonetest.Run(t, one(t, sh(script)), stonetest.Task{})
		r.RequireReject(t, why)
		r.RequireOutputs(t, `{}`)
	}
	r = stonetest.Run(t, one(t, sh(`: > "$RIVERSTONES_OUTPUTS"`)), stonetest.Task{})
	r.RequireSuccess(t)
}

// started runs the stone in the background and returns when the script has
// written its pids, one for itself and one for a child.
func started(ctx context.Context, t *testing.T, s *commandstone.Stone, in stonetest.Task, pids string) (<-chan *stonetest.Result, []int) {
	t.Helper()
	var all []int
	ended := make(chan *stonetest.Result, 1)
	go func() {
		r, _ := stonetest.Do(ctx, s, in)
		ended <- r
	}()
	require.Eventually(t, func() bool {
		b, _ := os.ReadFile(pids)
		all = nil
		for f := range strings.FieldsSeq(string(b)) {
			pid, _ := strconv.Atoi(f)
			all = append(all, pid)
		}
		return len(all) == 2
	}, 10*time.Second, 5*time.Millisecond)
	return ended, all
}

// gone waits until no process has one of these ids, except as a zombie.
func gone(t *testing.T, pids []int) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, pid := range pids {
			stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
			zombie := err == nil && strings.Contains(string(stat), ") Z ")
			if syscall.Kill(pid, 0) == nil && !zombie {
				return false
			}
		}
		return true
	}, 10*time.Second, 5*time.Millisecond)
}

const waits = `sleep 1000 & echo $$ $! > "$1.tmp"; mv "$1.tmp" "$1"; wait`

func TestCancelKillsTheGroup(t *testing.T) {
	t.Parallel()
	pids := filepath.Join(t.TempDir(), "pids")
	s := one(t, sh(waits, pids))
	ended, all := started(t.Context(), t, s, stonetest.Task{ID: "a"}, pids)
	stonetest.Run(t, s, stonetest.Task{ID: "b", Method: task.Cancel}).RequireSuccess(t) // another task
	require.NoError(t, syscall.Kill(all[1], 0))
	stonetest.Run(t, s, stonetest.Task{ID: "a", Method: task.Cancel}).RequireSuccess(t)
	(<-ended).RequireReject(t, "cancelled")
	gone(t, all)
	r := stonetest.Run(t, s, stonetest.Task{ID: "a", Method: task.Cancel})
	r.RequireSuccess(t)
	require.Equal(t, []string{"nothing runs here"}, r.Lines())
}

func TestContextEndKillsTheGroup(t *testing.T) {
	t.Parallel()
	pids := filepath.Join(t.TempDir(), "pids")
	ctx, cancel := context.WithCancel(t.Context())
	ended, all := started(ctx, t, one(t, sh(waits, pids)), stonetest.Task{}, pids)
	cancel()
	r := <-ended
	require.ErrorIs(t, r.Err, context.Canceled)
	gone(t, all)
}

// A command that ignores SIGTERM is killed after the grace.
func TestGrace(t *testing.T) {
	t.Parallel()
	pids := filepath.Join(t.TempDir(), "pids")
	ctx, cancel := context.WithCancel(t.Context())
	s := one(t, sh(`trap 'echo deaf' TERM; sleep 1000 & echo $$ $! > "$1.tmp"; mv "$1.tmp" "$1"; while :; do wait; done`, pids),
		func(c *commandstone.Config) { c.Grace = 100 * time.Millisecond })
	ended, all := started(ctx, t, s, stonetest.Task{}, pids)
	cancel()
	require.ErrorIs(t, (<-ended).Err, context.Canceled)
	gone(t, all)
}

// What a command leaves behind in its group does not live on.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	pids := filepath.Join(t.TempDir(), "pids")
	s := one(t, sh(`sleep 1000 & echo $! $! > "$1"; exit 0`, pids), func(c *commandstone.Config) { c.Grace = 100 * time.Millisecond })
	stonetest.Run(t, s, stonetest.Task{}).RequireSuccess(t)
	b, err := os.ReadFile(pids)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.Fields(string(b))[0])
	require.NoError(t, err)
	gone(t, []int{pid})
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	e := sh("sleep 1000")
	e.Timeout = 50 * time.Millisecond
	stonetest.Run(t, one(t, e), stonetest.Task{}).RequireRetry(t, "timeout after 50ms")
}

func TestMethods(t *testing.T) {
	t.Parallel()
	drop, mock := sh("echo drop $1", "{{.outputs.id}}"), sh("echo mock")
	s, err := commandstone.New(commandstone.Config{Code: "Cmd", Commands: map[string]commandstone.Command{
		"a": {Exec: sh("echo a"), Delete: &drop, Mock: &mock}, "b": {Exec: sh("echo b")},
	}})
	require.NoError(t, err)
	h := stone.Handlers(s)
	require.Len(t, h, 4) // no rollback, no monitor
	require.NotContains(t, h, task.Rollback)
	run := func(m task.Method, command string) []string {
		r := stonetest.Run(t, s, stonetest.Task{Method: m, Params: map[string]string{"command": command}, Outputs: `{"id":"x"}`})
		r.RequireSuccess(t)
		return r.Lines()
	}
	require.Equal(t, []string{"a"}, run(task.Start, "a"))
	require.Equal(t, []string{"b"}, run(task.Start, "b"))
	require.Equal(t, []string{"drop x"}, run(task.Delete, "a"))
	require.Equal(t, []string{"mock"}, run(task.Mock, "a"))
	require.Equal(t, []string{"nothing to do: the command has no delete"}, run(task.Delete, "b"))
	stonetest.Run(t, s, stonetest.Task{}).RequireReject(t, "parameter command: is required")
	stonetest.Run(t, s, stonetest.Task{Method: task.Delete}).RequireReject(t, "parameter command: is required")
	stonetest.Run(t, s, stonetest.Task{Method: task.Delete, Params: `{"command":"c"}`}).RequireReject(t, "not on the list")

	spec := s.Spec()
	require.Equal(t, "command", spec.Params[0].Name)
	require.Equal(t, []json.RawMessage{json.RawMessage(`"a"`), json.RawMessage(`"b"`)}, spec.Params[0].AllowedValues)
	require.True(t, spec.Params[0].Required)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	plain := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(plain, nil, 0o600))
	with := func(e commandstone.Exec) commandstone.Config {
		return commandstone.Config{Code: "C", Commands: map[string]commandstone.Command{"x": {Exec: e}}}
	}
	for want, cfg := range map[string]commandstone.Config{
		"code is missing":             {},
		"commands is empty":           {Code: "C"},
		"is not absolute":             with(commandstone.Exec{Path: "sh"}),
		"no such file":                with(commandstone.Exec{Path: "/nowhere/sh"}),
		"is not executable":           with(commandstone.Exec{Path: plain}),
		"is no directory":             with(commandstone.Exec{Path: "/bin/sh", Dir: plain}),
		"dir \"x\"":                   with(commandstone.Exec{Path: "/bin/sh", Dir: "x"}),
		"argument 1":                  with(commandstone.Exec{Path: "/bin/sh", Args: []string{"{{"}}),
		"no exit code":                with(commandstone.Exec{Path: "/bin/sh", Retryable: []int{0}}),
		"no name of a":                with(commandstone.Exec{Path: "/bin/sh", Set: map[string]string{"A=B": ""}}),
		"timeout must not":            with(commandstone.Exec{Path: "/bin/sh", Timeout: -1}),
		"grace, maxLine":              {Code: "C", Commands: map[string]commandstone.Command{"x": {}}, Grace: -1},
		"parameter command: declared": {Code: "C", Commands: map[string]commandstone.Command{"x": {Exec: sh("")}}, Params: []stone.Param{{Name: "command", Type: stone.String}}},
	} {
		_, err := commandstone.New(cfg)
		require.ErrorContains(t, err, want)
	}
	_, err := commandstone.Parse([]byte("code: C\ncommands: {x: {path: /bin/sh, shell: true}}"))
	require.ErrorContains(t, err, "shell")
}
