package seal

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Record commits one batch. Fold sees states in clear, and what it answers is
// sealed, with its reasons and log lines masked.
func (s *Store) Record(ctx context.Context, b store.Batch) error {
	known, err := s.recall(ctx, b.Texts)
	if err != nil {
		return err
	}
	fold := b.Fold
	if fold == nil {
		return s.Store.Record(ctx, b)
	}
	b.Fold = func(stored map[string]store.State) store.Changes {
		opened := s.states(stored)
		f := &folding{store: s, sealer: s.sealer(), stored: stored, opened: opened, recalled: known, out: fold(opened)}
		f.seal()
		return f.out
	}
	return s.Store.Record(ctx, b)
}

// Grant hands the state of a task in clear to decide.
func (s *Store) Grant(ctx context.Context, id string, m task.Method, decide store.Decide) error {
	return s.Store.Grant(ctx, id, m, func(st store.State, last *store.Grant, now time.Time) *store.Grant {
		st.Outputs, _ = s.open(st.ID, st.Outputs)
		return decide(st, last, now)
	})
}

// states opens what is sealed in states. The map that is handed in stays as it
// is, and is returned if nothing is sealed.
func (s *Store) states(stored map[string]store.State) map[string]store.State {
	opened, copied := stored, false
	for id := range stored {
		st := stored[id]
		plain, _ := s.open(id, st.Outputs)
		if same(plain, st.Outputs) {
			continue
		}
		if !copied {
			opened, copied = maps.Clone(stored), true
		}
		st.Outputs = plain
		opened[id] = st
	}
	return opened
}

// folding seals what Fold answered. Rows of the answer that are to be changed
// are copied before: Fold may keep them.
type folding struct {
	store    *Store
	sealer   *sealer
	stored   map[string]store.State
	opened   map[string]store.State
	recalled map[string]*task.Concealer
	out      store.Changes

	// By id, nil until they are needed.
	rows     map[string]*store.State // new and changed ones
	commands map[string][]*store.Attempt
	known    map[string]*task.Concealer
}

func (f *folding) seal() {
	f.texts() // before the documents it learns secrets from are sealed
	f.attempts()
	f.states(&f.out.New)
	f.states(&f.out.Changed)
	f.quarantine()
	f.outbox()
}

// states seals the outputs of rows. Those that stay are kept as they are
// stored, so that the store sees that they did not change.
func (f *folding) states(rows *[]store.State) {
	copied := false
	for i := range *rows {
		r := &(*rows)[i]
		was, old := f.stored[r.ID].Outputs, f.opened[r.ID].Outputs
		sealed := f.sealer.again(r.ID, nil, r.Outputs, old, was)
		if same(sealed, r.Outputs) {
			continue
		}
		own(rows, &copied)
		(*rows)[i].Outputs = sealed
	}
}

func (f *folding) attempts() {
	copied := false
	for i := range f.out.Attempts {
		a := f.out.Attempts[i]
		if f.store.hideAttempt(f.sealer, &a, f.stone(a.ID, i)) {
			own(&f.out.Attempts, &copied)
			f.out.Attempts[i] = a
		}
	}
}

func (f *folding) outbox() {
	copied := false
	for i := range f.out.Outbox {
		o := f.out.Outbox[i]
		f.store.hideCommand(f.sealer, &o.Command)
		own(&f.out.Outbox, &copied)
		f.out.Outbox[i] = o
	}
}

// quarantine seals the bytes of messages that cannot be recorded: as a whole
// where they are no JSON, or the stone has params that only it knows to be secret.
func (f *folding) quarantine() {
	copied := false
	for i := range f.out.Quarantine {
		q := f.out.Quarantine[i]
		if f.store.hideBytes(f.sealer, &q) {
			own(&f.out.Quarantine, &copied)
			f.out.Quarantine[i] = q
		}
	}
}

func (s *Store) hideBytes(x *sealer, q *store.Quarantined) (changed bool) {
	if s.keys == nil || len(q.Bytes) == 0 {
		return false
	}
	if stone, _, _, err := queue.ParseTaskSubject(q.Subject); err == nil && len(s.noEcho(stone)) > 0 {
		id, key := s.keys.Current()
		q.Bytes = token(id, key, place(q), q.Bytes)
		return true
	}
	sealed := x.seal(place(q), nil, q.Bytes)
	changed = !same(sealed, q.Bytes)
	q.Bytes = sealed
	return changed
}

// place is what sealed bytes in quarantine are bound to: their task may be
// unknown.
func place(q *store.Quarantined) string {
	return q.Stream + "/" + strconv.FormatUint(q.Sequence, 10) + "/" + strconv.Itoa(q.Index)
}

// own makes rows the caller's own, once.
func own[T any](rows *[]T, copied *bool) {
	if !*copied {
		*rows, *copied = slices.Clone(*rows), true
	}
}

// stone returns the stone of a task of the batch. New rows mostly stand at the
// place of their attempt.
func (f *folding) stone(id string, at int) string {
	if at < len(f.out.New) && f.out.New[at].ID == id {
		return f.out.New[at].Stone
	}
	if st, ok := f.stored[id]; ok {
		return st.Stone
	}
	if r := f.row(id); r != nil {
		return r.Stone
	}
	return ""
}

// row returns the new or changed row of a task, nil if there is none.
func (f *folding) row(id string) *store.State {
	if f.rows == nil {
		f.rows = make(map[string]*store.State, len(f.out.New)+len(f.out.Changed))
		for _, rows := range [][]store.State{f.out.New, f.out.Changed} {
			for i := range rows {
				f.rows[rows[i].ID] = &rows[i]
			}
		}
	}
	return f.rows[id]
}

// texts masks reasons and log lines.
func (f *folding) texts() {
	mask(f, &f.out.Log, func(l *store.LogLine) (string, *string) { return l.ID, &l.Line })
	mask(f, &f.out.Transitions, func(t *store.Transition) (string, *string) { return t.ID, &t.Reason })
	mask(f, &f.out.Notes, func(n *store.Note) (string, *string) { return n.ID, &n.Reason })
	mask(f, &f.out.New, func(r *store.State) (string, *string) { return r.ID, &r.Reason })
	mask(f, &f.out.Changed, func(r *store.State) (string, *string) { return r.ID, &r.Reason })
	f.rows = nil // they were copied perhaps
}

// mask masks one text of each row.
func mask[T any](f *folding, rows *[]T, at func(*T) (id string, text *string)) {
	copied := false
	for i := range *rows {
		id, text := at(&(*rows)[i])
		if *text == "" {
			continue
		}
		if m := f.secrets(id).Mask(*text); m != *text {
			own(rows, &copied)
			_, text = at(&(*rows)[i])
			*text = m
		}
	}
}

// secrets returns what is known to be secret of a task: what was recorded
// before, and what this batch brings.
func (f *folding) secrets(id string) *task.Concealer {
	if k, ok := f.known[id]; ok {
		return k
	}
	k := &task.Concealer{}
	noEcho := f.store.noEcho(f.stone(id, 0))
	for _, a := range f.commanded(id) {
		k.Add(a.Params, noEcho)
		k.Add(a.Outputs, nil)
	}
	k.Add(f.opened[id].Outputs, nil)
	if r := f.row(id); r != nil && !same(r.Outputs, f.opened[id].Outputs) {
		k.Add(r.Outputs, nil)
	}
	k = k.Joined(f.recalled[id])
	if f.known == nil {
		f.known = map[string]*task.Concealer{}
	}
	f.known[id] = k
	return k
}

// commanded returns the attempts of a task in the batch.
func (f *folding) commanded(id string) []*store.Attempt {
	if f.commands == nil {
		f.commands = make(map[string][]*store.Attempt, len(f.out.Attempts))
		for i := range f.out.Attempts {
			a := &f.out.Attempts[i]
			f.commands[a.ID] = append(f.commands[a.ID], a)
		}
	}
	return f.commands[id]
}
