package queue_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/param"
)

func protocol(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("PROTOCOL.md")
	require.NoError(t, err)
	return string(b)
}

// strict decodes what a document shows; members that the code does not know
// are an error.
func strict(t *testing.T, text string, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(into), text)
}

var jsonBlock = regexp.MustCompile("(?s)```json\n(.*?)```")

// Every JSON block of PROTOCOL.md is a message that the code reads, and writes
// back the same.
func TestMessagesOfTheProtocol(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, m := range jsonBlock.FindAllStringSubmatch(protocol(t), -1) {
		kind := kindOf(t, m[1])
		seen[kind]++
		checkMessage(t, kind, m[1])
	}
	require.Equal(t, map[string]int{"command": 2, "event": 1, "batch": 1, "question": 1, "answer": 1, "consumer": 1, "announcement": 1}, seen)
}

func kindOf(t *testing.T, text string) string {
	t.Helper()
	if strings.HasPrefix(text, "[") {
		return "batch"
	}
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(text), &members))
	for _, k := range []struct{ member, kind string }{
		{"ack_policy", "consumer"}, {"answer", "answer"}, {"code", "announcement"}, {"transitions", "event"}, {"params", "command"}, {"delivery", "question"},
	} {
		if _, ok := members[k.member]; ok {
			return k.kind
		}
	}
	return "unknown"
}

func checkMessage(t *testing.T, kind, text string) {
	t.Helper()
	text = compact(t, text) // spaces inside params are kept as they come
	switch kind {
	case "command":
		c, err := queue.ParseCommand([]byte(text))
		require.NoError(t, err)
		if strings.Contains(text, `"params":null`) {
			c.Blob = "sha256-" + strings.Repeat("0", 64) // as its header says
		}
		require.Equal(t, text, string(c.Append(nil)))
	case "event", "batch":
		all, err := queue.ParseEvents([]byte(text))
		require.NoError(t, err)
		var events []queue.Event
		for _, p := range all {
			require.NoError(t, p.Err)
			events = append(events, p.Event)
		}
		require.Equal(t, text, string(queue.EventMsgs("MachineStone", events)[0].Data))
	case "question":
		var q queue.Question
		strict(t, text, &q)
		rewritten(t, text, q)
	case "answer":
		var a queue.Answer
		strict(t, text, &a)
		rewritten(t, text, a)
	case "consumer":
		var c jetstream.ConsumerConfig
		strict(t, text, &c)
		require.Equal(t, jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy, AckWait: queue.AckWait, MaxDeliver: -1,
			DeliverPolicy: jetstream.DeliverAllPolicy, ReplayPolicy: jetstream.ReplayInstantPolicy}, c)
	case "announcement":
		a, err := queue.ParseAnnouncement([]byte(text))
		require.NoError(t, err)
		_, err = param.NewChecker(a.Params)
		require.NoError(t, err)
		again, err := a.Encode()
		require.NoError(t, err)
		require.JSONEq(t, text, string(again))
	}
}

func compact(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, json.Compact(&b, []byte(text)))
	return b.String()
}

func rewritten(t *testing.T, text string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	require.Equal(t, text, string(b))
}

// What the tables of PROTOCOL.md say is what the code says.
func TestTablesOfTheProtocol(t *testing.T) {
	t.Parallel()
	text := protocol(t)
	rows := []string{
		fmt.Sprintf("| one message, headers included | %d KiB |", queue.MaxMessage>>10),
		fmt.Sprintf("| params and outputs inline | %d KiB,", queue.MaxInline>>10),
		fmt.Sprintf("| outputs of a task; params and outputs of a new one | %d MiB |", queue.MaxBlob>>20),
		fmt.Sprintf("| events in one message | %d,%03d |", queue.MaxBatch/1000, queue.MaxBatch%1000),
		fmt.Sprintf("duplicate window %d min", int(queue.DuplicateWindow.Minutes())),
		fmt.Sprintf("entries live %d s", int(queue.StoneTTL.Seconds())),
		fmt.Sprintf("1 to %d characters", queue.MaxCode),
		"| `" + queue.HeaderSchema + "` | `" + queue.Schema + "` |",
		"| `" + queue.HeaderTask + "`, `" + queue.HeaderEpoch + "`, `" + queue.HeaderMethod + "` |",
		"| `" + queue.HeaderBlob + "` |", "| `" + queue.HeaderTrace + "` |", "`" + queue.HeaderReason + "`",
		"`" + queue.StreamTasks + "`", "`" + queue.StreamEvents + "`", "`" + queue.StreamDLQ + "`", "`" + queue.BucketStones + "`", "`" + queue.BucketBlobs + "`",
	}
	for _, s := range []string{"MachineStone", "SIP::EC2::Volume", "eu.west"} {
		rows = append(rows, "| `"+s+"` | `"+queue.Token(s)+"` |")
	}
	for _, v := range []queue.Verdict{queue.Run, queue.ToMonitor, queue.Done, queue.Leave, queue.Later} {
		rows = append(rows, "| `"+string(v)+"`")
	}
	for _, l := range queue.Lanes() {
		rows = append(rows, "| `"+l.Durable("<stone>", "")[:2]+"<stone>` | `"+strings.Replace(l.Subjects("X", "")[0], ".X.", ".<stone>.", 1)+"`")
	}
	for _, want := range rows {
		require.Contains(t, text, want)
	}
}
