package eventapi

import (
	"context"
	"sync"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue/task"
)

// hub reads the streams for all listeners of the process, from the first one to
// the last.
type hub struct {
	gate    *gate
	checker *checker
	log     *zap.Logger
	users   int // guarded by the service

	cancel  context.CancelFunc
	running sync.WaitGroup

	mu        sync.Mutex
	pos       position
	listeners map[*listener]struct{}
	joined    int // counts joins
	err       error
}

// start opens the gate and reads from where it stands.
func (h *hub) start(ctx context.Context, f *feed) error {
	ctx, cancel := context.WithCancel(ctx)
	h.cancel = cancel
	if err := h.gate.open(ctx, &h.running); err != nil {
		h.stop()
		return err
	}
	passed, _ := h.gate.state()
	f.pos.Position = passed
	h.pos = f.pos
	h.running.Go(func() {
		err := f.run(ctx, func(m *message) error { return h.handle(ctx, f, m) })
		if err == nil || ctx.Err() != nil {
			err = errStopped
		} else {
			h.log.Error("events are not read any more, listeners must come back", zap.Error(err))
		}
		h.fail(err)
	})
	return nil
}

// stop waits until nothing of the hub runs any more.
func (h *hub) stop() {
	h.cancel()
	h.running.Wait()
}

// fail ends all listeners, and those that would join.
func (h *hub) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
	for l := range h.listeners {
		l.end(err)
	}
}

// handle offers a message to all listeners, or notes that there is none. A
// listener that joins while the message is being checked has it checked again.
func (h *hub) handle(ctx context.Context, f *feed, m *message) error {
	if m == nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.pos = f.pos
		return nil
	}
	for {
		want, joined := h.wanted()
		var frames []frame
		if m.wanted(want) {
			var err error
			if frames, err = h.checker.frames(ctx, m, want); err != nil {
				return err
			}
		}
		if h.offer(m, frames, joined) {
			return nil
		}
	}
}

// wanted returns what the listeners of now want, and how many ever joined.
func (h *hub) wanted() (want func(n *task.Names) bool, joined int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	filters := make([]*filter, 0, len(h.listeners))
	for l := range h.listeners {
		filters = append(filters, &l.filter)
	}
	return func(n *task.Names) bool {
		for _, f := range filters {
			if f.match(n) {
				return true
			}
		}
		return false
	}, h.joined
}

func (h *hub) offer(m *message, frames []frame, joined int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.joined != joined {
		return false
	}
	for l := range h.listeners {
		l.offer(h.pos, m, frames)
	}
	h.pos = h.pos.behind(m, m.items)
	return true
}

// join adds a listener that was served up to its base, if that is far enough.
func (h *hub) join(l *listener) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !l.base.covers(h.pos) {
		return false
	}
	h.listeners[l] = struct{}{}
	h.joined++
	if h.err != nil {
		l.end(h.err)
	}
	return true
}

func (h *hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.listeners, l)
}

// position returns where a joined listener may come back to when nothing waits
// for it.
func (h *hub) position(l *listener) (p position, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	p = h.pos
	p.Tasks, p.Events = max(p.Tasks, l.base.Tasks), max(p.Events, l.base.Events)
	if l.base.part > 0 && p.Events == l.base.Events {
		p.part = l.base.part
	}
	return p, l.count == 0
}

func (h *hub) failed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err != nil
}
