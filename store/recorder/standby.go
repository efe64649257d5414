package recorder

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// patience is how long the checkpoint may stand still with messages behind it,
// or questions go unanswered, before one that stands by takes over.
const patience = 2 * time.Second

// probed is the stone of the question that tells whether anybody answers. Of a
// task that nobody knows, it changes nothing.
const probed = "standby"

// standBy returns when the other recorder seems to be gone: it does not record
// what there is, or, while there is nothing, it does not answer.
func (r *Recorder) standBy(ctx context.Context) {
	var last store.Position
	since := time.Now() // nothing was heard of it
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
		if pos != last || idle && r.answered(ctx) {
			last, since = pos, time.Now()
		}
		if time.Since(since) > patience {
			r.log.Info("nobody records or answers, taking over")
			return
		}
	}
}

// answered reports whether a recorder answers questions. Workers that wait for
// an answer store nothing, so that the checkpoint alone would not show it.
func (r *Recorder) answered(ctx context.Context) bool {
	q, _ := json.Marshal(queue.Question{ID: uuid.NewString(), Epoch: 1, Method: task.Start, Delivery: 1, Worker: r.name, Time: time.Now().UTC()})
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := r.nc.RequestWithContext(ctx, queue.AskSubject(probed), q)
	return err == nil
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
