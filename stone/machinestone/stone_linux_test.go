package machinestone_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/stone/machinestone"
	"github.com/riverstones/riverstones/stone/stonetest"
)

// host is a directory with a stone on it.
type host struct {
	*machinestone.Stone

	cfg machinestone.Config
}

func setup(t *testing.T, change ...func(*machinestone.Config)) *host {
	t.Helper()
	cfg := machinestone.Config{Dir: filepath.Join(t.TempDir(), "machines"), Grace: 2 * time.Second}
	for _, f := range change {
		f(&cfg)
	}
	h := &host{again(t, cfg), cfg}
	t.Cleanup(func() {
		for _, pid := range h.pids() {
			_ = syscall.Kill(-pid, syscall.SIGKILL)
		}
	})
	return h
}

// again makes another stone on the same directory, as another worker would.
func again(t *testing.T, cfg machinestone.Config) *machinestone.Stone {
	t.Helper()
	s, err := machinestone.New(cfg)
	require.NoError(t, err)
	return s
}

// pids are the machines of the host that run, found by their environment.
func (h *host) pids() []int {
	var all []int
	stats, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range stats {
		env, _ := os.ReadFile(f)
		var pid int
		_, _ = fmt.Sscanf(f, "/proc/%d/environ", &pid)
		if pgid, err := syscall.Getpgid(pid); err == nil && pgid == pid && strings.Contains(string(env), "MACHINE_DIR="+h.cfg.Dir) {
			all = append(all, pid)
		}
	}
	return all
}

// files lists what is below the tasks' directory.
func (h *host) files(t *testing.T) map[string]fs.FileInfo {
	t.Helper()
	all := map[string]fs.FileInfo{}
	root := filepath.Join(h.cfg.Dir, "tasks")
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return nil //nolint:nilerr // a machine may remove a file meanwhile
		}
		if info, err := d.Info(); err == nil {
			all[path] = info
		}
		return nil
	}))
	return all
}

// toEnd runs a task until its machines are up.
func (h *host) toEnd(t *testing.T, in stonetest.Task) *stonetest.Result {
	t.Helper()
	in.Wait = func(ctx context.Context, d time.Duration) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r := stonetest.RunToEnd(t, h, in)
	r.RequireSuccess(t)
	return r
}

func sample(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("testdata/sample-params.json")
	require.NoError(t, err)
	return string(b)
}

// The task API's own sample, unchanged.
func TestSample(t *testing.T) {
	t.Parallel()
	strategies := []string{"587165cf-a112-4cf1-a080-7039ebde2b46", "67e2a558-4ee2-461f-81e3-82d4176b3ce1"}
	h := setup(t, func(c *machinestone.Config) { c.Strategies = strategies })
	r := h.toEnd(t, stonetest.Task{ID: "c91b3868-801e-43a3-b77a-9bddff26f671", Name: "machine", Params: sample(t)})
	require.Equal(t, task.MonitorSuccess, r.Status)
	require.Equal(t, 100, r.Progress[len(r.Progress)-1])
	var id string
	require.True(t, r.Output("machineId", &id))
	require.NoError(t, uuid.Validate(id))
	require.Equal(t, `{"strategyId":"[\"587165cf-a112-4cf1-a080-7039ebde2b46\",\"67e2a558-4ee2-461f-81e3-82d4176b3ce1\"]","machineId":"`+id+`","type":"MachineStone"}`, string(r.Outputs))
	require.Len(t, h.pids(), 1)

	log := strings.Join(r.Lines(), "\n")
	require.Contains(t, log, "machine Server_1 ("+id+") is starting")
	var found bool
	for path, info := range h.files(t) {
		require.Zero(t, info.Mode().Perm()&0o077, path) // nobody else may read
		if info.IsDir() {
			continue
		}
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NotContains(t, string(b), "LPP$o3P8", path)
		if filepath.Base(path) == "user-data" {
			found = true
			require.True(t, json.Valid(b))
			continue
		}
		require.NotContains(t, string(b), "accessKey", path)
	}
	require.True(t, found)
	require.NotContains(t, log, "LPP$o3P8")
}

func TestOneMachineWithoutATemplate(t *testing.T) {
	t.Parallel()
	for _, params := range []string{`{}`, `{"template":""}`, `{"template":"{}"}`, `{"template":"{\"Resources\":{}}"}`,
		`{"template":"{\"Resources\":{\"V\":{\"Type\":\"AWS::EC2::Volume\",\"Properties\":{\"Size\":1}}}}"}`} {
		h := setup(t)
		r := h.toEnd(t, stonetest.Task{Params: params})
		require.Len(t, h.pids(), 1)
		require.NotContains(t, string(r.Outputs), "strategyId")
		stonetest.Run(t, h, stonetest.Task{ID: "x", Method: task.Delete}).RequireSuccess(t)
	}
}

// template asks for machines of these names.
func template(names ...string) string {
	resources := map[string]any{}
	for _, n := range names {
		resources[n] = map[string]any{"Type": "SIP::EC2::Instance", "Properties": map[string]any{"InstanceType": "m2." + n}}
	}
	doc, _ := json.Marshal(map[string]any{"Resources": resources})
	params, _ := json.Marshal(map[string]string{"template": string(doc)})
	return string(params)
}

func TestSeveralMachines(t *testing.T) {
	t.Parallel()
	h := setup(t)
	r := h.toEnd(t, stonetest.Task{ID: "a", Params: template("one", "two", "three")})
	require.Len(t, h.pids(), 3)
	var list string
	require.True(t, r.Output("machineIds", &list))
	var ids []string
	require.NoError(t, json.Unmarshal([]byte(list), &ids))
	require.Len(t, ids, 3)

	// A reRun with other params keeps what is still wanted.
	before := h.pids()
	h.toEnd(t, stonetest.Task{ID: "a", Attempt: 2, Params: template("two", "four")})
	after := h.pids()
	require.Len(t, after, 2)
	both := 0
	for _, p := range after {
		for _, q := range before {
			if p == q {
				both++
			}
		}
	}
	require.Equal(t, 1, both)

	stonetest.Run(t, h, stonetest.Task{Params: template("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11")}).
		RequireReject(t, "asks for 11 machines, 10 are allowed")
}

// Repeating start never makes a second machine, whoever repeats it.
func TestRepeatedStart(t *testing.T) {
	t.Parallel()
	h := setup(t)
	other := again(t, h.cfg)
	in := stonetest.Task{ID: "a", Params: template("one", "two")}
	var wg sync.WaitGroup
	results := make([]*stonetest.Result, 8)
	for i := range results {
		wg.Go(func() {
			var s stone.Stone = h
			if i%2 == 1 {
				s = other
			}
			results[i], _ = stonetest.Do(t.Context(), s, in)
		})
	}
	wg.Wait()
	for _, r := range results {
		r.RequireSuccess(t)
		require.Equal(t, string(results[0].Outputs), string(r.Outputs))
	}
	require.Len(t, h.pids(), 2)
	before := h.pids()
	r := stonetest.Run(t, other, in)
	require.Contains(t, r.Lines()[0], "runs already")
	require.ElementsMatch(t, before, h.pids())
}

func TestKilledMachine(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.toEnd(t, stonetest.Task{ID: "a"})
	pid := h.pids()[0]
	require.NoError(t, syscall.Kill(-pid, syscall.SIGKILL))
	require.Eventually(t, func() bool {
		return stonetest.Run(t, h, stonetest.Task{ID: "a", Method: task.Monitor}).Outcome == stonetest.Reject
	}, 10*time.Second, 5*time.Millisecond)
	stonetest.Run(t, h, stonetest.Task{ID: "a", Method: task.Monitor}).RequireReject(t, "has stopped")
	require.Error(t, syscall.Kill(pid, 0)) // no zombie is left

	h.toEnd(t, stonetest.Task{ID: "a", Attempt: 2}) // a reRun brings it back
	require.Len(t, h.pids(), 1)
	require.NotEqual(t, pid, h.pids()[0])
}

func TestUndo(t *testing.T) {
	t.Parallel()
	for _, m := range []task.Method{task.Rollback, task.Delete} {
		h := setup(t)
		r := stonetest.Run(t, h, stonetest.Task{ID: "a", Method: m, Params: `{"template":7}`}) // start never ran, and could not
		r.RequireSuccess(t)
		require.Equal(t, []string{"nothing to remove"}, r.Lines())

		h.toEnd(t, stonetest.Task{ID: "a", Params: template("one", "two")})
		h.toEnd(t, stonetest.Task{ID: "b"})
		for range 2 { // without the outputs, as if the worker had died before it reported them
			stonetest.Run(t, h, stonetest.Task{ID: "a", Method: m}).RequireSuccess(t)
			require.Len(t, h.pids(), 1) // that of b
		}
		stonetest.Run(t, h, stonetest.Task{ID: "b", Method: m}).RequireSuccess(t)
		require.Empty(t, h.pids())
		require.Empty(t, h.files(t))
		stonetest.Run(t, h, stonetest.Task{ID: "a", Method: task.Monitor}).RequireReject(t, "no machine on this host")
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.toEnd(t, stonetest.Task{ID: "a"})
	for range 2 {
		stonetest.Run(t, h, stonetest.Task{ID: "a", Method: task.Cancel}).RequireSuccess(t)
		require.Empty(t, h.pids())
	}
	require.NotEmpty(t, h.files(t))
	stonetest.Run(t, h, stonetest.Task{ID: "a", Method: task.Monitor}).RequireReject(t, "has stopped")
	stonetest.Run(t, h, stonetest.Task{ID: "a", Method: task.Delete}).RequireSuccess(t)
	require.Empty(t, h.files(t))
	stonetest.Run(t, h, stonetest.Task{ID: "never", Method: task.Cancel}).RequireSuccess(t)
}

func TestMock(t *testing.T) {
	t.Parallel()
	h := setup(t)
	r := stonetest.Run(t, h, stonetest.Task{Method: task.Mock, Params: sample(t)})
	r.RequireSuccess(t)
	r.RequireOutputs(t, `{"type":"MachineStone","machines":1,"instanceTypes":{"m2.medium":1}}`)
	require.Empty(t, h.pids())
	require.Empty(t, h.files(t))
}

func TestBoot(t *testing.T) {
	t.Parallel()
	gate := filepath.Join(t.TempDir(), "gate")
	h := setup(t, func(c *machinestone.Config) {
		c.Command = []string{"/bin/sh", "-c", `trap '' TERM; while [ ! -e "$GATE" ]; do sleep 0.01; done; : > ready; while :; do sleep 1; done`}
		c.Env = []string{"GATE=" + gate}
		c.Interval, c.Grace = 7*time.Second, 50*time.Millisecond
	})
	stonetest.Run(t, h, stonetest.Task{ID: "a"}).RequireSuccess(t)
	r := stonetest.Run(t, h, stonetest.Task{ID: "a", Method: task.Monitor})
	r.RequireAgain(t)
	require.Equal(t, 7*time.Second, r.After)
	require.Equal(t, []int{10}, r.Progress)

	slow := h.cfg
	slow.BootTimeout = time.Nanosecond
	stonetest.Run(t, again(t, slow), stonetest.Task{ID: "a", Method: task.Monitor}).RequireReject(t, "is not up after 1ns")

	require.NoError(t, os.WriteFile(gate, nil, 0o600))
	require.Eventually(t, func() bool {
		return stonetest.Run(t, h, stonetest.Task{ID: "a", Method: task.Monitor}).Outcome == stonetest.Success
	}, 10*time.Second, 5*time.Millisecond)
	// It is deaf to SIGTERM, so it is killed after the grace.
	stonetest.Run(t, h, stonetest.Task{ID: "a", Method: task.Delete}).RequireSuccess(t)
	require.Empty(t, h.pids())
}

func TestMachineThatEndsAtOnce(t *testing.T) {
	t.Parallel()
	h := setup(t, func(c *machinestone.Config) { c.Command = []string{"/bin/sh", "-c", "exit 3"} })
	stonetest.Run(t, h, stonetest.Task{ID: "a"}).RequireSuccess(t)
	require.Eventually(t, func() bool {
		r := stonetest.Run(t, h, stonetest.Task{ID: "a", Method: task.Monitor})
		return r.Outcome == stonetest.Reject && strings.Contains(r.Reason, "has stopped")
	}, 10*time.Second, 5*time.Millisecond)
}

// A pid that belongs to somebody else by now is not the machine.
func TestReusedPID(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.toEnd(t, stonetest.Task{ID: "a"})
	var file string
	for path := range h.files(t) {
		if filepath.Base(path) == "pid" {
			file = path
		}
	}
	was := h.pids()[0]
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	ours := strings.Replace(string(b), fmt.Sprint(was), fmt.Sprint(os.Getpid()), 1)
	require.NoError(t, os.WriteFile(file, []byte(ours), 0o600))
	stonetest.Run(t, h, stonetest.Task{ID: "a", Method: task.Monitor}).RequireReject(t, "has stopped")
	stonetest.Run(t, h, stonetest.Task{ID: "a", Method: task.Delete}).RequireSuccess(t) // and this process lives on
	// The machine sees that its directory is gone, and ends.
	require.Eventually(t, func() bool { return len(h.pids()) == 0 }, 10*time.Second, 10*time.Millisecond)
}

func TestTemplateIsRefused(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for doc, why := range map[string]string{
		`[`:                "parameter template: ",
		`[]`:               "not a JSON object",
		`{"Resources":[]}`: "the member Resources",
		`{"a":1,"a":2}`:    "duplicate",
		`{"Resources":{"M":{"Type":"X::Instance","Properties":{"InstanceName":["s3cret"]}}}}`: "resource M has a property of the wrong type",
		`{"Resources":{"M":{"Type":"X::Instance","Properties":{"UserData":7}}}}`:              "UserData is neither",
		`{"Resources":{"M":{"Type":"X::Instance","Properties":{"InstanceName":"a\u0000b"}}}}`: "control character",
	} {
		params, err := json.Marshal(map[string]string{"template": doc})
		require.NoError(t, err)
		r := stonetest.Run(t, h, stonetest.Task{Params: params})
		r.RequireReject(t, why)
		require.NotContains(t, r.Reason, "s3cret")
	}
	stonetest.Run(t, h, stonetest.Task{Params: `{"template":{}}`}).RequireReject(t, "parameter template: must be a string")
	require.Empty(t, h.files(t))
}

func TestCanceledContextStartsNothing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := stonetest.Do(ctx, h, stonetest.Task{})
	require.NoError(t, err)
	require.ErrorIs(t, r.Err, context.Canceled)
	require.Empty(t, h.pids())
}

func TestSpec(t *testing.T) {
	t.Parallel()
	h := setup(t, func(c *machinestone.Config) { c.BusinessKey = "beijing" })
	spec := h.Spec()
	require.Equal(t, "MachineStone", spec.Code)
	require.Equal(t, "beijing", spec.BusinessKey)
	for _, p := range spec.Params {
		require.Equal(t, p.Name == "userData", p.NoEcho, p.Name)
		require.False(t, p.Required)
	}
	require.Len(t, stone.Handlers(h), 6)
	for want, cfg := range map[string]machinestone.Config{"is not absolute": {Dir: "x"}, "must not be negative": {Dir: t.TempDir(), Grace: -1}} {
		_, err := machinestone.New(cfg)
		require.ErrorContains(t, err, want)
	}
}
