package stone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/riverstones/riverstones/queue"
)

// listen hears what to stop, and asks about everything held when the
// connection comes back: what was said meanwhile is lost.
func (r *runner) listen(ctx context.Context) error {
	said := make(chan *nats.Msg, 1024)
	sub, err := r.w.nc.ChanSubscribe(queue.CtlSubject(r.spec.Code), said)
	if err != nil {
		return fmt.Errorf("listen to control: %w", err)
	}
	status := r.w.nc.StatusChanged(nats.CONNECTED)
	r.helpers.Go(func() {
		defer r.w.nc.RemoveStatusListener(status)
		defer func() {
			if err := sub.Unsubscribe(); err != nil {
				r.log.Debug("control not unsubscribed", zap.Error(err))
			}
		}()
		for {
			select {
			case <-ctx.Done():
				return
			case m := <-said:
				r.halt(m)
			case <-status:
				r.askAll(ctx)
			}
		}
	})
	return nil
}

// halt ends everything of a task below an epoch. Whoever may name this subject
// as the place for an answer can have other messages sent here: those have
// another subject, a reply subject or headers, or say nothing.
func (r *runner) halt(m *nats.Msg) {
	var h queue.Halt
	err := errForeign
	if m.Subject == queue.CtlSubject(r.spec.Code) && m.Reply == "" && len(m.Header) == 0 {
		err = json.Unmarshal(m.Data, &h)
	}
	if err != nil || h.Epoch < 1 || !queue.CheckID(h.ID) {
		r.noise.Warn("control message is ignored", zap.Int("bytes", len(m.Data)), zap.Error(err))
		return
	}
	r.halts.add(h)
	for _, j := range r.holding() {
		if j.command.ID == h.ID && j.command.Epoch < h.Epoch {
			j.cancel(errSuperseded)
		}
	}
}

var errForeign = errors.New("it is no broadcast of the gateway")

// sparing lets a few lines of each message a minute through: what others send
// must not fill the log.
func sparing(log *zap.Logger) *zap.Logger {
	const lines = 5
	return log.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, time.Minute, lines, 0)
	}))
}

// askAll asks about everything that runs, and ends what is not this worker's
// any more.
func (r *runner) askAll(ctx context.Context) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, renewers)
	for _, j := range r.holding() {
		if ctx.Err() != nil {
			break
		}
		slots <- struct{}{}
		wg.Go(func() { defer func() { <-slots }(); j.recheck() })
	}
	wg.Wait()
}

// recheck asks about a job that runs. Without an answer the lease decides. A lease
// that may have run out is not asked about: the answer could be a new grant, which
// takes the right from whoever runs it now.
func (j *job) recheck() {
	if j.late() {
		j.cancel(errLeaseLost)
		return
	}
	j.mu.Lock()
	running := !j.began.IsZero() && !j.over
	j.mu.Unlock()
	if !running {
		return
	}
	a, err := j.ask(false)
	if err != nil {
		return
	}
	switch {
	case a.Answer == queue.Done, a.Answer == queue.Superseded:
		j.cancel(errSuperseded)
	case a.Answer == queue.Run && a.Delivery == j.number, a.Answer == queue.Later:
	default:
		j.cancel(errLeaseLost)
	}
}

// halts remembers what rs.ctl said for a while, so that a command that was
// taken out of the queue too late is not begun.
type halts struct {
	keep time.Duration

	mu   sync.Mutex
	byID map[string]halted
}

type halted struct {
	epoch int
	at    time.Time
}

func newHalts(keep time.Duration) *halts {
	return &halts{keep: keep, byID: map[string]halted{}}
}

func (h *halts) add(x queue.Halt) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for id, old := range h.byID {
		if now.Sub(old.at) > h.keep {
			delete(h.byID, id)
		}
	}
	h.byID[x.ID] = halted{max(x.Epoch, h.byID[x.ID].epoch), now}
}

// above reports whether a later epoch than this was heard of.
func (h *halts) above(id string, epoch int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	x, ok := h.byID[id]
	return ok && x.epoch > epoch && time.Since(x.at) <= h.keep
}

// looks is a worker's memory of the tasks it follows. A look need not be asked
// about while this worker had every delivery since it last asked, at most a
// minute ago.
type looks struct {
	mu   sync.Mutex
	byID map[string]*look
}

type look struct {
	number  int       // the grant's
	count   int       // of the delivery last given back
	asked   time.Time // when the grant was given
	dueAt   time.Time // of the next look
	fails   int       // failed looks in a row
	begun   bool      // monitor.begin was reported
	touched time.Time
}

const (
	askAgain   = time.Minute
	lookMemory = time.Hour // beyond any sensible wait between two looks
)

func newLooks() *looks { return &looks{byID: map[string]*look{}} }

// of returns the memory of a task; the caller holds mu.
func (l *looks) of(c *queue.Command) *look {
	k := key(c)
	x, ok := l.byID[k]
	if !ok {
		x = &look{}
		l.byID[k] = x
		l.sweep()
	}
	x.touched = time.Now()
	return x
}

// sweep forgets a few that were not touched for long: other workers have them.
func (l *looks) sweep() {
	n := 0
	for k, x := range l.byID {
		if n++; n > 8 {
			return
		}
		if !x.touched.IsZero() && time.Since(x.touched) > lookMemory {
			delete(l.byID, k)
		}
	}
}

// mine reports whether the job's look follows this worker's last one directly;
// the job then runs under the same grant.
func (l *looks) mine(j *job) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	x, ok := l.byID[key(j.command)]
	if !ok || x.number == 0 || j.delivery.Count == 1 || j.delivery.Count != x.count+1 || time.Since(x.asked) > askAgain {
		return false
	}
	j.number = x.number
	return true
}

// begin notes that monitoring begins, and reports whether it had begun before.
func (l *looks) begin(j *job) (before bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.of(j.command)
	before, x.begun = x.begun, true
	return before
}

func (l *looks) granted(j *job) {
	if j.lane.name != queue.Follow {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.of(j.command)
	x.number, x.asked = j.number, time.Now()
}

// given notes that a look is given back, to be the next one's predecessor.
func (l *looks) given(j *job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of(j.command).count = j.delivery.Count
}

func (l *looks) due(c *queue.Command, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of(c).dueAt = at
}

// wait returns how long the job's look is too early.
func (l *looks) wait(j *job) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	x, ok := l.byID[key(j.command)]
	if !ok {
		return 0
	}
	d := time.Until(x.dueAt)
	x.dueAt = time.Time{}
	return d
}

func (l *looks) failed(j *job) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.of(j.command)
	x.fails++
	return x.fails
}

func (l *looks) worked(j *job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of(j.command).fails = 0
}

func (l *looks) forget(j *job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byID, key(j.command))
}
