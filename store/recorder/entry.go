package recorder

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

// entry is one message of either stream, read and decoded.
type entry struct {
	stream   string
	sequence uint64
	subject  string
	stone    string      // by the subject
	method   task.Method // by the subject, "" for a batch of events
	time     time.Time   // when it was stored
	data     []byte

	command *queue.Command
	events  []queue.Parsed
	err     error // the message as a whole can not be used
	weight  int   // about how many rows it makes, or as much as so many
	blob    bool  // what is too large for it is still to be read
}

// commandRows is how many rows a command makes: task, attempt, transition.
const commandRows = 3

func decode(stream string, d *queue.Delivery) *entry {
	e := &entry{stream: stream, sequence: d.Sequence, subject: d.Msg.Subject, time: d.Time.Truncate(time.Microsecond), data: d.Msg.Data, weight: 1}
	if stream == queue.StreamTasks {
		e.readCommand(d.Msg)
	} else {
		e.readEvents(d.Msg)
	}
	return e
}

func (e *entry) readCommand(m *nats.Msg) {
	if e.stone, _, e.method, e.err = queue.ParseTaskSubject(e.subject); e.err != nil {
		return
	}
	if e.command, e.err = queue.ParseCommandMsg(m); e.err != nil {
		return
	}
	e.weight = commandRows
	e.large(e.command.Blob)
	if c := e.command; c.Subject() != e.subject {
		e.err = fmt.Errorf("%w: stone, businessKey or method differ from the subject's", queue.ErrMessage)
	}
}

func (e *entry) readEvents(m *nats.Msg) {
	if e.subject == queue.FactSubject {
		return // it tells of what the store has
	}
	if e.stone, e.method, e.err = queue.ParseEventSubject(e.subject); e.err != nil {
		return
	}
	if e.events, e.err = queue.ParseEventsMsg(m); e.err != nil {
		return
	}
	for i := range e.events {
		e.large(e.events[i].Event.Blob)
		e.weight += len(e.events[i].Event.Transitions) + len(e.events[i].Event.Log)
	}
}

// tasks calls f for each task the message speaks of.
func (e *entry) tasks(f func(n *task.Names)) {
	if e.err != nil {
		return
	}
	if e.command != nil {
		f(&e.command.Names)
	}
	for i := range e.events {
		if e.events[i].Err == nil {
			f(&e.events[i].Event.Names)
		}
	}
}
