package eventapi

import (
	"time"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

// message is one of either stream, decoded. What can not be read has no items:
// the recorder puts it into quarantine.
type message struct {
	stream  string
	seq     uint64
	time    time.Time // when it was stored, as the recorder writes it
	command *queue.Command
	fact    *queue.Fact
	events  []queue.Event
	items   int // that may be shown
}

func decode(stream string, d *queue.Delivery) *message {
	m := &message{stream: stream, seq: d.Sequence, time: d.Time.Truncate(time.Microsecond)}
	if stream == queue.StreamTasks {
		c, err := queue.ParseCommandMsg(d.Msg)
		if err == nil && c.Subject() == d.Msg.Subject {
			m.command, m.items = c, 1
		}
		return m
	}
	if d.Msg.Subject == queue.FactSubject {
		if f, err := queue.ParseFact(d.Msg.Data); err == nil {
			m.fact, m.items = f, 1
		}
		return m
	}
	stone, method, err := queue.ParseEventSubject(d.Msg.Subject)
	if err != nil {
		return m
	}
	parsed, _ := queue.ParseEvents(d.Msg.Data) // nothing of one that can not be read
	for i := range parsed {
		e := &parsed[i].Event
		if parsed[i].Err == nil && e.Stone == stone && (method == "" || e.Method == method) {
			m.events = append(m.events, *e)
			m.items += items(e)
		}
	}
	return m
}

// items is how many things an event tells.
func items(e *queue.Event) int {
	n := len(e.Transitions) + len(e.Log)
	if e.Progress != nil {
		n++
	}
	return n
}

// wanted reports whether anybody wants to hear of one of its tasks.
func (m *message) wanted(want func(n *task.Names) bool) bool {
	if m.command != nil {
		return want(&m.command.Names)
	}
	if m.fact != nil {
		return want(&m.fact.Names)
	}
	for i := range m.events {
		if want(&m.events[i].Names) {
			return true
		}
	}
	return false
}
