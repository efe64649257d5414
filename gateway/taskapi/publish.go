package taskapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/riverstones/riverstones/gateway/dispatch"
	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/rest"
)

// publishRequest is one task, or an array of them.
type publishRequest struct {
	array bool
	tasks []dispatch.Request
}

// Bind reads the body.
func (p *publishRequest) Bind(in *rest.Input) error {
	return in.JSON(func(j *rest.JSON) error {
		switch j.Kind() {
		case '{':
			p.tasks = make([]dispatch.Request, 1)
			return bindTask(j, &p.tasks[0])
		case '[':
			p.array = true
			return j.Array(func(i int) error { return p.bindElement(j, i) })
		case 0:
			return j.Skip() // says what is wrong with it
		default:
			return fault.New(fault.Invalid, "the body must be a task, that is an object, or an array of tasks")
		}
	})
}

func (p *publishRequest) bindElement(j *rest.JSON, i int) error {
	if i >= dispatch.MaxTasks {
		return fault.New(fault.Invalid, "an array must hold 1 to %d tasks: send the others in another request", dispatch.MaxTasks)
	}
	j.At(fmt.Sprintf("task %d: ", i))
	if kind := j.Kind(); kind != '{' && kind != 0 {
		j.Problem("must be an object")
		return j.Skip()
	}
	p.tasks = append(p.tasks, dispatch.Request{})
	return bindTask(j, &p.tasks[len(p.tasks)-1])
}

// bindTask reads one task. Its raw values are part of the body; the dispatcher
// copies what it keeps of them.
func bindTask(j *rest.JSON, t *dispatch.Request) error {
	if j.Kind() != '{' {
		return j.Skip()
	}
	return j.Object(func(name []byte) error {
		switch string(name) {
		case "processInstanceId":
			return j.String("processInstanceId", &t.ProcessInstanceID)
		case "taskId":
			return j.String("taskId", &t.TaskID)
		case "name":
			return j.String("name", &t.Name)
		case "namespace":
			return j.String("namespace", &t.Namespace)
		case "stone":
			return j.String("stone", &t.Stone)
		case "params":
			return j.Raw(&t.Params)
		case "outputs":
			return j.Raw(&t.Outputs)
		default:
			return bindOption(j, t, name)
		}
	})
}

// bindOption reads one of the rarer members.
func bindOption(j *rest.JSON, t *dispatch.Request, name []byte) error {
	switch string(name) {
	case "id":
		return j.String("id", &t.ID)
	case "queueType":
		return j.String("queueType", &t.QueueType)
	case "businessKey":
		return j.String("businessKey", &t.BusinessKey)
	case "timeout":
		return j.String("timeout", &t.Timeout)
	case "delay":
		return j.String("delay", &t.Delay)
	case "notBefore":
		return j.String("notBefore", &t.NotBefore)
	case "debug":
		return j.Bool("debug", &t.Debug)
	case "callback":
		return j.Raw(&t.Callback)
	case "retry":
		return bindRetry(j, t)
	default:
		return j.Unknown(name)
	}
}

func bindRetry(j *rest.JSON, t *dispatch.Request) error {
	switch j.Kind() {
	case '{':
	case 'n', 0:
		return j.Skip()
	default:
		j.Problem("retry must be an object")
		return j.Skip()
	}
	t.Retry = &dispatch.Retry{}
	return j.Object(func(name []byte) error {
		switch string(name) {
		case "maxAttempts":
			return j.Int("retry.maxAttempts", 1, dispatch.MaxAttempts, &t.Retry.MaxAttempts)
		case "backoff":
			return j.String("retry.backoff", &t.Retry.Backoff)
		default:
			return j.Unknown(append([]byte("retry."), name...))
		}
	})
}

// published is the answer to POST /task.
type published struct {
	array    bool
	outcomes []dispatch.Outcome
	tasks    rest.Tasks
}

func (a *api) publish(ctx context.Context, r publishRequest) (published, error) {
	if r.array {
		out, err := a.publisher.PublishAll(ctx, r.tasks)
		return published{true, out, a.tasks}, err
	}
	out, err := a.publisher.Publish(ctx, r.tasks[0])
	return published{false, []dispatch.Outcome{out}, a.tasks}, err
}

// Status is 202 if a reader may not find one of the tasks yet, 200 if all were
// sent before, and else 201.
func (p published) Status() int {
	status := http.StatusOK
	for i := range p.outcomes {
		switch {
		case !p.outcomes[i].Recorded:
			return http.StatusAccepted
		case !p.outcomes[i].Known:
			status = http.StatusCreated
		}
	}
	return status
}

// AppendJSON appends the task, or the array.
func (p published) AppendJSON(dst []byte) []byte {
	if !p.array {
		return p.tasks.Append(dst, &p.outcomes[0].Task)
	}
	return rest.AppendArray(dst, len(p.outcomes), func(dst []byte, i int) []byte { return p.tasks.Append(dst, &p.outcomes[i].Task) })
}
