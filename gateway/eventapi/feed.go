package eventapi

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
)

const (
	readAhead = 200 // messages of a stream that are asked for ahead
	// idle is how often a feed looks up when there is nothing to do.
	idle = 250 * time.Millisecond
	// order is how long a message waits for older ones of the other stream, so
	// that a task is told before what happens to it; then the stream is asked
	// whether there are any, and if so it waits on, for maxOrder at most.
	order    = 50 * time.Millisecond
	maxOrder = 2 * time.Second
)

// feed reads both streams in about the order in which their messages were
// stored, and hands each one over once it is recorded.
type feed struct {
	nc   *nats.Conn
	js   jetstream.JetStream
	gate *gate

	pos   position
	heads [2]*message // read and not handed over, of tasks and of events
	since time.Time   // a message waits for those of the other stream, zero if none does
	calm  [2]uint64   // what was not there in time, up to these sequences
}

var streams = [2]string{queue.StreamTasks, queue.StreamEvents}

// run hands over what is behind f.pos until ctx ends (nil) or take fails (its
// error), or it could only go on by skipping. Now and then take gets no message:
// nothing is left to do up to f.pos.
func (f *feed) run(ctx context.Context, take func(m *message) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	failed := make(chan error, len(streams))
	var in [2]chan *message
	for i, stream := range streams {
		r, err := queue.NewReader(f.nc, stream, readAhead)
		if err != nil {
			return err
		}
		ch, after := make(chan *message, readAhead), *of(&f.pos.Position, stream)
		in[i] = ch
		running.Go(func() {
			failed <- r.Run(ctx, after, func(d *queue.Delivery) error {
				f.gate.saw(stream, d.Sequence)
				select {
				case ch <- decode(stream, d):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		})
	}
	return f.merge(ctx, in, failed, take)
}

func (f *feed) merge(ctx context.Context, in [2]chan *message, failed <-chan error, take func(m *message) error) error {
	tick := time.NewTicker(idle)
	defer tick.Stop()
	for ctx.Err() == nil {
		for i := range in {
			if f.heads[i] == nil {
				select {
				case f.heads[i] = <-in[i]:
				default:
				}
			}
		}
		passed, changed := f.gate.state()
		if m := f.next(ctx, passed); m != nil {
			if err := take(m); err != nil {
				return err
			}
			f.pos = f.pos.behind(m, m.items)
			continue
		}
		if err := f.wait(ctx, in, failed, changed, tick.C, take); err != nil {
			return err
		}
	}
	return nil
}

// wait waits until something happens.
func (f *feed) wait(ctx context.Context, in [2]chan *message, failed <-chan error, changed <-chan struct{}, tick <-chan time.Time, take func(m *message) error) error {
	for i := range in {
		if f.heads[i] != nil {
			in[i] = nil // full: nothing is taken from it
		}
	}
	var soon <-chan time.Time
	if !f.since.IsZero() {
		soon = time.After(order)
	}
	select {
	case <-ctx.Done():
	case err := <-failed:
		return err
	case f.heads[0] = <-in[0]:
	case f.heads[1] = <-in[1]:
	case <-changed:
	case <-soon:
	case <-tick:
		f.settle(ctx)
		return take(nil)
	}
	return nil
}

// next returns the message that is to be handed over now, nil if none is.
func (f *feed) next(ctx context.Context, passed store.Position) *message {
	var ready [2]bool
	for i, m := range f.heads {
		ready[i] = m != nil && m.seq <= *of(&passed, streams[i])
	}
	i := 0
	switch {
	case ready[0] && ready[1]:
		if f.heads[1].time.Before(f.heads[0].time) {
			i = 1
		}
	case !ready[0] && !ready[1]:
		return nil
	default:
		if ready[1] {
			i = 1
		}
		if f.early(ctx, f.heads[i], 1-i) {
			return nil
		}
	}
	m := f.heads[i]
	f.heads[i], f.since = nil, time.Time{}
	return m
}

// early reports whether m should wait a little for older messages of the other
// stream.
func (f *feed) early(ctx context.Context, m *message, other int) bool {
	ahead := f.heads[other]
	if ahead != nil && !ahead.time.Before(m.time) {
		return false
	}
	known := f.gate.known(streams[other])
	at := *of(&f.pos.Position, streams[other])
	if at >= known || f.calm[other] >= known {
		return false
	}
	if f.since.IsZero() {
		f.since = time.Now()
	}
	switch waited := time.Since(f.since); {
	case waited < order:
		return true
	case waited < maxOrder && (ahead != nil || !f.empty(ctx, streams[other], at, known)):
		return true // it is on its way
	}
	f.calm[other] = known
	return false
}

// settle moves the position up to the checkpoint where nothing is between them:
// the last messages may have been taken out of a stream.
func (f *feed) settle(ctx context.Context) {
	passed, _ := f.gate.state()
	for i, stream := range streams {
		at, to := of(&f.pos.Position, stream), *of(&passed, stream)
		if f.heads[i] == nil && *at < to && f.empty(ctx, stream, *at, to) {
			*at = to
			if stream == queue.StreamEvents {
				f.pos.part = 0
			}
		}
	}
	if f.heads == [2]*message{} && f.pos.covers(position{Position: passed}) {
		f.pos.at = time.Now()
	}
}

// empty reports whether a stream has no message behind after, up to to.
func (f *feed) empty(ctx context.Context, stream string, after, to uint64) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s, err := f.js.Stream(ctx, stream)
	if err != nil {
		return false
	}
	m, err := s.GetMsg(ctx, after+1, jetstream.WithGetMsgSubject(">"))
	if err != nil {
		return errors.Is(err, jetstream.ErrMsgNotFound)
	}
	return m.Sequence > to
}

// missing reports whether messages behind p may have been trimmed, and moves p
// to where the streams begin, or to now if they end before it.
func missing(ctx context.Context, js jetstream.JetStream, p *position, now position) (bool, error) {
	var gap, holes bool
	for _, stream := range streams {
		s, err := js.Stream(ctx, stream)
		if err != nil {
			return false, fmt.Errorf("look up %s: %w", stream, err)
		}
		state, at := s.CachedInfo().State, of(&p.Position, stream)
		if *at > state.LastSeq {
			*p = now // of another queue, or of this one before it was lost
			return true, nil
		}
		if state.FirstSeq > *at+1 {
			gap, *at = true, state.FirstSeq-1
			p.part = 0
		}
		// RS_TASKS is trimmed for each stone by itself, but nothing young is.
		holes = holes || state.NumDeleted > 0 && *at < state.LastSeq
	}
	return gap || holes && time.Since(p.at) > queue.DuplicateWindow-time.Minute, nil
}
