package sqlkit

import "github.com/riverstones/riverstones/store"

// PutCallback writes id, kind, process and url.
func PutCallback(w Writer, c *store.Callback) error {
	if err := putID(w, c.ID, 1); err != nil {
		return err
	}
	w.Int(int64(c.Kind))
	w.Text(c.ProcessInstanceID)
	w.Text(c.URL)
	return nil
}

// End is what a receiver may have to be told.
type End struct {
	store.Transition

	Occasion store.Occasion
}

// Ends returns the ends among transitions, nil if there are none.
func Ends(all []store.Transition) []End {
	var out []End
	for i := range all {
		if t := &all[i]; t.Status.End(t.Final) {
			out = append(out, End{*t, store.Ended})
		}
	}
	return out
}

// Resumption returns that a step ends the debugging of a failed task, nil if
// it does not.
func Resumption(was *store.Standing, step *store.Step) []End {
	if step.Debug == nil || *step.Debug || step.State.Epoch != was.Epoch || !was.Status.Failed() {
		return nil
	}
	return []End{{store.Transition{ID: was.ID, Epoch: was.Epoch, Status: was.Status, Time: was.EndTime}, store.Resumed}}
}

// EndColumns are what [PutEnd] writes.
const EndColumns = `id, epoch, status, occasion, time`

// PutEnd writes an end.
func PutEnd(w Writer, e *End) error {
	if err := putID(w, e.ID, e.Epoch); err != nil {
		return err
	}
	w.Int(int64(e.Epoch))
	w.Int(int64(e.Status))
	w.Int(int64(e.Occasion))
	w.Time(e.Time)
	return nil
}

// DeliveryColumns are what [Delivery] reads: of the row d and its callback c.
const DeliveryColumns = `d.id, c.process, c.kind, c.url, d.number, d.occasion, d.epoch, d.status, d.time,
  d.state, d.since, d.due, d.tries, d.problem`

// Delivery reads a delivery.
func Delivery(r Row) store.Delivery {
	d := store.Delivery{Callback: store.Callback{ID: r.ID(), ProcessInstanceID: r.Text(), Kind: store.CallbackKind(r.Int()), URL: r.Text()}}
	d.Number, d.Occasion, d.Epoch, d.Status = int64(r.Int()), store.Occasion(r.Int()), r.Int(), status(r)
	d.Time, d.State, d.Since = r.Time(), store.DeliveryState(r.Int()), r.Time()
	if due := r.Time(); !due.Equal(AtOnce()) {
		d.Due = due
	}
	d.Tries, d.Problem = r.Int(), r.Text()
	return d
}

// PutTold writes number, since, state, due and problem.
func PutTold(w Writer, t *store.Told) error {
	w.Int(t.Number)
	w.Time(t.Since)
	w.Int(int64(t.State))
	due := t.Due
	if due.IsZero() {
		due = AtOnce()
	}
	w.Time(due)
	maybe(w, t.Problem)
	return nil
}
