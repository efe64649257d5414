package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/sealkey"
	"github.com/riverstones/riverstones/queue/task"
)

// errSeal says that a command was not published since its secrets can not be
// sealed: in clear it must not go.
var errSeal = errors.New("secrets can not be sealed to the stone")

// Digests recognise values that nobody here can open: see package store/seal.
type Digests interface {
	Digest(id string, value []byte) string
	Matches(id, digest string, value []byte) bool
}

// Sealing is a [Publisher] that seals the secrets of commands to the stones that
// announce a key, on the way to another one. Commands of other stones cost it
// one look at the stone. It is safe for concurrent use.
type Sealing struct {
	// Publisher takes the commands; required.
	Publisher Publisher
	// Key returns what a stone announces, nil for nothing, and an error for a
	// key that can not be used; required.
	Key func(stone string) (*sealkey.Public, error)
	// NoEcho names the secret params of a stone; required.
	NoEcho func(stone string) []string
	// Digests tell what was sealed when it is sent again. With nil any value
	// passes for the one that was sealed in its place.
	Digests Digests
	// Declared is asked first by [Sealing.Check]; required for that.
	Declared Check
}

// Publish seals and publishes. The commands are not changed.
func (s *Sealing) Publish(ctx context.Context, commands []*queue.Command) []queue.Ack {
	var out []*queue.Command // a copy, nil while nothing is sealed
	var failed []error       // by command, nil while none has failed
	for i, c := range commands {
		one, err := s.seal(c)
		if one == c {
			continue
		}
		if out == nil {
			out = slices.Clone(commands)
		}
		out[i] = one
		if err != nil {
			if failed == nil {
				failed = make([]error, len(commands))
			}
			failed[i] = err
		}
	}
	switch {
	case out == nil:
		return s.Publisher.Publish(ctx, commands)
	case failed == nil:
		return s.Publisher.Publish(ctx, out)
	default:
		return s.others(ctx, out, failed)
	}
}

// others publishes the commands that have not failed.
func (s *Sealing) others(ctx context.Context, commands []*queue.Command, failed []error) []queue.Ack {
	acks := make([]queue.Ack, len(commands))
	var good []*queue.Command
	var at []int
	for i, c := range commands {
		if acks[i].Err = failed[i]; failed[i] == nil {
			good, at = append(good, c), append(at, i)
		}
	}
	if len(good) == 0 {
		return acks
	}
	for k, ack := range s.Publisher.Publish(ctx, good) {
		acks[at[k]] = ack
	}
	return acks
}

// seal returns the command to publish: c itself if its stone has no key, nil
// with an error if it must not go out.
func (s *Sealing) seal(c *queue.Command) (*queue.Command, error) {
	key, err := s.Key(c.Stone)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSeal, err)
	}
	if key == nil {
		return c, nil
	}
	var digest func(value []byte) string
	if s.Digests != nil {
		digest = func(value []byte) string { return s.Digests.Digest(c.ID, value) }
	}
	out := *c
	if out.Params, err = key.Seal(c.ID, c.Params, s.NoEcho(c.Stone), digest); err == nil {
		out.Outputs, err = key.Seal(c.ID, c.Outputs, nil, digest)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSeal, err)
	}
	return &out, nil
}

// Check is a [Check] that refuses params with more secrets than can be sealed.
func (s *Sealing) Check(stone string, m task.Method, params json.RawMessage) (json.RawMessage, error) {
	params, err := s.Declared(stone, m, params)
	if err != nil {
		return nil, err
	}
	if key, _ := s.Key(stone); key != nil && sealkey.Count(params, s.NoEcho(stone)) > sealkey.MaxValues {
		return nil, sealkey.ErrMany
	}
	return params, nil
}

// Revealed returns a recorded command for comparison with one that is sent
// again: what is sealed in it is replaced by what is sent in its place, where
// that is the same.
func (s *Sealing) Revealed(recorded, sent *queue.Command) *queue.Command {
	if !task.MayHoldSealed(recorded.Params) && !task.MayHoldSealed(recorded.Outputs) {
		return recorded
	}
	out := *recorded
	out.Params = s.revealed(recorded.ID, recorded.Params, sent.Params)
	out.Outputs = s.revealed(recorded.ID, recorded.Outputs, sent.Outputs)
	return &out
}

func (s *Sealing) revealed(id string, recorded, sent json.RawMessage) json.RawMessage {
	plain, err := object(recorded) // without white space, as sent is
	if err != nil {
		return recorded
	}
	return sealkey.Same(plain, sent, func(digest string, value []byte) bool {
		return s.Digests == nil || s.Digests.Matches(id, digest, value)
	})
}
