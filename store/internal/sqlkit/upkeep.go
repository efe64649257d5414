package sqlkit

import (
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// ResendColumns are what [PutResend] writes and [Resend] reads.
const ResendColumns = `id, epoch, method, times, sequence, time`

// PutResend writes a command that was published again.
func PutResend(w Writer, r *store.Resend) error {
	if err := putID(w, r.ID, r.Epoch); err != nil {
		return err
	}
	w.Int(int64(r.Epoch))
	w.Int(int64(r.Method.Code()))
	w.Int(int64(r.Times))
	w.Int(int64(r.Sequence)) //nolint:gosec // sequences are far below 2^63
	w.Time(r.Time)
	return nil
}

// Resend reads a command that was published again.
func Resend(r Row) store.Resend {
	return store.Resend{ID: r.ID(), Epoch: r.Int(), Method: task.MethodOf(r.Int()), Times: r.Int(),
		Sequence: uint64(r.Int()), Time: r.Time()} //nolint:gosec // written from an uint64
}

// Due reads a command that has a deadline: deadline, id, epoch, and whether its
// task still awaits it.
func Due(r Row) (d store.Due, open bool) {
	return store.Due{Deadline: r.Time(), ID: r.ID(), Epoch: r.Int()}, r.Bool()
}

// Keys returns the ids among these that are any.
func Keys(ids []string) []ID {
	keys := make([]ID, 0, len(ids))
	for _, id := range ids {
		if k, ok := LookID(id); ok {
			keys = append(keys, k)
		}
	}
	return keys
}
