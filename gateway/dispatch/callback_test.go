package dispatch_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// allowing returns options of a dispatcher that takes one URL.
func allowing(url string) options {
	return options{target: func(_ store.CallbackKind, given string) error {
		if given != url {
			return errors.New("is not allowed")
		}
		return nil
	}}
}

func TestCallbackRefused(t *testing.T) {
	t.Parallel()
	s := setup(t, allowing("https://ok"))
	for callback, want := range map[string]string{
		`{"url":"https://other"}`:              "callback.url is not allowed",
		`{"kind":"webhook"}`:                   "callback.url is missing",
		`{"url":"https://ok","kind":"mail"}`:   "callback.kind must be webhook or flowable",
		`{"url":5}`:                            "callback.url must be a string",
		`{"url":"https://ok","method":"POST"}`: `callback has url and kind, not "method"`,
		`"https://ok"`:                         "callback must be an object",
		`[]`:                                   "callback must be an object",
	} {
		r := request("t1")
		r.Callback = []byte(callback)
		_, err := s.Publish(t.Context(), r)
		requireFault(t, err, fault.Invalid, want)
	}
	require.Zero(t, s.messages(t))
	nobody := setup(t, options{})
	r := request("t1")
	r.Callback = []byte(`{"url":"https://ok"}`)
	_, err := nobody.Publish(t.Context(), r)
	requireFault(t, err, fault.Invalid, "callback.url is not served here")
}

// Whom to tell is known before the command is published: the end of a task, in
// an array, held back, or refused by the queue, finds it.
func TestCallbackIsKeptFirst(t *testing.T) {
	t.Parallel()
	s := setup(t, allowing("https://ok"))
	plain, kept, held, null := request("plain"), request("kept"), request("held"), request("null")
	kept.Callback, held.Callback, null.Callback = []byte(`{"url":"https://ok"}`), []byte(`{"url":"https://ok","kind":"flowable"}`), []byte(`null`)
	held.Delay = "1h"
	out, err := s.PublishAll(t.Context(), []dispatch.Request{plain, kept, held, null})
	require.NoError(t, err)
	for i, kind := range []store.CallbackKind{0, store.Webhook, store.Flowable, 0} {
		end(t, s.store, out[i].Task.ID)
		all, err := s.store.Deliveries(t.Context(), out[i].Task.ID)
		require.NoError(t, err)
		if kind == 0 {
			require.Empty(t, all)
			continue
		}
		require.Len(t, all, 1)
		require.Equal(t, store.Callback{ID: out[i].Task.ID, ProcessInstanceID: "2910431", Kind: kind, URL: "https://ok"}, all[0].Callback)
	}
	again, err := s.Publish(t.Context(), kept)
	require.NoError(t, err)
	require.True(t, again.Known)
}

func end(t *testing.T, st store.Store, id string) {
	t.Helper()
	_, err := st.Command(t.Context(), id, func(was store.Standing) (*store.Step, error) {
		s := was.State
		s.Epoch, s.Status, s.EndTime = 2, task.Canceled, time.Now()
		return &store.Step{State: s, Transitions: []store.Transition{{ID: id, Epoch: 2, Status: task.Canceled, Time: s.EndTime}}}, nil
	})
	require.NoError(t, err)
}
