package letters

import (
	"context"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/riverstones/riverstones/queue"
)

const (
	// chunk is how many messages are read at once.
	chunk = 128
	// maxScan is how many of the newest messages a filter looks at: there is
	// no index by task or stone.
	maxScan = 5000
	// maxLookups is how many commands are looked up by the advisories about
	// them, for one page.
	maxLookups = 1000
	// maxDeleted is up to how many messages taken out of the middle of the
	// stream are counted with. Past it pages go by sequences and may be shorter.
	maxDeleted = 50_000
)

// Dead shows the messages of RS_DLQ.
type Dead struct {
	NC *nats.Conn
	JS jetstream.JetStream
	// NoEcho names the params of a stone that are secret; nil knows none.
	NoEcho func(stone string) []string
}

func (d Dead) noEcho(stone string) []string {
	if d.NoEcho == nil {
		return nil
	}
	return d.NoEcho(stone)
}

// Page returns a page. Without a filter it reads no more than the page; with
// one it looks at the newest 5,000, and Exact says whether those were all.
func (d Dead) Page(ctx context.Context, f Filter) (Page, error) {
	s, err := d.JS.Stream(ctx, queue.StreamDLQ)
	if err != nil {
		return Page{}, fmt.Errorf("look up %s: %w", queue.StreamDLQ, err)
	}
	info := s.CachedInfo()
	if n := info.State.NumDeleted; n > 0 && n <= maxDeleted {
		if info, err = s.Info(ctx, jetstream.WithDeletedDetails(true)); err != nil {
			return Page{}, fmt.Errorf("look up %s: %w", queue.StreamDLQ, err)
		}
	}
	r := &reader{Dead: d, filter: f, lookups: maxLookups}
	if f.TaskID != "" || f.Stone != "" {
		return r.scan(ctx, &info.State)
	}
	return r.all(ctx, &info.State)
}

// reader reads one page.
type reader struct {
	Dead
	builder

	filter  Filter
	lookups int // that are left
}

// all reads exactly the page.
func (r *reader) all(ctx context.Context, s *jetstream.StreamState) (Page, error) {
	r.page.Total, r.page.Exact = int(min(s.Msgs, 1<<31-1)), true
	seqs := ranked(s.FirstSeq, s.LastSeq, s.Deleted, r.filter.Start, r.filter.Size)
	for part := range slices.Chunk(seqs, chunk) {
		messages, err := r.descending(ctx, part[len(part)-1], part[0])
		if err != nil {
			return Page{}, err
		}
		for _, m := range messages {
			l := letter(m)
			r.resolve(ctx, &l)
			r.add(l.Letter, m.data, r.noEcho(l.stone))
		}
	}
	return r.page, nil
}

// scan looks at the newest messages for those that match.
func (r *reader) scan(ctx context.Context, s *jetstream.StreamState) (Page, error) {
	left := 0 // behind first: messages that were not looked at
	if s.Msgs > 0 {
		left = int(min(s.LastSeq-s.FirstSeq+1, 1<<31-1))
	}
	for last, looked := s.LastSeq, 0; left > 0 && looked < maxScan; {
		n := min(left, chunk)
		messages, err := r.descending(ctx, last-uint64(n)+1, last)
		if err != nil {
			return Page{}, err
		}
		for _, m := range messages {
			r.consider(ctx, m)
		}
		last -= uint64(n)
		left, looked = left-n, looked+n
	}
	r.page.Exact = left == 0
	return r.page, nil
}

// consider counts a message if it matches, and puts it on the page if it
// belongs there.
func (r *reader) consider(ctx context.Context, m *raw) {
	l := letter(m)
	if r.filter.Stone != "" && l.stone != r.filter.Stone {
		return
	}
	if want := r.filter.TaskID; want != "" {
		r.resolve(ctx, &l)
		if l.TaskID != want && l.id != want {
			return
		}
	}
	r.page.Total++
	if r.page.Total <= r.filter.Start || len(r.page.Letters) == r.filter.Size {
		return
	}
	r.resolve(ctx, &l)
	r.add(l.Letter, m.data, r.noEcho(l.stone))
}

// descending reads the messages from sequence from to sequence to, the newest
// first.
func (r *reader) descending(ctx context.Context, from, to uint64) ([]*raw, error) {
	var out []*raw
	err := read(ctx, r.NC, queue.StreamDLQ, from, to, func(m *raw) { out = append(out, m) })
	slices.Reverse(out)
	return out, err
}

// resolve finds the task that an advisory is about by the command it names,
// while that is in the queue.
func (r *reader) resolve(ctx context.Context, l *dead) {
	if l.command == 0 || r.lookups == 0 {
		return
	}
	r.lookups--
	seq := l.command
	l.command = 0
	err := read(ctx, r.NC, queue.StreamTasks, seq, seq, func(m *raw) { l.TaskID, l.id = names(m) })
	if err != nil {
		r.lookups = 0 // the letters are worth more than the names of their tasks
	}
}

// ranked returns the sequences of the messages from the start-th newest on, the
// newest first, at most size, in a stream from first to last of which those in
// deleted, in their order, are gone.
func ranked(first, last uint64, deleted []uint64, start, size int) []uint64 {
	var out []uint64
	for seq, n := last, len(deleted); seq >= first && seq > 0 && len(out) < size; {
		for n > 0 && deleted[n-1] > seq {
			n--
		}
		if n > 0 && deleted[n-1] == seq {
			seq--
			continue
		}
		// A run without a gap ends at seq: what is to be passed over is passed at once.
		run := seq - first + 1
		if n > 0 {
			run = seq - deleted[n-1]
		}
		if pass := min(uint64(start), run); pass > 0 { //nolint:gosec // not negative
			start -= int(pass) //nolint:gosec // at most start
			seq -= pass
			continue
		}
		out = append(out, seq)
		seq--
	}
	return out
}
