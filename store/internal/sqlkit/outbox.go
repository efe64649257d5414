package sqlkit

import (
	"fmt"
	"time"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/store"
)

// OutboxColumns are what [PutOutgoing] writes.
const OutboxColumns = `id, epoch, kind, due, sequence, timeout, command, trace`

// AtOnce is the time of a row that is due at once. It stands before all
// others, so that the few rows of operators overtake a flood of held-back tasks.
func AtOnce() time.Time { return time.UnixMicro(0) }

// PutOutgoing writes a row of the outbox. Only a row to publish keeps its
// command; what can not be read again is refused here and not found by the
// relay.
func PutOutgoing(w Writer, o *store.Outgoing) error {
	c := &o.Command
	var payload []byte
	if o.Kind == store.Send {
		payload = c.Append(nil)
		if _, err := queue.ParseCommand(payload); err != nil {
			return fmt.Errorf("%w: command to send: %w", store.ErrRejected, err)
		}
	}
	if err := putID(w, c.ID, c.Epoch); err != nil {
		return err
	}
	w.Int(int64(c.Epoch))
	w.Int(int64(o.Kind))
	if o.Due.IsZero() {
		w.Time(AtOnce())
	} else {
		w.Time(o.Due)
	}
	w.Int(int64(o.Sequence)) //nolint:gosec // sequences are far below 2^63
	w.Int(o.Timeout.Microseconds())
	if payload == nil {
		w.Null()
		w.Null()
		return nil
	}
	w.Raw(payload)
	maybe(w, c.Trace)
	return nil
}

// OutgoingColumns are what [Outgoing] reads: of the row o and its task t.
const OutgoingColumns = `t.id, t.task_id, t.process_id, t.name, t.namespace, t.stone, t.business_key,
  o.number, o.epoch, o.kind, o.due, o.since, o.sequence, o.timeout, o.tries, o.command, o.trace`

// Outgoing reads a row of the outbox.
func Outgoing(r Row) (store.Outgoing, error) {
	names := Names(r)
	o := store.Outgoing{Number: int64(r.Int())}
	epoch := r.Int()
	o.Kind = store.Kind(r.Int())
	if due := r.Time(); !due.Equal(AtOnce()) {
		o.Due = due
	}
	o.Since = r.Time()
	o.Sequence = uint64(r.Int()) //nolint:gosec // written from an uint64
	o.Timeout, o.Tries = time.Duration(r.Int())*time.Microsecond, r.Int()
	payload, trace := r.Raw(), r.Text()
	o.Command.Names, o.Command.Epoch = names, epoch
	if o.Kind != store.Send {
		return o, nil
	}
	c, err := queue.ParseCommand(payload)
	if err != nil {
		return o, fmt.Errorf("outbox row %d: %w", o.Number, err)
	}
	c.Trace = trace
	o.Command = *c
	return o, nil
}

// Held is a row of the outbox as [Settle] needs it.
type Held struct {
	Number   int64
	ID       ID
	Epoch    int
	Kind     store.Kind
	Sequence uint64
}

// HeldColumns are what [ReadHeld] reads, of table outbox.
const HeldColumns = `number, id, epoch, kind, sequence`

// ReadHeld reads a row of the outbox that is locked.
func ReadHeld(r Row) Held {
	return Held{Number: int64(r.Int()), ID: ID(r.Raw()), Epoch: r.Int(), Kind: store.Kind(r.Int()),
		Sequence: uint64(r.Int())} //nolint:gosec // written from an uint64
}

// Settled is what [store.Outbox.Sent] writes.
type Settled struct {
	Published []Published  // attempts whose message is stored now
	Gone      []int64      // rows to delete
	Recalled  []store.Sent // rows whose message is to be withdrawn after all
	Again     []store.Sent // rows to try again
}

// Published is the message of an attempt.
type Published struct {
	ID       ID
	Epoch    int
	Sequence uint64
	Deadline time.Time
}

// Settle says what becomes of the rows, which are those of done that are still
// there. A row to publish may have been superseded while the relay published
// it: it stands as one to withdraw by now, of the epoch above, and stays to
// withdraw what was published.
func Settle(rows []Held, done []store.Sent) Settled {
	told := make(map[int64]store.Sent, len(done))
	for _, d := range done {
		told[d.Number] = d
	}
	var out Settled
	for _, h := range rows {
		d := told[h.Number]
		recalled := h.Kind == store.Withdraw && h.Sequence == 0 && d.Sequence != 0
		if recalled {
			h.Epoch--
		}
		if d.Sequence != 0 && (recalled || h.Kind == store.Send) {
			out.Published = append(out.Published, Published{ID: h.ID, Epoch: h.Epoch, Sequence: d.Sequence, Deadline: d.Deadline})
		}
		switch {
		case recalled:
			out.Recalled = append(out.Recalled, d)
		case d.Again.IsZero():
			out.Gone = append(out.Gone, h.Number)
		default:
			out.Again = append(out.Again, d)
		}
	}
	return out
}

// PutStored writes what [PutPublished] does.
func PutStored(w Writer, p *store.Published) error {
	id, err := ParseID(p.ID)
	if err != nil {
		return err
	}
	return PutPublished(w, &Published{ID: id, Epoch: p.Epoch, Sequence: p.Sequence, Deadline: p.Deadline})
}

// PutPublished writes id, epoch, sequence and deadline.
func PutPublished(w Writer, p *Published) error {
	w.ID(p.ID)
	w.Int(int64(p.Epoch))
	w.Int(int64(p.Sequence)) //nolint:gosec // sequences are far below 2^63
	timeOrNull(w, p.Deadline)
	return nil
}

// PutNumber writes the number of a row.
func PutNumber(w Writer, n *int64) error {
	w.Int(*n)
	return nil
}

// PutRecalled writes number and sequence.
func PutRecalled(w Writer, s *store.Sent) error {
	w.Int(s.Number)
	w.Int(int64(s.Sequence)) //nolint:gosec // sequences are far below 2^63
	return nil
}

// PutAgain writes number, due and problem.
func PutAgain(w Writer, s *store.Sent) error {
	w.Int(s.Number)
	w.Time(s.Again)
	maybe(w, s.Problem)
	return nil
}
