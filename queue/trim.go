package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TrimReport tells what [Trim] did.
type TrimReport struct {
	Tasks, Events uint64 // messages taken out of RS_TASKS and RS_EVENTS
	Blobs         uint64 // of RS_BLOB: the chunks of large bodies, and one more for each
	// TasksUpTo and EventsUpTo are the last sequences that age and checkpoint
	// allowed to go. A consumer that is behind keeps more of RS_TASKS.
	TasksUpTo, EventsUpTo uint64
	Durables              int // consumers of stones that were looked at
	// Odd are durables whose name or subjects are none of a stone's. Nothing
	// is trimmed on their behalf.
	Odd []string
}

// Worked tells how far the consumers of stones have worked off RS_TASKS.
type Worked struct {
	Lanes    []Floor
	Durables int      // consumers of stones that were looked at
	Odd      []string // durables whose name or subjects are none of a stone's
}

// Floor is how far one lane of a stone is worked off.
type Floor struct {
	Lane  Lane
	Stone string
	// Subjects are those that consumers of the lane read; none is part of another.
	Subjects []string
	// Acked is the sequence up to which all commands on these subjects are
	// acknowledged. While a stone is being consumed in both forms, or by a form
	// left over, it is that of the consumer that is furthest behind.
	Acked uint64
}

// WorkedOff looks at the consumers of all stones.
func WorkedOff(ctx context.Context, js jetstream.JetStream) (Worked, error) {
	s, err := js.Stream(ctx, StreamTasks)
	if err == nil {
		var w Worked
		if w, err = workedOff(ctx, s); err == nil {
			return w, nil
		}
	}
	return Worked{}, fmt.Errorf("look at the consumers of %s: %w", StreamTasks, err)
}

// Trim takes out of the streams what nobody needs any more: of RS_TASKS, for
// each stone with a consumer, the commands that are acknowledged and recorded;
// of RS_EVENTS what is recorded. tasks and events are the recorder's
// checkpoints, the last recorded sequences. Messages younger than keep stay
// whatever their state, since the server refuses repeats only of messages it
// still has; keep is raised to [DuplicateWindow] if it is 0. Commands of a
// stone that nobody has served yet are never trimmed. A large body goes when it
// is older than the oldest message of both streams, and by keep at that: it is
// written again whenever it is sent and not fresh, so no message refers to it.
//
// One process at a time should trim, though several do no harm. It needs the
// right to purge the streams.
func Trim(ctx context.Context, js jetstream.JetStream, tasks, events uint64, keep time.Duration) (TrimReport, error) {
	w, err := WorkedOff(ctx, js)
	if err != nil {
		return TrimReport{}, fmt.Errorf("trim %s: %w", StreamTasks, err)
	}
	return TrimBelow(ctx, js, w, tasks, events, keep)
}

// TrimBelow is [Trim] for commands of the lanes and up to the floors in w only:
// what a caller still has to look at stays.
func TrimBelow(ctx context.Context, js jetstream.JetStream, w Worked, tasks, events uint64, keep time.Duration) (TrimReport, error) {
	if keep <= 0 {
		keep = DuplicateWindow
	}
	var r TrimReport
	if err := trimTasks(ctx, js, w, tasks, keep, &r); err != nil {
		return r, fmt.Errorf("trim %s: %w", StreamTasks, err)
	}
	if err := trimEvents(ctx, js, events, keep, &r); err != nil {
		return r, fmt.Errorf("trim %s: %w", StreamEvents, err)
	}
	if err := trimBlobs(ctx, js, keep, &r); err != nil {
		return r, fmt.Errorf("trim %s: %w", BucketBlobs, err)
	}
	return r, nil
}

func trimBlobs(ctx context.Context, js jetstream.JetStream, keep time.Duration, r *TrimReport) error {
	age := keep
	for _, name := range []string{StreamTasks, StreamEvents} {
		s, err := js.Stream(ctx, name)
		if err != nil {
			return err
		}
		if info := s.CachedInfo(); info.State.Msgs > 0 {
			age = max(age, keep+info.TimeStamp.Sub(info.State.FirstTime))
		}
	}
	s, err := js.Stream(ctx, streamBlobs)
	if err != nil {
		return err
	}
	upTo, err := trimmable(ctx, s, s.CachedInfo().State.LastSeq, age)
	if err != nil || upTo == 0 {
		return err
	}
	r.Blobs, err = counted(ctx, s, func() error { return purge(ctx, s, upTo) })
	return err
}

func trimEvents(ctx context.Context, js jetstream.JetStream, checkpoint uint64, keep time.Duration, r *TrimReport) error {
	s, err := js.Stream(ctx, StreamEvents)
	if err != nil {
		return err
	}
	r.EventsUpTo, err = trimmable(ctx, s, checkpoint, keep)
	if err != nil || r.EventsUpTo == 0 {
		return err
	}
	r.Events, err = counted(ctx, s, func() error { return purge(ctx, s, r.EventsUpTo) })
	return err
}

func trimTasks(ctx context.Context, js jetstream.JetStream, w Worked, checkpoint uint64, keep time.Duration, r *TrimReport) error {
	s, err := js.Stream(ctx, StreamTasks)
	if err != nil {
		return err
	}
	r.TasksUpTo, err = trimmable(ctx, s, checkpoint, keep)
	if err != nil || r.TasksUpTo == 0 {
		return err
	}
	r.Durables, r.Odd = w.Durables, w.Odd
	first := s.CachedInfo().State.FirstSeq
	r.Tasks, err = counted(ctx, s, func() error {
		for _, l := range w.Lanes {
			upTo := min(l.Acked, r.TasksUpTo)
			if upTo < first {
				continue
			}
			for _, subject := range l.Subjects {
				if err := purge(ctx, s, upTo, jetstream.WithPurgeSubject(subject)); err != nil {
					return fmt.Errorf("%s: %w", subject, err)
				}
			}
		}
		return nil
	})
	return err
}

// workedOff looks at all consumers of the stream.
func workedOff(ctx context.Context, s jetstream.Stream) (w Worked, err error) {
	type lane struct {
		l     Lane
		stone string
	}
	at, keys := map[lane]int{}, map[lane][]string{}
	list := s.ListConsumers(ctx)
	for info := range list.Info() {
		l, stone, key, ok := ParseDurable(info.Name)
		if !ok || !readsOnly(info.Config, l.Subjects(stone, key)) {
			if info.Config.Durable != "" {
				w.Odd = append(w.Odd, info.Name)
			}
			continue
		}
		w.Durables++
		one := lane{l, stone}
		i, seen := at[one]
		if !seen {
			i, at[one] = len(w.Lanes), len(w.Lanes)
			w.Lanes = append(w.Lanes, Floor{Lane: l, Stone: stone, Acked: info.AckFloor.Stream})
		}
		w.Lanes[i].Acked = min(w.Lanes[i].Acked, info.AckFloor.Stream)
		keys[one] = append(keys[one], key)
	}
	if err := list.Err(); err != nil {
		return w, fmt.Errorf("list consumers: %w", err)
	}
	for one, i := range at {
		w.Lanes[i].Subjects = subjectsOf(one.l, one.stone, keys[one])
	}
	return w, nil
}

// subjectsOf returns the subjects of a lane's consumers, of which one without a
// key reads those of all others.
func subjectsOf(l Lane, stone string, keys []string) (out []string) {
	if slices.Contains(keys, "") {
		return l.Subjects(stone, "")
	}
	for _, key := range keys {
		out = append(out, l.Subjects(stone, key)...)
	}
	return out
}

func readsOnly(have jetstream.ConsumerConfig, want []string) bool {
	filters := have.FilterSubjects
	if have.FilterSubject != "" {
		filters = []string{have.FilterSubject}
	}
	return sorted(filters) == sorted(want)
}

// purge takes out everything up to upTo, which goes too: the server keeps the
// sequence that it is given.
func purge(ctx context.Context, s jetstream.Stream, upTo uint64, opts ...jetstream.StreamPurgeOpt) error {
	return s.Purge(ctx, slices.Concat(opts, []jetstream.StreamPurgeOpt{jetstream.WithPurgeSequence(upTo + 1)})...)
}

// counted returns how many messages left the stream during do. Every sequence
// was given out once, so what is neither there nor to come has gone.
func counted(ctx context.Context, s jetstream.Stream, do func() error) (uint64, error) {
	gone := func() (uint64, error) {
		info, err := s.Info(ctx)
		if err != nil {
			return 0, err
		}
		return info.State.LastSeq - info.State.Msgs, nil
	}
	before, err := gone()
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	after, err := gone()
	return after - before, err
}

// trimmable returns the last sequence up to checkpoint that is older than keep
// by the server's clock, 0 if there is none. Sequences rise with time, so it is
// found by halving: some twenty reads among a million messages.
func trimmable(ctx context.Context, s jetstream.Stream, checkpoint uint64, keep time.Duration) (uint64, error) {
	info, err := s.Info(ctx)
	if err != nil {
		return 0, err
	}
	limit := info.TimeStamp.Add(-keep)
	st := info.State
	last := min(st.LastSeq, checkpoint)
	if last < st.FirstSeq || st.Msgs == 0 || st.FirstTime.After(limit) {
		return 0, nil
	}
	// Everything before low is old; the answer lies in [low-1, last].
	low, high := st.FirstSeq, last+1
	for low < high {
		mid := low + (high-low)/2
		seq, at, err := nextMessage(ctx, s, mid)
		switch {
		case err != nil:
			return 0, err
		case seq == 0 || seq >= high: // nothing from mid on that may go
			high = mid
		case at.After(limit):
			high = mid
		default:
			low = seq + 1
		}
	}
	return low - 1, nil
}

// nextMessage returns sequence and time of the first message from seq on, 0 if
// there is none.
func nextMessage(ctx context.Context, s jetstream.Stream, seq uint64) (uint64, time.Time, error) {
	m, err := s.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(">"))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, time.Time{}, nil
	}
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("read message %d: %w", seq, err)
	}
	return m.Sequence, m.Time, nil
}
