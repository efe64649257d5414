package recorder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

const (
	askGroup = "recorder"
	// askTime bounds one answer; a worker waits 2 s for it.
	askTime = 1800 * time.Millisecond
	// askers is how many questions are answered at a time, and maxQuestions how
	// many wait at most.
	askers       = 4
	maxQuestions = 4096
	// unrecorded is how long a worker waits with a command that is not recorded.
	unrecorded = time.Second
)

// serveAsks answers questions until stop is called or ctx ends.
func (r *Recorder) serveAsks(ctx context.Context, wg *sync.WaitGroup) (stop func(), err error) {
	came, seen := make(chan question, maxQuestions), make(chan question, maxQuestions)
	sub, err := r.nc.QueueSubscribe(queue.AllAsks, askGroup, func(m *nats.Msg) {
		select {
		case came <- question{msg: m, at: time.Now()}:
		default: // too many wait already; the worker asks again
		}
	})
	if err != nil {
		return nil, fmt.Errorf("serve questions: %w", err)
	}
	wg.Go(func() { r.lookForAll(ctx, came, seen) })
	for range askers {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case q := <-seen:
					r.inTime(ctx, q)
				}
			}
		})
	}
	return func() {
		if err := sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			r.log.Warn("questions not unsubscribed", zap.Error(err))
		}
	}, nil
}

// lookForAll looks where the streams end, once for all questions that came
// before it looks: an answer must know all that was stored when its question
// came, and may know more.
func (r *Recorder) lookForAll(ctx context.Context, came <-chan question, seen chan<- question) {
	var waiting []question
	for {
		select {
		case <-ctx.Done():
			return
		case q := <-came:
			waiting = append(waiting[:0], q)
		}
		for n := len(came); n > 0; n-- { // nobody else takes them
			waiting = append(waiting, <-came)
		}
		ends, err := r.look(ctx)
		if err != nil {
			if ctx.Err() == nil {
				r.log.Warn("questions not answered", zap.Int("questions", len(waiting)), zap.Error(err))
			}
			continue
		}
		for _, q := range waiting {
			q.ends = ends
			select {
			case <-ctx.Done():
				return
			case seen <- q:
			}
		}
	}
}

// look returns where the streams end, in the time a worker waits.
func (r *Recorder) look(ctx context.Context) (store.Position, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	ends, err := r.ends(ctx)
	if err != nil {
		return ends, fmt.Errorf("look up the streams: %w", err)
	}
	return ends, nil
}

// question is one that came in at a time.
type question struct {
	msg  *nats.Msg
	at   time.Time
	ends store.Position // of the streams, looked up after it came
}

// inTime answers a question while the worker waits. One that waited too long
// itself is left: its worker will ask again, and answering it would only make
// the next ones late too, until no answer came in time any more.
func (r *Recorder) inTime(ctx context.Context, q question) {
	ctx, cancel := context.WithDeadline(ctx, q.at.Add(askTime))
	defer cancel()
	if ctx.Err() == nil {
		r.answer(ctx, q)
	}
}

// answer answers one question. Without an answer the worker asks again later,
// so an error is only logged.
//
// A question names where its answer goes, and NATS does not check whether the
// one who asks may publish there. The recorder may publish commands and purge
// streams, so it answers to inboxes only.
func (r *Recorder) answer(ctx context.Context, asked question) {
	m := asked.msg
	if !strings.HasPrefix(m.Reply, nats.InboxPrefix) {
		r.noise.Warn("question without an inbox is ignored", zap.String("subject", m.Subject))
		return
	}
	var q queue.Question
	if err := json.Unmarshal(m.Data, &q); err != nil || !queue.CheckID(q.ID) || !q.Method.Valid() || q.Epoch < 1 {
		r.noise.Warn("question can not be read", zap.String("subject", m.Subject), zap.Error(err))
		return
	}
	a, err := r.ask(ctx, q, asked)
	if err != nil {
		r.log.Warn("question not answered", zap.String("task", q.ID), zap.String("worker", q.Worker), zap.Error(err))
		return
	}
	out, _ := json.Marshal(a) // strings and numbers only
	if err := m.Respond(out); err != nil {
		r.log.Warn("answer not sent", zap.String("task", q.ID), zap.Error(err))
	}
}

// sparing lets a few lines of each message a minute through: what others send
// must not fill the log.
func sparing(log *zap.Logger) *zap.Logger {
	const lines = 5
	return log.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, time.Minute, lines, 0)
	}))
}

// ask first catches up with both streams, then decides in one transaction.
func (r *Recorder) ask(ctx context.Context, q queue.Question, asked question) (queue.Answer, error) {
	if err := r.catchUp(ctx, asked.ends); err != nil {
		return queue.Answer{}, err
	}
	var a queue.Answer
	var stone string // of the task, "" for a question about another one
	err := r.store.Grant(ctx, q.ID, q.Method, func(s store.State, last *store.Grant, now time.Time) (g *store.Grant) {
		if queue.AskSubject(s.Stone) != asked.msg.Subject {
			a = queue.Answer{Answer: queue.Superseded}
			return nil
		}
		stone = s.Stone
		a, g = decide(&s, last, q, now)
		return g
	})
	if errors.Is(err, store.ErrNotFound) {
		return later(unrecorded), nil
	}
	if err == nil && stone != "" && !q.Release && r.cfg.OnAnswer != nil {
		r.cfg.OnAnswer(stone, a)
	}
	return a, err
}

// catchUp waits until all up to these ends is recorded.
func (r *Recorder) catchUp(ctx context.Context, ends store.Position) error {
	for {
		r.mu.Lock()
		pos, moved := r.pos, r.moved
		r.mu.Unlock()
		if pos.Tasks >= ends.Tasks && pos.Events >= ends.Events {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("catch up with the streams: %w", ctx.Err())
		}
	}
}

func later(d time.Duration) queue.Answer {
	return queue.Answer{Answer: queue.Later, After: d.String()}
}

// decide says what a worker does with a command, and which grant it gets, if
// any. It is pure.
func decide(s *store.State, last *store.Grant, q queue.Question, now time.Time) (queue.Answer, *store.Grant) {
	if q.Release {
		return queue.Answer{Answer: queue.Done}, release(s, last, q, now)
	}
	switch {
	case q.Epoch < s.Epoch:
		return queue.Answer{Answer: queue.Superseded}, nil
	case q.Epoch > s.Epoch:
		return later(unrecorded), nil
	case ended(s):
		return queue.Answer{Answer: queue.Done}, nil
	case q.Method == task.Start && s.Seen&bit(task.StartSuccess) != 0:
		return queue.Answer{Answer: queue.ToMonitor}, nil
	case q.Method == task.Monitor && s.Method != task.Monitor && !s.Following && s.Seen&bit(task.StartSuccess) == 0:
		return later(unrecorded), nil
	case q.Method != s.Method && q.Method != task.Monitor:
		return queue.Answer{Answer: queue.Superseded}, nil
	}
	if last != nil && !last.Released {
		if last.Worker == q.Worker && last.Asked == q.Delivery {
			return run(last), nil
		}
		if q.Delivery <= last.Asked && (now.Sub(last.Time) < leaseTime || stale(&q, last)) {
			return queue.Answer{Answer: queue.Leave}, nil
		}
	}
	g := grant(s, last, q, now)
	return run(g), g
}

// stale reports whether a question was asked before the last grant was given.
// A worker whose clock is behind only waits a little longer: its next question
// is younger.
func stale(q *queue.Question, last *store.Grant) bool {
	return !q.Time.IsZero() && q.Time.Before(last.Time)
}

// leaseTime is JetStream's AckWait: a grant may be held for at least that long.
const leaseTime = 30 * time.Second

func run(g *store.Grant) queue.Answer {
	return queue.Answer{Answer: queue.Run, Delivery: g.Number, Try: g.Try}
}

// grant makes the next grant. A worker may have run the first delivery without
// asking; it then stands as number and try 1, once its begin is recorded, and
// the same worker may still hold it.
func grant(s *store.State, last *store.Grant, q queue.Question, now time.Time) *store.Grant {
	g := &store.Grant{ID: s.ID, Epoch: q.Epoch, Method: q.Method, Asked: q.Delivery, Worker: q.Worker, Number: q.Delivery, Try: 1, Time: now}
	begun := s.Seen&bit(q.Method.Begin()) != 0
	switch {
	case last != nil:
		g.Number = max(last.Number+1, q.Delivery)
		g.Try = last.Try
		if !last.Released && q.Method != task.Monitor {
			g.Try++
		}
	case begun && q.Delivery == 1 && s.Worker == q.Worker:
		g.Number = 1
	case begun:
		g.Number = max(2, q.Delivery)
		if q.Method != task.Monitor {
			g.Try = 2
		}
	}
	return g
}

// release notes that a worker gives its run back unfinished, so that it does
// not count as a try. A run that nobody was granted is noted as grant 1.
func release(s *store.State, last *store.Grant, q queue.Question, now time.Time) *store.Grant {
	if q.Epoch != s.Epoch || ended(s) {
		return nil
	}
	if last == nil {
		return &store.Grant{ID: s.ID, Epoch: q.Epoch, Method: q.Method, Number: 1, Asked: q.Delivery, Worker: q.Worker, Try: 1, Released: true, Time: now}
	}
	if last.Worker != q.Worker || last.Released {
		return nil
	}
	g := *last
	g.Released = true
	return &g
}
