package dispatch

import (
	"container/heap"
	"sync"
	"time"

	"github.com/riverstones/riverstones/queue"
)

// claim stands for a task between the request for it and its row in the store:
// it is being published, or was published and is not recorded yet.
type claim struct {
	cmd     *queue.Command
	timeout time.Duration
	id      string        // the key it stands under
	settled bool          // guarded by claims.mu
	done    chan struct{} // closed when it is settled
	seq     uint64        // once settled: of the stored message, 0 if there is none
	err     error         // once settled: what its publisher was told
}

// claims is what this process publishes or has published and the recorder has
// not passed yet. It closes the gap in which the store does not know a task:
// whoever claims a key first and looks into the store then can not miss it.
type claims struct {
	limit int // of claims that wait to be recorded, and of orphans

	mu     sync.Mutex
	byTask map[string]*claim
	byID   map[string]*claim
	stored bySequence
	passed uint64 // by the recorder
	// orphans are commands that may or may not be stored, and could not be
	// recorded as failed: the next try must take the same id.
	orphans map[string]*queue.Command
}

func newClaims(limit int) *claims {
	return &claims{limit: limit, byTask: map[string]*claim{}, byID: map[string]*claim{}, orphans: map[string]*queue.Command{}}
}

// take claims all drafts, or none and returns a claim to wait for. Tasks that
// others have published are not claimed but noted in the draft.
func (c *claims) take(drafts []draft) (busy *claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range drafts {
		d := &drafts[i]
		d.held = d.held[:0]
		for _, other := range [...]*claim{c.byTask[d.cmd.TaskID], c.byID[d.cmd.ID]} {
			switch {
			case other == nil:
			case !other.settled:
				return other
			case len(d.held) == 0 || d.held[0] != other:
				d.held = append(d.held, other)
			}
		}
	}
	for i := range drafts {
		if d := &drafts[i]; len(d.held) == 0 {
			c.adopt(d)
			d.mine = &claim{cmd: d.cmd, timeout: d.timeout, id: d.cmd.ID, done: make(chan struct{})}
			c.byTask[d.cmd.TaskID], c.byID[d.cmd.ID] = d.mine, d.mine
		}
	}
	return nil
}

// adopt gives a draft the id under which it may be stored already.
func (c *claims) adopt(d *draft) {
	if o := c.orphans[d.cmd.TaskID]; o != nil && !d.given && difference(o, d.cmd, d.timeout) == "" {
		d.cmd.ID = o.ID
	}
}

// publish settles a claim whose message is stored at seq. It is kept until the
// recorder has passed it.
func (c *claims) publish(own *claim, seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	own.seq = seq
	delete(c.orphans, own.cmd.TaskID)
	c.settle(own)
	if seq <= c.passed {
		c.drop(own)
		return
	}
	heap.Push(&c.stored, own)
	if len(c.stored) > c.limit { // the recorder is away: forget the oldest
		c.drop(heap.Pop(&c.stored).(*claim)) //nolint:errcheck // holds nothing else
	}
}

// release settles a claim without a message and forgets it. err is what others
// who sent the same task are told, nil if they are to try themselves. orphan
// says that the message may be stored and that no store knows its id.
func (c *claims) release(own *claim, err error, orphan bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	own.err = err
	c.settle(own)
	c.drop(own)
	if orphan && len(c.orphans) < c.limit {
		c.orphans[own.cmd.TaskID] = own.cmd
	}
}

func (c *claims) settle(own *claim) {
	own.settled = true
	close(own.done)
}

func (c *claims) drop(own *claim) {
	if c.byTask[own.cmd.TaskID] == own {
		delete(c.byTask, own.cmd.TaskID)
	}
	if c.byID[own.id] == own {
		delete(c.byID, own.id)
	}
}

// advance forgets what is recorded: everything up to seq.
func (c *claims) advance(seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed = max(c.passed, seq)
	for len(c.stored) > 0 && c.stored[0].seq <= seq {
		c.drop(heap.Pop(&c.stored).(*claim)) //nolint:errcheck // holds nothing else
	}
}

// bySequence is a heap of stored claims.
type bySequence []*claim

func (h bySequence) Len() int           { return len(h) }
func (h bySequence) Less(i, j int) bool { return h[i].seq < h[j].seq }
func (h bySequence) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *bySequence) Push(x any)        { *h = append(*h, x.(*claim)) } //nolint:errcheck // heap.Push is given nothing else
func (h *bySequence) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}
