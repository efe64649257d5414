package dispatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/sealkey"
	"github.com/riverstones/riverstones/queue/task"
)

const (
	sealed = "MachineStone" // announces a key
	spoilt = "Spoilt"       // announces one that can not be used
)

var errSpoilt = errors.New("it is no key")

// prints are digests without a secret.
type prints struct{}

func (prints) Digest(id string, value []byte) string { return fmt.Sprintf("%s%x", id[:4], value) }
func (p prints) Matches(id, digest string, value []byte) bool {
	return digest == p.Digest(id, value)
}

// sealing seals to the first key of a new keyring.
func sealing(t *testing.T) (*dispatch.Sealing, *sealkey.Keyring) {
	t.Helper()
	line, _, err := sealkey.Generate("k1")
	require.NoError(t, err)
	keys, err := sealkey.Parse(line)
	require.NoError(t, err)
	return &dispatch.Sealing{
		Key: func(stone string) (*sealkey.Public, error) {
			switch stone {
			case sealed:
				return keys.Public(), nil
			case spoilt:
				return nil, errSpoilt
			default:
				return nil, nil
			}
		},
		NoEcho:   func(string) []string { return []string{"pin"} },
		Digests:  prints{},
		Declared: func(_ string, _ task.Method, params json.RawMessage) (json.RawMessage, error) { return params, nil },
	}, keys
}

// taken is what a publisher was given.
type taken struct{ commands []*queue.Command }

func (p *taken) Publish(_ context.Context, all []*queue.Command) []queue.Ack {
	p.commands = append(p.commands, all...)
	acks := make([]queue.Ack, len(all))
	for i := range acks {
		acks[i].Sequence = uint64(len(p.commands) + i)
	}
	return acks
}

func command(stone, id string) *queue.Command {
	return &queue.Command{Names: task.Names{ID: id, Stone: stone}, Params: []byte(`{"pin":4711,"a":1}`), Outputs: []byte(`{"token":"x"}`)}
}

func TestSealing(t *testing.T) {
	t.Parallel()
	s, keys := sealing(t)
	p := &taken{}
	s.Publisher = p
	plain := []*queue.Command{command("Other", "0001"), command("Other", "0002")}
	require.Len(t, s.Publish(t.Context(), plain), 2)
	require.Same(t, plain[0], p.commands[0], "those of a stone without a key go as they are")

	p.commands = nil
	all := []*queue.Command{command("Other", "0001"), command(sealed, "0002"), command(spoilt, "0003"), command(sealed, "0004")}
	acks := s.Publish(t.Context(), all)
	require.Len(t, p.commands, 3)
	require.ErrorIs(t, acks[2].Err, errSpoilt)
	require.Zero(t, acks[2].Sequence)
	for _, i := range []int{0, 1, 3} {
		require.NoError(t, acks[i].Err)
		require.NotZero(t, acks[i].Sequence)
	}
	require.JSONEq(t, `{"pin":4711,"a":1}`, string(all[1].Params), "the caller's stay as they are")
	one := p.commands[1]
	require.NotContains(t, string(one.Append(nil)), "4711")
	params, err := keys.Open("0002", one.Params)
	require.NoError(t, err)
	require.JSONEq(t, `{"pin":4711,"a":1}`, string(params))
	outputs, err := keys.Open("0002", one.Outputs)
	require.NoError(t, err)
	require.JSONEq(t, `{"token":"x"}`, string(outputs))

	require.Len(t, s.Publish(t.Context(), []*queue.Command{one}), 1)
	require.Equal(t, string(one.Params), string(p.commands[3].Params), "what is sealed is sent on")
	acks = s.Publish(t.Context(), []*queue.Command{command(spoilt, "0003")})
	require.ErrorIs(t, acks[0].Err, errSpoilt)
	require.Len(t, p.commands, 4)
}

// A task that is sent again is recognised although nobody here can open what
// was recorded of it, and other content is refused.
func TestSealedTasksAreRecognised(t *testing.T) {
	t.Parallel()
	seal, _ := sealing(t)
	s := setup(t, options{sealing: seal})
	r := request("t1")
	r.Params = []byte(`{"pin": 4711, "password": "hunter2", "text": "{\"pwd\":\"x\"}", "a": 1}`)
	out, err := s.Publish(t.Context(), r)
	require.NoError(t, err)
	require.True(t, out.Recorded)
	stored, err := s.store.Task(t.Context(), "t1")
	require.NoError(t, err)
	for _, secret := range []string{"4711", "hunter2", "pwd"} {
		require.NotContains(t, string(stored.Params), secret)
	}

	out, err = s.Publish(t.Context(), r)
	require.NoError(t, err)
	require.True(t, out.Known)
	require.Equal(t, 1, s.messages(t))
	for _, params := range []string{
		`{"pin": 4712, "password": "hunter2", "text": "{\"pwd\":\"x\"}", "a": 1}`,
		`{"pin": 4711, "password": "hunter2", "text": "{\"pwd\":\"x\"}", "a": 2}`,
		`{"pin": 4711, "password": "hunter2", "text": "{\"pwd\":\"y\"}", "a": 1}`, `{}`,
	} {
		r.Params = []byte(params)
		_, err = s.Publish(t.Context(), r)
		requireFault(t, err, fault.Conflict, "params differs")
	}
}

func TestSecretsThatCanNotBeSealed(t *testing.T) {
	t.Parallel()
	seal, _ := sealing(t)
	s := setup(t, options{sealing: seal})
	r := request("t1")
	r.Stone = spoilt
	_, err := s.Publish(t.Context(), r)
	requireFault(t, err, fault.Unavailable, "secrets can not be sealed", errSpoilt.Error())
	r = request("t2")
	r.Params = []byte(`{"a":[` + strings.Repeat(`{"pwd":1},`, sealkey.MaxValues) + `{"pwd":1}]}`)
	_, err = s.Publish(t.Context(), r)
	requireFault(t, err, fault.Invalid, "more than 1000 secrets")
	require.Zero(t, s.messages(t))
}
