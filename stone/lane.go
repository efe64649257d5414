package stone

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

// maxAhead bounds how many commands a lane holds beyond those it runs.
const maxAhead = 1000

// lane takes the commands of one group of methods and runs up to the stone's
// concurrency of them at once. It fetches ahead only as much as it has lately
// worked off in a tenth of a second: a slow stone leaves its commands to others.
type lane struct {
	r      *runner
	name   queue.Lane
	puller *queue.Puller

	held     atomic.Int64
	finished atomic.Int64
	ahead    atomic.Int64

	mu      sync.Mutex
	running int
	waiting []*job
}

func newLane(r *runner, name queue.Lane) *lane {
	l := &lane{r: r, name: name}
	l.puller = queue.NewPuller(r.w.nc, queue.PullConfig{
		Stream: queue.StreamTasks, Consumer: name.Durable(r.spec.Code, r.spec.BusinessKey),
		Limit: r.spec.Concurrency + maxAhead, Room: l.room,
	})
	return l
}

func (l *lane) room() int {
	return l.r.spec.Concurrency + int(l.ahead.Load()) - int(l.held.Load())
}

// run pulls until ctx ends, then gives back what has not begun.
func (l *lane) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	pace, stop := context.WithCancel(ctx)
	defer stop()
	wg.Go(func() { l.pace(pace) })
	err := l.puller.Run(ctx, func(d *queue.Delivery, stopping bool) error {
		l.take(*d, stopping)
		return nil
	})
	l.mu.Lock()
	waiting := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	for _, j := range waiting {
		j.giveBack(0)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, nats.ErrConnectionClosed) {
		l.r.w.fail(err)
	}
}

// pace sets how far to fetch ahead by what was finished lately.
func (l *lane) pace(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.ahead.Store(min(l.finished.Swap(0), maxAhead))
		}
	}
}

// take receives one command: it is refused, or waits for its turn.
func (l *lane) take(d queue.Delivery, stopping bool) {
	l.held.Add(1)
	c, err := queue.ParseCommandMsg(d.Msg)
	j := newJob(l, c, d)
	switch {
	case err != nil:
		j.bury(err)
	case stopping:
		j.giveBack(0)
	case l.r.halts.above(c.ID, c.Epoch):
		j.ack()
	default:
		l.r.hold(j)
		l.enter(j)
	}
}

// enter runs a job now or puts it in line.
func (l *lane) enter(j *job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running >= l.r.spec.Concurrency {
		l.waiting = append(l.waiting, j)
		return
	}
	l.running++
	l.r.methods.Go(func() { l.work(j) })
}

// work runs jobs until none waits.
func (l *lane) work(j *job) {
	for j != nil {
		j.run()
		j = l.next()
	}
}

func (l *lane) next() *job {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.running--
		return nil
	}
	j := l.waiting[0]
	l.waiting[0] = nil
	if l.waiting = l.waiting[1:]; len(l.waiting) == 0 {
		l.waiting = nil
	}
	return j
}

// left tells that a command is not held any more.
func (l *lane) left() {
	l.held.Add(-1)
	l.finished.Add(1)
	l.puller.Wake()
}

// asksFirst reports whether a command must be asked about before it is run:
// any but a first delivery, which is somebody's first sight of it unless the
// message is a copy. A look of monitor asks unless this worker had the one before.
func (l *lane) asksFirst(j *job) bool {
	if j.command.Method == task.Monitor {
		return !l.r.looks.mine(j)
	}
	return j.delivery.Count > 1 || j.command.Copy != ""
}

func (l *lane) warn(text string, j *job, err error) {
	l.r.log.Warn(text, zap.String("task", j.command.ID), zap.Int("epoch", j.command.Epoch),
		zap.String("method", string(j.command.Method)), zap.Error(err))
}
