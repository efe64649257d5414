package seal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// Command hands a task in clear to decide, and seals the step it answers.
func (s *Store) Command(ctx context.Context, key string, decide func(store.Standing) (*store.Step, error)) (task.Task, error) {
	t, err := s.Store.Command(ctx, key, s.deciding(decide))
	s.show(&t)
	return t, err
}

// deciding is decide for a task as it is stored.
func (s *Store) deciding(decide func(store.Standing) (*store.Step, error)) func(store.Standing) (*store.Step, error) {
	return func(stored store.Standing) (*store.Step, error) {
		opened := s.standing(stored)
		step, err := decide(opened)
		if err != nil || step == nil {
			return step, err
		}
		return s.step(step, &stored, &opened), nil
	}
}

func (s *Store) standing(st store.Standing) store.Standing {
	st.Outputs, _ = s.open(st.ID, st.Outputs)
	st.Current.Params, _ = s.open(st.ID, st.Current.Params)
	st.Current.Outputs, _ = s.open(st.ID, st.Current.Outputs)
	return st
}

// step seals what a command changes. What could not be opened stays as it is
// stored, also in the next attempt and in the command that is sent for it.
func (s *Store) step(given *store.Step, stored, opened *store.Standing) *store.Step {
	out := *given
	noEcho, known, x := s.noEcho(stored.Stone), &task.Concealer{}, s.sealer()
	known.Add(opened.Current.Params, noEcho)
	known.Add(opened.Outputs, nil)
	if given.Attempt != nil {
		known.Add(given.Attempt.Params, noEcho)
		known.Add(given.Attempt.Outputs, nil)
	}
	params := func(doc []byte) []byte {
		return x.again(stored.ID, noEcho, doc, opened.Current.Params, stored.Current.Params)
	}
	outputs := func(doc []byte) []byte { return x.again(stored.ID, nil, doc, opened.Outputs, stored.Outputs) }

	out.State.Outputs = outputs(given.State.Outputs)
	out.State.Reason = known.Mask(given.State.Reason)
	if given.Attempt != nil {
		a := *given.Attempt
		a.Params, a.Outputs = params(a.Params), outputs(a.Outputs)
		out.Attempt = &a
	}
	out.Transitions = slices.Clone(given.Transitions)
	for i := range out.Transitions {
		out.Transitions[i].Reason = known.Mask(out.Transitions[i].Reason)
	}
	out.Outbox = slices.Clone(given.Outbox)
	for i := range out.Outbox {
		c := &out.Outbox[i].Command
		c.Params, c.Outputs = params(c.Params), outputs(c.Outputs)
	}
	return &out
}

// Delay records new tasks whose commands are published later.
func (s *Store) Delay(ctx context.Context, commands []store.Delayed) (fresh map[string]bool, err error) {
	sealed, x := slices.Clone(commands), s.sealer()
	for i := range sealed {
		s.hideCommand(x, &sealed[i].Command)
	}
	return s.Store.Delay(ctx, sealed)
}

// parked is how long a command waits that cannot be opened, until it is tried
// again.
const parked = time.Minute

var errSealed = errors.New("a secret of the command can not be opened: bring back the key that sealed it")

// Outgoing returns rows of the outbox that are due. A command with a secret
// that cannot be opened is not handed out, since nobody may work with a mask
// in its place: it is put off, and the row says why.
func (s *Store) Outgoing(ctx context.Context, now time.Time, limit int) (rows []store.Outgoing, next time.Time, err error) {
	all, next, err := s.Store.Outgoing(ctx, now, limit)
	if err != nil {
		return nil, next, err
	}
	var off []store.Sent
	for i := range all {
		if s.showCommand(&all[i].Command) && all[i].Kind == store.Send {
			off = append(off, store.Sent{Number: all[i].Number, Again: now.Add(parked), Problem: errSealed.Error()})
			continue
		}
		rows = append(rows, all[i])
	}
	if len(off) == 0 {
		return all, next, nil
	}
	if err := s.Sent(ctx, off); err != nil {
		return nil, next, fmt.Errorf("put off sealed commands: %w", err)
	}
	if next.IsZero() || next.After(now.Add(parked)) {
		next = now.Add(parked)
	}
	return rows, next, nil
}

// Attempts returns the commands of the task with this id, oldest first.
func (s *Store) Attempts(ctx context.Context, id string) ([]store.Attempt, error) {
	all, err := s.Store.Attempts(ctx, id)
	for i := range all {
		all[i].Params, _ = s.open(id, all[i].Params)
		all[i].Outputs, _ = s.open(id, all[i].Outputs)
	}
	return all, err
}

// Quarantine returns a page of the messages that could not be recorded.
func (s *Store) Quarantine(ctx context.Context, taskID string, first, size int) ([]store.Quarantined, error) {
	all, err := s.Store.Quarantine(ctx, taskID, first, size)
	for i := range all {
		all[i].Bytes, _ = s.open(place(&all[i]), all[i].Bytes)
	}
	return all, err
}
