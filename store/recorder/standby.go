package recorder

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
)

// patience is how long the checkpoint may stand still, with messages behind
// it, before one that stands by takes over.
const patience = 2 * time.Second

// standBy returns when the other recorder seems to be gone.
func (r *Recorder) standBy(ctx context.Context) {
	var last store.Position
	since := time.Now()
	for ctx.Err() == nil {
		pause(ctx, patience/4)
		pos, err := r.store.Position(ctx)
		if err != nil {
			continue
		}
		ends, err := r.ends(ctx)
		if err != nil {
			continue
		}
		idle := pos.Tasks >= ends.Tasks && pos.Events >= ends.Events
		if pos != last || idle {
			last, since = pos, time.Now()
		}
		if time.Since(since) > patience {
			r.log.Info("the checkpoint stands still, taking over")
			return
		}
	}
}

// ends returns the last sequence of both streams.
func (r *Recorder) ends(ctx context.Context) (store.Position, error) {
	js, err := jetstream.New(r.nc)
	if err != nil {
		return store.Position{}, err
	}
	return streamEnds(ctx, js)
}

func streamEnds(ctx context.Context, js jetstream.JetStream) (store.Position, error) {
	var end [2]uint64
	for i, name := range []string{queue.StreamTasks, queue.StreamEvents} {
		s, err := js.Stream(ctx, name)
		if err != nil {
			return store.Position{}, err
		}
		end[i] = s.CachedInfo().State.LastSeq
	}
	return store.Position{Tasks: end[0], Events: end[1]}, nil
}
