package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/requestid"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// errStoreAway says that the store could not be asked.
var errStoreAway = errors.New("store is away")

// tryAgain is when a caller may send again what the queue did not take.
const tryAgain = 2 * time.Second

// Outcome is what became of one published task.
type Outcome struct {
	Task     task.Task
	Known    bool // it was sent before, with the same content; nothing was published
	Recorded bool // a reader finds it from now on
}

// Publish publishes one task. Everything it returns as an error is a
// [fault.Error]: Invalid, TooLarge, Conflict (the taskId or id has other
// content), TooMany (too much waits for the stone), or Unavailable (the queue
// did not take it; the task is recorded as produce.failed if the store can be
// reached). Only after Unavailable may the task be in the queue all the same;
// sending it again publishes it once.
func (d *Dispatcher) Publish(ctx context.Context, r Request) (Outcome, error) {
	c := checker{declared: d.deps.Check, target: d.deps.Target}
	drafts := [1]draft{c.check(&r)}
	if err := c.err(); err != nil {
		return Outcome{}, err
	}
	out, err := d.publish(ctx, drafts[:])
	if err != nil {
		return Outcome{}, err
	}
	return out[0], nil
}

// PublishAll publishes 1 to [MaxTasks] tasks as [Dispatcher.Publish] does. It
// publishes none of them if one is refused. When the queue takes some only it
// returns Unavailable; sending all again publishes the others.
func (d *Dispatcher) PublishAll(ctx context.Context, requests []Request) ([]Outcome, error) {
	drafts, err := checkAll(requests, checker{declared: d.deps.Check, target: d.deps.Target})
	if err != nil {
		return nil, err
	}
	return d.publish(ctx, drafts)
}

func (d *Dispatcher) publish(ctx context.Context, drafts []draft) ([]Outcome, error) {
	if err := d.open(ctx); err != nil {
		return nil, err
	}
	if err := d.claim(ctx, drafts); err != nil {
		return nil, err
	}
	defer d.giveBack(drafts)
	if err := d.recognise(ctx, drafts); err != nil {
		return nil, err
	}
	if err := d.admit(ctx, drafts); err != nil {
		return nil, err
	}
	if err := d.debugging(ctx, drafts); err != nil {
		return nil, err
	}
	if err := d.send(ctx, drafts); err != nil {
		return nil, err
	}
	return d.outcomes(ctx, drafts), nil
}

// claim makes this call the only one that publishes its tasks. It waits for
// others that publish the same ones now, and shares their failure.
func (d *Dispatcher) claim(ctx context.Context, drafts []draft) error {
	for {
		busy := d.claims.take(drafts)
		if busy == nil {
			return nil
		}
		select {
		case <-busy.done:
		case <-ctx.Done():
			return givenUp(ctx)
		}
		if len(drafts) == 1 && busy.err != nil && difference(busy.cmd, drafts[0].cmd, drafts[0].timeout) == "" {
			return busy.err
		}
	}
}

// giveBack releases what was claimed and not published.
func (d *Dispatcher) giveBack(drafts []draft) {
	for i := range drafts {
		if drafts[i].mine != nil {
			d.claims.release(drafts[i].mine, nil, false)
			drafts[i].mine = nil
		}
	}
}

// recognise finds the tasks that were sent before: it notes them in their
// drafts, or returns Conflict. Without a store only those are found that this
// process remembers.
func (d *Dispatcher) recognise(ctx context.Context, drafts []draft) error {
	keys, open := make([]lookupKey, 0, len(drafts)), make([]int, 0, len(drafts))
	for i := range drafts {
		if drafts[i].mine == nil {
			if err := drafts[i].recall(where(drafts, i)); err != nil {
				return err
			}
			continue
		}
		k := lookupKey{taskID: drafts[i].cmd.TaskID}
		if drafts[i].given {
			k.id = drafts[i].cmd.ID
		}
		keys, open = append(keys, k), append(open, i)
	}
	if len(keys) == 0 {
		return nil
	}
	found, err := d.ask(ctx, keys)
	if errors.Is(err, errStoreAway) {
		return nil
	}
	if err != nil {
		return givenUp(ctx)
	}
	for n, i := range open {
		for k := range found[n] {
			known := &found[n][k]
			if err := drafts[i].match(where(drafts, i), d.revealed(&known.First, drafts[i].cmd), &known.Task); err != nil {
				return err
			}
		}
		if drafts[i].known != nil {
			d.giveBack(drafts[i : i+1])
		}
	}
	return nil
}

// revealed is a recorded command as it can be compared with sent.
func (d *Dispatcher) revealed(recorded, sent *queue.Command) *queue.Command {
	if d.deps.Revealed == nil {
		return recorded
	}
	return d.deps.Revealed(recorded, sent)
}

func (d *Dispatcher) ask(ctx context.Context, keys []lookupKey) (found [][]store.Known, err error) {
	if len(keys) > 1 {
		return d.lookup(ctx, keys)
	}
	one, err := d.lookups.do(ctx, keys[0])
	return [][]store.Known{one}, err
}

// where says which task of an array an error is about.
func where(drafts []draft, i int) string {
	if len(drafts) == 1 {
		return ""
	}
	return fmt.Sprintf("task %d: ", i)
}

// recall takes the task from those that others have published just now.
func (d *draft) recall(where string) error {
	for _, other := range d.held {
		t := published(other.cmd)
		if err := d.match(where, other.cmd, &t); err != nil {
			return err
		}
		d.seq = other.seq
	}
	return nil
}

// match compares the draft with a task of the same taskId or id.
func (d *draft) match(where string, first *queue.Command, t *task.Task) error {
	member := difference(first, d.cmd, d.timeout)
	if member == "" && !d.hold.same(t) {
		member = "delay or notBefore"
	}
	if member != "" {
		key, other := "taskId "+d.cmd.TaskID, "another taskId"
		if member == "taskId" {
			key, other = "id "+d.cmd.ID, "another id"
		}
		return fault.New(fault.Conflict, "%s%s is taken by a task with other content, %s differs: send the same content, or %s", where, key, member, other)
	}
	if t.Status == task.ProduceFailed && t.Epoch == 1 {
		d.cmd.ID, d.failed = t.ID, true
		return nil
	}
	d.known = t
	return nil
}

// admit asks whether the stones have room for what is to be published.
func (d *Dispatcher) admit(ctx context.Context, drafts []draft) error {
	if len(drafts) == 1 {
		if drafts[0].mine == nil {
			return nil
		}
		return d.admission.admit(ctx, drafts[0].gauge(), 1)
	}
	counts := map[gaugeKey]int{}
	for i := range drafts {
		if drafts[i].mine != nil {
			counts[drafts[i].gauge()]++
		}
	}
	for k, n := range counts {
		if err := d.admission.admit(ctx, k, n); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) gauge() gaugeKey { return gaugeKey{d.cmd.Stone, queue.LaneOf(d.cmd.Method)} }

// send publishes what is claimed. It goes on when the caller goes away: half
// of it would help nobody.
func (d *Dispatcher) send(ctx context.Context, drafts []draft) (err error) {
	end := d.trace(ctx, drafts)
	defer func() { end(err) }()
	now := d.cfg.Now().UTC().Truncate(time.Microsecond)
	if err := d.want(ctx, drafts); err != nil {
		return err
	}
	if err := d.keep(ctx, drafts, now); err != nil {
		return err
	}
	var cmds []*queue.Command
	var sent []*draft
	for i := range drafts {
		one := &drafts[i]
		if one.mine == nil {
			continue
		}
		one.cmd.CreateTime = now
		if one.timeout > 0 {
			one.cmd.Deadline = now.Add(one.timeout)
		}
		cmds, sent = append(cmds, one.cmd), append(sent, one)
	}
	if len(cmds) == 0 {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	before := d.deps.Checkpoint.Passed()
	acks := d.deps.Publisher.Publish(ctx, cmds)
	var lost []*draft
	var cause error
	for i, one := range sent {
		if err := acks[i].Err; err != nil {
			lost, cause = append(lost, one), err
			continue
		}
		one.seq = acks[i].Sequence
		d.deps.Checkpoint.Stored(one.seq)
		// What was stored just now cannot be recorded already: the stream is
		// another one than that which the checkpoint is about.
		one.unsure = one.seq <= before && !acks[i].Duplicate
		d.claims.publish(one.mine, one.seq)
		one.mine = nil
	}
	if len(lost) == 0 {
		return nil
	}
	return d.refuse(ctx, lost, len(drafts), cause)
}

// refuse records what the queue did not take, and returns what the caller is
// told.
func (d *Dispatcher) refuse(ctx context.Context, lost []*draft, of int, cause error) error {
	cmds := make([]*queue.Command, len(lost))
	for i, one := range lost {
		cmds[i] = one.cmd
	}
	ctx, cancel := context.WithTimeout(ctx, refuseTimeout)
	defer cancel()
	failed := d.deps.Store.Refuse(ctx, cmds, reason(cause), d.cfg.Now().UTC().Truncate(time.Microsecond))
	if failed != nil {
		d.deps.Log.Error("produce.failed can not be recorded", zap.Int("tasks", len(cmds)), zap.String("task", cmds[0].ID), requestid.Field(ctx), zap.Error(failed))
	}
	d.deps.Wake()
	err := refusal(lost, of, cause, failed == nil)
	for _, one := range lost {
		d.claims.release(one.mine, err, failed != nil)
		one.mine = nil
	}
	return err
}

// reason is what is recorded with produce.failed.
func reason(cause error) string { return "the queue did not take the task: " + cause.Error() }

func refusal(lost []*draft, of int, cause error, recorded bool) *fault.Error {
	which := "task " + lost[0].cmd.TaskID + " was"
	if of > 1 {
		which = fmt.Sprintf("%d of %d tasks were, beginning with %s,", len(lost), of, lost[0].cmd.TaskID)
	}
	why := "the queue is out of reach"
	switch {
	case errors.Is(cause, queue.ErrFull):
		why = "the queue is full"
	case errors.Is(cause, errSeal):
		why = "its " + cause.Error()
	}
	state := ""
	if recorded {
		state = " and recorded as produce.failed"
	}
	return fault.New(fault.Unavailable, "%s not published%s, %s: send the same request again", which, state, why).Because(cause).After(tryAgain)
}

// outcomes waits until the tasks are recorded and tells what they are.
func (d *Dispatcher) outcomes(ctx context.Context, drafts []draft) []Outcome {
	var last uint64
	sure := true
	for i := range drafts {
		last = max(last, drafts[i].seq)
		sure = sure && !drafts[i].unsure
	}
	recorded := sure && (last == 0 || d.deps.Checkpoint.Wait(ctx, last))
	out := make([]Outcome, len(drafts))
	for i := range drafts {
		one := &drafts[i]
		o := Outcome{Known: one.known != nil, Recorded: recorded || one.seq == 0}
		if o.Known {
			o.Task = *one.known
		} else {
			o.Task = published(one.cmd)
			if one.hold.any() {
				o.Task.NotBefore = one.hold.end(one.cmd.CreateTime)
			}
		}
		o.Task.Debug = o.Task.Debug || one.debug || !o.Known && d.debugged(ctx, one)
		if o.Recorded && (o.Known && one.seq > 0 || one.failed) {
			// Its row says more than its command.
			if t, err := d.deps.Store.Task(ctx, o.Task.ID); err == nil {
				o.Task = t
			}
		}
		out[i] = o
	}
	return out
}

// debugged reports whether the process of a new task is in debug mode.
func (d *Dispatcher) debugged(ctx context.Context, one *draft) bool {
	return d.deps.Debugged != nil && d.deps.Debugged.Has(ctx, one.cmd.ProcessInstanceID)
}

// published is the task that a stored command makes.
func published(c *queue.Command) task.Task {
	return task.Task{Names: c.Names, Method: c.Method, Epoch: c.Epoch, Status: task.ProduceSuccess,
		CreateTime: c.CreateTime, UpdateTime: c.CreateTime, Params: c.Params, Outputs: c.Outputs}
}
