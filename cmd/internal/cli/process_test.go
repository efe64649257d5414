package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/cli"
	"github.com/riverstones/riverstones/gateway/client"
)

// bpmnFile writes a model of three elements around one task, and returns its path.
func bpmnFile(t *testing.T, key, task string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), key+".bpmn20.xml")
	model := `<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:riverstones="http://riverstones.io/bpmn" targetNamespace="t">
<process id="` + key + `" name="The ` + key + `"><startEvent id="s"/><sequenceFlow sourceRef="s" targetRef="t"/>` + task + `
<sequenceFlow sourceRef="t" targetRef="e"/><endEvent id="e"/></process><signal id="go" name="go"/></definitions>`
	require.NoError(t, os.WriteFile(path, []byte(model), 0o600))
	return path
}

func TestProcessCommands(t *testing.T) {
	t.Parallel()
	server := "--server=" + system(t)
	ok := func(input string, args ...string) string {
		t.Helper()
		r := run(t, input, append(args, server)...)
		require.Equal(t, cli.ExitOK, r.code, r.err)
		return r.out
	}
	fails := func(says, input string, args ...string) {
		t.Helper()
		r := run(t, input, append(args, server)...)
		require.NotEqual(t, cli.ExitOK, r.code)
		require.Contains(t, r.err, says)
	}
	read := func(out string) (p client.ProcessInstance) {
		t.Helper()
		require.NoError(t, json.Unmarshal([]byte(out), &p))
		return p
	}
	for key, task := range map[string]string{
		"good": `<serviceTask id="t" riverstones:stone="Good"/>`, "bad": `<serviceTask id="t" riverstones:stone="Bad"/>`,
		"wait": `<receiveTask id="t"/>`, "call": `<intermediateCatchEvent id="t"><signalEventDefinition signalRef="go"/></intermediateCatchEvent>`,
	} {
		require.Regexp(t, key+` +1 +`+key+`:1:\S+ +The `+key, ok("", "process", "deploy", bpmnFile(t, key, task), "--name", "mine"))
	}
	fails("no node has the namespace x", "", "process", "deploy", bpmnFile(t, "odd", `<userTask id="t" name="${outputs.x.y}"/>`))

	// A good one, from start to delete.
	p := read(ok("", "process", "start", "--key", "good", "--name", "first", "--var", "size=20", "--var", "who=you", "--wait", "-o", "json"))
	require.Equal(t, "completed", p.ProcessStatus)
	require.JSONEq(t, `{"size":20,"who":"you"}`, p.ProcessContent)
	shown := ok("", "process", "show", p.ID)
	require.Regexp(t, `status +completed`, shown)
	require.Regexp(t, `2 +t +serviceTask +Good +start\.success`, shown)
	require.Contains(t, shown, `"answer": 42`)
	fails("not confirmed", "no\n", "process", "delete", p.ID)
	require.Contains(t, ok("yes\n", "process", "delete", p.ID, "--wait"), "deleted")
	fails("is deleted already", "", "process", "delete", p.ID, "-y")
	fails("there is nothing to resume", "", "process", "resume", p.ID)

	// A bad one, held and given up.
	fails("is failed: ", "", "process", "start", "--key", "bad", "--wait")
	fails("is debug: ", "", "process", "start", "--key", "bad", "--debug", "--wait")
	var held []client.ProcessInstance
	require.NoError(t, json.Unmarshal([]byte(ok("", "process", "list", "--status", "debug", "-o", "json")), &held))
	require.Len(t, held, 1)
	require.Contains(t, ok("", "process", "debug", held[0].ID, "off"), "debug mode is off")
	require.Contains(t, ok("", "process", "start", "--key", "bad", "--mock", "--wait"), "completed")

	// One that waits, triggered and cancelled.
	p = read(ok("", "process", "start", "--key", "wait", "-o", "json"))
	var detail struct{ Steps []client.ProcessStep }
	require.NoError(t, json.Unmarshal([]byte(ok("", "process", "show", p.ID, "-o", "json")), &detail))
	require.Contains(t, ok("", "process", "signal", "--trigger", "--execution", detail.Steps[1].ExecutionID), "is done")
	fails("does not run any more", "", "process", "cancel", p.ID, "-y")
	p = read(ok("", "process", "start", "--key", "wait", "-o", "json"))
	require.Contains(t, ok("", "process", "cancel", p.ID, "-y", "--wait"), "canceled")

	// One that waits for a signal.
	p = read(ok("", "process", "start", "--key", "call", "-o", "json"))
	ok("", "process", "signal", "go", "--var", "x=1")
	require.Contains(t, ok("", "process", "show", p.ID), "completed")
	listed := ok("", "process", "list", "--type", "start", "--size", "2")
	require.Equal(t, 3, strings.Count(listed, "\n"), listed)
	fails("404", "", "process", "show", "nobody")
}

func TestProcessUsage(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"process start":                             "name the model with --key",
		"process start --key k --var x":             `--var "x" must be name=value`,
		"process start --key k --variables [1]":     "--variables is no JSON object",
		"process start --key k --variables null":    "--variables is no JSON object",
		"process signal":                            "either NAME or --trigger",
		"process signal a --trigger":                "either NAME or --trigger",
		"process signal a --message":                "need --execution",
		"process signal --trigger":                  "need --execution",
		"process signal a --execution e --tenant t": "--tenant goes without",
		"process deploy /no/such/file":              "no such file",
		"process list --started-after noon":         `"noon" is no time`,
	} {
		r := run(t, "", strings.Fields(line)...)
		require.Equal(t, cli.ExitUsage, r.code, r.err)
		require.Contains(t, r.err, want, line)
	}
}
