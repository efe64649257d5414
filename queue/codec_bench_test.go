package queue_test

import (
	"strings"
	"testing"
	"time"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

func BenchmarkParseCommand(b *testing.B) {
	c := machine()
	c.Params = []byte(`{"regionId":"701","text":"` + strings.Repeat("qwertyuiopasdfgh", 64) + `"}`)
	payload := c.Append(nil)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := queue.ParseCommand(payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseEvents(b *testing.B) {
	c := machine()
	now := time.Now()
	e := queue.Event{Names: c.Names, Method: c.Method, Epoch: 1, Delivery: 1, Worker: "host-1234-abcdef"}
	for _, s := range []task.Status{task.StartBegin, task.StartSuccess, task.MonitorBegin, task.MonitorSuccess} {
		e.Transitions = append(e.Transitions, queue.Transition{Status: s, Time: now})
	}
	es := make([]queue.Event, 20)
	for i := range es {
		es[i] = e
	}
	payload := queue.EventMsgs("S", es)[0].Data
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := queue.ParseEvents(payload); err != nil {
			b.Fatal(err)
		}
	}
}
