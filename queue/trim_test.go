package queue_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
)

// all lets every message count as old.
const all = time.Nanosecond

func publish(t *testing.T, js jetstream.JetStream, subject string, n int) {
	t.Helper()
	for range n {
		_, err := js.Publish(t.Context(), subject, []byte("{}"))
		require.NoError(t, err)
	}
}

// fetch takes n commands without acknowledging them.
func fetch(t *testing.T, c jetstream.Consumer, n int) []jetstream.Msg {
	t.Helper()
	batch, err := c.Fetch(n, jetstream.FetchMaxWait(20*time.Second))
	require.NoError(t, err)
	var out []jetstream.Msg
	for m := range batch.Messages() {
		out = append(out, m)
	}
	require.Len(t, out, n)
	return out
}

func sequence(t *testing.T, m jetstream.Msg) uint64 {
	t.Helper()
	meta, err := m.Metadata()
	require.NoError(t, err)
	return meta.Sequence.Stream
}

func ack(t *testing.T, ms ...jetstream.Msg) {
	t.Helper()
	for _, m := range ms {
		require.NoError(t, m.DoubleAck(t.Context()))
	}
}

func left(t *testing.T, js jetstream.JetStream, stream string) []uint64 {
	t.Helper()
	seqs := []uint64{}
	for _, m := range queuetest.Messages(t, js, stream, 0) {
		seqs = append(seqs, m.Sequence)
	}
	return seqs
}

func TestTrimLeavesWhatIsOpenYoungOrUnserved(t *testing.T) {
	t.Parallel()
	js := queuetest.Start(t).JetStream(t)
	lanes, err := queue.EnsureConsumers(t.Context(), js, "A", "")
	require.NoError(t, err)
	publish(t, js, queue.TaskSubject("A", "", task.Start), 10)     // 1–10
	publish(t, js, queue.TaskSubject("Nobody", "", task.Start), 2) // 11, 12
	publish(t, js, queue.TaskSubject("A", "k", task.Cancel), 3)    // 13–15
	publish(t, js, queue.EventSubject("A", task.Start), 5)         // events 1–5
	work, control := fetch(t, lanes[queue.Work], 10), fetch(t, lanes[queue.Control], 3)
	ack(t, work[:4]...)
	ack(t, work[6])
	ack(t, control...)

	for _, c := range []struct {
		name          string
		tasks, events uint64
		keep          time.Duration
		report        queue.TrimReport
		left          []uint64
	}{
		{"nothing is recorded", 0, 0, all, queue.TrimReport{}, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
		{"all is young", 15, 5, 0, queue.TrimReport{}, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
		{"recorded to 2", 2, 1, all, queue.TrimReport{Tasks: 2, Events: 1, TasksUpTo: 2, EventsUpTo: 1, Durables: 3}, []uint64{3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
		{"recorded to 14", 14, 5, all, queue.TrimReport{Tasks: 4, Events: 4, TasksUpTo: 14, EventsUpTo: 5, Durables: 3}, []uint64{5, 6, 7, 8, 9, 10, 11, 12, 15}},
		{"beyond the end", 99, 99, all, queue.TrimReport{Tasks: 1, TasksUpTo: 15, Durables: 3}, []uint64{5, 6, 7, 8, 9, 10, 11, 12}},
	} {
		r, err := queue.Trim(t.Context(), js, c.tasks, c.events, c.keep)
		require.NoError(t, err, c.name)
		require.Equal(t, c.report, r, c.name)
		require.Equal(t, c.left, left(t, js, queue.StreamTasks), c.name)
	}
	require.Empty(t, left(t, js, queue.StreamEvents))

	ack(t, slices.Concat(work[4:6], work[7:])...)
	_, err = queue.Trim(t.Context(), js, 15, 5, all)
	require.NoError(t, err)
	require.Equal(t, []uint64{11, 12}, left(t, js, queue.StreamTasks), "those of a stone that nobody serves stay for ever")
}

func TestTrimKnowsOnlyConsumersOfStones(t *testing.T) {
	t.Parallel()
	js := queuetest.Start(t).JetStream(t)
	publish(t, js, queue.TaskSubject("A", "", task.Start), 3)
	for name, filter := range map[string]string{"reader": "rs.task.>", "w_A": "rs.task.*.*.start", "w_A=3": "rs.task.A.*.start"} {
		c, err := js.CreateConsumer(t.Context(), queue.StreamTasks, jetstream.ConsumerConfig{Durable: name, FilterSubject: filter, AckPolicy: jetstream.AckExplicitPolicy})
		require.NoError(t, err)
		ack(t, fetch(t, c, 3)...)
	}
	r, err := queue.Trim(t.Context(), js, 3, 0, all)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"reader", "w_A", "w_A=3"}, r.Odd)
	require.Len(t, left(t, js, queue.StreamTasks), 3)
}

// A stone that was consumed whole once, and by key later, has durables of both
// forms for the same subjects: the one that is behind decides.
func TestTrimWithBothFormsWaitsForTheSlower(t *testing.T) {
	t.Parallel()
	js := queuetest.Start(t).JetStream(t)
	keyed, err := queue.EnsureConsumers(t.Context(), js, "A", "k")
	require.NoError(t, err)
	_, err = js.CreateConsumer(t.Context(), queue.StreamTasks, jetstream.ConsumerConfig{
		Durable: queue.Work.Durable("A", ""), FilterSubjects: queue.Work.Subjects("A", ""), AckPolicy: jetstream.AckExplicitPolicy,
	})
	require.NoError(t, err)
	publish(t, js, queue.TaskSubject("A", "k", task.Start), 3)
	ack(t, fetch(t, keyed[queue.Work], 3)...)
	_, err = queue.Trim(t.Context(), js, 3, 0, all)
	require.NoError(t, err)
	require.Len(t, left(t, js, queue.StreamTasks), 3)
}

func TestTrimWithoutStreams(t *testing.T) {
	t.Parallel()
	_, err := queue.Trim(t.Context(), bare(t), 1, 1, 0)
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
	require.ErrorContains(t, err, "trim RS_TASKS")
}

// After any sequence of acknowledgements, with holes in the stream, a message
// has gone if and only if it is old, recorded, and it and all of its lane
// before it are acknowledged.
func TestTrimProperty(t *testing.T) {
	t.Parallel()
	models := make([]*trimModel, 6)
	old := make([]uint64, len(models)) // the last old sequence of each
	for i := range models {
		models[i] = newTrimModel(t, uint64(i))
		models[i].fill(60 + models[i].rnd.IntN(40))
		old[i] = models[i].last
	}
	// Trim finds the border between old and young by the clock, so there is a
	// gap around it.
	const gap = 3 * time.Second
	begin := time.Now()
	queuetest.WaitFor(t, func() bool { return time.Since(begin) > gap })
	for i, m := range models {
		m.fill(m.rnd.IntN(40))
		m.work()
		for _, checkpoint := range []uint64{m.last / 3, m.last, m.last + 5} {
			m.check(checkpoint, old[i], begin.Add(gap/2))
		}
	}
}

// trimModel is a stream with commands of three stones, one of them unserved.
type trimModel struct {
	t     *testing.T
	js    jetstream.JetStream
	rnd   *rand.Rand
	lanes []jetstream.Consumer
	gone  map[uint64]bool   // deleted as a cancelled command is
	acked map[uint64]bool   // by sequence
	lane  map[uint64]string // the consumer of a sequence, if any
	last  uint64
}

func newTrimModel(t *testing.T, seed uint64) *trimModel {
	t.Helper()
	m := &trimModel{
		t: t, js: queuetest.Start(t).JetStream(t), rnd: rand.New(rand.NewPCG(seed, 1)),
		gone: map[uint64]bool{}, acked: map[uint64]bool{}, lane: map[uint64]string{},
	}
	for stone, key := range map[string]string{"A": "", "B": "k"} {
		lanes, err := queue.EnsureConsumers(t.Context(), m.js, stone, key)
		require.NoError(t, err)
		for _, c := range lanes {
			m.lanes = append(m.lanes, c)
		}
	}
	return m
}

// fill publishes n commands, and takes some out again.
func (m *trimModel) fill(n int) {
	stones := []string{"A", "B", "Nobody"}
	s, err := m.js.Stream(m.t.Context(), queue.StreamTasks)
	require.NoError(m.t, err)
	for range n {
		method := task.Methods()[m.rnd.IntN(6)]
		ack, err := m.js.Publish(m.t.Context(), queue.TaskSubject(stones[m.rnd.IntN(3)], "k", method), nil)
		require.NoError(m.t, err)
		m.last = ack.Sequence
		if m.rnd.IntN(5) == 0 {
			require.NoError(m.t, s.DeleteMsg(m.t.Context(), m.last))
			m.gone[m.last] = true
		}
	}
}

// work takes all commands of each lane and acknowledges most of them, in any order.
func (m *trimModel) work() {
	for _, c := range m.lanes {
		info, err := c.Info(m.t.Context())
		require.NoError(m.t, err)
		if info.NumPending == 0 {
			continue
		}
		batch := fetch(m.t, c, int(info.NumPending))
		m.rnd.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
		for _, msg := range batch {
			seq := sequence(m.t, msg)
			m.lane[seq] = info.Name
			if m.rnd.IntN(8) > 0 {
				ack(m.t, msg)
				m.acked[seq] = true
			}
		}
	}
}

// stays says what must remain.
func (m *trimModel) stays(checkpoint, lastOld uint64) []uint64 {
	out, open := []uint64{}, map[string]bool{}
	for seq := uint64(1); seq <= m.last; seq++ {
		lane := m.lane[seq]
		if lane != "" && !m.acked[seq] {
			open[lane] = true
		}
		trimmed := lane != "" && !open[lane] && seq <= checkpoint && seq <= lastOld
		if !trimmed && !m.gone[seq] {
			out = append(out, seq)
		}
	}
	return out
}

func (m *trimModel) check(checkpoint, lastOld uint64, border time.Time) {
	m.t.Helper()
	_, err := queue.Trim(m.t.Context(), m.js, checkpoint, 0, time.Since(border))
	require.NoError(m.t, err)
	require.Equal(m.t, m.stays(checkpoint, lastOld), left(m.t, m.js, queue.StreamTasks), "checkpoint %d, old to %d", checkpoint, lastOld)
}
