package recorder

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/storetest"
)

// Whatever happens to a task, in whatever order, its epochs have one end each,
// its state follows from its history, a worker that lost its grant changes
// nothing, what was cancelled before its begin has not run, and when everything
// has come to rest the task has ended.
//
// More schedules: go test ./store/recorder -run TestModel -rapid.checks=5000
func TestModel(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st store.Store) {
		rapid.Check(t, func(t *rapid.T) {
			w := newWorld(t, st)
			w.publish()
			for range rapid.IntRange(3, 60).Draw(t, "steps") {
				step := pick(w, "step", w.steps())
				step()
			}
			w.rest()
			w.last()
		})
	})
}

// steps are what can happen next; the ordinary stands first.
func (w *world) steps() (all []func()) {
	add := func(able bool, step func()) {
		if able {
			all = append(all, step)
		}
	}
	held, waiting := w.held()
	idle, running := w.lines()
	add(len(waiting) > 0, func() { w.deliver(pick(w, "message", waiting), pick(w, "worker", w.workers)) })
	add(len(idle) > 0, func() { w.begin(pick(w, "job", idle)) })
	add(len(running) > 0, func() { w.finish(pick(w, "job", running), rapid.IntRange(0, 3).Draw(w.T, "outcome")) })
	add(len(w.flights) > 0, func() { w.store(pick(w, "event", w.flights)) })
	add(len(w.commands)+len(w.events) > 0, func() {
		w.record(rapid.IntRange(0, len(w.commands)).Draw(w.T, "commands"), rapid.IntRange(0, len(w.events)).Draw(w.T, "events"))
	})
	add(true, func() { w.relay() })
	add(true, w.order)
	add(len(held) > 0, func() { w.lapse(pick(w, "message", held)) })
	add(len(w.jobs) > 0, func() { w.crash(pick(w, "job", w.jobs).worker) })
	add(len(w.jobs) > 0, func() { w.stop(pick(w, "job", w.jobs).worker) })
	return all
}

// rest lets everything come to its end: no operator, no fault of a worker.
func (w *world) rest() {
	for range 200 {
		w.clock = w.clock.Add(day)
		for len(w.flights) > 0 {
			w.store(w.flights[0])
		}
		w.record(len(w.commands), len(w.events))
		rows := w.relay()
		held, waiting := w.held()
		idle, running := w.lines()
		switch {
		case len(running) > 0:
			w.finish(running[0], 0)
		case len(idle) > 0:
			w.begin(idle[0])
		case len(waiting) > 0:
			w.deliver(waiting[0], w.workers[0])
		case len(held) > 0:
			w.lapse(held[0])
		case rows > 0 || len(w.commands)+len(w.events)+len(w.flights) > 0 || w.sweep():
		default:
			return
		}
	}
	w.Fatalf("it does not come to rest: %s, %d messages, %d jobs", w.state.Status, len(w.queue), len(w.jobs))
}

// consistent requires one end an epoch at most, and the state to be the last
// of its epoch's transitions.
func (w *world) consistent() {
	ends := map[int]int{}
	var top store.Transition
	for _, x := range w.history {
		if x.Status.End(x.Final) && x.Status != task.ProduceFailed {
			ends[x.Epoch]++
		}
		if x.Epoch == w.state.Epoch && x.Status.Ordinal(x.Final) > top.Status.Ordinal(top.Final) {
			top = x
		}
	}
	for epoch, n := range ends {
		if n > 1 {
			w.Fatalf("epoch %d has %d ends: %v", epoch, n, w.statuses())
		}
	}
	// A task that is known by an event only stands at the produce.success to come.
	if top.Status != 0 && (top.Status != w.state.Status || top.Status.End(top.Final) == w.state.EndTime.IsZero()) {
		w.Fatalf("the task is %s at epoch %d, its history is %v", w.state.Status, w.state.Epoch, w.statuses())
	}
}

func (w *world) statuses() (all []string) {
	for _, x := range w.history {
		all = append(all, fmt.Sprint(x.Epoch, " ", x.Status.Ordinal(x.Final), " ", x.Status))
	}
	slices.Sort(all)
	return all
}

// last compares with the store when all is done.
func (w *world) last() {
	if !w.state.Status.End(w.state.Final) {
		w.Fatalf("the task stands at %s for ever: %v", w.state.Status, w.statuses())
	}
	got, err := w.st.Task(context.Background(), w.names.ID)
	w.ok(err)
	require.Equal(w, w.state.Status, got.Status)
	require.Equal(w, w.state.Epoch, got.Epoch)
	require.True(w, w.state.EndTime.Equal(got.EndTime))
	history, err := w.st.History(context.Background(), w.names.ID, false)
	w.ok(err)
	require.Len(w, history, len(w.history))
	for i := range history {
		kept := w.history[position(&history[i].Transition)]
		require.Equal(w, kept.Delivery, history[i].Delivery, history[i].Status)
	}
	w.unrun()
}

// unrun requires that what is shown as canceled without a command did not run,
// but by a worker that died before it could say so, or stood still, lost its
// grant, and went on.
func (w *world) unrun() {
	spared := w.state.Status == task.Canceled && w.history[position(&store.Transition{Epoch: w.state.Epoch, Status: task.ProduceSuccess})].Status == 0
	if !spared {
		return
	}
	for _, j := range w.ran {
		if j.message.command.Epoch == w.state.Epoch-1 && !w.stale(j) && (j.heard || !j.dead) {
			w.Fatalf("the task is canceled, but %s ran it: %v", j.worker.name, w.statuses())
		}
	}
}
