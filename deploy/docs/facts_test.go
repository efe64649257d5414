package docs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway"
	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// The README's table of commands names those of the binary, all of them.
func TestCommandsOfTheReadme(t *testing.T) {
	t.Parallel()
	bin := filepath.Join(t.TempDir(), "riverstones")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, root+"/cmd/riverstones").CombinedOutput()
	require.NoError(t, err, "%s", out)
	want := subcommands(t, bin)
	for _, group := range []string{"task"} {
		delete(want, group)
		for sub := range subcommands(t, bin, group) {
			want[group+" "+sub] = true
		}
	}
	require.Equal(t, want, tabled(read(t, root+"/README.md")))
}

var listed = regexp.MustCompile(`(?m)^  ([a-z]+) `)

// subcommands asks the binary; what cobra adds by itself is left out.
func subcommands(t *testing.T, bin string, group ...string) map[string]bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), bin, append(group, "--help")...).Output()
	require.NoError(t, err)
	_, after, ok := strings.Cut(string(out), "Available Commands:\n")
	require.True(t, ok)
	block, _, _ := strings.Cut(after, "\n\n")
	names := map[string]bool{}
	for _, m := range listed.FindAllStringSubmatch(block, -1) {
		if m[1] != "help" && m[1] != "completion" {
			names[m[1]] = true
		}
	}
	return names
}

var (
	commandRow = regexp.MustCompile("(?m)^\\| `riverstones ([a-z ]+)`((?:, `[a-z]+`)*) \\|")
	sibling    = regexp.MustCompile("`([a-z]+)`")
)

// tabled reads the rows "| `riverstones task publish`, `get` | …".
func tabled(text string) map[string]bool {
	names := map[string]bool{}
	for _, m := range commandRow.FindAllStringSubmatch(text, -1) {
		names[m[1]] = true
		group, _, _ := strings.Cut(m[1], " ")
		for _, s := range sibling.FindAllStringSubmatch(m[2], -1) {
			names[group+" "+s[1]] = true
		}
	}
	return names
}

var (
	posted   = regexp.MustCompile(`-d '(\{[^']*\})'`)
	answered = regexp.MustCompile(`(?s)Content-Length: (\d+)\n.*?\n\n(\{.*?\})\n` + "```")
)

// The answer that the README shows is the one that the gateway writes for the
// body it shows.
func TestAnswerOfTheReadme(t *testing.T) {
	t.Parallel()
	text := read(t, root+"/README.md")
	body, answer := posted.FindStringSubmatch(text), answered.FindStringSubmatch(text)
	require.NotNil(t, body)
	require.NotNil(t, answer)
	var in struct {
		ProcessInstanceID, TaskID, Stone string
		Params                           json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(body[1]), &in))
	var out struct {
		ID         string
		UpdateTime time.Time
	}
	require.NoError(t, json.Unmarshal([]byte(answer[2]), &out))
	made := rest.Tasks{Zone: time.UTC}.Append(nil, &task.Task{
		Names:  task.Names{ID: out.ID, TaskID: in.TaskID, ProcessInstanceID: in.ProcessInstanceID, Name: in.Stone, Namespace: in.Stone, Stone: in.Stone},
		Method: task.Start, Epoch: 1, Status: task.ProduceSuccess, CreateTime: out.UpdateTime, UpdateTime: out.UpdateTime,
		Params: compacted(t, in.Params), Outputs: json.RawMessage("{}"),
	})
	require.Equal(t, string(made), string(compacted(t, []byte(answer[2]))))
	require.Equal(t, answer[1], fmt.Sprint(len(made)+1), "a line feed ends the body")
}

func compacted(t *testing.T, raw []byte) json.RawMessage {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, json.Compact(&b, raw))
	return b.Bytes()
}

// Limits stand in the operator's handbook as they stand in the code.
func TestLimitsOfTheHandbook(t *testing.T) {
	t.Parallel()
	text := read(t, "operations.md")
	thousands := func(n int) string {
		s := fmt.Sprint(n)
		for i := len(s) - 3; i > 0; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
		return s
	}
	for _, row := range []string{
		fmt.Sprintf("| body of a request | %d MiB |", gateway.DefaultMaxBody>>20),
		fmt.Sprintf("| tasks in one POST | %s |", thousands(dispatch.MaxTasks)),
		fmt.Sprintf("| params and outputs of a new task together | %d MiB |", queue.MaxBlob>>20),
		fmt.Sprintf("| outputs of a task | %d MiB |", queue.MaxBlob>>20),
		fmt.Sprintf("| of those, what fits into a message | %d KiB;", queue.MaxInline>>10),
		fmt.Sprintf("| stone code, business key | %d characters |", queue.MaxCode),
		fmt.Sprintf("| `retry.maxAttempts` | %s |", thousands(dispatch.MaxAttempts)),
		fmt.Sprintf("| requests at once in one gateway | %s |", thousands(gateway.DefaultConcurrent)),
		fmt.Sprintf("| commands waiting in one lane of a stone | %s |", thousands(dispatch.DefaultBacklogLimit)),
		fmt.Sprintf("| reading headers, the request, answering, idle | 5 s, %d s, %d min, 2 min |", int(gateway.DefaultReadTimeout.Seconds()), int(gateway.DefaultWriteTimeout.Minutes())),
		fmt.Sprintf("| `X-Total-Count` | counts up to %s,", thousands(store.CountLimit)),
		fmt.Sprintf("| wait for 201 before 202 | %d s |", int(dispatch.DefaultPatience.Seconds())),
		fmt.Sprintf("| one message | %d KiB |", queue.MaxMessage>>10),
		fmt.Sprintf("| events in one message | %s |", thousands(queue.MaxBatch)),
		fmt.Sprintf("| repeats recognised by the queue | %d min |", int(queue.DuplicateWindow.Minutes())),
		fmt.Sprintf("| lease on a command; a worker stops at | %d s; %d s", int(queue.AckWait.Seconds()), int(queue.AckWait.Seconds())*2/3),
		fmt.Sprintf("| log lines kept of a task | %s,", thousands(store.MaxLogLines)),
	} {
		require.Contains(t, text, row)
	}
}

// namedTest matches the name of a test in a code span.
var (
	namedTest = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`")
	testFunc  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]+)\(`)
)

func TestNamedTestsExist(t *testing.T) {
	t.Parallel()
	there := tests(t)
	count := 0
	for _, doc := range documents(t) {
		for _, m := range namedTest.FindAllStringSubmatch(read(t, doc), -1) {
			count++
			require.True(t, there[m[1]], "%s names %s, which no package has", doc, m[1])
		}
	}
	require.NotZero(t, count, "no document names a test")
}

func tests(t *testing.T) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path) //nolint:gosec // walks its own repository
		for _, m := range testFunc.FindAllStringSubmatch(string(b), -1) {
			there[m[1]] = true
		}
		return err
	}))
	return there
}
