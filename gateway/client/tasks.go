package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Acceptance says what became of a POST.
type Acceptance int

// The acceptances, by HTTP status.
const (
	Known    Acceptance = http.StatusOK       // all were published before, nothing was sent twice
	Recorded Acceptance = http.StatusCreated  // durable and recorded: a GET answers them from now on
	Queued   Acceptance = http.StatusAccepted // durable in the queue, not recorded yet
)

// Publish sends tasks as one request: all are taken, or none. There may be
// 1,000 of them; the answer is in their order.
func (c *Client) Publish(ctx context.Context, tasks []NewTask) ([]Task, Acceptance, error) {
	var out []Task
	a, err := c.call(ctx, http.MethodPost, "/task", tasks, &out)
	if err != nil {
		return nil, 0, err
	}
	if len(out) != len(tasks) {
		return nil, 0, fmt.Errorf("POST /task: %d tasks were sent, %d answered", len(tasks), len(out))
	}
	return out, Acceptance(a.status), nil
}

// PublishOne sends one task.
func (c *Client) PublishOne(ctx context.Context, t NewTask) (Task, Acceptance, error) {
	var out Task
	a, err := c.call(ctx, http.MethodPost, "/task", t, &out)
	if err != nil {
		return Task{}, 0, err
	}
	return out, Acceptance(a.status), nil
}

// Get returns the task with this taskId, or else with this id. An unknown one
// is [ErrNotFound].
func (c *Client) Get(ctx context.Context, key string) (Task, error) {
	var t Task
	_, err := c.call(ctx, http.MethodGet, taskPath(key, ""), nil, &t)
	return t, err
}

func taskPath(key, rest string) string { return "/task/" + url.PathEscape(key) + rest }

// List returns one page of the tasks that match f, and how many match in all.
func (c *Client) List(ctx context.Context, f Filter) ([]Task, int, error) {
	var out []Task
	a, err := c.call(ctx, http.MethodGet, "/task?"+f.query().Encode(), nil, &out)
	if err != nil {
		return nil, 0, err
	}
	return out, a.total(f.Start + len(out)), nil
}

// total returns how many there are in all, otherwise if the server does not say.
func (a *answer) total(otherwise int) int {
	total, err := strconv.Atoi(a.header.Get("X-Total-Count"))
	if err != nil {
		return otherwise
	}
	return total
}

func (f *Filter) query() url.Values {
	q := url.Values{}
	for k, v := range map[string]string{
		"taskId": f.TaskID, "processInstanceId": f.ProcessInstanceID, "name": f.Name,
		"namespace": f.Namespace, "stone": f.Stone, "businessKey": f.BusinessKey,
		"createdAfter": stamp(f.CreatedAfter), "createdBefore": stamp(f.CreatedBefore),
		"start": positive(f.Start), "size": positive(f.Size),
	} {
		if v != "" {
			q.Set(k, v)
		}
	}
	for _, s := range f.Statuses {
		q.Add("status", s)
	}
	if f.Descending {
		q.Set("order", "desc")
	}
	return q
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

func positive(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// History returns the transitions of a task, oldest first; with notes also
// what was kept but changed nothing.
func (c *Client) History(ctx context.Context, key string, notes bool) ([]Transition, error) {
	var out []Transition
	path := taskPath(key, "/history")
	if notes {
		path += "?notes=true"
	}
	_, err := c.call(ctx, http.MethodGet, path, nil, &out)
	return out, err
}

// Log returns kept log lines of a task, oldest first, from start on; a size of
// 0 is the server's own.
func (c *Client) Log(ctx context.Context, key string, start, size int) ([]LogLine, error) {
	var out []LogLine
	q := url.Values{}
	if start > 0 {
		q.Set("start", strconv.Itoa(start))
	}
	if size > 0 {
		q.Set("size", strconv.Itoa(size))
	}
	path := taskPath(key, "/log")
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	_, err := c.call(ctx, http.MethodGet, path, nil, &out)
	return out, err
}

// WaitEnd looks at a task every so often until it is at an end, and returns it.
// A task that is not recorded yet is waited for, so bound ctx.
func (c *Client) WaitEnd(ctx context.Context, key string, every time.Duration) (Task, error) {
	for {
		t, err := c.Get(ctx, key)
		if err == nil && t.Ended() {
			return t, nil
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return t, err
		}
		if !sleep(ctx, every) {
			return t, fmt.Errorf("wait for the end of task %s: %w", key, context.Cause(ctx))
		}
	}
}

// Follow is [Client.WaitEnd] for those who want to see the way: it calls tell
// with the task as it stands and the transitions recorded since the last call,
// whenever something changed.
func (c *Client) Follow(ctx context.Context, key string, every time.Duration, tell func(Task, []Transition)) (Task, error) {
	var last Task
	seen := map[Transition]bool{} // a late one is inserted before others, so a count would not do
	for {
		t, news, err := c.look(ctx, key, seen)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return last, err
		default:
			if len(news) > 0 || !samePercent(t.Progress, last.Progress) {
				tell(t, news)
			}
			if last = t; t.Ended() {
				return t, nil
			}
		}
		if !sleep(ctx, every) {
			return last, fmt.Errorf("follow task %s: %w", key, context.Cause(ctx))
		}
	}
}

// look reads the task first: if that is at an end, the history read afterwards
// has all that led there.
func (c *Client) look(ctx context.Context, key string, seen map[Transition]bool) (Task, []Transition, error) {
	t, err := c.Get(ctx, key)
	if err != nil {
		return t, nil, err
	}
	all, err := c.History(ctx, key, false)
	if err != nil {
		return t, nil, err
	}
	var news []Transition
	for _, tr := range all {
		// Each status is recorded once in an attempt.
		if k := (Transition{Attempt: tr.Attempt, Status: tr.Status}); !seen[k] {
			seen[k] = true
			news = append(news, tr)
		}
	}
	return t, news, nil
}

func samePercent(a, b *int) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
