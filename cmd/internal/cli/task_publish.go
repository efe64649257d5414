package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/gateway/client"
)

// publishing is what `task publish` was asked for.
type publishing struct {
	task    client.NewTask
	params  string
	outputs string
	debug   bool
	tell    client.Callback
	wait    bool
	limit   time.Duration
}

func newTaskPublish(p *Process, r *remote) *cobra.Command {
	var pub publishing
	c := &cobra.Command{
		Use:   "publish [FILE]",
		Short: "Publish a task, or several from a file",
		Long: `Publishes the task that the flags describe, or those of FILE ("-" is standard
input): a JSON object as of POST /task, or an array of up to 1,000.

Publishing the same task again is safe: it is recognised by its taskId. With
--wait the exit code is 0 if all tasks succeeded and 1 if one did not.`,
		Example: `  riverstones task publish --stone MachineStone --params '{"regionId":"701"}' --wait
  riverstones task publish tasks.json -o json
  jq -n '{processInstanceId:"1",taskId:"2",stone:"MachineStone"}' | riverstones task publish -`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			tasks, err := pub.tasks(p, given)
			if err != nil {
				return err
			}
			return pub.run(c.Context(), p, r, tasks)
		},
	}
	fs := c.Flags()
	fs.StringVar(&pub.task.Stone, "stone", "", "`code` of the stone")
	fs.StringVar(&pub.task.TaskID, "task", "", "`id` of the task (default: made up)")
	fs.StringVar(&pub.task.ProcessInstanceID, "process", "", "`id` of the process instance (default: made up)")
	fs.StringVar(&pub.task.Name, "name", "", "`name` (default: the stone's code)")
	fs.StringVar(&pub.task.Namespace, "namespace", "", "`namespace` (default: the stone's code)")
	fs.StringVar(&pub.task.BusinessKey, "business-key", "", "business `key`")
	fs.StringVar(&pub.task.QueueType, "method", "", "`method`: start (default), monitor, rollback, delete, cancel or mock")
	fs.StringVar(&pub.params, "params", "", "parameters, a `json` object")
	fs.StringVar(&pub.outputs, "outputs", "", "outputs so far, a `json` object")
	fs.StringVar(&pub.task.Delay, "delay", "", "hold it back for a `duration`, such as 90s")
	fs.BoolVar(&pub.debug, "debug", false, "put its process into debug mode")
	fs.StringVar(&pub.tell.URL, "callback", "", "`url` that is told of each end")
	fs.StringVar(&pub.tell.Kind, "callback-kind", "", "`kind` of the callback: webhook (default) or flowable")
	fs.BoolVar(&pub.wait, "wait", false, "wait for the end, showing the way there")
	fs.DurationVar(&pub.limit, "timeout", 0, "how long --wait waits for each task (default: without end)")
	fs.IntVar(&r.retries, "retries", 0, "how often to try again while the queue is out of reach or full")
	return c
}

// tasks are those of the file, or the one of the flags.
func (pub *publishing) tasks(p *Process, given []string) ([]client.NewTask, error) {
	if len(given) == 1 {
		if pub.task.Stone != "" {
			return nil, usagef("either a FILE or --stone, not both")
		}
		return readTasks(p, given[0])
	}
	if pub.task.Stone == "" {
		return nil, usagef("name a FILE, or the stone with --stone")
	}
	for flag, value := range map[string]string{"params": pub.params, "outputs": pub.outputs} {
		if value != "" && !json.Valid([]byte(value)) {
			return nil, usagef("--%s is no JSON", flag)
		}
	}
	t := pub.task
	if pub.debug {
		t.Debug = &pub.debug
	}
	switch {
	case pub.tell.URL != "":
		t.Callback = &pub.tell
	case pub.tell.Kind != "":
		return nil, usagef("--callback-kind needs --callback")
	}
	t.Params, t.Outputs = json.RawMessage(pub.params), json.RawMessage(pub.outputs)
	t.TaskID = cmp.Or(t.TaskID, uuid.NewString())
	t.ProcessInstanceID = cmp.Or(t.ProcessInstanceID, t.TaskID)
	return []client.NewTask{t}, nil
}

func readTasks(p *Process, name string) ([]client.NewTask, error) {
	b, err := readFile(p, name)
	if err != nil {
		return nil, err
	}
	tasks := make([]client.NewTask, 1)
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		err = d.Decode(&tasks[0])
	} else {
		err = d.Decode(&tasks)
	}
	if err != nil {
		return nil, usagef("%s: %w", name, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, usagef("%s: one JSON value is wanted, an object or an array of them", name)
	}
	if len(tasks) == 0 {
		return nil, usagef("%s: there is no task in it", name)
	}
	return tasks, nil
}

func readFile(p *Process, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(p.In)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, usageError{err}
	}
	return b, nil
}

func (pub *publishing) run(ctx context.Context, p *Process, r *remote, tasks []client.NewTask) error {
	cl, err := r.client(p)
	if err != nil {
		return err
	}
	published, how, err := cl.Publish(ctx, tasks)
	if err != nil {
		return err
	}
	if !pub.wait {
		return showPublished(p, r, published, how)
	}
	failed := 0
	for i := range published {
		if len(published) > 1 && !r.out.json() {
			fmt.Fprintf(p.Out, "task %s\n", printable(published[i].TaskID))
		}
		t, err := watch(ctx, p, r, cl, published[i].TaskID, pub.limit)
		if err != nil {
			return err
		}
		published[i] = t
		if err := verdict(&t); err != nil {
			failed++
			fmt.Fprintln(p.Err, "riverstones:", printable(err.Error()))
		}
	}
	if r.out.json() {
		if err := printJSON(p.Out, published); err != nil {
			return err
		}
	}
	if failed > 0 {
		return silentError{fmt.Errorf("%d tasks failed", failed)}
	}
	return nil
}

func showPublished(p *Process, r *remote, tasks []client.Task, how client.Acceptance) error {
	if r.out.json() {
		return printJSON(p.Out, tasks)
	}
	said := map[client.Acceptance]string{client.Known: "known before", client.Recorded: "recorded", client.Queued: "in the queue, recorded soon"}[how]
	var rows [][]string
	for _, t := range tasks {
		rows = append(rows, []string{t.TaskID, t.ProcessInstanceID, t.Stone, t.Status, said})
	}
	return printTable(p.Out, []string{"TASK", "PROCESS", "STONE", "STATUS", "TAKEN"}, rows)
}
