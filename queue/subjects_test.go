package queue_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

var tokenShape = regexp.MustCompile(`^([A-Za-z0-9_-]|=[0-9A-F]{2})*$`)

func TestTokens(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"MachineStone":     "MachineStone",
		"SIP::EC2::Volume": "SIP=3A=3AEC2=3A=3AVolume",
		"a.b":              "a=2Eb",
		"a_b-c":            "a_b-c",
		"*":                "=2A",
		">":                "=3E",
		"=3A":              "=3D3A",
		"ü":                "=C3=BC",
		"\x00":             "=00",
		" ":                "=20",
	} {
		require.Equal(t, want, queue.Token(text))
		back, err := queue.ParseToken(want)
		require.NoError(t, err)
		require.Equal(t, text, back)
	}
	require.Empty(t, queue.Token(""))
}

func TestMalformedTokens(t *testing.T) {
	t.Parallel()
	for _, tok := range []string{"", "=", "=3", "a=3", "=3a", "=GG", "=41", "=2D", "=5F", "a.b", "a b", "*", ">", "ü", "==3A", "=3A="} {
		_, err := queue.ParseToken(tok)
		require.ErrorIs(t, err, queue.ErrToken, tok)
	}
}

func TestStoneCodesAndBusinessKeys(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", queue.MaxCode)
	for _, c := range []struct {
		text       string
		stone, key bool
	}{
		{"A", true, true}, {"SIP::EC2::Volume", true, true}, {"a-b_c.d:e", true, true}, {long, true, true},
		{long + "a", false, false}, {"", false, true}, {"1a", false, true}, {"_", false, false}, {"_a", false, true}, {"-", false, true},
		{"a b", false, false}, {"a*", false, false}, {"a>", false, false}, {"ä", false, false}, {"a\n", false, false}, {"a=3A", false, false},
	} {
		require.Equal(t, c.stone, queue.CheckStone(c.text) == nil, "stone %q", c.text)
		require.Equal(t, c.key, queue.CheckBusinessKey(c.text) == nil, "key %q", c.text)
	}
	require.ErrorIs(t, queue.CheckStone(""), queue.ErrStone)
	require.ErrorIs(t, queue.CheckBusinessKey("_"), queue.ErrBusinessKey)
}

func TestTaskSubjects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stone, key string
		m          task.Method
		want       string
	}{
		{"A", "", task.Start, "rs.task.A._.start"},
		{"SIP::EC2", "eu.1", task.Rollback, "rs.task.SIP=3A=3AEC2.eu=2E1.rollback"},
		{"A", "__", task.Mock, "rs.task.A.__.mock"},
	} {
		require.Equal(t, c.want, queue.TaskSubject(c.stone, c.key, c.m))
		stone, key, m, err := queue.ParseTaskSubject(c.want)
		require.NoError(t, err)
		require.Equal(t, []any{c.stone, c.key, c.m}, []any{stone, key, m})
	}
	for _, s := range []string{
		"", "rs.task.", "rs.task.A.start", "rs.task.A._.start.x", "rs.task.A._.produce", "rs.task.._.start", "rs.task.A..start", "rs.task.A._.",
		"rs.task.*.*.start", "rs.task.A.=5F.start", "rs.evt.A._.start", "A._.start", "rs.task.A._.START",
	} {
		_, _, _, err := queue.ParseTaskSubject(s)
		require.Error(t, err, s)
	}
}

func TestEventSubjects(t *testing.T) {
	t.Parallel()
	require.Equal(t, "rs.evt.a=2Eb.monitor", queue.EventSubject("a.b", task.Monitor))
	require.Equal(t, "rs.evt.a=2Eb.batch", queue.BatchSubject("a.b"))
	for s, want := range map[string]task.Method{"rs.evt.a=2Eb.monitor": task.Monitor, "rs.evt.a=2Eb.batch": ""} {
		stone, m, err := queue.ParseEventSubject(s)
		require.NoError(t, err)
		require.Equal(t, "a.b", stone)
		require.Equal(t, want, m)
	}
	for _, s := range []string{"", "rs.evt.A", "rs.evt..start", "rs.evt.A.", "rs.evt.A.begin", "rs.evt.A.start.x", "rs.task.A.start", "A.start"} {
		_, _, err := queue.ParseEventSubject(s)
		require.Error(t, err, s)
	}
}

func TestOtherSubjects(t *testing.T) {
	t.Parallel()
	require.Equal(t, "rs.ask.a=3Ab", queue.AskSubject("a:b"))
	require.Equal(t, "rs.ctl.a=3Ab", queue.CtlSubject("a:b"))
	require.Equal(t, "rs.dlq.a=3Ab", queue.DLQSubject("a:b"))
	require.Equal(t, "rs.checkpoint.RS_TASKS", queue.CheckpointSubject(queue.StreamTasks))
	require.Equal(t, queue.StreamEvents, queue.ParseCheckpointSubject(queue.CheckpointSubject(queue.StreamEvents)))
}

func TestLanesShareOutTheMethods(t *testing.T) {
	t.Parallel()
	var methods []task.Method
	for _, l := range queue.Lanes() {
		methods = append(methods, l.Methods()...)
	}
	require.ElementsMatch(t, task.Methods(), methods, "each method has one lane")
	require.Nil(t, queue.Lane("x").Methods())
	require.Equal(t, []string{"rs.task.a=3Ab.*.start", "rs.task.a=3Ab.*.mock"}, queue.Work.Subjects("a:b", ""))
	require.Equal(t, []string{"rs.task.A.k=2E1.monitor"}, queue.Follow.Subjects("A", "k.1"))
	require.Equal(t, "c_a=3Ab", queue.Control.Durable("a:b", ""))
	require.Equal(t, "w_a=3Ab==k=2E1", queue.Work.Durable("a:b", "k.1"))
}

// Two consumers have the same name only if they are the same.
func TestEachMethodHasItsLane(t *testing.T) {
	t.Parallel()
	for _, l := range queue.Lanes() {
		for _, m := range l.Methods() {
			require.Equal(t, l, queue.LaneOf(m), m)
		}
	}
}

func TestDurablesAreNeverMixedUp(t *testing.T) {
	t.Parallel()
	texts := []string{"A", "AB", "A_B", "A.B", "A:B", "A-B", "Ak", "k", "A=", "A==k", "w_A"}
	seen := map[string]string{}
	for _, l := range queue.Lanes() {
		for _, stone := range texts {
			for _, key := range append(texts, "") {
				name := l.Durable(stone, key)
				who := string(l) + " " + stone + " " + key
				require.Empty(t, seen[name], "%s and %s", name, who)
				seen[name] = who
			}
		}
	}
}

func FuzzToken(f *testing.F) {
	for _, s := range []string{"A", "SIP::EC2::Volume", "=3A", "ü", "\x00>*. ", "_"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tok := queue.Token(s)
		require.Regexp(t, tokenShape, tok)
		if s == "" {
			return
		}
		back, err := queue.ParseToken(tok)
		require.NoError(t, err)
		require.Equal(t, s, back)
		// What is read as a token is the only way to write its text.
		if text, err := queue.ParseToken(s); err == nil {
			require.Equal(t, s, queue.Token(text))
		}
	})
}

func FuzzParseTaskSubject(f *testing.F) {
	for _, s := range []string{"rs.task.A._.start", "rs.task.SIP=3A=3AEC2.eu=2E1.rollback", "rs.task.A..start", "rs.task.>", "rs.evt.A.start"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		stone, key, m, err := queue.ParseTaskSubject(s)
		if err != nil {
			return
		}
		require.NotEmpty(t, stone)
		require.True(t, m.Valid())
		require.Equal(t, s, queue.TaskSubject(stone, key, m))
	})
}
