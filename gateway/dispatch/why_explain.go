package dispatch

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// facts are what the answer to why follows from.
type facts struct {
	task        *task.Task
	attempt     store.Attempt   // of a task that nobody has begun
	history     []store.Note    // what was recorded, without notes
	holder      string          // the worker that reported last
	log         []store.LogLine // the newest, oldest first
	quarantined *store.Quarantined
	dead        DeadLetter
	service     Service
	told        []store.Delivery // to its orchestrator, or not yet
	now         time.Time
}

// explain is pure.
func (f *facts) explain() Why {
	t := f.task
	switch {
	case t.Ended():
		return f.ended()
	case f.held():
		return Why{Why: fmt.Sprintf("it is held back until %s, that is for %s", stamp(t.NotBefore), ago(t.NotBefore.Sub(f.now))),
			Fix: "riverstones task cancel " + t.TaskID}
	case f.unsent():
		return Why{Why: fmt.Sprintf("its command waits in the outbox since %s: the queue is out of reach, or the relay has not come to it yet", stamp(f.since())),
			Fix: "curl /readyz of the gateway"}
	case f.quarantined != nil:
		q := f.quarantined
		return Why{Why: fmt.Sprintf("an event of it could not be recorded at %s and is in quarantine: %s", stamp(q.Time), q.Reason),
			Fix: "curl /quarantine?taskId=" + t.TaskID + " of the gateway, then riverstones task cancel " + t.TaskID}
	case t.Status == task.ProduceSuccess:
		return f.waiting()
	default:
		return f.working()
	}
}

// recall takes what was recorded and noted. A worker that takes a command over
// is told by a note only.
func (f *facts) recall(all []store.Note) {
	var last time.Time
	for i := range all {
		n := &all[i]
		if n.Why == "" {
			f.history = append(f.history, *n)
		}
		if n.Epoch == f.task.Epoch && n.Worker != "" && !n.Time.Before(last) {
			f.holder, last = n.Worker, n.Time
		}
	}
}

// held reports whether a task is held back.
func (f *facts) held() bool { return f.task.NotBefore.After(f.now) && f.task.Epoch == 1 }

// unsent reports whether the command is recorded and stands in no stream yet.
func (f *facts) unsent() bool {
	t := f.task
	return t.Status == task.ProduceSuccess && f.attempt.Epoch == t.Epoch && f.attempt.Sequence == 0 && (t.Epoch > 1 || !t.NotBefore.IsZero())
}

func (f *facts) ended() Why {
	t := f.task
	w := Why{Why: fmt.Sprintf("it does not wait: it ended with %s", t.Status)}
	switch {
	case t.Status == task.ProduceFailed:
		w.Why = "the queue did not take it: " + t.Reason
		w.Fix = "send the same POST /task again"
	case t.Status.Failed() && !f.dead.Time.IsZero():
		w.Why = fmt.Sprintf("it failed with %s, and its command is a dead letter: %s", t.Status, f.dead.Reason)
		w.Fix = "riverstones deadletter redrive " + t.TaskID
	case t.Status.Failed() && t.Debug:
		w.Why = fmt.Sprintf("it failed with %s, and its process is in debug mode: it waits for you", t.Status)
		w.Fix = "riverstones task rerun " + t.TaskID
	case t.Status.Failed():
		w.Fix = "riverstones process debug " + t.ProcessInstanceID + " on"
	}
	if untold := f.untold(); untold != "" {
		w.Why += untold
		if w.Fix == "" || !t.Debug {
			w.Fix = "riverstones task callbacks " + t.TaskID + " --replay"
		}
	}
	return w
}

// untold tells of an end that its orchestrator does not know, "" if there is
// none or it is being told for the first time.
func (f *facts) untold() string {
	for i := range f.told {
		d := &f.told[i]
		switch {
		case d.State == store.DeliveryGivenUp:
			return fmt.Sprintf("; its orchestrator was not told of %s, and is not told any more: %s", d.Status, d.Problem)
		case d.State == store.DeliveryParked:
			return fmt.Sprintf("; its orchestrator does not wait for %s yet (%s), next try at %s", d.Status, d.Problem, stamp(d.Due))
		case d.State == store.DeliveryDue && d.Problem != "":
			return fmt.Sprintf("; its orchestrator was not told of %s yet: callback refused (%s), try %d at %s", d.Status, d.Problem, d.Tries+1, stamp(d.Due))
		}
	}
	return ""
}

// waiting explains a task that nobody has begun.
func (f *facts) waiting() Why {
	t, live := f.task, f.live()
	switch {
	case f.service.Paused:
		return f.paused()
	case live == 0 && len(f.service.Workers) == 0 && !f.service.Known:
		return Why{Why: fmt.Sprintf("no worker has ever served stone %s%s", t.Stone, f.key()), Fix: "start a worker of " + t.Stone}
	case live == 0:
		return Why{Why: fmt.Sprintf("no live worker serves stone %s%s%s", t.Stone, f.key(), f.lastSeen()), Fix: "start a worker of " + t.Stone}
	case !f.dead.Time.IsZero():
		return Why{Why: fmt.Sprintf("its command is a dead letter since %s: %s", stamp(f.dead.Time), f.dead.Reason),
			Fix: "riverstones task cancel " + t.TaskID + ", then send it again as another task"}
	default:
		return Why{Why: fmt.Sprintf("it waits since %s in a backlog of %s, for %s of stone %s%s", stamp(f.since()),
			count(max(f.backlog(), 1), "command"), count(live, "live worker"), t.Stone, f.key()),
			Fix: "start more workers, or raise their concurrency"}
	}
}

func (f *facts) paused() Why {
	return Why{Why: fmt.Sprintf("stone %s is paused", f.task.Stone), Fix: "riverstones stone resume " + f.task.Stone}
}

// leaseTime is for how long a worker may hold a command that it does not renew.
const leaseTime = 30 * time.Second

// working explains a task that a worker has begun.
func (f *facts) working() Why {
	t, last := f.task, f.last()
	w := f.worker(f.holder)
	next, due := f.next()
	switch {
	case next != nil && f.service.Paused:
		return f.paused()
	case next != nil && due.After(f.now):
		return f.between(next, due)
	case w != nil && w.Live && f.follows():
		return Why{Why: fmt.Sprintf("worker %s follows its work: %s since %s%s, and the stone is asked again within a minute", w.Name, t.Status, stamp(last.Time), f.progress())}
	case w != nil && w.Live:
		return Why{Why: fmt.Sprintf("worker %s has it: %s since %s%s", w.Name, t.Status, stamp(last.Time), f.progress())}
	case f.service.Paused:
		return f.paused()
	case f.live() == 0:
		return Why{Why: fmt.Sprintf("worker %s had it (%s since %s) and is gone%s, and no live worker serves stone %s%s", f.holder, t.Status, stamp(last.Time), lost(w), t.Stone, f.key()),
			Fix: "start a worker of " + t.Stone}
	case f.follows():
		return Why{Why: fmt.Sprintf("its work is followed: %s since %s%s; worker %s is gone%s, and another one looks when it is due", t.Status, stamp(last.Time), f.progress(), f.holder, lost(w))}
	default:
		return Why{Why: fmt.Sprintf("worker %s had it (%s since %s) and is gone%s: another one takes over within %s", f.holder, t.Status, stamp(last.Time), lost(w), leaseTime)}
	}
}

// between explains a task whose next run or look is due later.
func (f *facts) between(next *queue.Next, due time.Time) Why {
	t := f.task
	when := fmt.Sprintf("at %s, that is in %s", stamp(due), ago(due.Sub(f.now)))
	switch {
	case next.Try > 0:
		return Why{Why: fmt.Sprintf("try %d of %d failed (%s): retry %d of %d %s", next.Try, next.Of, next.Why, next.Try+1, next.Of, when), Fix: "riverstones task cancel " + t.TaskID}
	case next.Why != "":
		return Why{Why: fmt.Sprintf("the last look at its work failed (%s): next poll %s", next.Why, when), Fix: "riverstones task cancel " + t.TaskID}
	default:
		return Why{Why: fmt.Sprintf("its work is not done yet%s: next poll %s", f.progress(), when), Fix: "riverstones task cancel " + t.TaskID}
	}
}

// next is what a worker last said of the attempt: when it is due again.
func (f *facts) next() (*queue.Next, time.Time) {
	for _, l := range slices.Backward(f.log) {
		if l.Epoch != f.task.Epoch || l.Time.Before(f.since()) {
			break
		}
		if n, ok := queue.ParseNext(l.Line); ok {
			return &n, l.Time.Add(n.After)
		}
	}
	return nil, time.Time{}
}

// follows reports whether the work is done elsewhere and looked at.
func (f *facts) follows() bool {
	return f.task.Status == task.StartSuccess || f.task.Status == task.MonitorBegin
}

// lost tells since when a worker has not been heard of.
func lost(w *ServiceWorker) string {
	if w == nil || w.LastFetch.IsZero() {
		return ""
	}
	return ", its lease is lost since " + stamp(w.LastFetch.Add(leaseTime))
}

func (f *facts) progress() string {
	if f.task.Progress == nil {
		return ""
	}
	return ", " + strconv.Itoa(*f.task.Progress) + " % done"
}

func (f *facts) worker(name string) *ServiceWorker {
	for i := range f.service.Workers {
		if w := &f.service.Workers[i]; w.Name == name {
			return w
		}
	}
	return nil
}

// live counts the workers that could take the task.
func (f *facts) live() (n int) {
	for i := range f.service.Workers {
		if w := &f.service.Workers[i]; w.Live && (w.BusinessKey == "" || w.BusinessKey == f.task.BusinessKey) {
			n++
		}
	}
	return n
}

// backlog is what waits in the lane of the task's command.
func (f *facts) backlog() (n int) {
	for _, l := range queue.Lanes() {
		if methods := l.Methods(); slices.Contains(methods, f.task.Method) {
			for _, m := range methods {
				n += f.service.Backlog[m]
			}
		}
	}
	return n
}

func (f *facts) key() string {
	if f.task.BusinessKey == "" {
		return ""
	}
	return " for business key " + f.task.BusinessKey
}

// lastSeen tells when a worker was there last.
func (f *facts) lastSeen() string {
	var last time.Time
	for i := range f.service.Workers {
		if t := f.service.Workers[i].LastFetch; t.After(last) {
			last = t
		}
	}
	if last.IsZero() {
		return ""
	}
	return ", the last one was there " + ago(f.now.Sub(last)) + " ago"
}

// last is the latest transition of the attempt.
func (f *facts) last() store.Note {
	if n := len(f.history); n > 0 {
		return f.history[n-1]
	}
	return store.Note{Transition: store.Transition{Time: f.task.UpdateTime}}
}

func (f *facts) since() time.Time { return f.last().Time }

// begun is when the attempt was commanded.
func (f *facts) begun() time.Time {
	for i := range f.history {
		if f.history[i].Epoch == f.task.Epoch {
			return f.history[i].Time
		}
	}
	return f.task.CreateTime
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// ago writes a span as people say it.
func ago(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
