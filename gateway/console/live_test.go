package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/queue"
	"github.com/riverstones/riverstones/queue/queuetest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/recorder"
	"github.com/riverstones/riverstones/store/storetest"
)

// system is a whole one: gateway, recorder, store, queue, and a worker of
// TourStone.
type system struct {
	url    string
	api    *client.Client
	store  store.Store
	finish chan struct{} // lets a task in mode wait go on
}

func start(t *testing.T) *system {
	t.Helper()
	s := &system{finish: make(chan struct{}), store: storetest.SQLite(t)}
	server := queuetest.Start(t)
	nc := server.Connect(t)
	rec := recorder.New(s.store, server.Connect(t), recorder.Config{})
	require.NoError(t, rec.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, rec.Stop(context.Background())) })
	publisher, err := queue.NewPublisher(nc, queue.PublisherConfig{Deadline: time.Second})
	require.NoError(t, err)
	g, err := gateway.New(gateway.Config{Listen: "127.0.0.1:0", RunRiver: true}, gateway.Deps{Store: s.store, Publisher: publisher, NATS: nc})
	require.NoError(t, err)
	require.NoError(t, g.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, g.Stop(context.Background())) })
	w, err := stone.NewWorker(server.Connect(t), stone.Config{Name: "tour-worker", Grace: time.Second})
	require.NoError(t, err)
	require.NoError(t, w.Add(stone.Spec{
		Code: "TourStone", DisplayName: "Tour", Description: "Does what its mode says.", Version: "1.0", MaxAttempts: 1,
		Params:  []stone.Param{{Name: "mode", Type: stone.String, Required: true, AllowedValues: raws(`"ok"`, `"wait"`, `"fail"`)}, {Name: "password", Type: stone.String, NoEcho: true}},
		Outputs: []stone.Output{{Name: "machineId", Description: "of what was made"}},
	}, &tourStone{s}))
	require.NoError(t, w.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, w.Stop(context.Background())) })
	s.url = "http://" + g.Addr()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	s.api, err = client.New(s.url, client.Config{HTTP: &http.Client{Transport: transport}})
	require.NoError(t, err)
	queuetest.WaitFor(t, func() bool {
		st, err := s.api.Stone(t.Context(), "TourStone")
		return err == nil && st.Declared
	})
	return s
}

func raws(all ...string) (out []json.RawMessage) {
	for _, one := range all {
		out = append(out, json.RawMessage(one))
	}
	return out
}

// tourStone does what its params ask for.
type tourStone struct{ s *system }

// Start works, waits or fails.
func (st *tourStone) Start(ctx context.Context, t *stone.Task) error {
	var p struct{ Mode string }
	if err := t.Bind(&p); err != nil {
		return err
	}
	t.Logf("info", "mode is %s <b>&amp;</b>", p.Mode)
	switch p.Mode {
	case "fail":
		return stone.Reject("the disk is full")
	case "wait":
		t.Progress(40)
		select {
		case <-st.s.finish:
		case <-ctx.Done():
			return ctx.Err()
		}
		t.Logf("warn", "going on")
	}
	return t.SetOutput("machineId", "m-1")
}

// Cancel and Rollback have nothing to do.
func (st *tourStone) Cancel(context.Context, *stone.Task) error { return nil }

// Rollback undoes nothing.
func (st *tourStone) Rollback(context.Context, *stone.Task) error { return nil }

// publish sends a task to TourStone, or to another.
func (s *system) publish(t *testing.T, taskID, params string, change ...func(n *client.NewTask)) {
	t.Helper()
	n := client.NewTask{ProcessInstanceID: "process-" + taskID, TaskID: taskID, Name: "name of " + taskID, Stone: "TourStone", Params: json.RawMessage(params)}
	for _, f := range change {
		f(&n)
	}
	_, _, err := s.api.PublishOne(t.Context(), n)
	require.NoError(t, err)
}

func (s *system) waitFor(t *testing.T, taskID string, want task.Status) {
	t.Helper()
	queuetest.WaitFor(t, func() bool {
		got, err := s.api.Get(t.Context(), taskID)
		require.True(t, err == nil || errors.Is(err, client.ErrNotFound), err)
		return got.Status == want.String()
	})
}

func debugMode(n *client.NewTask) { on := true; n.Debug = &on }

func unserved(n *client.NewTask) { n.Stone = "NobodysStone" }

func mustStatus(name string) task.Status {
	s, err := task.ParseStatus(name)
	if err != nil {
		panic(err)
	}
	return s
}
