package registry

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

// Stone is a stone as it stands now.
type Stone struct {
	Code string
	// Declared says that the stone announced itself once, and Announcement how
	// it did last; nil for one that is known only by its tasks. It must not be
	// changed.
	Declared     bool
	Announcement *queue.Announcement
	Workers      []Worker
	// Backlog is how many commands wait for a worker, for all methods.
	Backlog map[task.Method]int
	// OldestWaiting is when the oldest of them was sent, zero for none.
	OldestWaiting time.Time
	// Paused says that commands wait until the stone is resumed. It is false
	// again when a worker has come since for a business key that had none: then
	// the pause has to be asked for once more.
	Paused bool
}

// Worker is one that announced itself, and did not take that back. It is shown
// for 10 minutes after its last sign.
type Worker struct {
	Name        string
	Host        string
	Version     string // of the stone
	BusinessKey string // that it serves, "" for all
	Concurrency int
	LastFetch   time.Time // by its clock, zero for unknown
	Live        bool      // it announces itself and fetches
}

func (w Worker) compare(o Worker) int {
	return cmp.Or(cmp.Compare(w.Name, o.Name), cmp.Compare(w.BusinessKey, o.BusinessKey))
}

const (
	away       = 2 * time.Second // when a caller may ask again
	maxCounted = 8               // stones that are counted at once
)

var errAway = fault.New(fault.Unavailable, "the queue can not answer now: ask again").After(away)

// Stones returns all stones that announced themselves once or that tasks name,
// by code. Figures may be [Config.Fresh] old.
func (r *Registry) Stones(ctx context.Context) ([]Stone, error) {
	used, err := r.used.get(ctx, time.Now().Add(-r.cfg.Fresh))
	if err != nil {
		return nil, fault.New(fault.Unavailable, "the database can not answer now: ask again").Because(err).After(away)
	}
	codes := slices.Clone(used)
	for code := range *r.declared.Load() {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	s, err := r.surveys.get(ctx, time.Now().Add(-r.cfg.Fresh))
	if err != nil {
		return nil, unanswered(err)
	}
	out, errs := make([]Stone, len(codes)), make([]error, len(codes))
	slots := make(chan struct{}, maxCounted)
	var wg sync.WaitGroup
	for i, code := range codes {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			out[i], errs[i] = r.describe(ctx, s, code)
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

// Stone returns one stone. An unknown one is a [fault.NotFound].
func (r *Registry) Stone(ctx context.Context, code string) (Stone, error) {
	return r.show(ctx, code, time.Now().Add(-r.cfg.Fresh))
}

// show describes a stone with figures that are no older than since.
func (r *Registry) show(ctx context.Context, code string, since time.Time) (Stone, error) {
	if err := r.exists(ctx, code); err != nil {
		return Stone{}, err
	}
	s, err := r.surveys.get(ctx, since)
	if err != nil {
		return Stone{}, unanswered(err)
	}
	return r.describe(ctx, s, code)
}

// exists returns nil for a stone that is known.
func (r *Registry) exists(ctx context.Context, code string) error {
	if (*r.declared.Load())[code] != nil {
		return nil
	}
	if queue.CheckStone(code) != nil {
		return fault.New(fault.NotFound, "no stone can have this code: it has 1 to 64 letters, digits, _ - : . and begins with a letter")
	}
	// What was recorded before this question has to be found.
	used, err := r.used.get(ctx, time.Now())
	if err != nil {
		return fault.New(fault.Unavailable, "the database can not answer now: ask again").Because(err).After(away)
	}
	if _, found := slices.BinarySearch(used, code); !found {
		return fault.New(fault.NotFound, "stone %s is not known: no worker has announced it, and no task names it", code)
	}
	return nil
}

func (r *Registry) describe(ctx context.Context, s *survey, code string) (Stone, error) {
	out := Stone{Code: code, Workers: r.workers(code), Paused: s.paused(code)}
	if d := (*r.declared.Load())[code]; d != nil {
		out.Declared, out.Announcement = true, d.said
	}
	live := slices.ContainsFunc(out.Workers, func(w Worker) bool { return w.Live })
	f, err := r.waiting(ctx, s, code, live)
	if err != nil {
		return Stone{}, unanswered(err)
	}
	out.Backlog, out.OldestWaiting = f.backlog, f.oldest
	return out, nil
}

func unanswered(err error) error {
	f := *errAway
	return f.Because(err)
}

// forever is until when a consumer is paused: the server wants a time.
var forever = time.Date(2200, time.January, 1, 0, 0, 0, 0, time.UTC)

// Pause holds back all commands of a stone, for all workers and until it is
// resumed; what runs already goes on. An unknown stone is a [fault.NotFound],
// one that nobody has ever served a [fault.Conflict]: it has nothing that
// delivers commands. Pausing a paused stone changes nothing.
func (r *Registry) Pause(ctx context.Context, code string) (Stone, error) {
	return r.turn(ctx, code, true)
}

// Resume lets the commands of a paused stone go on. For one that is not paused
// it changes nothing.
func (r *Registry) Resume(ctx context.Context, code string) (Stone, error) {
	return r.turn(ctx, code, false)
}

func (r *Registry) turn(ctx context.Context, code string, pause bool) (Stone, error) {
	if err := r.exists(ctx, code); err != nil {
		return Stone{}, err
	}
	s, err := r.surveys.get(ctx, time.Now())
	if err != nil {
		return Stone{}, unanswered(err)
	}
	all := s.durables[code]
	if pause && len(all) == 0 {
		return Stone{}, fault.New(fault.Conflict, "stone %s can not be paused: no worker has served it yet, so all of its commands wait anyway", code)
	}
	for _, d := range all {
		if d.info.Paused == pause {
			continue
		}
		if pause {
			_, err = r.js.PauseConsumer(ctx, queue.StreamTasks, d.info.Name, forever)
		} else {
			_, err = r.js.ResumeConsumer(ctx, queue.StreamTasks, d.info.Name)
		}
		if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return Stone{}, unanswered(err)
		}
	}
	out, err := r.show(ctx, code, time.Now())
	if err == nil && len(all) > 0 {
		out.Paused = pause // a cluster may take a moment to show it
	}
	return out, err
}
