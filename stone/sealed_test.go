package stone_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/sealkey"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
)

func keyring(t *testing.T, id string) *sealkey.Keyring {
	t.Helper()
	line, _, err := sealkey.Generate(id)
	require.NoError(t, err)
	r, err := sealkey.Parse(line)
	require.NoError(t, err)
	return r
}

// sealTo seals the params and outputs of a command.
func sealTo(t *testing.T, r *sealkey.Keyring, params, outputs string) func(*queue.Command) {
	t.Helper()
	return func(c *queue.Command) {
		var err error
		c.Params, err = r.Public().Seal(c.ID, []byte(params), []string{"pin"}, nil)
		require.NoError(t, err)
		c.Outputs, err = r.Public().Seal(c.ID, []byte(outputs), nil, nil)
		require.NoError(t, err)
	}
}

// requireNoneIn requires that a stream shows none of the secrets.
func (b *bed) requireNoneIn(stream string, secrets ...string) {
	b.t.Helper()
	for _, m := range b.server.Messages(b.t, stream, 0) {
		for _, s := range secrets {
			require.NotContains(b.t, string(m.Data), s)
		}
	}
}

// A stone with keys sees its secrets in each method, and none travels in clear.
func TestSealedSecrets(t *testing.T) {
	t.Parallel()
	b, keys := newBed(t), keyring(t, "k1")
	const params = `{"pin":471147, "deep":[{"password":"hunter2x"}]}`
	var looks atomic.Int32
	check := func(t *stone.Task, before string) error {
		if string(t.Params()) != params || string(t.Before()) != before {
			return stone.Reject(fmt.Sprintf("got %d and %d bytes", len(t.Params()), len(t.Before())))
		}
		return nil
	}
	b.work(stone.Spec{Params: []stone.Param{{Name: "pin", Type: stone.Integer, NoEcho: true}}}, full{
		start: func(_ context.Context, t *stone.Task) error {
			return errors.Join(check(t, `{"token":"earlier7"}`), t.SetOutput("sessionToken", "fresh999"))
		},
		monitor: func(_ context.Context, t *stone.Task) error {
			if err := check(t, `{"token":"earlier7","sessionToken":"fresh999"}`); err != nil {
				return err
			}
			if looks.Add(1) == 1 {
				return stone.Again(time.Millisecond)
			}
			return nil
		},
	}, stone.Config{SealKeys: keys})

	c := b.send(task.Start, sealTo(t, keys, params, `{"token":"earlier7"}`))
	all := b.until(c.ID, "start.begin", "start.success", "monitor.begin", "monitor.success")
	b.idle()
	require.Equal(t, int32(2), looks.Load())
	for _, stream := range []string{queue.StreamTasks, queue.StreamEvents} {
		b.requireNoneIn(stream, "471147", "hunter2x", "earlier7", "fresh999")
	}
	outputs, err := keys.Open(c.ID, all[0].Outputs)
	require.NoError(t, err)
	require.JSONEq(t, `{"sessionToken":"fresh999"}`, string(outputs))

	kv, err := b.server.JetStream(t).KeyValue(t.Context(), queue.BucketStones)
	require.NoError(t, err)
	queuetest.WaitFor(t, func() bool {
		names, err := kv.Keys(t.Context())
		if err != nil || len(names) != 1 {
			return false
		}
		e, err := kv.Get(t.Context(), names[0])
		require.NoError(t, err)
		a, err := queue.ParseAnnouncement(e.Value())
		require.NoError(t, err)
		return a.SealKey == keys.Public().String()
	})
}

// What can not be opened fails the task with a reason that names the key, and
// the stone is not run with it.
func TestSecretsThatDoNotOpen(t *testing.T) {
	t.Parallel()
	right, wrong := keyring(t, "k1"), keyring(t, "k2")
	same := keyring(t, "k1") // another key under the same id
	for name, c := range map[string]struct {
		held   *sealkey.Keyring
		tries  int
		reason string
	}{
		"another key": {wrong, 2, `secrets can not be opened: sealed to key "k1": the key is not held here, only k2: give the key to the worker`},
		"no key":      {nil, 2, `secrets can not be opened: sealed to key "k1": the key is not held here, there is none: give the key to the worker`},
		"broken":      {same, 1, `secrets can not be opened: sealed value can not be opened: key "k1", for this task: `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			var ran atomic.Bool
			b.work(stone.Spec{MaxAttempts: 2}, stone.Func(func(context.Context, *stone.Task) error { ran.Store(true); return nil }), stone.Config{SealKeys: c.held})
			sent := b.send(task.Start, sealTo(t, right, `{"password":"hunter2x"}`, `{}`))
			want := append(slices.Repeat([]string{"start.begin"}, c.tries), "start.failed")
			all := b.until(sent.ID, want...)
			end := all[len(all)-1].Transitions
			require.Contains(t, end[len(end)-1].Reason, c.reason)
			require.False(t, ran.Load())
			b.idle()
		})
	}
}

// Lines and reasons leave the worker without the secrets they repeat.
func TestTextsAreMasked(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.work(stone.Spec{MaxAttempts: 1, Params: []stone.Param{{Name: "pin", Type: stone.String, NoEcho: true}}}, stone.Func(func(_ context.Context, t *stone.Task) error {
		t.Logf("info", "pin %s, earlier %s", "4711x", "before99")
		if err := t.SetOutput("sessionToken", "fresh999"); err != nil {
			return err
		}
		t.Logf("info", "session %q", "fresh999")
		if t.Name == "panics" {
			panic("no login with 4711x")
		}
		return fmt.Errorf("login with %s and fresh999: %s", "4711x", t.Params())
	}), stone.Config{})
	for name, reason := range map[string]string{
		"n":      `login with ****** and ******: {"pin":"******"}`,
		"panics": `panic: no login with ******`,
	} {
		c := b.send(task.Start, func(c *queue.Command) {
			c.Name, c.Params, c.Outputs = name, []byte(`{"pin":"4711x"}`), []byte(`{"token":"before99"}`)
		})
		var lines []string
		all := b.until(c.ID, "start.begin", "start.failed")
		for _, e := range all {
			for _, l := range e.Log {
				lines = append(lines, l.Line)
			}
		}
		require.Equal(t, []string{"pin ******, earlier ******", `session "******"`}, lines)
		end := all[len(all)-1].Transitions
		require.Equal(t, reason, end[len(end)-1].Reason)
	}
}
