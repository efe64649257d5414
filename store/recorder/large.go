package recorder

import (
	"context"
	"errors"
	"sync"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
)

const (
	// largeRows is as how many rows a large body counts, so that few of them
	// are held in memory at once.
	largeRows = 200
	// largeReads is how many large bodies are read at a time.
	largeReads = 4
	// largeTries is how often one that is missing or broken is looked for: a
	// replica may be a little behind.
	largeTries = 5
)

// large notes that the message names an object, if it does.
func (e *entry) large(name string) {
	if name != "" {
		e.blob = true
		e.weight += largeRows
	}
}

// fill reads the large bodies of a batch. An object store that is out of reach
// is waited for until ctx ends; a message whose body is missing or broken is
// put away as one that can not be used.
func (r *Recorder) fill(ctx context.Context, batch []*entry) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, largeReads)
	for _, e := range batch {
		if e.blob && e.err == nil {
			slots <- struct{}{}
			wg.Go(func() { defer func() { <-slots }(); r.fetch(ctx, e) })
		}
	}
	wg.Wait()
	return ctx.Err()
}

func (r *Recorder) fetch(ctx context.Context, e *entry) {
	wait := minPause
	for tries := 1; ; tries++ {
		err := e.read(ctx, r.blobs)
		switch {
		case err == nil:
			e.blob = false
			return
		case errors.Is(err, queue.ErrBlob) && tries >= largeTries:
			r.noise.Error("message goes to quarantine", zap.String("stream", e.stream), zap.Uint64("sequence", e.sequence), zap.Error(err))
			e.err, e.command, e.events = err, nil, nil
			return
		case !errors.Is(err, queue.ErrBlob) && ctx.Err() == nil:
			tries = 0
			r.log.Warn("large body not read, trying again", zap.String("stream", e.stream), zap.Uint64("sequence", e.sequence), zap.Duration("in", wait), zap.Error(err))
			r.fail(err)
		}
		if pause(ctx, wait); ctx.Err() != nil {
			return
		}
		wait = min(2*wait, maxPause)
	}
}

// read fetches what the message left out.
func (e *entry) read(ctx context.Context, blobs *queue.Blobs) error {
	if e.command != nil {
		return blobs.Command(ctx, e.command)
	}
	for i := range e.events {
		if e.events[i].Err == nil {
			if err := blobs.Event(ctx, &e.events[i].Event); err != nil {
				return err
			}
		}
	}
	return nil
}
