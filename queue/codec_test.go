package queue_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) []byte {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(file, append(got, '\n'), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	return []byte(strings.TrimSuffix(string(want), "\n"))
}

var names = task.Names{
	ID: "0190f6a0-0c1d-7b52-9c1f-0d6b8b6f2a11", TaskID: "2912516", ProcessInstanceID: "2910431",
	Name: "machine", Namespace: "machine", Stone: "MachineStone",
}

func at(micro int) time.Time { return time.Date(2026, 11, 21, 9, 0, 0, micro*1000, time.UTC) }

func command() *queue.Command {
	return &queue.Command{Names: names, Method: task.Start, Epoch: 1,
		Params: []byte(`{"regionId":"701","big":12345678901234567890,"tiny":1e400}`), Outputs: []byte(`{}`),
		CreateTime: at(123456), Retry: &queue.Retry{MaxAttempts: 3, Backoff: 5 * time.Second}}
}

func events() []queue.Event {
	forty := 40
	a := queue.Event{Names: names, Method: task.Start, Epoch: 1, Delivery: 1, Worker: "host-1234-a",
		Transitions: []queue.Transition{{Status: task.StartBegin, Time: at(200000)}, {Status: task.StartSuccess, Time: at(300000)}},
		Outputs:     []byte(`{"machineId":"d39c06db"}`), Progress: &forty,
		Log: []queue.LogLine{{Time: at(250000), Level: "info", Line: "booting \"Server_1\""}}}
	b := queue.Event{Names: names, Method: task.Rollback, Epoch: 2, Delivery: 3, Worker: "host-1234-a",
		Transitions: []queue.Transition{{Status: task.RollbackFailed, Time: at(400000), Reason: "no such machine"}}}
	c := queue.Event{Names: names, Method: task.Start, Epoch: 3, Delivery: 1, Worker: "host-1234-a",
		Trace:       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		Transitions: []queue.Transition{{Status: task.StartSuccess, Time: at(500000), Final: true}}}
	return []queue.Event{a, b, c}
}

// The bytes on the wire are a contract: stones in other languages read them.
func TestCommandOnTheWire(t *testing.T) {
	t.Parallel()
	c := command()
	got := c.Append(nil)
	require.Equal(t, string(golden(t, "command.golden.json", got)), string(got))
	back, err := queue.ParseCommand(got)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(c, back))

	c.BusinessKey, c.Deadline, c.Retry = "beijing", at(0).Add(time.Hour), nil
	back, err = queue.ParseCommand(c.Append(nil))
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(c, back))
}

func TestEventsOnTheWire(t *testing.T) {
	t.Parallel()
	all := events()
	one := queue.EventMsgs("MachineStone", all[:1])
	require.Len(t, one, 1)
	require.Equal(t, string(golden(t, "event.golden.json", one[0].Data)), string(one[0].Data))
	require.Equal(t, "rs.evt.MachineStone.start", one[0].Subject)
	require.Equal(t, names.ID+".1.1.start.success", one[0].Header.Get("Nats-Msg-Id"))

	batch := queue.EventMsgs("MachineStone", all)
	require.Len(t, batch, 1)
	require.Equal(t, string(golden(t, "batch.golden.json", batch[0].Data)), string(batch[0].Data))
	require.Equal(t, "rs.evt.MachineStone.batch", batch[0].Subject)
	require.Regexp(t, `^b\.[0-9a-f]{64}$`, batch[0].Header.Get("Nats-Msg-Id"))
	require.Empty(t, batch[0].Header.Get("Rs-Task"))

	back, err := queue.ParseEvents(batch[0].Data)
	require.NoError(t, err)
	for i := range back {
		require.NoError(t, back[i].Err)
		require.Empty(t, cmp.Diff(all[i], back[i].Event))
	}
}

// A trace goes with each event, and in the header of one that travels alone,
// where workers of others may have it only.
func TestTraceOfEvents(t *testing.T) {
	t.Parallel()
	traced := events()[2]
	msg := queue.EventMsgs("MachineStone", []queue.Event{traced})[0]
	require.Equal(t, traced.Trace, msg.Header.Get("traceparent"))
	msg.Data = bytes.Replace(msg.Data, []byte(`,"traceparent":"`+traced.Trace+`"`), nil, 1)
	require.NotContains(t, string(msg.Data), "traceparent")
	all, err := queue.ParseEventsMsg(msg)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(traced, all[0].Event))

	msg.Data = append(append([]byte("["), msg.Data...), ']') // of whose event a header would be is not said
	all, err = queue.ParseEventsMsg(msg)
	require.NoError(t, err)
	require.Empty(t, all[0].Event.Trace)
}

func TestEventsAreSplitByNumberAndSize(t *testing.T) {
	t.Parallel()
	var many []queue.Event
	for range 2500 {
		many = append(many, events()[1])
	}
	msgs := queue.EventMsgs("MachineStone", many)
	n := 0
	for _, m := range msgs {
		require.LessOrEqual(t, len(m.Data), queue.MaxMessage)
		back, err := queue.ParseEvents(m.Data)
		require.NoError(t, err)
		require.LessOrEqual(t, len(back), queue.MaxBatch)
		n += len(back)
	}
	require.Equal(t, 2500, n)

	big := events()[0]
	big.Outputs = []byte(`{"x":"` + strings.Repeat("x", 100<<10) + `"}`)
	require.Len(t, queue.EventMsgs("MachineStone", []queue.Event{big, big, big, big}), 2)
}

// Log lines that make an event longer than a message go ahead of it, in order.
func TestLongLogsAreParted(t *testing.T) {
	t.Parallel()
	e := events()[0]
	e.Log = nil
	for i := range 500 {
		e.Log = append(e.Log, queue.LogLine{Time: time.Unix(int64(i), 0).UTC(), Level: "info", Line: strings.Repeat("\x01", 4<<10)})
	}
	e.Log = append(e.Log, queue.LogLine{Time: time.Unix(500, 0).UTC(), Level: "info", Line: "last"})
	plain := events()[1]
	var lines []queue.LogLine
	var others int
	for _, m := range queue.EventMsgs("MachineStone", []queue.Event{plain, e, plain}) {
		require.LessOrEqual(t, len(m.Data), queue.MaxMessage)
		back, err := queue.ParseEvents(m.Data)
		require.NoError(t, err)
		for _, p := range back {
			require.NoError(t, p.Err)
			lines = append(lines, p.Event.Log...)
			if len(p.Event.Transitions) > 0 {
				others++
				require.Contains(t, []int{0, 501}, len(lines), "the end comes behind all lines")
			}
		}
	}
	require.Equal(t, 3, others)
	require.Equal(t, e.Log, lines)
}

func TestParseCommandNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	good := string(command().Append(nil))
	for _, c := range []struct{ name, from, to, want string }{
		{"id", names.ID, "7", "id"},
		{"upper-case id", names.ID, strings.ToUpper(names.ID), "id"},
		{"stone", `"stone":"MachineStone"`, `"stone":"a b"`, "stone"},
		{"no task id", `"taskId":"2912516"`, `"taskId":""`, "taskId"},
		{"control character", `"taskId":"2912516"`, `"taskId":"a\u0007b"`, "taskId"},
		{"method", `"method":"start"`, `"method":"stop"`, "method"},
		{"epoch", `"epoch":1`, `"epoch":0`, "epoch"},
		{"params no object", `"outputs":{}`, `"outputs":[]`, "outputs"},
		{"business key", `"businessKey":null`, `"businessKey":"_"`, "business key"},
		{"backoff", `"backoff":"5s"`, `"backoff":"soon"`, "backoff"},
		{"member twice", `"epoch":1`, `"epoch":1,"epoch":2`, "duplicate"},
		{"deep", `"outputs":{}`, `"outputs":{"a":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`, "deeper"},
		{"two values", good, good + good, "invalid character"},
		{"invalid UTF-8", "2910431", "29\xff31", "UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bad := strings.Replace(good, c.from, c.to, 1)
			require.NotEqual(t, good, bad)
			_, err := queue.ParseCommand([]byte(bad))
			require.ErrorIs(t, err, queue.ErrMessage)
			require.ErrorContains(t, err, c.want)
		})
	}
	for _, ok := range []string{
		strings.Replace(good, `"epoch":1`, `"epoch":1,"later":{"a":[1]}`, 1), // unknown members are ignored
		strings.Replace(good, `"outputs":{}`, `"outputs":null`, 1),
	} {
		_, err := queue.ParseCommand([]byte(ok))
		require.NoError(t, err)
	}
}

// A bad event of a batch spoils itself only, and keeps its bytes.
func TestParseEventsKeepsTheGoodOnes(t *testing.T) {
	t.Parallel()
	good := string(events()[1].Append(nil))
	for name, bad := range map[string]string{
		"status":   strings.Replace(good, "rollback.failed", "rollback.done", 1),
		"produce":  strings.Replace(good, "rollback.failed", "produce.failed", 1),
		"type":     strings.Replace(good, `"epoch":2`, `"epoch":"2"`, 1),
		"delivery": strings.Replace(good, `"delivery":3`, `"delivery":0`, 1),
		"progress": strings.Replace(good, `"delivery":3`, `"delivery":3,"progress":101`, 1),
		"outputs":  strings.Replace(good, `"delivery":3`, `"delivery":3,"outputs":[1]`, 1),
		"time":     strings.Replace(good, `"time":"2026-11-21T09:00:00.400000Z"`, `"time":null`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NotEqual(t, good, bad)
			back, err := queue.ParseEvents([]byte("[" + good + "," + bad + "," + good + "]"))
			require.NoError(t, err)
			require.Len(t, back, 3)
			require.NoError(t, back[0].Err)
			require.ErrorIs(t, back[1].Err, queue.ErrMessage)
			require.Equal(t, bad, string(back[1].Raw))
			require.NoError(t, back[2].Err)
		})
	}
	_, err := queue.ParseEvents([]byte(`[{]`))
	require.ErrorIs(t, err, queue.ErrMessage)
}

func TestMerge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ base, add, want string }{
		{``, `{"a":1}`, `{"a":1}`},
		{`{"a":1}`, `{}`, `{"a":1}`},
		{`{"a":1,"b":2}`, `{"b":12345678901234567890,"c":{"x":[1e400]}}`, `{"a":1,"b":12345678901234567890,"c":{"x":[1e400]}}`},
		{`{"ü\"":1}`, `{"ü\"":null}`, `{"ü\"":null}`},
	} {
		got, err := queue.Merge([]byte(c.base), []byte(c.add))
		require.NoError(t, err)
		require.Equal(t, c.want, string(got))
	}
}

func FuzzParseCommand(f *testing.F) {
	f.Add(command().Append(nil))
	f.Add([]byte(`{"id":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := queue.ParseCommand(b)
		if err != nil {
			return
		}
		again, err := queue.ParseCommand(c.Append(nil))
		require.NoError(t, err)
		require.Equal(t, string(c.Append(nil)), string(again.Append(nil)))
	})
}

func FuzzParseEvents(f *testing.F) {
	for _, e := range events() {
		f.Add(e.Append(nil))
	}
	f.Add(queue.EventMsgs("MachineStone", events())[0].Data)
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := queue.ParseEvents(b)
		if err != nil {
			return
		}
		for i := range all {
			if all[i].Err != nil {
				continue
			}
			again, err := queue.ParseEvents(all[i].Event.Append(nil))
			require.NoError(t, err)
			require.NoError(t, again[0].Err)
		}
	})
}
