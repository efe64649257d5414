package recorder

import (
	"fmt"
	"slices"
	"time"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
)

// worker is a process that runs the stone as the protocol says. It has no idea
// of time: how long it is silent is up to the schedule.
type worker struct {
	name   string
	halted int          // epochs below this must not run
	looks  map[int]look // by epoch: the monitor commands it follows
}

// look is what a worker knows of the look it had last.
type look struct{ number, count int }

// job is a delivered command in the hands of a worker.
type job struct {
	worker  *worker
	message *message
	count   int // of the delivery
	number  int // of the grant
	try     int
	running bool
	begun   bool // told
	dead    bool // its worker crashed
	heard   bool // an event of it is stored
}

func (j *job) method() task.Method { return j.message.command.Method }

// run names what a job does: only the last that was granted may change the task.
func (j *job) run() string { return fmt.Sprint(j.message.command.Epoch, " ", j.method()) }

// stale is whether another was granted the run since, which also a job finds
// that stood still between its delivery and its begin.
func (w *world) stale(j *job) bool { return j.number < w.grants[j.run()] }

// deliver hands a waiting message to a worker.
func (w *world) deliver(m *message, x *worker) {
	m.held, m.count = true, m.count+1
	if x.halted > m.command.Epoch {
		w.remove(m)
		return
	}
	w.jobs = append(w.jobs, &job{worker: x, message: m, count: m.count, number: 1, try: 1})
}

// lapse is a lease that runs out, though its worker may only be slow.
func (w *world) lapse(m *message) {
	m.held = false
	w.clock = w.clock.Add(leaseTime)
}

// over forgets a job: it tells nothing more, and what is on its way is lost.
func (w *world) over(j *job) {
	w.jobs = slices.DeleteFunc(w.jobs, func(x *job) bool { return x == j })
	w.flights = slices.DeleteFunc(w.flights, func(f *flight) bool { return f.job == j })
}

// giveBack ends a job, and its message is delivered again. A message that lapsed
// meanwhile may be in other hands: the queue takes no notice then.
func (w *world) giveBack(j *job) {
	if j.message.count == j.count {
		j.message.held = false
	}
	w.jobs = slices.DeleteFunc(w.jobs, func(x *job) bool { return x == j })
}

func (w *world) ack(j *job) {
	if w.acked == nil || w.acked.Epoch <= j.message.command.Epoch {
		w.acked = j.message.command
	}
	w.remove(j.message)
	w.jobs = slices.DeleteFunc(w.jobs, func(x *job) bool { return x == j })
}

// halted is a job that a later command has taken over: it tells that it began.
func (w *world) halted(j *job) {
	if w.flying(j) {
		return // it is about to answer
	}
	if j.running && !j.begun {
		w.tell(j, func() { w.ack(j) }, j.method().Begin())
		return
	}
	w.ack(j)
}

// crash ends a worker. What it was sending may still arrive.
func (w *world) crash(x *worker) {
	for _, j := range slices.Clone(w.jobs) {
		if j.worker != x {
			continue
		}
		j.dead = true
		for _, f := range w.flights {
			if f.job == j {
				f.then = nil
			}
		}
		if w.chance("nothing arrives", 2) {
			w.over(j)
		}
		w.jobs = slices.DeleteFunc(w.jobs, func(y *job) bool { return y == j })
	}
	x.halted, x.looks = 0, map[int]look{}
}

// stop has a worker give back what it runs.
func (w *world) stop(x *worker) {
	for _, j := range slices.Clone(w.jobs) {
		if j.worker != x || w.flying(j) {
			continue
		}
		switch {
		case !j.running:
			w.giveBack(j)
		case j.begun:
			w.release(j)
		default:
			w.tell(j, func() { w.release(j) }, j.method().Begin())
		}
	}
}

func (w *world) release(j *job) {
	w.ask(w.question(j, true))
	w.giveBack(j)
}

func (w *world) flying(j *job) bool {
	return slices.ContainsFunc(w.flights, func(f *flight) bool { return f.job == j })
}

func (w *world) question(j *job, release bool) queue.Question {
	c := j.message.command
	return queue.Question{ID: c.ID, Epoch: c.Epoch, Method: c.Method, Delivery: j.count, Worker: j.worker.name, Release: release}
}

// begin asks if it must, and begins to run.
func (w *world) begin(j *job) {
	if w.asksFirst(j) && !w.granted(j) {
		return
	}
	j.running = true
	c := j.message.command
	if j.try > attempts(c) && c.Method != task.Monitor {
		w.tell(j, func() { w.ack(j) }, c.Method.Failed())
		return
	}
	if c.Method == task.Cancel && !w.cancels {
		w.tell(j, func() { w.ack(j) }, task.Canceled)
		return
	}
	w.ran = append(w.ran, j)
	if w.chance("begin is told", 2) {
		j.begun = true
		w.tell(j, nil, c.Method.Begin())
	}
}

func attempts(c *queue.Command) int {
	if c.Retry != nil {
		return c.Retry.MaxAttempts
	}
	return 3
}

func (w *world) asksFirst(j *job) bool {
	if j.method() != task.Monitor {
		return j.count > 1 || j.message.command.Copy != ""
	}
	x, ok := j.worker.looks[j.message.command.Epoch]
	if ok && j.count > 1 && j.count == x.count+1 {
		j.number = x.number
		return false
	}
	return true
}

func (w *world) granted(j *job) bool {
	a, fresh := w.ask(w.question(j, false))
	if fresh {
		w.grants[j.run()] = a.Delivery
	}
	if w.chance("no answer", 8) {
		w.giveBack(j)
		return false
	}
	switch a.Answer {
	case queue.Run:
		j.number, j.try = a.Delivery, a.Try
		return true
	case queue.ToMonitor:
		w.follow(j)
	case queue.Leave:
		w.jobs = slices.DeleteFunc(w.jobs, func(x *job) bool { return x == j })
	case queue.Later:
		w.giveBack(j)
	default:
		w.ack(j)
	}
	return false
}

// follow publishes the monitor command, then acknowledges the start.
func (w *world) follow(j *job) {
	c := *j.message.command
	c.Method, c.Copy = task.Monitor, ""
	w.stream(&c)
	w.ack(j)
}

// sweep publishes a command again that was acknowledged and came to nothing:
// its worker had lost the grant, so that its end did not count.
func (w *world) sweep() bool {
	if c := w.acked; c == nil || c.Epoch != w.state.Epoch || ended(&w.state) || w.resends == maxResends {
		return false
	}
	w.resends++
	c := *w.acked
	c.Copy = fmt.Sprint("r", w.resends)
	w.stream(&c)
	return true
}

// tell sends an event of a job.
func (w *world) tell(j *job, then func(), statuses ...task.Status) {
	c := j.message.command
	e := queue.Event{Names: c.Names, Method: c.Method, Epoch: c.Epoch, Delivery: j.number, Worker: j.worker.name}
	for _, s := range statuses {
		final := s == task.StartSuccess && !w.monitors
		e.Transitions = append(e.Transitions, queue.Transition{Status: s, Final: final, Time: w.now(j)})
	}
	w.flights = append(w.flights, &flight{e, j, then})
	if then != nil {
		j.running = false // it has returned
	}
}

// finish is a method that returns.
func (w *world) finish(j *job, outcome int) {
	c := j.message.command
	var all []task.Status
	if !j.begun {
		all = append(all, c.Method.Begin())
		j.begun = true
	}
	ack, again := func() { w.ack(j) }, func() { w.giveBack(j) }
	monitor := c.Method == task.Monitor
	switch {
	case outcome == 1:
		w.tell(j, ack, append(all, c.Method.Failed())...)
	case outcome == 2 && (monitor || j.try < attempts(c)): // once more, or not done yet
		w.tell(j, func() {
			if monitor {
				j.worker.looks[c.Epoch] = look{j.number, j.count}
			}
			again()
		}, all...)
	case c.Method == task.Start && w.monitors && outcome == 3:
		w.tell(j, func() { w.follow(j) }, append(all, task.StartSuccess, task.MonitorBegin)...)
	case c.Method == task.Start && w.monitors:
		w.tell(j, ack, append(all, task.StartSuccess, task.MonitorBegin, task.MonitorSuccess)...)
	default:
		w.tell(j, ack, append(all, c.Method.Success())...)
	}
}

// held and waiting are the messages of the queue.
func (w *world) held() (held, waiting []*message) {
	for _, m := range w.queue {
		if m.held {
			held = append(held, m)
		} else {
			waiting = append(waiting, m)
		}
	}
	return held, waiting
}

// lines are the jobs that wait for their turn, and those that run.
func (w *world) lines() (waiting, running []*job) {
	for _, j := range w.jobs {
		switch {
		case j.running:
			running = append(running, j)
		case !w.flying(j):
			waiting = append(waiting, j)
		}
	}
	return waiting, running
}

const day = 24 * time.Hour
