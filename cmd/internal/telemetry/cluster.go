package telemetry

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
)

const (
	// fresh is how long what was read is shown, so that several servers that ask
	// cost no more than one.
	fresh = 5 * time.Second
	// readTime bounds one reading.
	readTime = 4 * time.Second
	// maxHeap is as far as rows are counted.
	maxHeap = 10_000
	// maxOldest is of how many lanes of stones the oldest waiting command is
	// looked up, which is a question each: those with most commands first.
	maxOldest = 100
)

// ClusterStore is what [Cluster] reads of the store.
type ClusterStore interface {
	store.Gauges
	Position(ctx context.Context) (store.Position, error)
	Waiting(ctx context.Context, now time.Time) (rows int, oldest time.Time, err error)
}

// Cluster shows what waits in the queue and in the database. These numbers are
// those of the whole system, so every process that shows them shows the same.
// It reads when it is asked, and at most once in 5 s.
type Cluster struct {
	store  ClusterStore
	js     jetstream.JetStream
	stones *bounded
	log    *zap.Logger
	now    func() time.Time

	mu   sync.Mutex
	read time.Time
	last []prometheus.Metric
}

// Cluster adds the numbers of the whole system.
func (m *Metrics) Cluster(st ClusterStore, js jetstream.JetStream, log *zap.Logger) {
	m.registry.MustRegister(&Cluster{store: st, js: js, stones: m.stones, log: log.Named("metrics"), now: time.Now})
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("riverstones_"+name, help, labels, nil)
}

// descs are the numbers of the whole system.
type descs struct {
	up, waiting, held, oldest, served                        *prometheus.Desc
	messages, bytes, limit, behind, dead                     *prometheus.Desc
	outboxRows, outboxAge, quarantine, callbacks, ends, jobs *prometheus.Desc
}

func newDescs() *descs {
	return &descs{
		up:         desc("cluster_readable", "1 if the queue or the database could be read for the numbers of the whole system.", "part"),
		waiting:    desc("backlog_commands", "Commands of a stone that no worker has taken: lane work is start and mock, control is cancel, rollback and delete.", labelStone, "lane"),
		held:       desc("held_commands", "Commands that workers of a stone have taken and not acknowledged, or given back for later.", labelStone, "lane"),
		oldest:     desc("oldest_command_seconds", "Age of the oldest command of a stone that no worker has taken.", labelStone, "lane"),
		served:     desc("stone_served", "1 if a worker of the stone asks for commands of the lane now.", labelStone, "lane"),
		messages:   desc("stream_messages", "Messages in a stream.", labelStream),
		bytes:      desc("stream_bytes", "Bytes in a stream.", labelStream),
		limit:      desc("stream_limit_bytes", "How many bytes a stream may have; not there for one without a limit of its own.", labelStream),
		behind:     desc("recorder_behind_messages", "Messages of a stream that are not recorded.", labelStream),
		dead:       desc("dead_letters", "Messages in RS_DLQ, which keeps them for 30 days."),
		outboxRows: desc("outbox_rows", "Rows in the outbox, with those that are not due."),
		outboxAge:  desc("outbox_oldest_seconds", "For how long the oldest row of the outbox has been due, 0 if none is."),
		quarantine: desc("quarantine_rows", "Messages that could not be recorded, counted up to 10,000."),
		callbacks:  desc("callbacks_open", "Callbacks that are still to be told, parked ones too, counted up to 10,000."),
		ends:       desc("river_ends_waiting", "Ends of tasks that the process runtime has not heard yet, counted up to 10,000."),
		jobs:       desc("river_jobs_due", "Timers and continuations of processes that are due, counted up to 10,000."),
	}
}

// Describe implements [prometheus.Collector].
func (*Cluster) Describe(ch chan<- *prometheus.Desc) {
	d := newDescs()
	for _, one := range []*prometheus.Desc{d.up, d.waiting, d.held, d.oldest, d.served, d.messages, d.bytes, d.limit, d.behind, d.dead,
		d.outboxRows, d.outboxAge, d.quarantine, d.callbacks, d.ends, d.jobs} {
		ch <- one
	}
}

// Collect implements [prometheus.Collector].
func (c *Cluster) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); c.read.IsZero() || now.Sub(c.read) >= fresh {
		c.last, c.read = c.look(now), now
	}
	for _, m := range c.last {
		ch <- m
	}
}

// reading is one look at the system.
type reading struct {
	*Cluster
	*descs

	now time.Time
	out []prometheus.Metric
}

func (c *Cluster) look(now time.Time) []prometheus.Metric {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	r := &reading{Cluster: c, descs: newDescs(), now: now}
	pos, err := r.database(ctx)
	r.readable("database", err)
	r.readable("queue", r.queue(ctx, pos, err == nil))
	return r.out
}

func (r *reading) add(d *prometheus.Desc, v float64, labels ...string) {
	r.out = append(r.out, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...))
}

func (r *reading) readable(part string, err error) {
	v := 1.0
	if err != nil {
		v = 0
		r.log.Warn("not read for metrics", zap.String("part", part), zap.Error(err))
	}
	r.add(r.up, v, part)
}

// since is an age in seconds, 0 for no time.
func (r *reading) since(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return max(r.now.Sub(t), 0).Seconds()
}

func (r *reading) database(ctx context.Context) (store.Position, error) {
	pos, err := r.store.Position(ctx)
	if err != nil {
		return pos, err
	}
	rows, oldest, err := r.store.Waiting(ctx, r.now)
	if err != nil {
		return pos, err
	}
	heaps, err := r.store.Heaps(ctx, r.now, maxHeap)
	if err != nil {
		return pos, err
	}
	r.add(r.outboxRows, float64(rows))
	r.add(r.outboxAge, r.since(oldest))
	r.add(r.quarantine, float64(heaps.Quarantine))
	r.add(r.callbacks, float64(heaps.Deliveries))
	r.add(r.ends, float64(heaps.Ends))
	r.add(r.jobs, float64(heaps.Jobs))
	return pos, nil
}

// queue reads the streams and what waits in them.
func (r *reading) queue(ctx context.Context, pos store.Position, known bool) error {
	var errs []error
	for _, name := range []string{queue.StreamTasks, queue.StreamEvents, queue.StreamDLQ, "OBJ_" + queue.BucketBlobs} {
		s, err := r.js.Stream(ctx, name)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		info := s.CachedInfo()
		r.stream(info, pos, known)
		if name == queue.StreamTasks {
			errs = append(errs, r.backlog(ctx, s, info.State.LastSeq))
		}
	}
	return errors.Join(errs...)
}

func (r *reading) stream(info *jetstream.StreamInfo, pos store.Position, known bool) {
	name := info.Config.Name
	r.add(r.messages, float64(info.State.Msgs), name)
	r.add(r.bytes, float64(info.State.Bytes), name)
	if info.Config.MaxBytes > 0 {
		r.add(r.limit, float64(info.Config.MaxBytes), name)
	}
	to, recorded := map[string]uint64{queue.StreamTasks: pos.Tasks, queue.StreamEvents: pos.Events}[name]
	if recorded && known {
		r.add(r.behind, math.Max(float64(info.State.LastSeq)-float64(to), 0), name)
	}
	if name == queue.StreamDLQ {
		r.add(r.dead, float64(info.State.Msgs))
	}
}
