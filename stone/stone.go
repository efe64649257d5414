// Package stone is what an author of a stone imports: the interfaces a stone
// implements, the [Task] it is handed, the outcomes it returns, and the
// [Worker] that takes commands from the queue, runs stones and reports.
//
// A stone is one method, [Stone]; everything else is an optional interface.
// The package reaches NATS only, neither the database nor the REST API.
package stone

import (
	"context"

	"github.com/riverstones/riverstones/queue/task"
)

// Stone begins the work of a task. Returning nil is success; [Retry] and
// [Reject] say otherwise, and any other error is a Retry by the stone's policy.
//
// A command may be delivered more than once, also after its work was done: use
// [Task.IdempotencyKey] where a side effect must happen once. The context ends
// when the task is cancelled, its deadline passes, the worker stops, or the
// worker can no longer be sure that it alone runs the command.
type Stone interface {
	Start(ctx context.Context, t *Task) error
}

// Monitorer follows work that start only kicked off. Returning nil says that
// it is done, [Again] that it is not done yet.
type Monitorer interface {
	Monitor(ctx context.Context, t *Task) error
}

// Rollbacker undoes the work when its process fails. It must be safe to repeat,
// and safe when start never ran.
type Rollbacker interface {
	Rollback(ctx context.Context, t *Task) error
}

// Deleter removes what a finished process made; safe to repeat as Rollbacker.
type Deleter interface {
	Delete(ctx context.Context, t *Task) error
}

// Canceler stops running work when its process is cancelled.
type Canceler interface {
	Cancel(ctx context.Context, t *Task) error
}

// Mocker is a dry run, for instance to forecast a cost. A stone without it passes.
type Mocker interface {
	Mock(ctx context.Context, t *Task) error
}

// Func is a function that is a stone.
type Func func(ctx context.Context, t *Task) error

// Start calls f.
func (f Func) Start(ctx context.Context, t *Task) error { return f(ctx, t) }

// Handler runs one method on a task. Middleware wraps handlers.
type Handler func(ctx context.Context, t *Task) error

// Middleware returns a handler that does something around next.
type Middleware func(next Handler) Handler

// methoder is a stone that tells which methods it has by itself, since its Go
// type would always have all of them.
type methoder interface {
	methods() map[task.Method]Handler
}

// Handlers returns the methods that s has, by name.
func Handlers(s Stone) map[task.Method]Handler {
	if m, ok := s.(methoder); ok {
		return m.methods()
	}
	h := map[task.Method]Handler{task.Start: s.Start}
	if s, ok := s.(Monitorer); ok {
		h[task.Monitor] = s.Monitor
	}
	if s, ok := s.(Rollbacker); ok {
		h[task.Rollback] = s.Rollback
	}
	if s, ok := s.(Deleter); ok {
		h[task.Delete] = s.Delete
	}
	if s, ok := s.(Canceler); ok {
		h[task.Cancel] = s.Cancel
	}
	if s, ok := s.(Mocker); ok {
		h[task.Mock] = s.Mock
	}
	return h
}
