package eventapi

import (
	"errors"
	"sync"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

// Bounds of what waits for one listener.
const (
	maxFrames = 8192
	maxBytes  = 4 << 20
)

var (
	errSlow    = errors.New("the reader is too slow")
	errStopped = errors.New("the server stops")
)

// filter selects tasks; empty fields select nothing away.
type filter struct{ process, task, stone string }

func (f *filter) match(n *task.Names) bool {
	return (f.process == "" || f.process == n.ProcessInstanceID) &&
		(f.task == "" || f.task == n.TaskID || f.task == n.ID) &&
		(f.stone == "" || f.stone == n.Stone)
}

// listener is one open connection.
type listener struct {
	filter filter
	wake   chan struct{}

	// base is how far it was served before it joined the hub. It belongs to
	// the hub while the listener is joined.
	base position

	mu    sync.Mutex
	queue []byte // what is to be written
	count int
	err   error // why it ended
}

func newListener(f filter) *listener {
	return &listener{filter: f, wake: make(chan struct{}, 1)}
}

// append appends those frames of a message that the listener wants and has not
// got, each with the id to come back to. at is how far everybody else is.
func (l *listener) append(dst []byte, at position, m *message, frames []frame) (out []byte, count int) {
	if l.base.passed(m) {
		return dst, 0
	}
	skip := 0
	at.Tasks, at.Events, at.part = max(at.Tasks, l.base.Tasks), max(at.Events, l.base.Events), l.base.part
	if m.stream == queue.StreamEvents {
		skip, l.base.part = l.base.part, 0
	}
	for i := range frames {
		f := &frames[i]
		if f.item > skip && l.filter.match(&f.names) {
			dst = append(appendID(dst, at.behind(m, f.item)), f.body...)
			count++
		}
	}
	return dst, count
}

// offer queues what the listener wants of a message. It never waits: one that
// reads too slowly is dropped, and may come back to where it was.
func (l *listener) offer(at position, m *message, frames []frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	out, n := l.append(l.queue, at, m, frames)
	if n == 0 {
		return
	}
	if l.count += n; l.count > maxFrames || len(out) > maxBytes && l.count > n {
		l.queue, l.err = nil, errSlow
	} else {
		l.queue = out
	}
	notify(l.wake)
}

// end has the listener end when what is queued is written.
func (l *listener) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
	notify(l.wake)
}

// take returns what is to be written, and why it is the last, nil if it is not.
func (l *listener) take() (out []byte, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out, l.queue, l.count = l.queue, nil, 0
	return out, l.err
}
