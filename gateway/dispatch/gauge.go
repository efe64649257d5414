package dispatch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/queue"
)

// maxKeys is how many business keys of a stone are asked for one by one.
const maxKeys = 64

// Gauge reads sizes of RS_TASKS from JetStream. It is not for the way of a
// request: each answer is one or more questions to the server.
type Gauge struct{ js jetstream.JetStream }

// NewGauge returns a gauge.
func NewGauge(js jetstream.JetStream) *Gauge { return &Gauge{js} }

// Last returns the sequence of the last command in the stream.
func (g *Gauge) Last(ctx context.Context) (uint64, error) {
	s, err := g.js.Stream(ctx, queue.StreamTasks)
	if err != nil {
		return 0, fmt.Errorf("read stream: %w", err)
	}
	return s.CachedInfo().State.LastSeq, nil
}

// Backlog implements the interface [Backlog]: what the stone's durable has not
// acknowledged. Without one it is what the durables of its business keys have
// not, and the stored commands of the keys that nobody has served yet.
func (g *Gauge) Backlog(ctx context.Context, stone string, lane queue.Lane) (int, error) {
	n, served, err := g.durable(ctx, lane.Durable(stone, ""))
	if served || err != nil {
		return n, err
	}
	stored, err := g.stored(ctx, stone, lane)
	if err != nil {
		return 0, err
	}
	sum := 0
	for i, key := range slices.Sorted(maps.Keys(stored)) {
		waiting := stored[key]
		if key != "" && i < maxKeys {
			n, served, err := g.durable(ctx, lane.Durable(stone, key))
			if err != nil {
				return 0, err
			}
			if served {
				waiting = n
			}
		}
		sum += waiting
	}
	return sum, nil
}

// durable returns what a consumer has not acknowledged, and whether there is
// such a consumer.
func (g *Gauge) durable(ctx context.Context, name string) (n int, exists bool, err error) {
	c, err := g.js.Consumer(ctx, queue.StreamTasks, name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("read consumer %s: %w", name, err)
	}
	info := c.CachedInfo()
	return bounded(info.NumPending) + info.NumAckPending, true, nil
}

// stored counts the commands in the stream by business key.
func (g *Gauge) stored(ctx context.Context, stone string, lane queue.Lane) (map[string]int, error) {
	s, err := g.js.Stream(ctx, queue.StreamTasks)
	if err != nil {
		return nil, fmt.Errorf("read stream: %w", err)
	}
	out := map[string]int{}
	for _, subject := range lane.Subjects(stone, "") {
		info, err := s.Info(ctx, jetstream.WithSubjectFilter(subject))
		if err != nil {
			return nil, fmt.Errorf("count %s: %w", subject, err)
		}
		for full, n := range info.State.Subjects {
			if _, key, _, err := queue.ParseTaskSubject(full); err == nil {
				out[key] += bounded(n)
			}
		}
	}
	return out, nil
}

// bounded is n as an int; no stream holds more.
func bounded(n uint64) int { return int(min(n, math.MaxInt32)) }
