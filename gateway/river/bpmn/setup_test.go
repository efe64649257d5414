package bpmn_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file, or writes it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// files returns the files of a folder in testdata by name.
func files(tb testing.TB, pattern string) map[string][]byte {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", pattern))
	require.NoError(tb, err)
	require.NotEmpty(tb, paths)
	all := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(tb, err)
		all[path] = data
	}
	return all
}

// mapped names a stone for what is written in Java.
func mapped(j bpmn.Java) (string, bool) {
	return "Mail", j == bpmn.Java{Type: "class", Value: "com.example.Mail", ResultVariable: "sent"}
}

// model wraps a process into definitions and reads it.
func model(tb testing.TB, process string) *bpmn.Process {
	tb.Helper()
	d, err := bpmn.Parse([]byte(`<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"
		xmlns:flowable="http://flowable.org/bpmn" xmlns:riverstones="http://riverstones.io/bpmn">
		<process id="p">`+process+`</process></definitions>`), bpmn.Options{})
	require.NoError(tb, err)
	return d.Process("p")
}
