package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/queue"
)

// lane is what waits for one lane of a stone, of all its business keys.
type lane struct {
	stone string // bounded
	lane  queue.Lane
}

// laneNames are what operators read.
var laneNames = map[queue.Lane]string{queue.Work: "work", queue.Follow: "monitor", queue.Control: "control"}

// heap is how much that is.
type heap struct {
	waiting, held uint64
	served        bool
	oldest        time.Time // zero for none, or for one that was not looked up
	looks         []look
}

// look says where the oldest waiting command of a consumer may be.
type look struct {
	from    uint64
	subject string
}

// backlog reads all consumers of RS_TASKS, and counts by subject the commands
// that none of them is for.
func (r *reading) backlog(ctx context.Context, s jetstream.Stream, last uint64) error {
	heaps, whole, err := r.durables(ctx, s, last)
	if err != nil {
		return err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		return fmt.Errorf("count commands: %w", err)
	}
	for subject, n := range info.State.Subjects {
		stone, key, m, err := queue.ParseTaskSubject(subject)
		if err != nil {
			continue
		}
		of := queue.LaneOf(m)
		if !whole[of.Durable(stone, "")] && !whole[of.Durable(stone, key)] {
			h := heaps.of(lane{r.stones.of(stone), of})
			h.waiting += n
			h.looks = append(h.looks, look{1, subject})
		}
	}
	err = r.ages(ctx, s, heaps)
	for l, h := range heaps {
		r.show(l, h)
	}
	return err
}

// heaps are by lane.
type heaps map[lane]*heap

func (h heaps) of(l lane) *heap {
	one := h[l]
	if one == nil {
		one = &heap{}
		h[l] = one
	}
	return one
}

// durables reads what the consumers of stones have to give; whole names them.
func (r *reading) durables(ctx context.Context, s jetstream.Stream, last uint64) (out heaps, whole map[string]bool, err error) {
	out, whole = heaps{}, map[string]bool{}
	list := s.ListConsumers(ctx)
	for info := range list.Info() {
		of, stone, key, ok := queue.ParseDurable(info.Name)
		if !ok {
			continue
		}
		whole[info.Name] = true
		h := out.of(lane{r.stones.of(stone), of})
		h.waiting += info.NumPending
		h.held += uint64(max(info.NumAckPending, 0))
		h.served = h.served || info.NumWaiting > 0
		if info.NumPending > 0 && info.Delivered.Stream < last {
			for _, subject := range of.Subjects(stone, key) {
				h.looks = append(h.looks, look{info.Delivered.Stream + 1, subject})
			}
		}
	}
	return out, whole, list.Err()
}

// ages looks the oldest waiting commands up, of the lanes with most of them.
func (r *reading) ages(ctx context.Context, s jetstream.Stream, all heaps) error {
	var busy []*heap
	for _, h := range all {
		if len(h.looks) > 0 {
			busy = append(busy, h)
		}
	}
	slices.SortFunc(busy, func(a, b *heap) int { return cmp.Compare(b.waiting, a.waiting) })
	asked := 0
	for _, h := range busy {
		for _, at := range h.looks {
			if asked++; asked > maxOldest {
				return nil
			}
			m, err := s.GetMsg(ctx, at.from, jetstream.WithGetMsgSubject(at.subject))
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				continue
			}
			if err != nil {
				return fmt.Errorf("look for %s: %w", at.subject, err)
			}
			if h.oldest.IsZero() || m.Time.Before(h.oldest) {
				h.oldest = m.Time
			}
		}
	}
	return nil
}

func (r *reading) show(l lane, h *heap) {
	labels := []string{l.stone, laneNames[l.lane]}
	r.add(r.waiting, float64(h.waiting), labels...)
	r.add(r.held, float64(h.held), labels...)
	r.add(r.oldest, r.since(h.oldest), labels...)
	served := 0.0
	if h.served {
		served = 1
	}
	r.add(r.served, served, labels...)
}
