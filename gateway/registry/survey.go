package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

// survey is one look at RS_TASKS: all consumers, and how many commands are
// stored by subject. It is two requests to the server, or some more with very
// many stones, and one or two for each method of a stone that has stored commands.
type survey struct {
	last     uint64                       // sequence in the stream
	durables map[string][]*durable        // by stone
	stored   map[string]map[cell]int      // by stone
	figures  map[string]*shared[*figures] // by stone, guarded by Registry.mu
}

// durable is a consumer of a stone.
type durable struct {
	lane queue.Lane
	key  string // business key, "" for all
	info *jetstream.ConsumerInfo
}

// cell is a part of a stone's commands.
type cell struct {
	key    string
	method task.Method
}

// figures are what waits for one stone.
type figures struct {
	backlog map[task.Method]int
	oldest  time.Time // zero for none
}

func (f *figures) add(m task.Method, n int, oldest time.Time) {
	f.backlog[m] += n
	if n > 0 && !oldest.IsZero() && (f.oldest.IsZero() || oldest.Before(f.oldest)) {
		f.oldest = oldest
	}
}

func (r *Registry) survey(ctx context.Context) (*survey, error) {
	if !r.nc.IsConnected() { // else every caller would wait until it is late
		return nil, nats.ErrDisconnected
	}
	s, err := r.js.Stream(ctx, queue.StreamTasks)
	if err != nil {
		return nil, fmt.Errorf("read stream: %w", err)
	}
	out := &survey{durables: map[string][]*durable{}, stored: map[string]map[cell]int{}, figures: map[string]*shared[*figures]{}}
	list := s.ListConsumers(ctx)
	for info := range list.Info() {
		if l, stone, key, ok := queue.ParseDurable(info.Name); ok {
			out.durables[stone] = append(out.durables[stone], &durable{l, key, info})
		}
	}
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("list consumers: %w", err)
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		return nil, fmt.Errorf("count commands: %w", err)
	}
	out.last = info.State.LastSeq
	for subject, n := range info.State.Subjects {
		stone, key, m, err := queue.ParseTaskSubject(subject)
		if err != nil {
			continue
		}
		if out.stored[stone] == nil {
			out.stored[stone] = map[cell]int{}
		}
		out.stored[stone][cell{key, m}] = bounded(n)
	}
	return out, nil
}

// paused reports whether a stone has consumers and all of them are paused.
func (s *survey) paused(stone string) bool {
	for _, d := range s.durables[stone] {
		if !d.info.Paused {
			return false
		}
	}
	return len(s.durables[stone]) > 0
}

// holds reports whether a command is stored that a consumer of the cell's key
// (of all keys for "") may be given.
func (s *survey) holds(stone string, c cell) bool {
	if c.key != "" {
		return s.stored[stone][c] > 0
	}
	for other, n := range s.stored[stone] {
		if other.method == c.method && n > 0 {
			return true
		}
	}
	return false
}

// waiting returns what waits for a stone; live says that a worker is there.
func (r *Registry) waiting(ctx context.Context, s *survey, stone string, live bool) (*figures, error) {
	r.mu.Lock()
	f := s.figures[stone]
	if f == nil {
		f = &shared[*figures]{runs: &r.calls, run: func(ctx context.Context) (*figures, error) { return r.count(ctx, s, stone, live) }}
		s.figures[stone] = f
	}
	r.mu.Unlock()
	return f.get(ctx, time.Time{})
}

// count asks for the commands that no worker has taken, and, while no worker is
// there at all, also for those that were taken and not finished.
func (r *Registry) count(ctx context.Context, s *survey, stone string, live bool) (*figures, error) {
	f := &figures{backlog: make(map[task.Method]int, len(task.Methods()))}
	for _, m := range task.Methods() {
		f.backlog[m] = 0
	}
	served := map[cell]bool{}
	for _, d := range s.durables[stone] {
		for _, m := range d.lane.Methods() {
			served[cell{d.key, m}] = true
		}
		if err := r.countDurable(ctx, f, s, stone, d, live); err != nil {
			return nil, err
		}
	}
	for c, n := range s.stored[stone] {
		if served[c] || served[cell{"", c.method}] {
			continue
		}
		_, oldest, err := r.peek(ctx, 1, queue.TaskSubject(stone, c.key, c.method))
		if err != nil {
			return nil, err
		}
		f.add(c.method, n, oldest)
	}
	return f, nil
}

// countDurable counts by method what one consumer has not handed out, and what
// it has handed out to workers that are not there any more. The consumer's own
// count of what waits is not used: the server brings it up to date some time
// after a command is stored.
func (r *Registry) countDurable(ctx context.Context, f *figures, s *survey, stone string, d *durable, live bool) error {
	held := d.info.NumAckPending
	if live || d.info.NumWaiting > 0 { // somebody works on it
		held = 0
	}
	if held == 0 && d.info.Delivered.Stream >= s.last {
		return nil
	}
	subjects := d.lane.Subjects(stone, d.key)
	for i, m := range d.lane.Methods() {
		if !s.holds(stone, cell{d.key, m}) {
			continue
		}
		n, oldest, err := r.peek(ctx, d.info.Delivered.Stream+1, subjects[i])
		if err != nil {
			return err
		}
		f.add(m, n, oldest)
		if held == 0 {
			continue
		}
		// Between the floor and the last delivered stand those that are held,
		// and some that were finished out of order.
		since, oldest, err := r.peek(ctx, d.info.AckFloor.Stream+1, subjects[i])
		if err != nil {
			return err
		}
		part := min(held, max(since-n, 0))
		held -= part
		f.add(m, part, oldest)
	}
	return nil
}

// peek returns how many commands of a subject are stored at a sequence or
// behind it, and when the first of them was.
func (r *Registry) peek(ctx context.Context, seq uint64, subject string) (n int, oldest time.Time, err error) {
	req, err := json.Marshal(map[string]any{"seq": seq, "next_by_subj": subject, "batch": 1})
	if err != nil {
		return 0, oldest, err
	}
	m, err := r.nc.RequestWithContext(ctx, "$JS.API.DIRECT.GET."+queue.StreamTasks, req)
	if err != nil {
		return 0, oldest, fmt.Errorf("look for %s: %w", subject, err)
	}
	switch m.Header.Get("Status") {
	case "":
	case "404":
		return 0, oldest, nil
	default:
		return 0, oldest, fmt.Errorf("look for %s: %s", subject, m.Header.Get("Description"))
	}
	behind, err := strconv.ParseUint(m.Header.Get("Nats-Num-Pending"), 10, 64)
	if err != nil {
		return 0, oldest, fmt.Errorf("look for %s: %w", subject, err)
	}
	oldest, err = time.Parse(time.RFC3339Nano, m.Header.Get("Nats-Time-Stamp"))
	if err != nil {
		return 0, oldest, fmt.Errorf("look for %s: %w", subject, err)
	}
	return 1 + bounded(behind), oldest, nil
}

// bounded is n as an int; no stream holds more.
func bounded(n uint64) int { return int(min(n, math.MaxInt32)) }
