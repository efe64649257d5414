package stone

import (
	"context"
	"maps"
	"slices"

	"github.com/riverstones/riverstones/queue/task"
)

// Methods is a stone put together out of handlers. It has exactly the methods
// in the map; one without start refuses every start. Use it where the set of
// methods is known only when the program runs.
type Methods map[task.Method]Handler

// Start runs the handler of start.
func (m Methods) Start(ctx context.Context, t *Task) error {
	if h := m[task.Start]; h != nil {
		return h(ctx, t)
	}
	return Reject("the stone has no start")
}

// methods leaves out what is nil, and always has start.
func (m Methods) methods() map[task.Method]Handler {
	all := maps.Clone(m)
	maps.DeleteFunc(all, func(_ task.Method, h Handler) bool { return h == nil })
	if all == nil {
		all = Methods{}
	}
	all[task.Start] = m.Start
	return all
}

// Chain joins middleware into one: the first is the outermost.
func Chain(all ...Middleware) Middleware {
	return func(h Handler) Handler {
		for _, m := range slices.Backward(all) {
			h = m(h)
		}
		return h
	}
}

// Wrap returns a stone with the methods of s, each with middleware around it.
// The first is the outermost.
func Wrap(s Stone, all ...Middleware) Stone {
	wrap, m := Chain(all...), Methods{}
	for name, h := range Handlers(s) {
		m[name] = wrap(h)
	}
	return m
}
