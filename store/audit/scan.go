package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
)

// ends returns the last sequence of both streams.
func (a *auditor) ends(ctx context.Context) (store.Position, error) {
	var end [2]uint64
	for i, name := range []string{queue.StreamTasks, queue.StreamEvents} {
		s, err := a.js.Stream(ctx, name)
		if err != nil {
			return store.Position{}, fmt.Errorf("stream %s: %w", name, err)
		}
		end[i] = s.CachedInfo().State.LastSeq
	}
	return store.Position{Tasks: end[0], Events: end[1]}, nil
}

// errEnd ends a reader that has read enough.
var errEnd = errors.New("end of the audit")

// scan hands the messages of a stream up to a sequence to take, each once.
// Messages may be trimmed in the meantime.
func (a *auditor) scan(ctx context.Context, stream string, upTo uint64, take func(*queue.Delivery) error) error {
	var last uint64
	for {
		s, err := a.js.Stream(ctx, stream)
		if err != nil {
			return fmt.Errorf("stream %s: %w", stream, err)
		}
		state := s.CachedInfo().State
		begin := max(last, state.FirstSeq-min(state.FirstSeq, 1))
		if state.Msgs == 0 || begin >= min(upTo, state.LastSeq) {
			return nil
		}
		err = a.read(ctx, s, stream, begin, min(upTo, state.LastSeq), func(d *queue.Delivery) error {
			last = d.Sequence
			return take(d)
		})
		if !errors.Is(err, queue.ErrGap) { // else it was trimmed just now
			return err
		}
	}
}

// read reads behind a sequence up to another one.
func (a *auditor) read(ctx context.Context, s jetstream.Stream, stream string, after, upTo uint64, take func(*queue.Delivery) error) error {
	reader, err := queue.NewReader(a.nc, stream, 0)
	if err != nil {
		return err
	}
	reading, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	var at atomic.Uint64
	at.Store(after)
	watching.Go(func() { cancel(a.watch(reading, s, stream, &at, upTo)) })
	err = reader.Run(reading, after, func(d *queue.Delivery) error {
		if d.Sequence <= upTo {
			if err := take(d); err != nil {
				return err
			}
		}
		if at.Store(d.Sequence); d.Sequence >= upTo || d.Pending == 0 {
			return errEnd
		}
		return nil
	})
	if err == nil {
		err = context.Cause(reading)
	}
	cancel(errEnd)
	watching.Wait()
	if errors.Is(err, errEnd) {
		return nil
	}
	return err
}

// watch ends a reader that waits for messages that were taken out, or for a
// queue that is gone. It returns why.
func (a *auditor) watch(ctx context.Context, s jetstream.Stream, stream string, at *atomic.Uint64, upTo uint64) error {
	const often = 500 * time.Millisecond
	last, since := at.Load(), time.Now()
	for {
		if err := pause(ctx, often); err != nil {
			return err
		}
		if now := at.Load(); now != last {
			last, since = now, time.Now()
			continue
		}
		m, err := s.GetMsg(ctx, last+1, jetstream.WithGetMsgSubject(">"))
		if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && m.Sequence > upTo {
			return errEnd
		}
		if time.Since(since) > a.cfg.Patience {
			return fmt.Errorf("%w: %s behind %d: %w", ErrStopped, stream, last, errors.Join(err, context.DeadlineExceeded))
		}
	}
}

// gap looks for messages that went from a stream although nobody recorded them.
func (a *auditor) gap(ctx context.Context, stream string, recorded func(store.Position) uint64) error {
	s, err := a.js.Stream(ctx, stream)
	if err != nil {
		return fmt.Errorf("stream %s: %w", stream, err)
	}
	state := s.CachedInfo().State
	pos, err := a.store.Position(ctx) // read later: only the recorded is trimmed
	if err != nil {
		return err
	}
	if last := recorded(a.report.Checkpoint); state.LastSeq < last {
		return fmt.Errorf("%w: %s ends at %d, recorded up to %d", queue.ErrBehind, stream, state.LastSeq, last)
	}
	if last := recorded(pos); state.FirstSeq > last+1 {
		a.found(Finding{Kind: Lost, Detail: fmt.Sprintf("messages %d to %d of %s are gone and were never recorded", last+1, state.FirstSeq-1, stream)})
	}
	return nil
}
