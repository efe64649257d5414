package cli

import (
	"context"
	_ "embed" // of the sample
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riverstones/riverstones/cmd/internal/app"
	"github.com/riverstones/riverstones/gateway/client"
)

// sample is the task of the API's manual, its params unchanged.
//
//go:embed sample.json
var sample []byte

// demoLook is how often the demo looks: often enough to show a task that is
// done in milliseconds as it goes.
const demoLook = 20 * time.Millisecond

// runDemo publishes the sample and shows its way to the end.
func runDemo(ctx context.Context, p *Process, a *app.App) error {
	cl, err := client.New(a.URL(), client.Config{UserAgent: "riverstones-demo", Retries: 3})
	if err != nil {
		return err
	}
	t, err := sampleTask(ctx, cl)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	fmt.Fprintf(p.Out, "\nDemo: POST %s/task, a %s with %d bytes of params, secrets and nested JSON included\n\n",
		a.URL(), t.Stone, len(t.Params))
	if _, _, err := cl.PublishOne(ctx, t); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	final, err := cl.Follow(ctx, t.TaskID, demoLook, teller(p.Out))
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	fmt.Fprintf(p.Out, "\nGET %s/task/%s answers (secrets are masked):\n\n", a.URL(), t.TaskID)
	if err := printJSON(p.Out, final); err != nil {
		return err
	}
	howToGoOn(p, a, &t)
	return nil
}

// sampleTask is the sample under its own ids the first time, and under fresh
// ones when this data directory has seen it.
func sampleTask(ctx context.Context, cl *client.Client) (client.NewTask, error) {
	var t client.NewTask
	if err := json.Unmarshal(sample, &t); err != nil {
		return t, err
	}
	switch _, err := cl.Get(ctx, t.TaskID); {
	case err == nil:
		t.TaskID += time.Now().Format("-150405.000")
		return t, nil
	case errors.Is(err, client.ErrNotFound):
		return t, nil
	default:
		return t, err
	}
}

func howToGoOn(p *Process, a *app.App, t *client.NewTask) {
	fmt.Fprint(p.Out, strings.NewReplacer("URL", a.URL(), "TASK", t.TaskID, "PROCESS", t.ProcessInstanceID).Replace(`
It goes on serving. In another terminal:

  curl URL/task/TASK/history
  curl URL/task/TASK/log
  curl 'URL/task?processInstanceId=PROCESS'
  curl URL/task -H 'Content-Type: application/json' \
    -d '{"processInstanceId":"1","taskId":"mine-1","stone":"MachineStone","params":{"regionId":"701"}}'
  riverstones task watch mine-1

Ctrl-C stops it.
`))
}
