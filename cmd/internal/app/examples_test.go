package app_test

import (
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/gateway/client"
	"github.com/riverstones/riverstones/stone"
)

// The model of the orchestrator's guide waits, and goes on when the end of a task
// that was published with its execution's id is told, by the branch of its status.
func TestModelOfTheOrchestratorsGuide(t *testing.T) {
	t.Parallel()
	loaded, err := config.Load(config.Sources{Base: config.Default(), Environ: []string{"RIVERSTONES_JAVA_STONES=${publishTask}=Publish"}})
	require.NoError(t, err)
	cfg := settings(t)
	cfg.Processes = loaded.Processes
	cfg.Callbacks.Allow = []string{"http://127.0.0.1", "127.0.0.1"}
	a := start(t, cfg, app.Hooks{Stones: func(k *stone.Worker) error {
		return k.Add(stone.Spec{Code: "Publish", MaxAttempts: 1}, stone.Func(answer))
	}})
	w := &works{t: t, c: newClient(t, a.URL()), url: a.URL()}
	w.f = w.c.Flowable(client.FlowableConfig{})
	file, err := os.ReadFile("../../../deploy/docs/examples/waiting.bpmn20.xml")
	require.NoError(t, err)
	_, err = w.f.Deploy(within(t), client.NewDeployment{Name: "waiting", File: client.File{Name: "waiting.bpmn20.xml", Bytes: file}})
	require.NoError(t, err)

	for params, reached := range map[string]string{`{"who":"you"}`: "greeted", `{}`: "failed"} {
		id := w.start(client.NewProcess{Key: "waiting", Variables: json.RawMessage(`{"who":"you"}`)}).ID
		_, _, err := w.c.PublishOne(within(t), client.NewTask{
			ProcessInstanceID: id, TaskID: w.waitsAt(id, "wait"), Stone: "Publish", Params: json.RawMessage(params),
			Callback: &client.Callback{URL: a.URL(), Kind: "flowable"},
		})
		require.NoError(t, err)
		w.step(id, reached, "completed")
		w.until(id, "completed")
	}
}

// waitsAt waits for an execution at an activity, and returns its id.
func (w *works) waitsAt(process, activity string) (id string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		page, err := w.f.Executions(within(w.t), client.ExecutionQuery{ProcessInstanceID: process, ActivityID: activity}, client.Paging{})
		if err == nil && len(page.Data) == 1 {
			id = page.Data[0].ID
		}
		return id != ""
	}, patience, 5*time.Millisecond, "nothing of %s waits at %s", process, activity)
	return id
}

// answer is the README's stone.
func answer(_ context.Context, t *stone.Task) error {
	var p struct {
		Who string `json:"who"`
	}
	if err := t.Bind(&p); err != nil {
		return err
	}
	if p.Who == "" {
		return stone.Reject("params.who is missing")
	}
	return t.SetOutput("greeting", "Hello, "+p.Who)
}
