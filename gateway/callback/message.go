package callback

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/queue/task"
	"github.com/riverstones/riverstones/store"
)

// current returns the task as it stood at the end that d tells of: as GET shows
// it, unless a later attempt has begun.
func (s *Service) current(ctx context.Context, d *store.Delivery) (t task.Task, superseded bool, err error) {
	if t, err = s.store.Task(ctx, d.ID); err != nil || t.Epoch == d.Epoch && t.Status == d.Status {
		return t, false, err
	}
	superseded = t.Epoch > d.Epoch
	history, err := s.store.History(ctx, d.ID, false)
	if err != nil {
		return t, superseded, err
	}
	attempts, err := s.store.Attempts(ctx, d.ID)
	if err != nil {
		return t, superseded, err
	}
	t.Epoch, t.Status, t.EndTime, t.UpdateTime, t.Reason, t.Progress = d.Epoch, d.Status, d.Time, d.Time, "", nil
	for i := range history {
		if h := &history[i]; h.Epoch == d.Epoch && h.Status == d.Status {
			t.Reason, t.Final = h.Reason, h.Final
		}
	}
	for i := range attempts {
		if a := &attempts[i]; a.Epoch == d.Epoch {
			t.Method, t.Params = a.Method, a.Params
		}
	}
	return t, superseded, nil
}

// Types of webhook messages.
const (
	typeEnded   = "task.ended"
	typeResumed = "task.resumed"
)

// messageID is the same at each try, so that receivers recognise repeats.
func messageID(d *store.Delivery) string {
	id := fmt.Sprintf("msg_%s_%d_%s", d.ID, d.Epoch, strings.ReplaceAll(d.Status.String(), ".", "-"))
	if d.Occasion == store.Resumed {
		id += "_resumed"
	}
	return id
}

// webhook makes the request of a webhook.
func (s *Service) webhook(ctx context.Context, u *url.URL, d *store.Delivery, t *task.Task) (*http.Request, error) {
	kind := typeEnded
	if d.Occasion == store.Resumed {
		kind = typeResumed
	}
	body := rest.AppendTime([]byte(`{"type":"`+kind+`","timestamp":`), d.Time)
	body = append(s.cfg.Tasks.Append(append(body, `,"data":`...), t), '}')
	req, err := newRequest(ctx, http.MethodPost, u, body)
	if err == nil {
		s.cfg.Secrets.sign(req.Header, messageID(d), s.cfg.Now(), body)
	}
	return req, err
}

func newRequest(ctx context.Context, method string, u *url.URL, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "riverstones-callback")
	return req, nil
}

// Paths of Flowable's REST API.
const (
	executions = "/runtime/executions/"
	userTasks  = "/runtime/tasks/"
)

// flowable makes the request that lets a process of a Flowable engine go on. A
// URL of an execution or of a user task is taken as it is; that of the API
// itself means the execution whose id is the taskId.
func (s *Service) flowable(ctx context.Context, u *url.URL, t *task.Task) (*http.Request, error) {
	method, action := http.MethodPut, "trigger"
	switch {
	case strings.Contains(u.Path, userTasks):
		method, action = http.MethodPost, "complete"
	case !strings.Contains(u.Path, executions):
		u = u.JoinPath(executions, url.PathEscape(t.TaskID))
	}
	body := append([]byte(`{"action":"`+action+`","variables":`), variables(t)...)
	return newRequest(ctx, method, u, append(body, '}'))
}

// variable is one of a Flowable process.
type variable struct {
	Name  string          `json:"name"`
	Type  string          `json:"type,omitempty"` // by the value if it is left out
	Value json.RawMessage `json:"value"`
}

// variables are the outputs of a task, masked, each a variable, and two of ours
// that say how it ended.
func variables(t *task.Task) []byte {
	outputs := map[string]json.RawMessage{}
	all := []variable{{Name: "riverstonesStatus", Value: quoted(t.Status.String())}}
	if t.Reason != "" {
		all = append(all, variable{Name: "riverstonesReason", Value: quoted(task.RedactText(t.Reason))})
	}
	if json.Unmarshal(task.Redact(t.Outputs), &outputs) == nil {
		for _, name := range sorted(outputs) {
			v := variable{Name: name, Value: outputs[name]}
			if kind := jsontext.Value(v.Value).Kind(); kind == '{' || kind == '[' {
				v.Type = "json"
			}
			all = append(all, v)
		}
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(all) // valid JSON within can not fail
	return bytes.TrimSpace(out.Bytes())
}

func quoted(s string) json.RawMessage { return rest.AppendString(nil, s) }
