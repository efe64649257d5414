package task_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue/task"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing them")

// statuses is the list of statuses of the task API, as chapter 6.2 names them.
var statuses = []string{
	"produce.success", "produce.failed", "start.begin", "start.failed", "start.success", "monitor.begin", "monitor.success", "monitor.failed",
	"rollback.begin", "rollback.success", "rollback.failed", "delete.begin", "delete.success", "delete.failed",
	"cancel.begin", "cancel.success", "cancel.failed", "canceled", "mock.begin", "mock.success", "mock.passed", "mock.failed",
}

func TestStatusesAreThoseOfTheAPI(t *testing.T) {
	t.Parallel()
	require.Len(t, task.Statuses(), 22)
	var names []string
	for i, s := range task.Statuses() {
		require.EqualValues(t, i+1, s, "numbers are kept in databases")
		names = append(names, s.String())
		back, err := task.ParseStatus(s.String())
		require.NoError(t, err)
		require.Equal(t, s, back)
	}
	require.Equal(t, statuses, names)
}

func TestNoStatus(t *testing.T) {
	t.Parallel()
	for _, s := range []task.Status{0, 23, 255} {
		require.False(t, s.Valid())
		require.Empty(t, s.String())
		require.Empty(t, s.Method())
		require.Zero(t, s.Ordinal(true))
		require.False(t, s.End(true) || s.Begin() || s.Failed() || s.Produce() || s.Late())
		_, err := s.MarshalText()
		require.ErrorIs(t, err, task.ErrStatus)
	}
	for _, name := range []string{"", "start", "START.BEGIN", "start.begin ", "cancelled", "produce.begin"} {
		_, err := task.ParseStatus(name)
		require.ErrorIs(t, err, task.ErrStatus, name)
	}
}

func TestStatusAsJSON(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal([]task.Status{task.MockPassed, task.Canceled})
	require.NoError(t, err)
	require.JSONEq(t, `["mock.passed","canceled"]`, string(b))
	var back []task.Status
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, []task.Status{task.MockPassed, task.Canceled}, back)
	require.Error(t, json.Unmarshal([]byte(`["nothing"]`), &back))
}

// The questions about one status, each answered by the name alone.
func TestWhatAStatusSays(t *testing.T) {
	t.Parallel()
	for _, s := range task.Statuses() {
		name := s.String()
		method, phase, _ := strings.Cut(name, ".")
		if name == "canceled" {
			method = "cancel"
		}
		begin, failed, produce := phase == "begin", phase == "failed", method == "produce"
		require.Equal(t, produce, s.Produce(), name)
		require.Equal(t, begin, s.Begin(), name)
		require.Equal(t, failed, s.Failed(), name)
		require.Equal(t, begin || name == "produce.success", s.Late(), name)
		if produce {
			require.Empty(t, s.Method(), name)
		} else {
			require.Equal(t, task.Method(method), s.Method(), name)
		}
		end := !begin && name != "produce.success"
		require.Equal(t, end, s.End(true), name)
		require.Equal(t, end && name != "start.success", s.End(false), name)
	}
}

func TestOrdinals(t *testing.T) {
	t.Parallel()
	for _, s := range task.Statuses() {
		want := 50
		switch {
		case s == task.ProduceFailed:
			want = 5
		case s == task.ProduceSuccess:
			want = 10
		case s == task.MonitorBegin:
			want = 40
		case s.Begin():
			want = 20
		}
		require.Equal(t, want, s.Ordinal(true), s)
		if s == task.StartSuccess {
			want = 30
		}
		require.Equal(t, want, s.Ordinal(false), s)
	}
}

// step is the place of a status in an attempt, as the task API tells it.
func step(s task.Status, final bool) int {
	name := s.String()
	switch {
	case name == "":
		return 0
	case name == "produce.failed": // may still turn out to be stored
		return 1
	case name == "produce.success":
		return 2
	case name == "monitor.begin":
		return 5
	case strings.HasSuffix(name, ".begin"):
		return 3
	case name == "start.success" && !final:
		return 4
	default:
		return 6
	}
}

// TestEveryPair holds Check against the rule in words: a status follows if its
// place is a later one; at an end nothing follows.
func TestEveryPair(t *testing.T) {
	t.Parallel()
	pairs := 0
	for _, from := range append(task.Statuses(), 0) {
		for _, to := range task.Statuses() {
			for _, final := range []bool{false, true} {
				for _, toFinal := range []bool{false, true} {
					pairs++
					var want error
					switch a, b := step(from, final), step(to, toFinal); {
					case a == 6:
						want = task.ErrEnded
					case b <= a:
						want = task.ErrStale
					}
					got := from.Check(final, to, toFinal)
					require.ErrorIs(t, got, want, "%s (final %t) to %s (final %t)", from, final, to, toFinal)
				}
			}
		}
	}
	require.Equal(t, 23*22*4, pairs)
}

// A few pairs as people would tell them, so that a mistake in the rule above
// does not hide one in the code.
func TestPairsByExample(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from    task.Status
		final   bool
		to      task.Status
		toFinal bool
		want    error
	}{
		{0, false, task.ProduceSuccess, false, nil},
		{0, false, task.StartFailed, false, nil},
		{task.ProduceFailed, false, task.ProduceSuccess, false, nil},
		{task.ProduceFailed, false, task.StartBegin, false, nil},
		{task.ProduceSuccess, false, task.ProduceFailed, false, task.ErrStale},
		{task.ProduceSuccess, false, task.StartBegin, false, nil},
		{task.StartBegin, false, task.StartBegin, false, task.ErrStale},
		{task.StartBegin, false, task.StartSuccess, false, nil},
		{task.StartSuccess, false, task.MonitorBegin, false, nil},
		{task.StartSuccess, true, task.MonitorBegin, false, task.ErrEnded},
		{task.StartSuccess, false, task.StartSuccess, true, nil},
		{task.MonitorBegin, false, task.StartBegin, false, task.ErrStale},
		{task.MonitorBegin, false, task.MonitorBegin, false, task.ErrStale},
		{task.MonitorSuccess, false, task.MonitorFailed, false, task.ErrEnded},
		{task.StartFailed, false, task.StartBegin, false, task.ErrEnded},
		{task.Canceled, false, task.StartBegin, false, task.ErrEnded},
		{task.MockBegin, false, task.MockPassed, false, nil},
	} {
		require.ErrorIs(t, c.from.Check(c.final, c.to, c.toFinal), c.want, "%s to %s", c.from, c.to)
	}
}

// The current status of an attempt does not depend on the order in which its
// statuses are read, as long as only one end is among them.
func TestOrderOfReadingDoesNotMatter(t *testing.T) {
	t.Parallel()
	run := []task.Status{task.ProduceFailed, task.ProduceSuccess, task.StartBegin, task.StartSuccess, task.MonitorBegin, task.MonitorFailed}
	permute(run, func(order []task.Status) {
		var current task.Status
		for _, s := range order {
			if current.Check(false, s, false) == nil {
				current = s
			}
		}
		require.Equal(t, task.MonitorFailed, current, order)
	})
}

func permute(s []task.Status, visit func([]task.Status)) {
	var walk func(int)
	walk = func(k int) {
		if k == len(s) {
			visit(s)
		}
		for i := k; i < len(s); i++ {
			s[k], s[i] = s[i], s[k]
			walk(k + 1)
			s[k], s[i] = s[i], s[k]
		}
	}
	walk(0)
}

// STATUSES.md is what documentation shows.
func TestStatusTableInTheDocumentation(t *testing.T) {
	t.Parallel()
	const file = "STATUSES.md"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(statusTable()), 0o644))
	}
	have, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, statusTable(), string(have), "refresh it with: go test ./queue/task -update")
}

func statusTable() string {
	var b strings.Builder
	b.WriteString("# Statuses\n\nWritten by a test from the table in `status.go`; `go test ./queue/task -update` refreshes it.\n" +
		"Within an attempt the status with the greatest order is the current one.\n\n" +
		"| number | status | method | order | ends the attempt | counts as failed |\n| ---: | --- | --- | ---: | --- | --- |\n")
	for _, s := range task.Statuses() {
		method, failed := string(s.Method()), "no"
		if method == "" {
			method = "–"
		}
		if s.Failed() {
			failed = "yes"
		}
		fmt.Fprintf(&b, "| %d | `%s` | %s | %s | %s | %s |\n", s, s, method, order(s), end(s), failed)
	}
	return b.String()
}

func order(s task.Status) string {
	if a, b := s.Ordinal(false), s.Ordinal(true); a != b {
		return fmt.Sprintf("%d, final %d", a, b)
	}
	return fmt.Sprint(s.Ordinal(false))
}

func end(s task.Status) string {
	switch {
	case s == task.ProduceFailed:
		return "yes, unless the message turns out to be stored"
	case s.End(false):
		return "yes"
	case s.End(true):
		return "if final: no monitor follows"
	default:
		return "no"
	}
}
