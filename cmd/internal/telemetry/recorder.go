package telemetry

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/recorder"
)

// maxOpen is how many attempts that have not ended a [Recorder] remembers, to
// tell how long they took: at most some 30 MB. Of those past it, and of those
// that began before this process, the times are not known and not counted.
const maxOpen = 100_000

// Recorder counts what the recorder writes: tasks, their times, and itself. It
// is told by [recorder.Config.OnCommit] and OnAnswer.
type Recorder struct {
	stones *bounded
	spans  *recordSpans // nil without tracing

	lag, messages, rows, took        prometheus.Histogram
	accepted, ended, retries         *prometheus.CounterVec
	fenced, redelivered, quarantined *prometheus.CounterVec
	wait, run                        *prometheus.HistogramVec

	mu   sync.Mutex
	open *simplelru.LRU[string, *attempt] // by task id
	kept map[kind]*series
}

// kind is what the numbers of tasks are told apart by.
type kind struct {
	stone  string // bounded
	method task.Method
}

// series are the numbers of one kind, found once.
type series struct {
	kind     kind
	accepted prometheus.Counter
	wait     prometheus.Observer
	ended    map[string]prometheus.Counter // by outcome
	run      map[string]prometheus.Observer
}

// attempt is a command on a task that has not ended.
type attempt struct {
	*series

	epoch    int
	accepted time.Time
	begun    time.Time
	trace    trace.SpanContext
}

// Recorder returns what counts for the recorder. With a provider it makes a span
// of each message of a traced task, too.
func (m *Metrics) Recorder(tp trace.TracerProvider) *Recorder {
	open, err := simplelru.NewLRU[string, *attempt](maxOpen, nil)
	if err != nil {
		panic(err) // only for a size below 1
	}
	labels := []string{labelStone, labelMethod}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	r := &Recorder{stones: m.stones, spans: newRecordSpans(tp), open: open, kept: map[kind]*series{},
		lag:      prometheus.NewHistogram(histogram("riverstones_recorder_lag_seconds", "From storing a message in its stream to its commit in the database.", seconds(9))),
		messages: prometheus.NewHistogram(histogram("riverstones_recorder_batch_messages", "Messages in one commit.", prometheus.ExponentialBuckets(1, 4, 7))),
		rows:     prometheus.NewHistogram(histogram("riverstones_recorder_batch_rows", "Rows in one commit, about.", prometheus.ExponentialBuckets(1, 4, 7))),
		took:     prometheus.NewHistogram(histogram("riverstones_recorder_commit_seconds", "How long one commit took, with tries that failed.", seconds(8))),

		accepted:    counter("riverstones_tasks_published_total", "Commands that were recorded as stored in the queue, first ones and later ones of a task.", labels...),
		ended:       counter("riverstones_tasks_ended_total", "Ends of tasks that workers reported: success, failed or canceled.", append(labels, labelOutcome)...),
		retries:     counter("riverstones_task_retries_total", "Begins of a method that had begun before, in the same attempt.", labels...),
		fenced:      counter("riverstones_task_fenced_total", "Reports that changed nothing: late (after the end or by a worker that was overtaken), repeat, or older (of an earlier attempt).", append(labels, labelReason)...),
		redelivered: counter("riverstones_redeliveries_total", "Commands that were delivered again, by what the recorder told the worker to do.", labelStone, "answer"),
		quarantined: counter("riverstones_quarantined_total", "Messages, or events in one, that could not be recorded and were put away.", labelStream),
		wait:        prometheus.NewHistogramVec(histogram("riverstones_task_wait_seconds", "From storing a command in the queue to the begin of its work. It compares two clocks.", seconds(11)), labels),
		run:         prometheus.NewHistogramVec(histogram("riverstones_task_run_seconds", "From the begin of the work to its end, with monitoring and retries.", seconds(12)), append(labels, labelOutcome)),
	}
	m.registry.MustRegister(r.lag, r.messages, r.rows, r.took, r.accepted, r.ended, r.retries, r.fenced, r.redelivered, r.quarantined, r.wait, r.run)
	return r
}

// Answer counts how a question about a command that was delivered again was answered.
func (r *Recorder) Answer(stone string, a queue.Answer) {
	r.redelivered.WithLabelValues(r.stones.of(stone), string(a.Answer)).Inc()
}

// Commit counts what one commit wrote.
func (r *Recorder) Commit(c recorder.Commit) {
	for _, lag := range c.Lags {
		r.lag.Observe(max(lag, 0).Seconds())
	}
	r.messages.Observe(float64(len(c.Lags)))
	r.rows.Observe(float64(c.Rows))
	r.took.Observe(c.Took.Seconds())
	r.mu.Lock()
	defer r.mu.Unlock()
	for m := range c.Messages {
		if m.Command != nil {
			r.command(m.Command)
		}
	}
	for i := range c.Changes.New {
		r.meet(&c.Changes.New[i])
	}
	for i := range c.Changes.Changed {
		r.meet(&c.Changes.Changed[i])
	}
	r.record(&c)
	var a *attempt // of the transition before: those of one task often stand together
	for i, last := 0, ""; i < len(c.Changes.Transitions); i++ {
		t := &c.Changes.Transitions[i]
		if t.ID != last {
			last = t.ID
			a, _ = r.open.Peek(t.ID)
		}
		if a != nil && a.epoch == t.Epoch {
			r.transition(a, t)
		}
	}
	r.notes(&c)
	r.forget(c.Changes.New)
	r.forget(c.Changes.Changed)
	for i := range c.Changes.Quarantine {
		r.quarantined.WithLabelValues(c.Changes.Quarantine[i].Stream).Inc()
	}
}

// command remembers the attempt that a command opens, and its trace.
func (r *Recorder) command(c *queue.Command) {
	a, ok := r.open.Peek(c.ID)
	if ok && a.epoch >= c.Epoch {
		return // the monitor command of an attempt that is known, or an older one
	}
	a = &attempt{series: r.series(c.Stone, c.Method), epoch: c.Epoch}
	if c.Trace != "" {
		a.trace = spanContext(c.Trace)
	}
	r.open.Add(c.ID, a)
}

// meet remembers an attempt whose command this process did not see.
func (r *Recorder) meet(s *store.State) {
	if a, ok := r.open.Peek(s.ID); !ok || a.epoch < s.Epoch {
		r.open.Add(s.ID, &attempt{series: r.series(s.Stone, s.Method), epoch: s.Epoch})
	}
}

func (r *Recorder) series(stone string, m task.Method) *series {
	k := kind{r.stones.of(stone), m}
	s := r.kept[k]
	if s == nil {
		s = &series{kind: k, accepted: r.accepted.WithLabelValues(k.stone, string(m)), wait: r.wait.WithLabelValues(k.stone, string(m)),
			ended: map[string]prometheus.Counter{}, run: map[string]prometheus.Observer{}}
		for _, outcome := range []string{outcomeSuccess, outcomeFailed, outcomeCanceled} {
			s.ended[outcome] = r.ended.WithLabelValues(k.stone, string(m), outcome) // 0 at first, so that the first one is a rise
		}
		r.kept[k] = s
	}
	return s
}

// The outcomes of tasks.
const (
	outcomeSuccess  = "success"
	outcomeFailed   = "failed"
	outcomeCanceled = "canceled" // before anybody had begun it, or by a stone that can not cancel
)

func outcomeOf(s task.Status) string {
	switch {
	case s.Failed():
		return outcomeFailed
	case s == task.Canceled:
		return outcomeCanceled
	default:
		return outcomeSuccess
	}
}

func (r *Recorder) transition(a *attempt, t *store.Transition) {
	switch {
	case t.Status == task.ProduceSuccess:
		a.series.accepted.Inc()
		a.accepted = t.Time
	case t.Status.End(t.Final):
		outcome := outcomeOf(t.Status)
		a.ended[outcome].Inc()
		if !a.begun.IsZero() {
			observe(r.runs(a.series, outcome), max(t.Time.Sub(a.begun), 0).Seconds(), a.trace)
		}
	case t.Status.Begin() && a.begun.IsZero():
		a.begun = t.Time
		if !a.accepted.IsZero() {
			observe(a.wait, max(t.Time.Sub(a.accepted), 0).Seconds(), a.trace)
		}
	}
}

// The reasons of reports that change nothing, as a label.
var reasons = map[string]string{store.NoteLate: "late", store.NoteRepeat: "repeat", store.NoteOlder: "older"}

// runs is the histogram of an outcome, which is made when there is one: each has
// many series.
func (r *Recorder) runs(s *series, outcome string) prometheus.Observer {
	o := s.run[outcome]
	if o == nil {
		o = r.run.WithLabelValues(s.kind.stone, string(s.kind.method), outcome)
		s.run[outcome] = o
	}
	return o
}

// notes counts reports that changed nothing. Their tasks may have ended long ago:
// whose they are stands in the messages.
func (r *Recorder) notes(c *recorder.Commit) {
	if len(c.Changes.Notes) == 0 {
		return
	}
	stones := map[string]string{}
	for m := range c.Messages {
		for i := range m.Events {
			stones[m.Events[i].Event.ID] = m.Events[i].Event.Stone
		}
	}
	for i := range c.Changes.Notes {
		n := &c.Changes.Notes[i]
		stone, method := r.stones.of(stones[n.ID]), string(n.Status.Method())
		if n.Why == store.NoteRetry {
			r.retries.WithLabelValues(stone, method).Inc()
			continue
		}
		r.fenced.WithLabelValues(stone, method, reasons[n.Why]).Inc()
	}
}

// forget drops what has ended.
func (r *Recorder) forget(states []store.State) {
	for i := range states {
		if !states[i].EndTime.IsZero() {
			r.open.Remove(states[i].ID)
		}
	}
}
