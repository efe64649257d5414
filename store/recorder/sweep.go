package recorder

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// sweeper finds commands that were acknowledged although nothing came of them,
// and publishes them again. It looks at each command once: when its lane is
// acknowledged up to it, and before it is trimmed. What waits, runs, is paused
// or looks again later is not acknowledged, and so it is never looked at.
//
// Its positions are in memory. Who takes the duty over begins with all that the
// stream still holds; what was published again is noted in the store, so that
// nothing is published twice for one loss.
type sweeper struct {
	store Store
	js    jetstream.JetStream
	blobs *queue.Blobs
	pub   *queue.Publisher
	quiet time.Duration // without an event
	late  time.Duration // after a deadline
	log   *zap.Logger

	upTo map[place]uint64 // all up to here was looked at
	// due is the last of the deadlines that were looked at, and overdue has those
	// commands up to it whose tasks a worker was still to end.
	due     store.Due
	overdue []store.Due
}

// place is a lane of a stone.
type place struct {
	lane  queue.Lane
	stone string
}

// looked is a command that is acknowledged.
type looked struct {
	id       string
	epoch    int
	method   task.Method
	sequence uint64
}

// lost is one that nothing came of.
type lost struct {
	looked

	state store.State
	times int // published again before
}

const (
	// sweepPart is how many commands are looked at at once.
	sweepPart = 500
	// sweepWait bounds one read of the stream.
	sweepWait = 5 * time.Second
	// maxResends is how often a command is published again.
	maxResends = 3
)

var errLagging = errors.New("the recorder lags behind the streams")

// sweep looks at what was acknowledged since the last time, and returns up to
// where it has looked: what lies behind must not be trimmed.
func (w *sweeper) sweep(ctx context.Context) (queue.Worked, error) {
	worked, err := queue.WorkedOff(ctx, w.js)
	if err != nil {
		return worked, err
	}
	pos, err := w.recorded(ctx)
	for i := range worked.Lanes {
		l := &worked.Lanes[i]
		at := place{l.Lane, l.Stone}
		if upTo := min(l.Acked, pos.Tasks); err == nil && upTo > w.upTo[at] {
			w.upTo[at], err = w.lane(ctx, l.Subjects, w.upTo[at], upTo)
		}
		l.Acked = min(l.Acked, w.upTo[at])
	}
	return worked, err
}

// recorded returns the checkpoint once everything is recorded that is stored
// now. A worker stores the end, or the monitor command, before it acknowledges:
// what is acknowledged before this call and has neither after it is lost.
func (w *sweeper) recorded(ctx context.Context) (store.Position, error) {
	stored, err := streamEnds(ctx, w.js)
	if err != nil {
		return store.Position{}, fmt.Errorf("look up the streams: %w", err)
	}
	const patience, look = 5 * time.Second, 50 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		pos, err := w.store.Position(ctx)
		if err != nil {
			return store.Position{}, err
		}
		if pos.Events >= stored.Events && pos.Tasks >= stored.Tasks {
			return pos, nil
		}
		if pause(ctx, look); ctx.Err() != nil {
			return store.Position{}, errLagging
		}
	}
}

// lane looks at the commands on these subjects behind from and up to upTo, and
// returns how far it came: it stops at one that it is too early to judge.
func (w *sweeper) lane(ctx context.Context, subjects []string, from, upTo uint64) (uint64, error) {
	s, err := w.js.Stream(ctx, queue.StreamTasks)
	if err != nil {
		return from, fmt.Errorf("look up %s: %w", queue.StreamTasks, err)
	}
	info := s.CachedInfo()
	if upTo < info.State.FirstSeq {
		return upTo, nil
	}
	c, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from + 1,
		FilterSubjects: subjects, HeadersOnly: true, InactiveThreshold: time.Minute, MemoryStorage: true, Replicas: 1,
	})
	if err != nil {
		return from, fmt.Errorf("read acknowledged commands: %w", err)
	}
	defer func() { _ = s.DeleteConsumer(context.WithoutCancel(ctx), c.CachedInfo().Name) }() // else it goes by itself
	old := info.TimeStamp.Add(-w.quiet)
	for left := int(c.CachedInfo().NumPending); left > 0; { //nolint:gosec // counts messages
		part, end, err := acknowledged(c, min(left, sweepPart), upTo, old)
		if err != nil {
			return from, err
		}
		early, err := w.look(ctx, part)
		switch {
		case err != nil:
			return from, err
		case early != 0:
			return early - 1, nil
		case end != 0:
			return end, nil
		case len(part) == 0: // they went meanwhile
			return from, nil
		}
		from = part[len(part)-1].sequence
		left -= len(part)
	}
	return upTo, nil
}

// acknowledged reads n messages at most. end is how far all was read if no more
// is to be read: the next one is beyond upTo, or was stored after old.
func acknowledged(c jetstream.Consumer, n int, upTo uint64, old time.Time) (part []looked, end uint64, err error) {
	batch, err := c.Fetch(n, jetstream.FetchMaxWait(sweepWait))
	if err != nil {
		return nil, 0, fmt.Errorf("read acknowledged commands: %w", err)
	}
	for m := range batch.Messages() {
		meta, err := m.Metadata()
		if err != nil {
			return nil, 0, fmt.Errorf("read acknowledged commands: %w", err)
		}
		at := meta.Sequence.Stream
		switch {
		case end != 0: // the rest of what was fetched
		case at > upTo:
			end = upTo
		case meta.Timestamp.After(old):
			end = at - 1
		default:
			h := m.Headers()
			epoch, _ := strconv.Atoi(h.Get(queue.HeaderEpoch)) // 0 fits no attempt
			part = append(part, looked{h.Get(queue.HeaderTask), epoch, task.Method(h.Get(queue.HeaderMethod)), at})
		}
	}
	if err := batch.Error(); err != nil {
		return nil, 0, fmt.Errorf("read acknowledged commands: %w", err)
	}
	return part, end, nil
}

// look finds those among acknowledged commands that nothing came of, and
// publishes them again. early is the sequence of the first one whose task was
// heard of too lately to say so, 0 for none: what comes before is done with.
func (w *sweeper) look(ctx context.Context, part []looked) (early uint64, err error) {
	ids := make([]string, len(part))
	for i := range part {
		ids[i] = part[i].id
	}
	states, err := w.store.Unfinished(ctx, ids)
	if err != nil || len(states) == 0 {
		return 0, err
	}
	byID := make(map[string]*store.State, len(states))
	for i := range states {
		byID[states[i].ID] = &states[i]
	}
	heard := time.Now().Add(-w.quiet)
	var found []lost
	for _, one := range part {
		st := byID[one.id]
		if st == nil || !awaits(st, one) {
			continue
		}
		if st.UpdateTime.After(heard) {
			early = one.sequence
			break
		}
		found = append(found, lost{looked: one, state: *st})
	}
	return early, w.again(ctx, found)
}

// awaits reports whether a task that has not ended can end by this command only.
func awaits(s *store.State, c looked) bool {
	switch {
	case c.epoch != s.Epoch:
		return false
	case c.method == task.Start:
		return s.Method == task.Start && !s.Following // else its monitor command does
	default:
		return c.method == s.Method || c.method == task.Monitor
	}
}

// again publishes commands again, unless that was done, and gives up those for
// which it was done too often.
func (w *sweeper) again(ctx context.Context, found []lost) error {
	if len(found) == 0 {
		return nil
	}
	ids := make([]string, len(found))
	for i := range found {
		ids[i] = found[i].id
	}
	before, err := w.store.Resends(ctx, ids)
	if err != nil {
		return err
	}
	for i := range found {
		one, later := &found[i], false
		for _, r := range before {
			if r.ID == one.id && r.Epoch == one.epoch && r.Method == one.method {
				one.times, later = r.Times, r.Sequence > one.sequence
			}
		}
		if later {
			continue // that message is looked at in its turn
		}
		if err := w.one(ctx, one); err != nil {
			return fmt.Errorf("task %s: %w", one.id, err)
		}
	}
	return nil
}

// one publishes a command again or gives it up.
func (w *sweeper) one(ctx context.Context, l *lost) error {
	m, err := w.message(ctx, l.sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil // it was withdrawn just now
	}
	if err != nil {
		return err
	}
	if l.times >= maxResends {
		return w.giveUp(ctx, l, m)
	}
	c, err := queue.ParseCommandMsg(m)
	if err != nil {
		return nil //nolint:nilerr // it is in quarantine, and no task awaits it
	}
	if err := w.blobs.Command(ctx, c); errors.Is(err, queue.ErrBlob) {
		return w.giveUp(ctx, l, m)
	} else if err != nil {
		return err
	}
	c.Copy = "r" + strconv.Itoa(l.times+1)
	ack := w.pub.Publish(ctx, []*queue.Command{c})[0]
	if ack.Err != nil {
		return fmt.Errorf("publish again: %w", ack.Err)
	}
	w.warn(l, "its command was acknowledged and nothing came of it: it is published again")
	return w.store.Resend(ctx, store.Resend{ID: l.id, Epoch: l.epoch, Method: l.method, Times: l.times + 1,
		Sequence: ack.Sequence, Time: time.Now().UTC().Truncate(time.Microsecond)})
}

// message returns a stored command.
func (w *sweeper) message(ctx context.Context, sequence uint64) (*nats.Msg, error) {
	s, err := w.js.Stream(ctx, queue.StreamTasks)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", queue.StreamTasks, err)
	}
	raw, err := s.GetMsg(ctx, sequence)
	if err != nil {
		return nil, fmt.Errorf("read command %d: %w", sequence, err)
	}
	return &nats.Msg{Subject: raw.Subject, Header: raw.Header, Data: raw.Data}, nil
}

// giveUp keeps a command in RS_DLQ and ends its task with the reason.
func (w *sweeper) giveUp(ctx context.Context, l *lost, m *nats.Msg) error {
	const why = "given up: its command was acknowledged again and again, and nothing came of it"
	letter := nats.NewMsg(queue.DLQSubject(l.state.Stone))
	letter.Data = m.Data
	for _, h := range []string{queue.HeaderTask, queue.HeaderEpoch, queue.HeaderMethod, queue.HeaderSchema, queue.HeaderBlob} {
		if v := m.Header.Get(h); v != "" {
			letter.Header.Set(h, v)
		}
	}
	letter.Header.Set(nats.MsgIdHdr, fmt.Sprintf("%s.%d.%s.lost", l.id, l.epoch, l.method))
	letter.Header.Set(queue.HeaderReason, why)
	if _, err := w.js.PublishMsg(ctx, letter); err != nil {
		return fmt.Errorf("keep in %s: %w", queue.StreamDLQ, err)
	}
	w.warn(l, why)
	_, err := w.store.Command(ctx, l.id, func(was store.Standing) (*store.Step, error) {
		return fail(&was.State, l, why, time.Now().UTC().Truncate(time.Microsecond)), nil
	})
	return err
}

// fail is the step that ends the task of a lost command; nil if it ended, or was
// commanded again, in the meantime.
func fail(s *store.State, l *lost, why string, now time.Time) *store.Step {
	if s.Epoch != l.epoch || ended(s) {
		return nil
	}
	failed := l.method.Failed()
	if l.method == task.Start && s.Seen&bit(task.StartSuccess) != 0 {
		failed = task.MonitorFailed // the start itself did not fail
	}
	t := store.Transition{ID: s.ID, Epoch: s.Epoch, Status: failed, Time: now, Delivery: max(s.Grants[l.method], 1), Reason: why}
	st := *s
	st.UpdateTime = now
	Advance(&st, t)
	return &store.Step{State: st, Transitions: []store.Transition{t},
		Outbox: []store.Outgoing{{Kind: store.TellEnded, Command: queue.Command{Names: s.Names, Epoch: s.Epoch}}}}
}

func (w *sweeper) warn(l *lost, text string) {
	w.log.Warn(text, zap.String("task", l.id), zap.Int("epoch", l.epoch), zap.String("method", string(l.method)), zap.Int("times", l.times))
}
